"""A ranking as a table."""

from __future__ import annotations

from mcqa_suite.analysis.ranking import Ranking
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.tables import Table
from mcqa_suite.stats import Estimate

BOUNDED = ("win_rate", "strength", "similarity")
NOT_FINITE = (
    "Some models always won against the others, so their strengths are infinite; the table shows strengths with one extra tie "
    "between every two models."
)


def markdown(ranking: Ranking) -> str:
    """The table, the best model first, with its notes."""
    rows = [
        (
            f"{number}",
            standing.name,
            _interval(standing.win_rate, 1, 100),
            f"{standing.wins} / {standing.ties} / {standing.losses}",
            _interval(standing.strength, 2),
            _interval(standing.similarity, 3),
        )
        for number, standing in enumerate(ranking.standings, start=1)
    ]
    first = _interval(ranking.first_share, 1, 100) or "-"
    note = (
        f"Intervals: 95 %, over prompts. {ranking.prompts} prompts; {ranking.unread} verdicts could not be read; the response "
        f"shown earlier won {first} % where one did."
    )
    header = ("", "model", "win rate, %", "won / tied / lost", "strength", "similarity")
    notes = [note if ranking.finite else f"{note} {NOT_FINITE}"]
    return tables.markdown(Table("", header, rows, notes, left=2).without_empty_columns()).rstrip()


def csv_table(ranking: Ranking) -> str:
    """The same numbers, unrounded."""
    records = []
    for standing in ranking.standings:
        record: dict[str, object] = {"model": standing.name}
        record |= {name: getattr(standing, name) for name in ("wins", "ties", "losses")}
        for name in BOUNDED:
            record |= tables.estimate_record(name, getattr(standing, name))
        records.append(record)
    return tables.csv_text(records, digits=None)


def _interval(estimate: Estimate | None, digits: int, scale: float = 1) -> str:
    if estimate is None:
        return ""
    value, low, high = (f"{scale * end:.{digits}f}" for end in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
