"""What changed between a base and its variants, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.compare import Comparison, Options, compare_folders, exit_code
from mcqa_suite.api.report import ReportResult, report
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.reporting import comparison_data
from mcqa_suite.reporting.comparison_text import FORMATS
from mcqa_suite.reporting.tables import data_frame

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("task", "variant", "n", "base_acc", "variant_acc", "diff", "diff_low", "diff_high", "p_holm", "verdict")


@dataclass(frozen=True, eq=False)
class CompareResult:
    """A base, its variants (as they were given), and the comparison of every task and group."""

    comparison: Comparison
    base: str
    variants: tuple[str, ...]
    options: Options
    noise_floor: str | None = None
    subset: Path | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read or paired, a line each."""
        return self.comparison.problems

    @property
    def exit_code(self) -> int:
        """For a pipeline: 1 where a corrected difference is worse, 2 where one cannot be judged, else 0."""
        return exit_code(self.comparison)

    def to_frame(self) -> pd.DataFrame:
        """A row for each task or group and variant; accuracies, differences and shares are fractions."""
        return data_frame(comparison_data.comparison_rows(self.comparison))

    def text(self, style: str = "md") -> str:
        """The tables as "md", "csv", "latex" or "json"."""
        return FORMATS[style](self.comparison)

    def report(self, output: str | Path, *, figures: str | Path | None = None) -> ReportResult:
        """Write one HTML file with verdicts, leaderboard, figures and samples; `figures` is a folder for SVG and PNG."""
        return report(
            *self.variants,
            output=output,
            base=self.base,
            noise_floor=self.noise_floor,
            figures=figures,
            options=self.options,
            subset=self.subset,
        )

    def _repr_html_(self) -> str:
        return self.to_frame()[list(SHOWN)].to_html(index=False, na_rep="", float_format="{:.4f}".format)


def compare(
    base: str | Path,
    *variants: str | Path,
    tasks: str = "*",
    metric: str | None = None,
    margin: float = 1.0,
    cluster: str | None = None,
    noise_floor: str | Path | None = None,
    subset: str | Path | None = None,
    force: bool = False,
) -> CompareResult:
    """Compare runs question by question.

    A run is what `lm_eval --output_path FOLDER --log_samples` wrote: a folder, FOLDER@STAMP or NAME=FOLDER.

    Args:
        tasks: Patterns of tasks and groups, with commas between.
        metric: By default acc, else exact_match.
        margin: The equivalence margin in points.
        cluster: A field of the documents; those with one value of it are not independent.
        noise_floor: The base again under other conditions, e.g. another batch size.
        subset: The clean.json of an audit; only its documents are compared.
        force: Compare although settings differ, and list them.

    Raises:
        McqaError: Where the base cannot be read, or nothing can be compared. What else cannot be read or paired is in
            `problems`.
    """
    if not 0 < margin < 100:
        raise ConfigError(f"--margin {margin:g}: expected points between 0 and 100")
    texts, floor = [str(variant) for variant in variants], str(noise_floor) if noise_floor else None
    options = Options(tasks, metric, margin / 100, cluster, force)
    documents = Path(subset) if subset else None
    comparison = compare_folders(str(base), texts, options, noise_floor=floor, subset=documents)
    return CompareResult(comparison, str(base), tuple(texts), options, floor, documents)
