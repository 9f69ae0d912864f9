"""Measure any reader of answers by labelled responses. Only the standard library is needed.

    python score.py my_package.my_module:read            # a Python function
    python score.py --command "node read.js" FILE ...    # any program; FILE: other labelled rows (default: all here)

README.md beside this file says what the function and the program get and return. Printed is one Markdown table: ok (the labelled
answer), wrong (another one) and none (no answer) in % of the responses with an answer; fp (an answer) in % of those without.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

Row = dict[str, Any]
COLUMNS = ("id", "kind", "choices", "text")  # what a reader sees; the label is not among them


def read_rows(path: Path) -> list[Row]:
    """The rows of a JSONL file, which may be gzipped."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    if missing := [name for name in (*COLUMNS, "label") if any(name not in row for row in rows)]:
        sys.exit(f"score: {path}: a row without {missing[0]!r}; README.md beside score.py lists the columns")
    return rows


def function_reader(name: str) -> Callable[[Sequence[Row]], list[Any]]:
    """The answers by the function `module:function`."""
    module, _, function = name.partition(":")
    sys.path.insert(0, "")  # modules of the current folder
    try:
        read = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        sys.exit(f"score: {name}: {error}; give module:function")
    return lambda rows: [read(row) for row in rows]


def command_reader(command: str) -> Callable[[Sequence[Row]], list[Any]]:
    """The answers by a program, which is started once for each file."""

    def answers(rows: Sequence[Row]) -> list[Any]:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        try:
            result = subprocess.run(
                shlex.split(command), input=text, stdout=subprocess.PIPE, encoding="utf-8", check=True
            )
            lines = [json.loads(line) for line in result.stdout.splitlines() if line.strip()]
            by_id = {line["id"]: line["answer"] for line in lines}
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"score: {error}")
        except (ValueError, TypeError, KeyError) as error:
            sys.exit(f'score: {command}: expected lines such as {{"id": "m003", "answer": "A"}} ({error!r})')
        if missing := [row["id"] for row in rows if row["id"] not in by_id]:
            sys.exit(f"score: {command}: no line for {missing[0]} (and {len(missing) - 1} others)")
        return [by_id[row["id"]] for row in rows]

    return answers


def same(kind: str, answer: Any, label: Any) -> bool:
    """Whether an answer is the label; numbers by value, to a millionth."""
    if kind != "numeric":
        return bool(answer == label)
    try:
        values = [Fraction(str(value).replace(",", "")) for value in (answer, label)]
    except (ValueError, ZeroDivisionError):
        return False
    return abs(values[0] - values[1]) <= Fraction(1, 10**6)


def verdict(row: Row, answer: Any) -> str:
    if row["label"] is None:
        return "silent" if answer is None else "fp"
    return "none" if answer is None else "ok" if same(row["kind"], answer, row["label"]) else "wrong"


def table_line(name: str, verdicts: Counter[str]) -> str:
    labelled, without = verdicts["ok"] + verdicts["wrong"] + verdicts["none"], verdicts["fp"] + verdicts["silent"]
    shares = [f"{100 * verdicts[key] / labelled:.1f}" if labelled else "-" for key in ("ok", "wrong", "none")]
    fp = f"{100 * verdicts['fp'] / without:.1f}" if without else "-"
    return f"| {name} | {labelled} | {' | '.join(shares)} | {without} | {fp} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="module:function | FILE", help="the function, and files of rows")
    parser.add_argument("--command", help="a program instead of a function")
    parser.add_argument("--misses", action="store_true", help="also print each response that is not read as labelled")
    args = parser.parse_args()
    if not args.command and not args.names:
        parser.error("give module:function or --command")
    read = command_reader(args.command) if args.command else function_reader(args.names.pop(0))
    files = [Path(name) for name in args.names] or sorted(Path(__file__).parent.glob("*.jsonl"))
    lines, misses = [], []
    for path in files:
        rows = read_rows(path)
        answers = read([{name: row[name] for name in COLUMNS} for row in rows])
        verdicts = [verdict(row, answer) for row, answer in zip(rows, answers, strict=True)]
        lines.append(table_line(path.name.split(".")[0], Counter(verdicts)))
        for row, answer, result in zip(rows, answers, verdicts, strict=True):
            if result not in ("ok", "silent"):
                misses.append(f"{row['id']} {result}: {answer!r}, labelled {row['label']!r}: {row['text'][-100:]!r}")
    print("| set | with an answer | ok % | wrong % | none % | without | fp % |\n|---|---:|---:|---:|---:|---:|---:|")
    print("\n".join([*lines, *(["", *misses] if args.misses else [])]))


if __name__ == "__main__":
    main()
