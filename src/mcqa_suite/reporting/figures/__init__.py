"""The figures of a report, in the order of the page. A figure with nothing to show is left out."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl

from mcqa_suite.reporting.figures import changes, choices
from mcqa_suite.reporting.figures.runs import against_bits, reads
from mcqa_suite.reporting.figures.style import SETTINGS, Plot, css_variables, files, inline
from mcqa_suite.reporting.figures.training import Curve, training
from mcqa_suite.reporting.page_data import Page
from mcqa_suite.reporting.verdicts import headlines

__all__ = ["Plot", "css_variables", "draw", "files", "inline"]


@mpl.rc_context(SETTINGS)
def draw(page: Page, curves: Sequence[Curve] = ()) -> list[Plot]:
    """Draw every figure that has data; figures of differences need a comparison."""
    base, report = page.base, page.report
    tops = headlines(report) if report else []
    plots: list[Plot | None] = []
    if report and tops:
        plots.append(changes.forest(report, tops))
    if page.board:
        plots.append(against_bits(page.board, base, page.floor))
    models = [run for run in page.runs if run is not page.floor]
    if report and base and tops:
        variants = [run for run in models if run is not base]
        plots += [changes.flips(tops), choices.divergence(tops, page.runs, report.against)]
        plots += [draw(tops, base, variants) for draw in (choices.reliability, choices.letters, choices.confusion)]
        plots += changes.dumbbells(report, tops)
    plots += [reads(models), training(curves)]
    return [plot for plot in plots if plot is not None]
