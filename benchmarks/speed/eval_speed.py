"""CPU seconds of scored options with `hf-prefix` and with the stock `hf` backend, on SmolLM2-135M-Instruct in float32.

    python benchmarks/speed/eval_speed.py [--seconds 180] [--turns 3] [--works "5-shot letter, OpenBookQA"]

Both backends answer the same requests in separate processes with one thread, in turns; loading and imports are left out. As
many questions are asked as take the stock backend `--seconds`, at the batch size that is fastest on a few of them. "Of the
peak" is the time that the matrix products of the computed tokens would take at the speed of large products in the same
process (attention is not counted), as a share of our time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval_measure import Request, measure, requests, save_packaged

BATCH_SIZES = (4, 16)
FEW = 16  # questions that find the batch size and the number of questions


@dataclass(frozen=True)
class Work:
    """One row of the table: a task, its shots, and the ratio to reach."""

    name: str
    task: str
    shots: int
    bar: float


WORKS = [
    Work("0-shot cloze, ARC-Easy", "mcqa_arc_easy_cloze", 0, 3.3),
    Work("0-shot cloze, OpenBookQA", "mcqa_openbookqa_cloze", 0, 3.3),
    Work("0-shot cloze, MMLU biology", "mcqa_mmlu_stem_high_school_biology_cloze", 0, 3.3),
    Work("5-shot letter, ARC-Easy", "mcqa_arc_easy", 5, 6.5),
    Work("5-shot letter, OpenBookQA", "mcqa_openbookqa", 5, 6.5),
    Work("5-shot letter, MMLU biology", "mcqa_mmlu_stem_high_school_biology", 5, 6.5),
    Work("5-shot cloze, ARC-Easy", "mcqa_arc_easy_cloze", 5, 11.5),
    Work("5-shot cloze, OpenBookQA", "mcqa_openbookqa_cloze", 5, 11.5),
    Work("5-shot cloze, MMLU biology", "mcqa_mmlu_stem_high_school_biology_cloze", 5, 11.5),
]


def best_options(items: list[Request], answers: list[Any]) -> list[int]:
    """The option of each question with the largest log-likelihood."""
    by_question: dict[int, list[float]] = {}
    for (_, _, _, doc_id, _), (value, _) in zip(items, answers, strict=True):
        by_question.setdefault(doc_id, []).append(value)
    return [values.index(max(values)) for values in by_question.values()]


def row(folder: Path, checkpoint: Path, work: Work, args: argparse.Namespace) -> str:
    def stock(items: list[Request], size: int) -> dict[str, Any]:
        return measure(folder, items, backend="hf", checkpoint=str(checkpoint), batch_size=size)

    few = requests(work.task, work.shots, FEW)
    seconds = {size: stock(few, size)["seconds"] for size in BATCH_SIZES}
    size = min(BATCH_SIZES, key=lambda each: seconds[each])
    items = requests(work.task, work.shots, max(FEW, round(FEW * args.seconds / seconds[size])))
    turns = []
    for _ in range(args.turns):
        theirs = stock(items, size)
        turns.append((theirs, measure(folder, items, backend="hf-prefix", checkpoint=str(checkpoint), batch_size=1)))
    ratios = [theirs["seconds"] / ours["seconds"] for theirs, ours in turns]
    theirs, ours = turns[0]
    away = max(abs(a[0] - b[0]) for a, b in zip(theirs["answers"], ours["answers"], strict=True))
    best = [best_options(items, side["answers"]) for side in (theirs, ours)]
    median = [statistics.median(turn[side]["seconds"] for turn in turns) for side in (0, 1)]
    cells = [
        work.name,
        len(best[0]),
        f"{median[0]:.0f} ({size})",
        f"{median[1]:.1f}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        work.bar,
        f"{ours['computed'] / ours['unique']:.3f}",
        f"{100 * statistics.median(turn[1]['share'] for turn in turns):.0f} %",
        f"{away:.1e}",
        sum(a != b for a, b in zip(*best, strict=True)),
        f"{ours['peak_mb'] / theirs['peak_mb']:.2f}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


HEAD = """| work | questions | stock s (batch) | ours s | ratio (range) | bar | tokens computed / unique | of the peak | \
largest difference | other best options | memory |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180, help="of the stock backend a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--works", nargs="+", default=[work.name for work in WORKS])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = save_packaged(Path(scratch))
        print(HEAD)
        for work in WORKS:
            if work.name in args.works:
                print(row(Path(scratch), checkpoint, work, args), flush=True)


if __name__ == "__main__":
    main()
