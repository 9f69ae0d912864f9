"""`mcqa pack`."""

import argparse
from pathlib import Path

EXAMPLES = (
    "mcqa pack runs/demo -o results/runs/demo",
    "mcqa pack runs/base -o results/runs/base",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder of `mcqa run`, or of lm_eval's output")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the packed copy")
    parser.set_defaults(run=run)


def run(folder: Path, output: Path) -> None:
    from mcqa_suite.logs.pack_run import pack_run

    packed = pack_run(folder, output)
    megabytes = f"{packed.bytes_before / 1e6:.1f} MB -> {packed.bytes_after / 1e6:.1f} MB"
    print(f"{output}: {packed.files} files, {megabytes}")
