"""The effect of the order of options as a table: a row for each run and task, differences against the first run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.analysis.option_order import Order
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY, refusal
from mcqa_suite.reporting.tables import (
    Table,
    letter_shares,
    markdown,
    percent,
    percent_interval,
    points,
    points_interval,
)
from mcqa_suite.stats import PairedTable, paired_difference, share_estimate

NOTE = (
    "Every question is asked in each cyclic rotation of its options. Debiased: the option whose probability, averaged over "
    "rotations, is largest. Consistent: the same option in every rotation. Recall std: standard deviation of accuracy over the "
    "right option's place. Differences are paired by question against the first run, with Tango's 95 % interval."
)
HEADER = (
    *("task", "run", "questions", "given %", "all orders %", "debiased %", "vs first", "consistent %", "vs first"),
    *("recall std", "picks by place %"),
)


def order_table(orders: Sequence[Order]) -> str:
    """Markdown: accuracy as given, over all orders and debiased, consistency, recall and picks by position."""
    rows, notes = [], [NOTE]
    for order in sorted(orders, key=lambda order: order.task):
        effect = order.effect
        first = next(other for other in orders if other.task == order.task)
        if reason := refusal(first, order, first.run, order.run):
            notes.append(f"Asked differently, so not subtracted: {order.task}: {reason}.")
        rows.append(
            (
                order.task,
                order.run,
                str(len(effect.questions)),
                percent(float(effect.as_given.mean())),
                percent(float(effect.mean.mean())),
                _share(effect.debiased),
                _against(first, order, "debiased"),
                _share(effect.consistent),
                _against(first, order, "consistent"),
                points(effect.position_std).removeprefix("+"),
                letter_shares(effect.picked),
            )
        )
    return markdown(Table("", HEADER, rows, notes, left=2))


def order_records(orders: Sequence[Order]) -> list[dict[str, object]]:
    """The same values as fractions, a record for each run and task."""
    return [
        {
            "task": order.task,
            "run": order.run,
            "questions": len(order.effect.questions),
            "given": float(order.effect.as_given.mean()),
            "all_orders": float(order.effect.mean.mean()),
            "debiased": float(order.effect.debiased.mean()),
            "consistent": float(order.effect.consistent.mean()),
            "recall_std": order.effect.position_std,
            "picked": " ".join(f"{share:.6f}" for share in order.effect.picked),
        }
        for order in orders
    ]


def _against(first: Order, order: Order, measure: str) -> str:
    """The paired difference in points, where both runs have the same questions."""
    if first is order:
        return ""
    if set(first.effect.questions) != set(order.effect.questions):
        return "other questions"
    if refusal(first, order, first.run, order.run):
        return ASKED_DIFFERENTLY
    index = {question: number for number, question in enumerate(first.effect.questions)}
    aligned = getattr(first.effect, measure)[[index[question] for question in order.effect.questions]]
    return points_interval(paired_difference(PairedTable.of(aligned, getattr(order.effect, measure))))


def _share(values: NDArray[np.bool_]) -> str:
    return percent_interval(share_estimate(values))
