"""One HTML file that opens from disk: verdicts, leaderboard, figures and samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.analysis.compare import Options
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.reporting.html import write_report
from mcqa_suite.reporting.page_data import Page


@dataclass(frozen=True, eq=False)
class ReportResult:
    """The page that was written, and where."""

    output: Path
    page: Page

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read or paired, a line each."""
        return self.page.problems


def report(
    *runs: str | Path,
    output: str | Path = "report.html",
    base: str | Path | None = None,
    noise_floor: str | Path | None = None,
    figures: str | Path | None = None,
    tasks: str = "*",
    samples_mb: float = 4.0,
    options: Options | None = None,
    subset: str | Path | None = None,
) -> ReportResult:
    """Write the report of some runs: folders, FOLDER@STAMP or NAME=FOLDER. Without a base it holds no comparison.

    `options` are those of a comparison, in place of `tasks`; `subset` is the clean.json of an audit. `figures` is a folder for
    the figures as SVG and PNG; `samples_mb` bounds the samples that the page embeds, those whose answer changed first. Raises
    McqaError where nothing can be shown; what else could not be read is in `problems`.
    """
    if not samples_mb > 0:
        raise ConfigError(f"--samples-mb {samples_mb:g}: expected a size above 0")
    page = write_report(
        [str(run) for run in runs],
        Path(output),
        base=str(base) if base else None,
        noise_floor=str(noise_floor) if noise_floor else None,
        figures=Path(figures) if figures else None,
        options=options or Options(tasks),
        subset=Path(subset) if subset else None,
        sample_bytes=int(1e6 * samples_mb),
    )
    return ReportResult(Path(output), page)
