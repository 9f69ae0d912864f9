"""A ranking as a table and as a figure."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from mcqa_suite.analysis.ranking import Ranking
from mcqa_suite.stats import Estimate

NOT_FINITE = (
    "Some models won against the others every time: their strengths have no finite value, and what is shown rests on one more "
    "tie of every two models."
)


def markdown(found: Ranking) -> str:
    """The table, the best model first, and what has to be known to read it."""
    near = any(standing.similarity for standing in found.standings)
    head = ["", "model", "win rate, %", "won / tied / lost", "strength", *(["similarity"] if near else [])]
    lines = [f"| {' | '.join(head)} |", "|---:|---|---:|---:|---:|" + ("---:|" if near else "")]
    for place, standing in enumerate(found.standings, start=1):
        cells = [str(place), standing.name, _shown(standing.win_rate, 1, 100)]
        cells += [f"{standing.wins} / {standing.ties} / {standing.losses}", _shown(standing.strength, 2)]
        lines.append(f"| {' | '.join([*cells, *([_shown(standing.similarity, 3)] if near else [])])} |")
    first = f"the response shown earlier won {_shown(found.first_share, 1, 100)} % where one did"
    notes = [f"{found.prompts} prompts; {found.unread} verdicts could not be read; {first}."]
    notes += [] if found.finite else [NOT_FINITE]
    return "\n".join([*lines, "", "Intervals: 95 %, over prompts. " + " ".join(notes)])


def csv_table(found: Ranking) -> str:
    """The same numbers, unrounded."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    bounded = ("win_rate", "strength", "similarity")
    head = [f"{name}{suffix}" for name in bounded for suffix in ("", "_low", "_high")]
    writer.writerow(["model", "wins", "ties", "losses", *head])
    for standing in found.standings:
        values = [getattr(standing, name) for name in bounded]
        numbers = [
            number for value in values for number in ((value.value, value.low, value.high) if value else ("",) * 3)
        ]
        counts = (standing.wins, standing.ties, standing.losses)
        writer.writerow([standing.name, *counts, *numbers])
    return out.getvalue()


def figure(found: Ranking, path: Path) -> None:
    """A forest of the strengths with their intervals, as SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    standings = found.standings[::-1]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mcqa", "font.size": 10}):
        made = Figure(figsize=(7, 0.8 + 0.45 * len(standings)), layout="constrained")
        axes = made.add_subplot()
        for row, standing in enumerate(standings):
            strength = standing.strength
            axes.plot([strength.low, strength.high], [row, row], color="#555555", linewidth=1.5)
            axes.plot(strength.value, row, "o", color="#1f5fa8")
        axes.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
        axes.set_yticks(range(len(standings)), [standing.name for standing in standings])
        axes.set_ylim(-0.6, len(standings) - 0.4)
        axes.set_xlabel("Bradley-Terry strength, log odds against the mean of the models (95 %)")
        axes.spines[["top", "right", "left"]].set_visible(False)
        made.savefig(path, format="svg", metadata={"Date": None})


def _shown(value: Estimate | None, digits: int, scale: float = 1) -> str:
    if value is None:
        return "-"
    return f"{scale * value.value:.{digits}f} [{scale * value.low:.{digits}f}, {scale * value.high:.{digits}f}]"
