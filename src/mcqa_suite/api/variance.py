"""Tasks whose questions are drawn from templates: spread over draws, harder variants, single templates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.variance import Drawn, read_drawn
from mcqa_suite.api.saving import writing
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.logs.named_runs import named_path
from mcqa_suite.reporting.tables import data_frame
from mcqa_suite.reporting.variance import variance_csv, variance_records, variance_report

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class VarianceResult:
    """What each run scores over the draws of its templates."""

    runs: tuple[Drawn, ...]

    def to_frame(self) -> pd.DataFrame:
        """Every figure in a row of its own: what, run, task, name, value, low, high, n."""
        return data_frame(variance_records(self.runs))

    def text(self, style: str = "md", worst: int = 20) -> str:
        """Markdown ("md"), with the `worst` templates of each task, or CSV ("csv"), with all of them."""
        if worst < 0:
            raise ConfigError(f"--worst {worst}: expected 0 or more")
        return variance_csv(self.runs) if style == "csv" else variance_report(self.runs, worst)

    def save(self, folder: str | Path, worst: int = 20) -> None:
        """Write variance.md, variance.csv and variance.svg."""
        import matplotlib as mpl

        from mcqa_suite.reporting.figures import draws, style

        with mpl.rc_context(style.SETTINGS):
            plot = draws.draws(self.runs)
        folder = Path(folder)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "variance.md").write_text(self.text("md", worst), encoding="utf-8")
            (folder / "variance.csv").write_text(self.text("csv"), encoding="utf-8")
            (folder / "variance.svg").write_bytes(style.svg(plot.figure, plot.name))


def variance(*runs: str | Path, metric: str = "acc") -> VarianceResult:
    """Read runs of GSM-Symbolic or symbolic_local tasks: folders, or NAME=PATH; the first is the one to compare with.

    `metric` is 0 or 1 for each document. Raises DatasetError for a run without such a task.
    """
    named = [named_path(str(run)) for run in runs]
    names = [name or path.absolute().name for name, path in named]
    counts = Counter(names)
    distinct = [name if counts[name] == 1 else str(path) for name, (_, path) in zip(names, named, strict=True)]
    return VarianceResult(
        tuple(read_drawn(name, path, metric) for name, (_, path) in zip(distinct, named, strict=True))
    )
