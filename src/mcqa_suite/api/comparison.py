"""Runs side by side: a comparison with their base, a leaderboard, and one HTML report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.compare import (
    Comparison,
    Gate,
    Options,
    Published,
    compare_folders,
    compare_published,
    fail_if_worse,
    max_drop,
    read_folders,
    together,
)
from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.analysis.leaderboard import leaderboard as ranked
from mcqa_suite.analysis.leaderboard.published import read_published
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.logs.named_runs import expanded, named_path
from mcqa_suite.reporting import comparison_data, comparison_text, github
from mcqa_suite.reporting import leaderboard as leaderboard_text
from mcqa_suite.reporting.gate_cases import Case, cases
from mcqa_suite.reporting.junit import junit_xml
from mcqa_suite.reporting.speed_table import speed_table
from mcqa_suite.reporting.tables import data_frame, markdown
from mcqa_suite.reporting.verdict_table import verdict_markdown

if TYPE_CHECKING:
    import pandas as pd

    from mcqa_suite.reporting.page_data import Page


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
    explain: Iterable[str | Path] = (),
    options: Options | None = None,
    subset: str | Path | None = None,
) -> ReportResult:
    """Write the report of some runs: folders, FOLDER@STAMP or NAME=FOLDER.

    Every run is compared with the `base`; without one, with the run of its parent, as far as manifests name it.

    `metric` is chosen as in a comparison by default; `filter` is patterns of filters, separated by commas. `options` are those
    of a comparison, which replace `tasks`, `metric`, `filter` and `cluster`; `subset` is the clean.json of an audit. `figures`
    is a folder for the figures as SVG and PNG; `samples_mb` bounds the samples that the page embeds, those whose answer changed
    first. `explain` are files of `mcqa explain`, shown with their questions. Raises McqaError where nothing can be shown; what
    else could not be read is in `problems`.
    """
    if not samples_mb > 0:
        raise ConfigError(f"--samples-mb {samples_mb:g}: expected a size above 0")
    from mcqa_suite.reporting.html import write_report  # 10 MB that a comparison does without

    page = write_report(
        [str(run) for run in runs],
        Path(output),
        base=str(base) if base else None,
        noise_floor=str(noise_floor) if noise_floor else None,
        figures=Path(figures) if figures else None,
        options=options or Options(tasks, metric, cluster=cluster, filter=filter),
        subset=Path(subset) if subset else None,
        sample_bytes=int(1e6 * samples_mb),
        explanations=[Path(path) for path in explain],
    )
    return ReportResult(Path(output), page)


SHOWN = (
    "task",
    "filter",
    "variant",
    "parent",
    "n",
    "base",
    "value",
    "difference",
    "low",
    "high",
    "bound",
    "p_holm",
    "verdict",
)


@dataclass(frozen=True, eq=False, repr=False)
class CompareResult:
    """The comparison of every task and group, and the runs as they were given."""

    comparison: Comparison
    runs: tuple[str, ...]
    options: Options
    base: str | None = None
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

    def max_drop(self, points: float, *, per_task: bool = False) -> Gate:
        """Whether every variant loses less than `points`: its one-sided 95 % bound, pooled over the tasks or of each task.

        The gate has an `exit_code` (0 passed, 1 failed, 2 cannot be judged) and a line of reasons for each variant.
        Raises ConfigError for points that are not between 0 and 100.
        """
        if not 0 < points < 100:
            raise ConfigError(f"--max-drop {points:g}: expected points between 0 and 100")
        return max_drop(self.comparison, points, per_task=per_task)

    def fail_if_worse(self, *, strict: bool = False) -> Gate:
        """Whether no row is worse by Holm over the tasks of its variant; with `strict`, undecided rows give exit code 3."""
        return fail_if_worse(self.comparison, strict=strict)

    def to_frame(self) -> pd.DataFrame:
        """A row for each task or group and variant; accuracies, differences and shares are fractions."""
        return data_frame(comparison_data.comparison_rows(self.comparison))

    def text(self, style: str = "md", *, full: bool = False) -> str:
        """The verdicts as Markdown ("md"), with `full` every table and note; or all figures as "csv", "latex" or "json"."""
        if style == "md" and not full:
            return verdict_markdown(self.comparison)
        return comparison_text.FORMATS[style](self.comparison)

    def junit(self, *gates: Gate) -> str:
        """JUnit XML: a test suite a variant, a test case a row. Without gates no row fails."""
        return junit_xml(self._cases(gates))

    def github(self, *gates: Gate) -> tuple[str, list[str]]:
        """For a workflow of GitHub: the summary in Markdown, and the commands that annotate the job, a line each."""
        return github.summary(self.comparison, _one(gates)), github.annotation_commands(self._cases(gates))

    def _cases(self, gates: Sequence[Gate]) -> tuple[Case, ...]:
        return cases(self.comparison, _one(gates))

    def report(self, output: str | Path, *, figures: str | Path | None = None) -> ReportResult:
        """Write one HTML file with verdicts, leaderboard, figures and samples; `figures` is a folder for SVG and PNG."""
        return report(
            *self.runs,
            output=output,
            base=self.base or self.runs[0],
            noise_floor=self.noise_floor,
            figures=figures,
            options=self.options,
            subset=self.subset,
        )

    def log(self, *trackers: str) -> list[str]:
        """Give scores, settings, this comparison and the report, with its questions and answers, to trackers.

        "tensorboard" writes files; "wandb", "mlflow" and "trackio" write files or send, as their own variables say. Returns a
        line for each. Raises McqaError where one fails, after the others were served.
        """
        from mcqa_suite.reporting.trackers.runs import log_runs

        return log_runs(
            self.runs,
            trackers,
            base=self.base or (self.runs[0] if len(self.runs) > 1 else None),
            noise_floor=self.noise_floor,
            options=self.options,
            subset=self.subset,
            comparison=self.comparison,
        )

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.to_frame()[list(SHOWN)].to_html(index=False, na_rep="", float_format="{:.4f}".format)


def compare(
    *runs: str | Path,
    base: str | Path | None = None,
    against: str | Iterable[str] = (),
    tasks: str = "*",
    metric: str | None = None,
    margin: float = 1.0,
    cluster: str | None = None,
    noise_floor: str | Path | None = None,
    subset: str | Path | None = None,
    force: bool = False,
    filter: str | None = None,
) -> CompareResult:
    """Compare runs question by question: each with its parent, as manifests name it, else with the first.

    A run is what `lm_eval --output_path FOLDER --log_samples` wrote: a folder, FOLDER@STAMP or NAME=FOLDER. A folder of
    several models is each of them.

    Args:
        base: Compare every run with this one.
        against: Published scores in place of a base, such as "arc_easy=54.2:2376": percent, and the number of questions where
            it is known. Nothing is paired.
        tasks: Patterns of tasks and groups, separated by commas.
        metric: By default acc (acc_norm where options' texts are scored and acc is below chance), else exact_match.
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
    floor = str(noise_floor) if noise_floor else None
    texts = expanded(map(str, runs), [str(run) for run in (base, floor) if run])
    options = Options(tasks, metric, margin / 100, cluster, force, filter)
    documents = Path(subset) if subset else None
    scores = [Published.read(text) for text in ([against] if isinstance(against, str) else against)]
    if scores:
        if base or noise_floor:
            raise ConfigError("--against takes the place of a base; leave --base and --noise-floor out")
        folders = read_folders(texts, cluster=cluster, subset=documents, filters=filter)
        comparison = compare_published(folders.readable, scores, options)
        comparison = replace(comparison, subset=folders.subset, problems=(*folders.errors, *comparison.problems))
        return CompareResult(comparison, tuple(texts), options, subset=documents)
    if base is not None:
        texts = [str(base), *(text for text in texts if not _same_run(text, str(base)))]
    if len(texts) < 2 and floor is None:
        raise ConfigError("one run alone: give another to compare it with, or --against TASK=PERCENT")
    comparison = compare_folders(
        texts[0], texts[1:], options, noise_floor=floor, subset=documents, to_first=base is not None
    )
    return CompareResult(comparison, tuple(texts), options, str(base) if base else None, floor, documents)


def _one(gates: Sequence[Gate]) -> Gate | None:
    return together(gates) if gates else None


def _same_run(first: str, second: str) -> bool:
    return named_path(first)[1].resolve() == named_path(second)[1].resolve()


@dataclass(frozen=True, eq=False, repr=False)
class LeaderboardResult:
    """The table, and what could not be read or trusted, a line each."""

    board: Leaderboard
    problems: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """A row for each model and task, and one for its macro mean; values are fractions."""
        return data_frame(leaderboard_text.leaderboard_rows(self.board))

    def text(self, style: str = "md") -> str:
        """The table as "md", with the speeds that were measured in a second one, "csv" or "latex"."""
        text = leaderboard_text.FORMATS[style](self.board)
        speeds = speed_table(self.board) if style == "md" else None
        return f"{text}\n{markdown(speeds)}" if speeds else text

    def __repr__(self) -> str:
        return self.text()

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
    reference: str | Path | None = None,
) -> LeaderboardResult:
    """Rank runs: folders, FOLDER@STAMP or NAME=FOLDER. A folder of several models is each of them.

    `metric` is chosen as in a comparison by default; `filter` is patterns of filters, separated by commas; `subset` is the
    clean.json of an audit, of which only the documents count; `cluster` is that of a comparison. `reference` is a YAML file of
    published scores, which stand below the runs without interval, rank or test.
    Raises McqaError where no run can be read; what else cannot be read is in `problems`.
    """
    documents = Path(subset) if subset else None
    folders = read_folders(expanded(map(str, runs)), cluster=cluster, subset=documents, filters=filter)
    published = read_published(Path(reference)) if reference else ()
    table = replace(ranked(folders.readable, metric), subset=folders.subset, published=published)
    unread = [line for run in folders.readable for line in run.problems]
    return LeaderboardResult(table, tuple(dict.fromkeys([*folders.errors, *unread, *table.problems])))
