"""What `mcqa audit` finds in real training data: the shared files and data sets, each against its test set.

python benchmarks/accuracy/audit_real.py

Prints Markdown. The exit code is 1 if the audit misses a leak that must be there: each question of the two files that were
made from test sets, and the 376 of 400 ARC-AGI-1 evaluation tasks that recur in ARC-AGI-2 training.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence

from mcqa_suite import grids
from mcqa_suite.common.paths import hub_mirror
from mcqa_suite.reporting.tables import Table, markdown, percent
from mcqa_suite.training_data.audit import Audit, audit
from mcqa_suite.training_data.audit.items import items_of
from mcqa_suite.training_data.audit.rows import Row, read_training_rows
from mcqa_suite.training_data.sources import read
from mcqa_suite.training_data.sources.source import Source

KINDS = ("question", "8-gram", "template", "grid", "passage", "answer", "13-gram")


def shared(name: str) -> Callable[[], Sequence[Row]]:
    mirror = hub_mirror()
    if mirror is None:
        sys.exit("no shared data; set MCQA_SHARED to a folder with hub/ and data/")
    return lambda: read_training_rows(mirror.parent / "data" / name)


def source(name: str) -> Callable[[], Sequence[Row]]:
    return lambda: read([Source(name, split="train")])[0]


def arc_training(release: int) -> Callable[[], Sequence[Row]]:
    return lambda: [
        {"id": task["id"], "prompt": task["text"], "completion": grids.encode(task["output"])}
        for task in grids.load(release, "training")
    ]


# name, rows, task, expected number of leaks (None: unknown)
CASES: list[tuple[str, Callable[[], Sequence[Row]], str, int | None]] = [
    ("EPFL MCQ made of MMLU-STEM test", shared("epfl_mcq_from_mmlu_stem_test.jsonl"), "mcqa_mmlu_stem", 3153),
    ("preference pairs on GSM8K test", shared("gsm8k_preference_pairs.jsonl"), "mcqa_gsm8k", 731),
    ("GSM8K train", source("gsm8k"), "mcqa_gsm8k", None),
    ("ARC train", source("arc"), "mcqa_arc", None),
    ("OpenBookQA train", source("openbookqa"), "mcqa_openbookqa", None),
    ("ARC-AGI-2 training", arc_training(2), "mcqa_arc_grid_1_evaluation", None),
    ("ARC-AGI-1 training", arc_training(1), "mcqa_arc_grid_1_evaluation", None),
]


def overlap_cells(name: str, task: str, result: Audit) -> list[str]:
    counts = Counter(overlap.kind for overlap in result.overlaps)
    cells = [
        f"{result.checks.n}",
        f"{len(result.items)}",
        f"**{len(result.leaks)}**",
        *(f"{counts[kind]}" for kind in KINDS),
    ]
    return [f"{name} against {task}", *cells, f"{len(result.clean)}"]


def row_cells(name: str, result: Audit) -> list[str]:
    rows, balance, pairs = result.checks, result.checks.balance, result.checks.pairs
    shorter = pairs.shorter if pairs else None
    cells = [f"{len(rows.exact)}", f"{len(rows.normalised)}", f"{len(rows.conflicting)}", f"{len(rows.empty)}"]
    letter = f"{balance.commonest} {percent(balance.share.value)}" if balance else ""
    verdict = balance.verdict if balance else ""
    blind = f"{percent(shorter.value)} ({percent(shorter.low)} to {percent(shorter.high)})" if shorter else ""
    return [name, *cells, letter, verdict, blind]


def main() -> int:
    done = [(name, task, expected, audit(rows(), items_of([task]))) for name, rows, task, expected in CASES]
    header = ("training rows against task", "rows", "documents", "leaks", *KINDS, "clean")
    print(
        markdown(
            Table("Evaluation documents in training rows", header, [overlap_cells(n, t, a) for n, t, _, a in done])
        )
    )
    header = (
        "training rows",
        "exact duplicates",
        "other duplicates",
        "conflicts",
        "empty",
        "always, %",
        "gold position",
    )
    lines = [row_cells(name, result) for name, _, _, result in done]
    print(markdown(Table("Checks of the rows alone", (*header, "prefer the shorter, % (95 %)"), lines)))
    by_name = {name: result for name, _, _, result in done}
    recurring = {overlap.item.split("/")[1] for overlap in by_name["ARC-AGI-2 training"].leaks}
    print(f"ARC-AGI-1 evaluation tasks in ARC-AGI-2 training: {len(recurring)} of 400.")
    for overlap in by_name["ARC-AGI-1 training"].leaks:
        print(
            f"In ARC-AGI-1 training itself: {overlap.item}, {percent(overlap.share)} % of its pairs, in {overlap.row}."
        )
    reached = all(expected is None or len(result.leaks) == expected for _, _, expected, result in done)
    return int(not reached or len(recurring) != 376)


if __name__ == "__main__":
    sys.exit(main())
