"""Seconds and memory of a report of many runs, and of comparing and reporting long logs; the logs are made up.

    python benchmarks/speed/report_scale.py                     # 200 runs x 300 documents; 2 x 500,000 rows
    python benchmarks/speed/report_scale.py --rows 0            # the many runs alone

Every measurement is a separate process. The exit code is 1 if a bar is missed: the report of many runs must list each run in an
HTML table; comparing and reporting the rows must take at most 2 GB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from compare_speed import COMPARE, measure, write_log

REPORT = """
import contextlib, io
from mcqa_suite.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["report", *sys.argv[2:], "--base", sys.argv[2], "-o", sys.argv[1]]) == 0
"""
BOTH = """
import contextlib, io
from mcqa_suite.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["compare", *sys.argv[2:]]) == 0
    assert main(["report", *sys.argv[2:], "--base", sys.argv[2], "-o", sys.argv[1]]) == 0
"""
MOST_MB = 2000


class Tables(HTMLParser):
    """The rows of the HTML tables in a file, without running its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.inside = True
            self.rows.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1] += f" {data.strip()} "


def shown(page: Path, names: list[str]) -> int:
    """How many of the models have a line in some table of the page."""
    tables = Tables()
    tables.feed(page.read_text(encoding="utf-8"))
    words = {word for row in tables.rows for word in row.split()}
    return sum(name in words for name in names)


def many_runs(runs: int, documents: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"model_{index}" for index in range(runs)]
        for index, run in enumerate(paths):
            write_log(run, run.name, documents, 3, 0.01 * index, index)
        page = Path(folder) / "report.html"
        seconds, busy, megabytes = measure(REPORT, str(page), *map(str, paths))
        listed, size = shown(page, [run.name for run in paths]), page.stat().st_size / 1e6
    what = f"report of {runs} runs x {documents} documents: {listed} of {runs} in a table, page of {size:.1f} MB"
    print(f"| {what} | {seconds:.1f} | {busy:.1f} | {megabytes:.0f} | every run in a table |", flush=True)
    return listed == runs


def long_logs(rows: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("base", "variant")]
        for index, run in enumerate(paths):
            write_log(run, run.name, rows // 2, 1, 0.3 * index, index)
        page, words, met = Path(folder) / "report.html", [str(run) for run in paths], True
        for what, body, arguments in (
            ("compared", COMPARE, words),
            ("reported", REPORT, [str(page), *words]),
            ("compared, then reported by one process", BOTH, [str(page), *words]),
        ):
            seconds, busy, megabytes = measure(body, *arguments)
            met &= megabytes <= MOST_MB
            size = f", page of {page.stat().st_size / 1e6:.1f} MB" if page.exists() else ""
            print(
                f"| {rows:,} rows {what}{size} | {seconds:.1f} | {busy:.1f} | {megabytes:.0f} | {MOST_MB} MB |",
                flush=True,
            )
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--documents", type=int, default=300, help="of each of the many runs")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of base and variant together; 0 leaves them out")
    args = parser.parse_args()
    print("| what | seconds | of the processor | peak MB | bar |\n|---|---:|---:|---:|---|")
    met = many_runs(args.runs, args.documents)
    if args.rows:
        met &= long_logs(args.rows)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
