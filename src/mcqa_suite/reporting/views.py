"""Select what the report shows of a comparison: headlines, and the tasks of a group."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mcqa_suite.analysis.compare import Comparison, ComparisonRow
from mcqa_suite.reporting.tables import points_interval

# Control characters, lone surrogates, and marks that change the text direction
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """Replace each invisible or direction-changing character by U+FFFD."""
    return INVISIBLE.sub("\ufffd", str(text))


def headlines(comparison: Comparison) -> list[list[ComparisonRow]]:
    """The rows of each task or group that is not contained in another group."""
    rows = comparison.by_task()
    covers = {key: covered(group) for key, group in rows.items()}

    def is_inside(key: tuple[str, str]) -> bool:
        others = [cover for other, cover in covers.items() if other != key and other[1] == key[1]]
        return any(covers[key] < cover or (covers[key] == cover and not rows[key][0].members) for cover in others)

    return [group for key, group in rows.items() if not is_inside(key)]


def covered(rows: Iterable[ComparisonRow]) -> frozenset[str]:
    """The tasks of a group's rows, or the name of a single task."""
    rows = list(rows)
    members = {name for row in rows for name in (*row.members, *row.left_out)}
    return frozenset(members or {row.task for row in rows})


def parts_of(comparison: Comparison, rows: Sequence[ComparisonRow]) -> list[list[ComparisonRow]]:
    """The rows of each task in a group; an empty list for a single task."""
    names, first = covered(rows), rows[0]
    return [
        group
        for (task, filter_name), group in comparison.by_task().items()
        if first.members and not group[0].members and task in names and filter_name == first.filter
    ]


def interval(row: ComparisonRow) -> str:
    """-11.3 points (-17.7 to -5.0)."""
    return points_interval(row.change.difference).replace(" (", " points (", 1)
