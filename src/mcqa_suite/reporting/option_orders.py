"""The effect of the order of options as a table: a row for each run and task, differences against the first run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.analysis.option_order import Order, OrderEffect
from mcqa_suite.logs.agreement import refusal
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY
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
        first = next(other for other in orders if other.task == order.task)
        if reason := _refusal(first, order):
            notes.append(f"Asked differently, so not subtracted: {order.task}: {reason}.")
        mark = " †" if order.problems else " ‡" if order.warnings else ""
        notes += [f"† {line}." for line in order.problems] + [f"‡ {line}." for line in order.warnings]
        cells = _cells(first, order, order.effect) if order.effect else [""] * (len(HEADER) - 2)
        rows.append((order.task, f"{order.run}{mark}", *cells))
    return markdown(Table("", HEADER, rows, notes, left=2))


def _cells(first: Order, order: Order, effect: OrderEffect) -> list[str]:
    """The figures of a row, with differences to the first run's."""
    return [
        str(len(effect.questions)),
        percent(float(effect.as_given.mean())),
        percent(float(effect.mean.mean())),
        _share(effect.debiased),
        _against(first, order, "debiased"),
        _share(effect.consistent),
        _against(first, order, "consistent"),
        points(effect.position_std).removeprefix("+"),
        letter_shares(effect.picked),
    ]


def _refusal(first: Order, order: Order) -> str:
    """Why the two are not subtracted; every row of both enters an effect."""
    return "" if first is order else refusal(first.log, order.log, first.run, order.run, every_row=True)


def order_records(orders: Sequence[Order]) -> list[dict[str, object]]:
    """The same values as fractions, a record for each run and task; no values where a log cannot be trusted."""
    return [
        {
            "task": order.task,
            "run": order.run,
            **_values(order.effect),
            "not_valid": "; ".join(order.problems),
            "warnings": "; ".join(order.warnings),
        }
        for order in orders
    ]


def _values(effect: OrderEffect | None) -> dict[str, object]:
    if effect is None:
        names = ("questions", "given", "all_orders", "debiased", "consistent", "recall_std", "picked")
        return dict.fromkeys(names)
    return {
        "questions": len(effect.questions),
        "given": float(effect.as_given.mean()),
        "all_orders": float(effect.mean.mean()),
        "debiased": float(effect.debiased.mean()),
        "consistent": float(effect.consistent.mean()),
        "recall_std": effect.position_std,
        "picked": " ".join(f"{share:.6f}" for share in effect.picked),
    }


def _against(first: Order, order: Order, measure: str) -> str:
    """The paired difference in points, where both runs have the same questions."""
    before, after = first.effect, order.effect
    if first is order or before is None or after is None:
        return ""
    if set(before.questions) != set(after.questions):
        return "other questions"
    if _refusal(first, order):
        return ASKED_DIFFERENTLY
    index = {question: number for number, question in enumerate(before.questions)}
    aligned = getattr(before, measure)[[index[question] for question in after.questions]]
    return points_interval(paired_difference(PairedTable.of(aligned, getattr(after, measure))))


def _share(values: NDArray[np.bool_]) -> str:
    return percent_interval(share_estimate(values))
