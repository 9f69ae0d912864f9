"""What the order of options does to each run: a row for each run and `mcqa_*_perm` task, differences against the first run."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.analysis.option_order import Order
from mcqa_suite.questions.question import LETTERS
from mcqa_suite.reporting.tables import Table, markdown, percent, points
from mcqa_suite.stats import Estimate, PairedTable, paired_difference, wilson

NOTE = (
    "Every question is asked in each cyclic rotation of its options. Debiased: the option whose probability, averaged over "
    "rotations, is largest. Consistent: the same option in every rotation. Recall std: standard deviation of accuracy over the "
    "right option's place. Differences are paired by question against the first run, with Tango's 95 % interval."
)


def order_table(orders: Sequence[Order]) -> str:
    """Markdown: accuracy as given, over all orders and debiased, consistency, recall by place."""
    names = "task, run, questions, given %, all orders %, debiased %, vs first, consistent %, vs first, recall std"
    header = [*names.split(", "), "picks by place %"]
    rows = []
    for order in sorted(orders, key=lambda one: one.task):
        effect, first = order.effect, _first(orders, order.task)
        rows.append(
            (
                order.task,
                order.run,
                str(len(effect.questions)),
                percent(float(effect.given.mean())),
                percent(float(effect.mean.mean())),
                _with_interval(_share(effect.debiased)),
                _against(first, order, "debiased"),
                _with_interval(_share(effect.consistent)),
                _against(first, order, "consistent"),
                points(effect.position_std).removeprefix("+"),
                " ".join(f"{letter} {100 * share:.0f}" for letter, share in zip(LETTERS, effect.picked, strict=False)),
            )
        )
    return markdown(Table("", header, rows, (NOTE,)))


def order_csv(orders: Sequence[Order]) -> str:
    """The same values in full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["task", "run", "questions", "given", "all_orders", "debiased", "consistent", "recall_std", "picked"]
    )
    for order in orders:
        effect = order.effect
        means = [float(values.mean()) for values in (effect.given, effect.mean, effect.debiased, effect.consistent)]
        picked = " ".join(f"{share:.6f}" for share in effect.picked)
        writer.writerow([order.task, order.run, len(effect.questions), *means, effect.position_std, picked])
    return out.getvalue()


def _first(orders: Sequence[Order], task: str) -> Order:
    return next(order for order in orders if order.task == task)


def _against(first: Order, order: Order, what: str) -> str:
    """The paired difference in points, where both runs have the same questions."""
    if first is order:
        return ""
    if set(first.effect.questions) != set(order.effect.questions):
        return "other questions"
    place = {question: index for index, question in enumerate(first.effect.questions)}
    aligned = getattr(first.effect, what)[[place[question] for question in order.effect.questions]]
    table = PairedTable.of(aligned, getattr(order.effect, what))
    found = paired_difference(table.both, table.only_second, table.only_first, table.neither)
    return f"{points(found.value)} ({points(found.low)} to {points(found.high)})"


def _share(values: NDArray[np.bool_]) -> Estimate:
    return wilson(int(values.sum()), len(values))


def _with_interval(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} ({percent(estimate.low)} to {percent(estimate.high)})"
