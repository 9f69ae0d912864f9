"""Rescored logs as Markdown: accuracy of each log, and for each filter how outcomes changed and which rules were used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mcqa_suite.logs.rescore import RescoredLog
from mcqa_suite.reporting.tables import Table, markdown, percent

OUTCOMES = ("right", "partly right", "wrong", "unread", "unscored")
RARE = ("partly right", "unscored")  # shown where there are any


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
            sides = (_by_outcome(moves, 0), _by_outcome(moves, 1))
            acc = [_share(log.acc[name, side], n) for side, n in zip(("recorded", "new"), sides, strict=True)]
            rows.append((log.path.name, name, str(moves.total()), *acc, *(_share(n["unread"], n) for n in sides)))
    return Table("", header, rows, left=2)


def _by_outcome(moves: Counter[tuple[str, str]], side: int) -> Counter[str]:
    counts = Counter[str]()
    for move, n in moves.items():
        counts[move[side]] += n
    return counts


def _share(part: float, outcomes: Counter[str]) -> str:
    scored = outcomes.total() - outcomes["unscored"]
    return percent(part / scored) if scored else "-"


def _moves(logs: Sequence[RescoredLog], name: str) -> Table:
    moves = _counts(logs, "outcomes", name)
    before, after = (
        [outcome for outcome in OUTCOMES if outcome not in RARE or _by_outcome(moves, side)[outcome]] for side in (0, 1)
    )
    rows = [(old, *(str(moves[old, new]) for new in after)) for old in before]
    return Table(f"{name}: recorded -> now", ("", *after), rows)


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
