"""Seconds per megabyte of each extractor on hostile text.

    python benchmarks/robustness/extract_hostile.py                 # 58 patterns x 3 readers at 0.1, 1 and 10 MB
    python benchmarks/robustness/extract_hostile.py --sizes 0.1 1   # quicker

Seconds are processor time, the least of three readings. Prints a Markdown table to stdout and progress to stderr; the slowest
row is flagged, and the exit code is 1 if a reader needs more than 0.02 s/MB at the largest size.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from mcqa_suite.extract import extract_choice, extract_grid, extract_number

BAR = 0.02  # seconds per megabyte at the largest size
CHOICES = ["Paris", "London", "Berlin", "12.5 km", "none of the above"]

READERS: dict[str, Callable[[str], object]] = {
    "choice": lambda text: extract_choice(text, CHOICES),
    "number": extract_number,
    "grid": extract_grid,
}

PATTERNS: dict[str, str] = {
    "blanks": " ",
    "line ends": "\n",
    "digits": "7",
    "digit groups": "123,456,",
    "spaced digits": "1 234 ",
    "cells": "1 2 3\n",
    "letters alone": "A ",
    "option lines": "A. Paris\n",
    "boxes opened": "\\boxed{",
    "boxes nested": "\\boxed{\\boxed{A}",
    "answer is": "the answer is ",
    "correct answer": "The correct answer is ",
    "answer is letter": "The answer is A or B. ",
    "numbered list": "1. ",
    "brackets": "[",
    "nested lists": "[[1,2],",
    "parentheses": "((((A",
    "braces": "{",
    "backslashes": "\\",
    "fractions": "\\frac{1}{",
    "hash marks": "####",
    "think opened": "<think>",
    "think closed": "<think></think>",
    "angle brackets": "<",
    "special tokens": "<|im_end|>",
    "question marks": "\nQuestion: ",
    "surrogates": "\ud800",
    "nul": "\0",
    "right-to-left": "\u202eא\u200f",
    "number words": "twenty-four hundred and ",
    "if clauses": "if so, choose A, ",
    "option texts": "none of the Paris London ",
    "equals signs": "= ",
    "full-width": "答案是Ａ或",
    "comments": "<!--",
    "reasoning words": "thought think channel reasoning ",
    "harmony": "<|channel|>",
    "calls": "Finish[B] ",
    "verdicts": "Option A is incorrect. ",
    "repeated letters": "BBBB ",
    "final headings": "Final Answer\n",
    "look-alikes": "Ответ: В. ",
    "numbered rows": "Row 1: 1 0 2\n",
    "row headings": "Row 1:\n1 0 2\n",
    "rows apart": "1 \n\n",
    "one-cell rows": "1\n",
    "rows of a list": "1. 1 0 2\n",
    "rows with remarks": "1 0 2 (same)\n",
    "examples": "Example 1:\n1 0\n\n",
    "matrices": "\\begin{matrix}1 & 0\\\\",
    "lists of strings": '"102", ',
    "arrows": "1 -> ",
    "rows left out": "...\n",
    "courtesy": "I hope this helps! ",
    "turn ends": "B</s>assistant ",
    "parallel sentences": "One apple costs $1. ",
    "options beside": "C. Berlin (not now)\nB. London (now)\n",
    "tables of verdicts": "| A | No |\n",
}


def seconds(reader: Callable[[str], object], text: str) -> float:
    """Processor time of the fastest of up to three readings, so that other load on the machine matters less."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        reader(text)
        best = min(best, time.process_time() - start)
        if best > 5:
            break
    return best


def measure(sizes: list[float]) -> list[tuple[str, str, list[float]]]:
    """One row a pattern and reader: seconds per megabyte at each size."""
    rows = []
    for done, (name, unit) in enumerate(PATTERNS.items(), 1):
        texts = [(unit * (int(size * 1e6) // len(unit) + 1))[: int(size * 1e6)] for size in sizes]
        for kind, reader in READERS.items():
            rows.append((name, kind, [seconds(reader, text) / size for text, size in zip(texts, sizes, strict=True)]))
        print(f"\r{done}/{len(PATTERNS)} {name:<20}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rows


def table(rows: list[tuple[str, str, list[float]]], sizes: list[float]) -> str:
    """The rows as Markdown, the slowest at the largest size flagged."""
    worst = max(rows, key=lambda row: row[2][-1])
    lines = [
        "| pattern | reader | " + " | ".join(f"s/MB at {size:g} MB" for size in sizes) + " | |",
        "|---|---|" + "---:|" * len(sizes) + "---|",
    ]
    for row in rows:
        flag = "worst" if row is worst else ("over the bar" if row[2][-1] > BAR else "")
        lines.append(f"| {row[0]} | {row[1]} | " + " | ".join(f"{value:.4f}" for value in row[2]) + f" | {flag} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.1, 1.0, 10.0], help="megabytes, smallest first")
    sizes: list[float] = parser.parse_args().sizes
    rows = measure(sizes)
    print(table(rows, sizes))
    return int(any(row[2][-1] > BAR for row in rows))


if __name__ == "__main__":
    sys.exit(main())
