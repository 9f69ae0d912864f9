"""The leaderboard of a ladder: one table a task, a row a rung, as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from mcqa_suite.analysis.compare.pairing import pair_rows
from mcqa_suite.logs.runs import TaskRun
from mcqa_suite.reporting.tables import in_one_unit
from mcqa_suite.stats import Estimate, PairedTable, paired_difference, wilson


@dataclass(frozen=True)
class Rung:
    """A checkpoint and how it did. Sizes in bits per parameter and in 10^6 bytes; None where unknown.

    `parent` is the rung that it was made from.
    """

    name: str
    tasks: dict[str, TaskRun]
    parent: str | None = None
    bits_per_weight: float | None = None
    size_mb: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True)
class Row:
    """One rung on one task and metric.

    `difference` is to the base, None for the base itself; `to_parent` is None where the parent is the base or not there.
    """

    task: str
    metric: str
    rung: Rung
    accuracy: Estimate
    difference: Estimate | None
    to_parent: Estimate | None
    unpaired: int
    chance: float | None
    unread: float | None


def rows(rungs: Sequence[Rung]) -> list[Row]:
    """Every rung on every task of the first rung, which is the base."""
    base = rungs[0]
    return [
        _row(task, metric, rung, base, next((other for other in rungs if other.name == rung.parent), None))
        for task in base.tasks
        for metric in base.tasks[task].metrics
        for rung in rungs
        if task in rung.tasks
    ]


def _row(task: str, metric: str, rung: Rung, base: Rung, parent: Rung | None) -> Row:
    run = rung.tasks[task]
    right = int((run.samples.scores[metric] > 0).sum())
    difference, unpaired = (None, 0) if rung is base else compare(base.tasks[task], run, metric)
    further = parent is not None and parent is not base and task in parent.tasks
    to_parent = compare(parent.tasks[task], run, metric)[0] if parent and further else None
    return Row(task, metric, rung, wilson(right, run.n), difference, to_parent, unpaired, run.chance, run.unread)


def compare(base: TaskRun, variant: TaskRun, metric: str) -> tuple[Estimate | None, int]:
    """The paired difference over the questions that both were asked in the same words, and how many were not."""
    here, there, unpaired = pair_rows(base.samples, variant.samples)
    if not len(here):
        return None, unpaired.total
    first, second = base.samples.scores[metric][here] > 0, variant.samples.scores[metric][there] > 0
    table = PairedTable.of(first, second)
    difference = paired_difference(table.both, table.only_second, table.only_first, table.neither)
    return difference, unpaired.total


HEADER = (
    "model",
    "acc %",
    "95 % interval",
    "difference to base (points)",
    "to parent (points)",
    "unread %",
    "bits/weight",
)


def markdown(rungs: Sequence[Rung]) -> str:
    """One table a task and metric, its n and chance in the heading."""
    parts = []
    table = rows(rungs)
    for task, metric in dict.fromkeys((row.task, row.metric) for row in table):
        mine = [row for row in table if (row.task, row.metric) == (task, metric)]
        chance = f"chance {100 * mine[0].chance:.1f} %" if mine[0].chance is not None else "no guessing"
        if constant := mine[0].rung.tasks[task].constant:
            chance += f", always {constant[0]} {100 * constant[1]:.1f} %"
        shots = mine[0].rung.tasks[task].n_shot
        lines = [f"### {task}, {metric} (n = {mine[0].accuracy.n}, {chance}, {shots}-shot)", ""]
        unit, sizes = in_one_unit([row.rung.size_mb for row in mine])
        header = (*HEADER, unit, "tokens/s")
        lines.append("| " + " | ".join(header) + " |")
        lines.append("|" + "---|" + "---:|" * (len(header) - 1))
        lines += ["| " + " | ".join(_cells(row, size)) + " |" for row, size in zip(mine, sizes, strict=True)]
        if lost := [f"{row.rung.name}: {row.unpaired}" for row in mine if row.unpaired]:
            lines += ["", f"Asked differently and left out of the difference: {', '.join(lost)}."]
        parts.append("\n".join(lines))
    parts.append(
        "Intervals are 95 %: Wilson for an accuracy, Tango's score interval for a paired difference; * marks a difference whose "
        "interval leaves out 0 (not corrected for the number of rows). Unread counts as wrong."
    )
    return "\n\n".join(parts) + "\n"


def _cells(row: Row, size: float | None) -> list[str]:
    low, high = 100 * row.accuracy.low, 100 * row.accuracy.high
    rung = row.rung
    return [
        rung.name,
        f"{100 * row.accuracy.value:.1f}",
        f"{low:.1f} to {high:.1f}",
        _difference(row.difference) if row.difference else "",
        _difference(row.to_parent) if row.to_parent else "",
        _number(None if row.unread is None else 100 * row.unread, 1),
        _number(rung.bits_per_weight, 2),
        _number(size, 2),
        _number(rung.tokens_per_second, 0),
    ]


def _difference(estimate: Estimate) -> str:
    star = "" if estimate.low <= 0 <= estimate.high else " *"
    return f"{100 * estimate.value:+.1f} ({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f}){star}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


CSV_HEADER = (
    "task,metric,model,n,acc,acc_low,acc_high,chance,unread,diff,diff_low,diff_high,"
    "parent,parent_diff,parent_diff_low,parent_diff_high,unpaired,bits_per_weight,size_mb,tokens_per_second"
)


def as_csv(rungs: Sequence[Rung]) -> str:
    """Every number of the tables, as fractions, one row a rung, task and metric."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER.split(","))
    for row in rows(rungs):
        acc, rung = row.accuracy, row.rung
        shares = (acc.value, acc.low, acc.high, row.chance, row.unread, *_three(row.difference))
        sizes = (rung.bits_per_weight, rung.size_mb, rung.tokens_per_second)
        cells = [row.task, row.metric, rung.name, acc.n, *map(_fraction, shares), rung.parent]
        writer.writerow([*cells, *map(_fraction, _three(row.to_parent)), row.unpaired, *map(_fraction, sizes)])
    return out.getvalue()


def _fraction(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _three(estimate: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)
