"""Rescored logs as Markdown: accuracy of each log, and for each filter how outcomes changed and which rules were used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mcqa_suite.logs.rescore import RescoredLog
from mcqa_suite.reporting.tables import Table, markdown, percent

OUTCOMES = ("right", "wrong", "unread", "unscored")


def rescored_tables(logs: Sequence[RescoredLog]) -> str:
    """Accuracy by log, then two tables a filter."""
    tables = [_accuracies(logs)]
    for name in _filters(logs):
        tables += [_moves(logs, name), _rules(logs, name)]
    return "\n".join(map(markdown, tables))


def _filters(logs: Sequence[RescoredLog]) -> list[str]:
    return list(dict.fromkeys(name for log in logs for name, _, _ in log.outcomes))


def _accuracies(logs: Sequence[RescoredLog]) -> Table:
    header = ("samples", "filter", "rows", "acc % recorded", "acc % now", "unread % recorded", "unread % now")
    rows = []
    for log in logs:
        for name in _filters([log]):
            moves = _counts([log], "outcomes", name)
            shares = [_share(moves, which, outcome) for outcome in ("right", "unread") for which in (0, 1)]
            rows.append((log.path.name, name, str(moves.total()), *shares))
    return Table("", header, rows, left=2)


def _share(moves: Counter[tuple[str, str]], which: int, outcome: str) -> str:
    scored = sum(n for move, n in moves.items() if move[which] != "unscored")
    return percent(sum(n for move, n in moves.items() if move[which] == outcome) / scored) if scored else "-"


def _moves(logs: Sequence[RescoredLog], name: str) -> Table:
    moves = _counts(logs, "outcomes", name)
    rows = [(old, *(str(moves[old, new]) for new in OUTCOMES[:3])) for old in OUTCOMES]
    rows = [row for row in rows if row[0] != "unscored" or set(row[1:]) != {"0"}]
    return Table(f"{name}: recorded -> now", ("", *OUTCOMES[:3]), rows)


def _rules(logs: Sequence[RescoredLog], name: str) -> Table:
    recorded, new, other = (_counts(logs, field, name) for field in ("recorded", "new", "other_answer"))
    rows = [(*key, str(recorded[key]), str(new[key]), str(other[key])) for key in sorted(recorded.keys() | new.keys())]
    return Table("", ("status", "rule", "recorded", "now", "other answer"), rows, left=2)


def _counts(logs: Sequence[RescoredLog], field: str, name: str) -> Counter[tuple[str, str]]:
    """Rows of a filter by (recorded outcome, new outcome), or by (status, rule)."""
    counts: Counter[tuple[str, str]] = Counter()
    for log in logs:
        counts.update({(a, b): n for (which, a, b), n in getattr(log, field).items() if which == name})
    return counts
