"""Runs side by side: a comparison with their base, a leaderboard, and one HTML report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.compare import Comparison, Options, compare_folders, exit_code, gate_text, read_folders
from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.analysis.leaderboard import leaderboard as ranked
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.reporting import comparison_data, comparison_text
from mcqa_suite.reporting import leaderboard as leaderboard_text
from mcqa_suite.reporting.html import write_report
from mcqa_suite.reporting.page_data import Page
from mcqa_suite.reporting.tables import data_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ReportResult:
    """The page that was written, and where."""

    output: Path
    page: Page

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read or paired, one line each."""
        return self.page.problems


def report(
    *runs: str | Path,
    output: str | Path = "report.html",
    base: str | Path | None = None,
    noise_floor: str | Path | None = None,
    figures: str | Path | None = None,
    tasks: str = "*",
    metric: str | None = None,
    filter: str | None = None,
    samples_mb: float = 4.0,
    cluster: str | None = None,
    options: Options | None = None,
    subset: str | Path | None = None,
) -> ReportResult:
    """Write the report of some runs: folders, FOLDER@STAMP or NAME=FOLDER. Without a base it holds no comparison.

    `metric` is acc by default, else exact_match; `filter` is patterns of filters, separated by commas. `options` are those of a
    comparison, which replace `tasks`, `metric`, `filter` and `cluster`; `subset` is the clean.json of an audit. `figures` is a
    folder for the figures as SVG and PNG; `samples_mb` bounds the samples that the page embeds, those whose answer changed
    first. Raises McqaError where nothing can be shown; what else could not be read is in `problems`.
    """
    if not samples_mb > 0:
        raise ConfigError(f"--samples-mb {samples_mb:g}: expected a size above 0")
    page = write_report(
        [str(run) for run in runs],
        Path(output),
        base=str(base) if base else None,
        noise_floor=str(noise_floor) if noise_floor else None,
        figures=Path(figures) if figures else None,
        options=options or Options(tasks, metric, cluster=cluster, filter=filter),
        subset=Path(subset) if subset else None,
        sample_bytes=int(1e6 * samples_mb),
    )
    return ReportResult(Path(output), page)


SHOWN = (
    "task",
    "filter",
    "variant",
    "n",
    "base_acc",
    "variant_acc",
    "diff",
    "diff_low",
    "diff_high",
    "p_holm",
    "verdict",
)


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
        """What could not be read, paired or trusted, one line each."""
        return self.comparison.problems

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The tasks and filters that one of two runs lacks, one line each."""
        return self.comparison.incomplete

    @property
    def exit_code(self) -> int:
        """1 if a difference, corrected over the tasks of each variant, is worse, 2 if one cannot be judged or a run lacks a task,
        else 0."""
        return exit_code(self.comparison)

    @property
    def gate(self) -> list[str]:
        """A line for each row that is worse by itself, though not in the table, which corrects over all variants."""
        return gate_text(self.comparison)

    def to_frame(self) -> pd.DataFrame:
        """A row for each task or group and variant; accuracies, differences and shares are fractions."""
        return data_frame(comparison_data.comparison_rows(self.comparison))

    def text(self, style: str = "md") -> str:
        """The tables as "md", "csv", "latex" or "json"."""
        return comparison_text.FORMATS[style](self.comparison)

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
    filter: str | None = None,
) -> CompareResult:
    """Compare runs question by question.

    A run is what `lm_eval --output_path FOLDER --log_samples` wrote: a folder, FOLDER@STAMP or NAME=FOLDER.

    Args:
        tasks: Patterns of tasks and groups, separated by commas.
        metric: By default acc, else exact_match.
        margin: The equivalence margin in points.
        cluster: A document field; documents that share its value count as one cluster. By default question_id, template,
            task_id or a repeated id; "none" for independent documents.
        noise_floor: Another run of the base under other conditions, e.g. another batch size.
        subset: The clean.json of an audit; only its documents are compared.
        force: Compare although settings differ, and list them.
        filter: Patterns of filters, separated by commas, for tasks whose answers several filters read.

    Raises:
        McqaError: If the base cannot be read or nothing can be compared. Other runs that cannot be read are listed in
            `problems`.
    """
    if not 0 < margin < 100:
        raise ConfigError(f"--margin {margin:g}: expected points between 0 and 100")
    texts, floor = [str(variant) for variant in variants], str(noise_floor) if noise_floor else None
    options = Options(tasks, metric, margin / 100, cluster, force, filter)
    documents = Path(subset) if subset else None
    comparison = compare_folders(str(base), texts, options, noise_floor=floor, subset=documents)
    return CompareResult(comparison, str(base), tuple(texts), options, floor, documents)


@dataclass(frozen=True, eq=False)
class LeaderboardResult:
    """The table, and what could not be read or trusted, a line each."""

    board: Leaderboard
    problems: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """A row for each model and task, and one for its macro mean; values are fractions."""
        return data_frame(leaderboard_text.leaderboard_rows(self.board))

    def text(self, style: str = "md") -> str:
        """The table as "md", "csv" or "latex"."""
        return leaderboard_text.FORMATS[style](self.board)

    def _repr_html_(self) -> str:
        titles = {(column.title_without_filter, column.filter): column.title for column in self.board.columns}
        frame = self.to_frame()
        frame["task"] = [titles.get(key, key[0]) for key in zip(frame["task"], frame["filter"], strict=True)]
        wide = frame.pivot(index=["model", "rank"], columns="task", values="value")
        order = list(dict.fromkeys(row.run.name for row in self.board.rows))
        return wide.reindex(order, level="model").to_html(na_rep="", float_format="{:.4f}".format)


def leaderboard(
    runs: Iterable[str | Path],
    *,
    metric: str | None = None,
    filter: str | None = None,
    subset: str | Path | None = None,
    cluster: str | None = None,
) -> LeaderboardResult:
    """Rank runs: folders, FOLDER@STAMP or NAME=FOLDER.

    `metric` is acc by default, else exact_match; `filter` is patterns of filters, separated by commas; `subset` is the
    clean.json of an audit, of which only the documents count; `cluster` is that of a comparison.
    Raises McqaError where no run can be read; what else cannot be read is in `problems`.
    """
    documents = Path(subset) if subset else None
    folders = read_folders([str(run) for run in runs], cluster=cluster, subset=documents, filters=filter)
    table = replace(ranked(folders.readable, metric), subset=folders.subset)
    unread = [line for run in folders.readable for line in run.problems]
    return LeaderboardResult(table, (*folders.errors, *unread, *table.problems))
