"""The figures of a report, in the order of the page. A figure with nothing to show is left out."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl

from mcqa_suite.analysis.compare import Comparison
from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.figures import changes, choices
from mcqa_suite.reporting.figures.bits import against_bits
from mcqa_suite.reporting.figures.reads import reads
from mcqa_suite.reporting.figures.style import SETTINGS, Plot, css_variables, files, inline
from mcqa_suite.reporting.figures.training import training
from mcqa_suite.reporting.training_logs import Curve
from mcqa_suite.reporting.views import headlines

__all__ = ["Plot", "css_variables", "draw", "files", "inline"]


def draw(
    report: Comparison | None,
    runs: Sequence[Run],
    base: Run | None,
    floor: Run | None,
    board: Leaderboard | None,
    curves: Sequence[Curve] = (),
) -> list[Plot]:
    """Draw every figure that has data; figures of differences need a comparison."""
    with mpl.rc_context(SETTINGS):
        models = [run for run in runs if run is not floor]
        plots: list[Plot | None] = []
        tops = headlines(report) if report else []
        if report and tops:
            plots.append(changes.forest(report, tops))
        if board:
            plots.append(against_bits(board, base, floor))
        if report and base and tops:
            variants = [run for run in models if run is not base]
            plots += [changes.flips(tops), choices.divergence(tops, base, [run for run in runs if run is not base])]
            plots += [draw(tops, base, variants) for draw in (choices.reliability, choices.letters, choices.confusion)]
            plots += changes.dumbbells(report, tops)
        plots += [reads(models), training(curves)]
        return [plot for plot in plots if plot is not None]
