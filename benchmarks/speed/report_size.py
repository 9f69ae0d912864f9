"""Size and speed of a report of a base and 8 variants in a real browser; the logs are made up, in the harness's format.

python benchmarks/record.py benchmarks/results/report_size.md -- python benchmarks/speed/report_size.py
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from helpers.chromium import Opened, missing, started
from helpers.grid_logs import KINDS, grid_run
from helpers.log_files import choice_rows, questions, write_run, written_row

from mcqa_suite.reporting.html import write_report

VARIANTS = 8
WRITTEN = 0.3  # share of the items with generated answers
SUBJECTS = 19
BARS = {"size (MB)": 5.0, "readable (s)": 1.5, "worst filter (ms)": 100.0}


class Words:
    """Random text with the word frequencies of a natural language, so that it compresses about as well."""

    def __init__(self, seed: int, size: int = 8000) -> None:
        self.rng = np.random.default_rng(seed)
        letters = np.array(list("etaoinshrdlucmfwypvbgk"))
        self.words = ["".join(self.rng.choice(letters, size=2 + i % 9)) for i in range(size)]
        self.shares = 1 / np.arange(3, size + 3)
        self.shares /= self.shares.sum()

    def text(self, n: int) -> str:
        return " ".join(self.words[i] for i in self.rng.choice(len(self.words), size=n, p=self.shares))


def written(words: Words, items: int, gold: np.ndarray, blank: float, stems: list[str]) -> list[dict]:
    """Responses of about 900 characters, some of which end before an answer."""
    rows = []
    for i in range(items):
        text = words.text(int(words.rng.integers(90, 240)))
        lost = words.rng.random() < blank
        answer = None if lost else "ABCD"[gold[i] if words.rng.random() < 0.6 else words.rng.integers(4)]
        text += "" if lost else f" The answer is {answer}."
        row = written_row("mcqa_epfl_cot", i, answer, int(gold[i]), text=text)
        span = None if lost else (len(text) - 2, len(text) - 1)
        read = {"answer": answer, "status": "truncated" if lost else "answered", "rule": "the_answer_is", "span": span}
        row["doc"]["stem"] = stems[i]
        rows.append(row | {"filtered_resps": [[str(read)]]})
    return rows


def make_runs(folder: Path, items: int) -> list[Path]:
    """A base and its variants, each noisier than the last."""
    words = Words(0)
    long = int(items * WRITTEN)
    scores, gold = questions(items - long)
    stems = [words.text(int(words.rng.integers(15, 60))) for _ in range(items)]
    options = [[words.text(int(words.rng.integers(2, 12))) for _ in range(4)] for _ in range(items - long)]
    paths = []
    for number in range(VARIANTS + 1):
        noise = np.random.default_rng(number).normal(size=scores.shape) * number / 4
        rows = choice_rows("mcqa_mmlu_stem", scores + noise, gold)
        for i, row in enumerate(rows):
            row["doc"] |= {"stem": stems[long + i], "choices": options[i], "subject": f"subject {i % SUBJECTS}"}
        name = f"variant {number}" if number else "base"
        cot = written(Words(number), long, np.arange(long) % 4, number / 20, stems)
        paths.append(write_run(folder / name, {"mcqa_mmlu_stem": rows, "mcqa_epfl_cot": cot}, model=name))
    return paths


def make_grid_runs(folder: Path, items: int) -> list[Path]:
    """The same for ARC grids: public training tasks, two attempts each, of random kinds of answer."""
    paths = []
    for number in range(VARIANTS + 1):
        kinds = np.random.default_rng(number).choice(KINDS, size=(items, 2)).tolist()
        name = f"variant {number}" if number else "base"
        paths.append(grid_run(folder, kinds, name, release=2))
    return paths


def measure(driver: object, path: Path) -> dict[str, float]:
    """Seconds until the page can be read and until its samples can be filtered, and milliseconds a filter takes."""
    opened = Opened(driver, path)
    timing = opened.run(
        "const [page] = performance.getEntriesByType('navigation');"
        "const paint = performance.getEntriesByName('first-contentful-paint')[0];"
        "return Math.max(page.domContentLoadedEventEnd, paint ? paint.startTime : 0)"
    )
    spent = {"readable (s)": timing / 1000, "samples ready (s)": opened.seconds}
    steps = [
        ("transition", "right → wrong"),
        ("transition", "unchanged"),
        ("transition", "all"),
        ("subject", "subject 3"),
        ("subject", "all"),
        ("status", "truncated"),
        ("status", "all"),
        ("model", "variant 8"),
        ("model", "any"),
        ("task", "EPFL questions, chain of thought"),
        ("task", "all"),
        ("text", "the answer is b"),
        ("text", "e"),
        ("text", "no such words in here"),
        ("text", ""),
    ]
    have = "return [...document.querySelectorAll('#browser option')].map((option) => option.text)"
    options = {*opened.run(have), *(value for name, value in steps if name == "text")}
    return spent | {
        f"filter {i}": opened.filter(name, value) for i, (name, value) in enumerate(steps) if value in options
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="*", default=[5000, 14_000])
    parser.add_argument("--grids", type=int, nargs="*", default=[1076], help="items of a page of ARC grids alone")
    parser.add_argument(
        "--repeat", type=int, default=5, help="times that each page is opened; the medians are reported"
    )
    args = parser.parse_args()
    if problem := missing():
        sys.exit(problem)
    print(
        f"A base and {VARIANTS} variants; {WRITTEN:.0%} of the items have generated answers of about 900 characters.\n"
    )
    print(
        "| items | " + " | ".join(f"{name} (bar {bar:g})" for name, bar in BARS.items()) + " | median filter (ms) |",
        end="",
    )
    print(" samples ready (s) | made in (s) | embedded |\n|---:|---:|---:|---:|---:|---:|---:|---:|")
    pages = [(items, "", make_runs) for items in args.items] + [(n, " grids", make_grid_runs) for n in args.grids]
    for items, what, make in pages:
        with tempfile.TemporaryDirectory() as text, started(Path(text) / "profile") as driver:
            base, *variants = make(Path(text), items)
            output = Path(text) / "report.html"
            began = time.perf_counter()
            write_report([str(path) for path in variants], output, base=str(base))
            seconds = time.perf_counter() - began
            every = [measure(driver, output) for _ in range(args.repeat)]
            figures = {name: float(np.median([opening[name] for opening in every])) for name in every[0]}
            filters = [value for name, value in figures.items() if name.startswith("filter")]
            figures |= {"worst filter (ms)": max(filters), "median filter (ms)": float(np.median(filters))}
            figures["size (MB)"] = output.stat().st_size / 1e6
            cells = [f"{figures[name]:.2f}{'' if figures[name] <= bar else ' missed'}" for name, bar in BARS.items()]
            count = driver.execute_script("return document.getElementById('browser-count').textContent")
            print(f"| {items:,}{what} | {' | '.join(cells)} | {figures['median filter (ms)']:.0f} |", end="")
            print(f" {figures['samples ready (s)']:.2f} | {seconds:.0f} | {count} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
