"""Gives runs, their comparison and their report to trackers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mcqa_suite.analysis.compare import Comparison, Options
from mcqa_suite.common.manifest import Manifest
from mcqa_suite.reporting.html import write_report
from mcqa_suite.reporting.page_data import gather
from mcqa_suite.reporting.trackers.libraries import send
from mcqa_suite.reporting.trackers.records import records_of

MOST_NAMES = 3  # in the name of a group


def log_runs(
    runs: Sequence[str],
    trackers: Sequence[str],
    *,
    base: str | None = None,
    noise_floor: str | None = None,
    options: Options = Options(),  # noqa: B008  (frozen)
    subset: Path | None = None,
    comparison: Comparison | None = None,
) -> list[str]:
    """Log scores, settings, comparison and report of runs; return a line for each tracker. McqaError where one fails.

    `comparison` takes the place of the one in the report.
    """
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.html")
        page = write_report(runs, report, base=base, noise_floor=noise_floor, options=options, subset=subset)
        names = [run.name for run in page.runs]
        more = [f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
        group = " and ".join([*names[:MOST_NAMES], *more]) or "runs"
        return send(trackers, records_of(page, comparison=comparison, files=(report,)), group[:100])


def log_ladder(
    recipe: str,
    evaluations: Sequence[str],
    manifests: Mapping[str, Manifest],
    logs: Mapping[str, Path],
    report: Path,
    trackers: Sequence[str],
) -> list[str]:
    """As `log_runs`, for the checkpoints of a recipe: with their settings, training curves, and the report that is written."""
    page = gather(evaluations) if evaluations else None
    files = (report,) if report.is_file() else ()
    return send(trackers, records_of(page, manifests=manifests, logs=logs, files=files), recipe)
