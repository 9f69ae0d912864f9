"""`mcqa data`."""

import argparse
import json
from pathlib import Path

from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa data training/configs/demo.yaml --figure mix.svg",
    "mcqa data train.jsonl",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", nargs="+", type=Path, metavar="DATA", help="YAML of a stage or a recipe, or JSONL of rows"
    )
    parser.add_argument(
        "--names",
        type=Path,
        metavar="FILE",
        help="YAML or JSON with names for topics, e.g. the titles of course numbers",
    )
    parser.add_argument("--figure", type=Path, metavar="FILE.svg", help="draw the table as a figure")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.jsonl", help="write the rows, one per line")
    parser.set_defaults(run=run)


def run(data: list[Path], figure: Path | None, output: Path | None, names: Path | None) -> None:
    from mcqa_suite.common.files import write_file
    from mcqa_suite.ladder.audit import read_data
    from mcqa_suite.training_data.sources.composition import mix_figure, mix_table, named, read_names

    rows = named(read_data(data).rows, read_names(names)) if names else read_data(data).rows
    print_markdown(mix_table(rows))
    if figure:
        write_file(figure, mix_figure(rows))
    if output:
        write_file(output, "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows))
