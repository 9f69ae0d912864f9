"""`mcqa fetch`."""

import argparse
from pathlib import Path

EXAMPLES = (
    "mcqa fetch persuasionforgood -o data",
    "mcqa fetch convokit-cmv -o data",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from mcqa_suite.training_data.corpora import CORPORA

    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(CORPORA)}")
    parser.add_argument("--url", metavar="URL", help="a mirror of the file; its checksum has to be the same")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("data"), metavar="DIR", help="folder for the files (default: data)"
    )
    parser.set_defaults(run=run)


def run(name: str, output: Path, url: str | None) -> None:
    from mcqa_suite.training_data.corpora import CORPORA, fetch

    if corpus := CORPORA.get(name):
        print(f"{name}: {corpus.licence}; {corpus.page}", flush=True)
    print(fetch(name, output, url))
