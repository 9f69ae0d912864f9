"""A ranking as a table and as a figure."""

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
            estimate = getattr(standing, name)
            ends = (estimate.value, estimate.low, estimate.high) if estimate else (None,) * 3
            record |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
        records.append(record)
    return tables.csv_text(records, digits=None)


def figure(ranking: Ranking) -> bytes:
    """The strengths with their intervals as an SVG forest plot."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from mcqa_suite.reporting.figures import style

    standings = ranking.standings[::-1]
    with mpl.rc_context(style.SETTINGS):
        drawing = Figure(figsize=(style.WIDTH, 0.8 + 0.45 * len(standings)), layout="constrained")
        axes = drawing.add_subplot()
        for row, standing in enumerate(standings):
            axes.plot([standing.strength.low, standing.strength.high], [row, row], color=style.SAME, linewidth=1.5)
            axes.plot(standing.strength.value, row, "o", color=style.BETTER)
        axes.axvline(0, color=style.LINE, linewidth=0.8, zorder=0)
        axes.set_yticks(range(len(standings)), [standing.name for standing in standings])
        axes.set_ylim(-0.6, len(standings) - 0.4)
        axes.set_xlabel("Bradley-Terry strength, log odds against the mean of the models (95 %)")
        axes.spines["left"].set_visible(False)
    return style.svg(drawing, "ranking")


def _interval(estimate: Estimate | None, digits: int, scale: float = 1) -> str:
    if estimate is None:
        return ""
    value, low, high = (f"{scale * end:.{digits}f}" for end in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
