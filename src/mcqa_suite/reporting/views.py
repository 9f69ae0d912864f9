"""Which rows of a comparison the page speaks of: headlines, what is inside them, and what they rest on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mcqa_suite.analysis.compare import Comparison, ComparisonRow
from mcqa_suite.analysis.compare.pairing import Pairs, joined, pair
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.tables import points_interval

# What a browser would not show as what it is: control characters, lone surrogates, and marks that turn the reading order.
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """Text that XML and a reader can take: what is invisible or turns the reading order shows as U+FFFD."""
    return INVISIBLE.sub("\ufffd", str(text))


def headlines(report: Comparison) -> list[list[ComparisonRow]]:
    """The rows of each task or group that is part of no other group, together."""
    found: dict[tuple[str, str], list[ComparisonRow]] = {}
    for row in report.rows:
        found.setdefault((row.task, row.filter), []).append(row)
    covers = {key: covered(rows) for key, rows in found.items()}
    inside = {
        key
        for key, mine in covers.items()
        for other, theirs in covers.items()
        if other != key and other[1] == key[1] and (mine < theirs or (mine == theirs and not found[key][0].members))
    }
    return [rows for key, rows in found.items() if key not in inside]


def covered(rows: Iterable[ComparisonRow]) -> frozenset[str]:
    """The tasks that these rows of one group speak of; a task's own name where it is no group."""
    rows = list(rows)
    members = {name for row in rows for name in (*row.members, *row.left_out)}
    return frozenset(members or {row.task for row in rows})


def parts_of(report: Comparison, rows: Sequence[ComparisonRow]) -> list[list[ComparisonRow]]:
    """The rows of each task inside a group, empty for a task."""
    names = covered(rows)
    found: dict[str, list[ComparisonRow]] = {}
    for row in report.rows:
        if rows[0].members and not row.members and row.task in names and row.filter == rows[0].filter:
            found.setdefault(row.task, []).append(row)
    return list(found.values())


def pairs_of(base: Run, variant: Run, row: ComparisonRow) -> Pairs:
    """The documents that a row rests on."""
    keys = [(name, row.filter) for name in row.members or (row.task,)]
    parts = [pair(base.tasks[key].samples, variant.tasks[key].samples, row.metric)[0] for key in keys]
    return parts[0] if len(parts) == 1 else joined([part for part in parts if part.n])


def interval(row: ComparisonRow) -> str:
    return points_interval(row.change.difference).replace(" (", " points (", 1)
