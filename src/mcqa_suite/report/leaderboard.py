"""The leaderboard of a ladder: one table a task, a row a rung, as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from mcqa_suite.runs import TaskRun
from mcqa_suite.stats import Estimate, paired_difference, wilson


@dataclass(frozen=True)
class Rung:
    """A checkpoint and how it did. Sizes in bits per parameter and in 10^6 bytes; None where unknown."""

    name: str
    tasks: dict[str, TaskRun]
    bits_per_weight: float | None = None
    size_mb: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True)
class Row:
    """One rung on one task and metric; `difference` is to the base, None for the base itself."""

    task: str
    metric: str
    rung: Rung
    accuracy: Estimate
    difference: Estimate | None
    unpaired: int
    chance: float | None
    unread: float | None


def rows(rungs: Sequence[Rung]) -> list[Row]:
    """Every rung on every task of the first rung, which is the base."""
    base = rungs[0]
    return [
        _row(task, metric, rung, base)
        for task in base.tasks
        for metric in base.tasks[task].metrics
        for rung in rungs
        if task in rung.tasks
    ]


def _row(task: str, metric: str, rung: Rung, base: Rung) -> Row:
    run, other = rung.tasks[task], base.tasks[task]
    right = sum(sample.scores[metric] > 0 for sample in run.samples)
    difference, unpaired = (None, 0) if rung is base else compare(other, run, metric)
    return Row(task, metric, rung, wilson(right, len(run.samples)), difference, unpaired, run.chance, run.unread)


def compare(base: TaskRun, variant: TaskRun, metric: str) -> tuple[Estimate | None, int]:
    """The paired difference over the questions that both were asked in the same words, and how many were not."""
    # A data set may hold a question twice: the position tells the copies apart.
    known = {(index, sample.key): sample for index, sample in enumerate(base.samples)}
    counts = {(True, True): 0, (False, True): 0, (True, False): 0, (False, False): 0}
    for index, sample in enumerate(variant.samples):
        if before := known.get((index, sample.key)):
            counts[before.scores[metric] > 0, sample.scores[metric] > 0] += 1
    paired = sum(counts.values())
    if not paired:
        return None, len(variant.samples)
    table = counts[True, True], counts[False, True], counts[True, False], counts[False, False]
    return paired_difference(*table), len(variant.samples) - paired


HEADER = (
    "model",
    "acc %",
    "95 % interval",
    "difference to base (points)",
    "unread %",
    "bits/weight",
    "MB",
    "tokens/s",
)


def markdown(rungs: Sequence[Rung]) -> str:
    """One table a task and metric, its n and chance in the heading."""
    parts = []
    table = rows(rungs)
    for task, metric in dict.fromkeys((row.task, row.metric) for row in table):
        mine = [row for row in table if (row.task, row.metric) == (task, metric)]
        chance = f"chance {100 * mine[0].chance:.1f} %" if mine[0].chance is not None else "no guessing"
        shots = mine[0].rung.tasks[task].n_shot
        lines = [f"### {task}, {metric} (n = {mine[0].accuracy.n}, {chance}, {shots}-shot)", ""]
        lines.append("| " + " | ".join(HEADER) + " |")
        lines.append("|" + "---|" + "---:|" * (len(HEADER) - 1))
        lines += ["| " + " | ".join(_cells(row)) + " |" for row in mine]
        if lost := [f"{row.rung.name}: {row.unpaired}" for row in mine if row.unpaired]:
            lines += ["", f"Asked differently and left out of the difference: {', '.join(lost)}."]
        parts.append("\n".join(lines))
    parts.append(
        "Intervals are 95 %: Wilson for an accuracy, Newcombe's method 10 for a paired difference; * marks a difference whose "
        "interval leaves out 0 (not corrected for the number of rows). Unread counts as wrong."
    )
    return "\n\n".join(parts) + "\n"


def _cells(row: Row) -> list[str]:
    low, high = 100 * row.accuracy.low, 100 * row.accuracy.high
    rung = row.rung
    return [
        rung.name,
        f"{100 * row.accuracy.value:.1f}",
        f"{low:.1f} to {high:.1f}",
        _difference(row.difference) if row.difference else "",
        _number(None if row.unread is None else 100 * row.unread, 1),
        _number(rung.bits_per_weight, 2),
        _number(rung.size_mb, 2),
        _number(rung.tokens_per_second, 0),
    ]


def _difference(estimate: Estimate) -> str:
    star = "" if estimate.low <= 0 <= estimate.high else " *"
    return f"{100 * estimate.value:+.1f} ({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f}){star}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


CSV_HEADER = (
    "task,metric,model,n,acc,acc_low,acc_high,chance,unread,diff,diff_low,diff_high,unpaired,"
    "bits_per_weight,size_mb,tokens_per_second"
)


def as_csv(rungs: Sequence[Rung]) -> str:
    """Every number of the tables, as fractions, one row a rung, task and metric."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER.split(","))
    for row in rows(rungs):
        acc, diff, rung = row.accuracy, row.difference, row.rung
        paired = (diff.value, diff.low, diff.high) if diff else (None, None, None)
        sizes = (rung.bits_per_weight, rung.size_mb, rung.tokens_per_second)
        cells = (acc.value, acc.low, acc.high, row.chance, row.unread, *paired)
        writer.writerow(
            [row.task, row.metric, rung.name, acc.n, *map(_fraction, cells), row.unpaired, *map(_fraction, sizes)]
        )
    return out.getvalue()


def _fraction(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
