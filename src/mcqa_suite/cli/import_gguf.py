"""`mcqa import-gguf`."""

import argparse
from pathlib import Path

EXAMPLES = (
    "mcqa import-gguf model.Q4_K_M.gguf -o runs/base",
    "mcqa import-gguf smollm2-135m-instruct -o runs/base",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from mcqa_suite.backend.gguf_file import PACKAGED

    parser.add_argument(
        "file", metavar="FILE", help=f"a path, OWNER/NAME/FILE.gguf on the hub, or {', '.join(PACKAGED)} (a package)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to create")
    parser.add_argument(
        "--save-dtype",
        choices=["bfloat16", "float16", "float32"],
        default="bfloat16",
        help="number format of the written weights (default: bfloat16)",
    )
    parser.set_defaults(run=run)


def run(file: str, output: Path, save_dtype: str) -> None:
    from mcqa_suite.api.checkpoints import import_gguf

    print(import_gguf(file, output, save_dtype=save_dtype).text())
