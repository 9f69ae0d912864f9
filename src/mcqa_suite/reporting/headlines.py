"""What the report shows of a comparison: its headlines, and the tasks of a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mcqa_suite.analysis.compare import Comparison, ComparisonRow
from mcqa_suite.logs.groups import inside_another
from mcqa_suite.reporting.tables import change_interval, unit


def headlines(comparison: Comparison) -> list[list[ComparisonRow]]:
    """The rows of each task or group that is not contained in another group."""
    rows = comparison.by_task()
    tops = set[tuple[str, str, str]]()
    for kind in dict.fromkeys(key[1:] for key in rows):  # of one filter and metric
        covers = {key: covered(group) for key, group in rows.items() if key[1:] == kind}
        groups = {cover for key, cover in covers.items() if rows[key][0].members}
        inside = inside_another(covers)
        tops |= {key for key in covers.keys() - inside if rows[key][0].members or covers[key] not in groups}
    return [group for key, group in rows.items() if key in tops]


def covered(rows: Iterable[ComparisonRow]) -> frozenset[str]:
    """The tasks of a group's rows, or the name of a single task."""
    rows = list(rows)
    members = {name for row in rows for name in (*row.members, *row.left_out)}
    return frozenset(members or {row.task for row in rows})


def parts_of(comparison: Comparison, rows: Sequence[ComparisonRow]) -> list[list[ComparisonRow]]:
    """The rows of each task in a group; an empty list for a single task."""
    names, first = covered(rows), rows[0]
    if not first.members:
        return []
    return [
        group
        for (task, *rest), group in comparison.by_task().items()
        if not group[0].members and task in names and rest == [first.filter, first.metric]
    ]


def interval(row: ComparisonRow) -> str:
    """-11.3 points (-17.7 to -5.0)"""
    return change_interval(row.change.difference, row.metric).replace(" (", f"{unit(row.metric, ' points')} (", 1)
