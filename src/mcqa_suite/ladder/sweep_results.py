"""Score the points of a sweep by its criterion, compare them with the best, and write the result as Markdown and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis import compare
from mcqa_suite.analysis.compare import ComparisonRow, Options, is_significant
from mcqa_suite.analysis.compare.filters import selected_filters
from mcqa_suite.analysis.compare.verdicts import LEVEL, against_best
from mcqa_suite.common.chat_template import WAYS, ChatTemplate
from mcqa_suite.common.errors import ComparisonError, ConfigError
from mcqa_suite.common.jsonl import numbered_rows
from mcqa_suite.common.manifest import HELD_OUT
from mcqa_suite.ladder.steps import RungResult
from mcqa_suite.ladder.sweep import Criterion, Point, Sweep, shown
from mcqa_suite.logs.agreement import refusal
from mcqa_suite.logs.runs import Run, read_run
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.tables import Table, change_interval, in_unit, p_value, percent, unit
from mcqa_suite.stats import Estimate

# Figures of a manifest that are shares of its held-out pairs, and how many those are.
SHARES = ("reward_accuracy", "shorter_accuracy", "longer_accuracy")
PAIRS = "held_out_pairs"
# Figures of the manifest that get a column, with title and factor; not the loss, which has another scale at every beta.
FIGURES = {
    "reward_accuracy": ("reward accuracy %", 100),
    "reward_ties": ("ties", 1),
    "reward_margin": ("margin", 1),
    "shorter_accuracy": ("shorter is right %", 100),
}
HeldOut = dict[tuple[str, str], bool]


@dataclass(frozen=True)
class Score:
    """A point by the criterion; `interval` is None for a figure of unknown sample size.

    `behind`: the difference to the best; `p_corrected`: its p, corrected over every pair of points; `is_significant`: whether it
    gets a mark. None and False for the best itself and without an interval. `unread`: the share of answers that could not be
    read, None without generated answers.
    """

    point: Point
    value: float
    interval: Estimate | None = None
    behind: Estimate | None = None
    p_corrected: float | None = None
    is_significant: bool = False
    unread: float | None = None


@dataclass(frozen=True)
class SweepScores:
    """The points in the grid's order; `paired`: differences are over the same questions or pairs; `notes`: a line for each point
    that was asked differently from the best, and so has no difference to it. `lower_is_better`: the criterion's direction."""

    sweep: Sweep
    scores: tuple[Score, ...]
    paired: bool
    notes: tuple[str, ...] = ()
    lower_is_better: bool = False

    @property
    def ranked(self) -> list[Score]:
        """Best first; of equals the one that comes first in the grid."""
        sign = 1 if self.lower_is_better else -1
        return sorted(self.scores, key=lambda score: sign * score.value)

    @property
    def best(self) -> Score:
        return self.ranked[0]


def check_metric(criterion: Criterion, name: str, metrics: Mapping[str, Any]) -> None:
    """ConfigError where a manifest lacks the criterion's figure."""
    if criterion.task is None and not isinstance(metrics.get(criterion.metric), int | float):
        figures = [key for key, value in metrics.items() if isinstance(value, int | float)]
        raise ConfigError(
            f"criterion: {criterion.metric!r}: the manifest of {name} has no such figure; it has {', '.join(figures) or 'none'}"
        )


def score(sweep: Sweep, results: Mapping[str, RungResult]) -> SweepScores:
    """Score every point and compare it with the best: by document for a task, by held-out pair for reward accuracy."""
    if sweep.criterion.task is None:
        return _score_by_metric(sweep, results)
    return _score_by_task(sweep, results, sweep.criterion.task)


def _score_by_metric(sweep: Sweep, results: Mapping[str, RungResult]) -> SweepScores:
    metric = sweep.criterion.metric
    scores = []
    for point in sweep.points:
        metrics = results[point.stage].manifest.metrics
        check_metric(sweep.criterion, point.stage, metrics)
        value, n = float(metrics[metric]), metrics.get(PAIRS)
        scores.append(Score(point, value, stats.wilson(round(value * n), n) if metric in SHARES and n else None))
    lower = sweep.criterion.lower_is_better
    best = SweepScores(sweep, tuple(scores), paired=False, lower_is_better=lower).best
    held_out = [_held_out(results[s.point.stage].checkpoint) if metric == "reward_accuracy" else {} for s in scores]
    paired = bool(held_out[0]) and all(right.keys() == held_out[0].keys() for right in held_out)
    if best.interval is None:
        return SweepScores(sweep, tuple(scores), paired, lower_is_better=lower)
    of_best = held_out[scores.index(best)]
    notes = {s.point.stage: note for s in scores if (note := _other_template(results, best.point.stage, s.point.stage))}
    tests = {
        index: _paired_test(of_best, held_out[index]) if paired else _unpaired_test(best.interval, s.interval)
        for index, s in enumerate(scores)
        if s is not best and s.interval is not None and s.point.stage not in notes
    }
    corrected = against_best([p for _, p in tests.values()], len(scores))
    for (index, (behind, _)), p in zip(tests.items(), corrected, strict=True):
        scores[index] = replace(scores[index], behind=behind, p_corrected=p, is_significant=p < LEVEL)
    return SweepScores(sweep, tuple(scores), paired, tuple(notes.values()), lower)


def _other_template(results: Mapping[str, RungResult], best: str, other: str) -> str:
    """A line where the pairs of two points were put into another form, "" where they were not."""
    first, second = (results[name].manifest.rows_written or ChatTemplate() for name in (best, other))
    pairs = first.differences(second)
    if not pairs:
        return ""
    ours, theirs = (WAYS[way] for way in next(iter(pairs.values())))
    return f"chat template of {', '.join(pairs)} pairs: {ours} ({best}), {theirs} ({other})"


def _held_out(checkpoint: Path) -> HeldOut:
    """For every held-out pair, by its id and question, whether the chosen response has the higher reward."""
    path = checkpoint / HELD_OUT
    if not path.is_file() or not path.stat().st_size:
        return {}
    return {(row["id"], row["group"]): row["chosen"] > row["rejected"] for _, row in numbered_rows(path)}


def _paired_test(best: HeldOut, other: HeldOut) -> tuple[Estimate, float]:
    """Other minus best over the same pairs, and its p; pairs of one question are a cluster."""
    first, second = (np.array([right[key] for key in best], float) for right in (best, other))
    rows = stats.Rows.pooled(len(best), np.array([group for _, group in best]))
    paired = stats.PairedMeans.of(first, second, rows)
    return paired.difference(), paired.p_value()


def _unpaired_test(best: Estimate, other: Estimate) -> tuple[Estimate, float]:
    """Other minus best as of independent samples, and its p: on the same pairs the interval is too wide, never too narrow."""
    return stats.unpaired_difference(best, other), stats.unpaired_test(best, other)


def _score_by_task(sweep: Sweep, results: Mapping[str, RungResult], task: str) -> SweepScores:
    folders = {point.stage: results[point.stage].evaluation for point in sweep.points}
    if missing := [name for name, folder in folders.items() if folder is None]:
        raise ConfigError(f"criterion: task {task!r}: {missing[0]} was not evaluated")
    runs = {name: _read(folder, name, sweep.criterion) for name, folder in folders.items() if folder}
    options = Options(tasks=task, metric=sweep.criterion.metric)

    def compared_with(base: str) -> tuple[dict[str, ComparisonRow], tuple[str, ...]]:
        others = [runs[name] for name in runs if name != base]
        try:
            comparison = compare.compare(runs[base], others, options, leave_out=True)
        except ComparisonError as error:
            if all(_refused(runs[base], run, task) for run in others):
                return {}, tuple(_refused(runs[base], run, task) for run in others)
            raise ComparisonError(f"sweep {sweep.name}: criterion {sweep.criterion}: {error}") from error
        return {row.variant: row for row in comparison.rows if row.task == task}, comparison.mismatches

    own = {name: _own_row(run, options, sweep) for name, run in runs.items()}
    lower = not all(row.higher_is_better for row in own.values())
    intervals = {name: row.change.base for name, row in own.items()}
    first = sweep.points[0].stage
    rows, _ = compared_with(first)
    missing = [name for name in runs if name not in {first, *rows} and not _refused(runs[first], runs[name], task)]
    if missing:
        raise ComparisonError(
            f"sweep {sweep.name}: {missing[0]} has no {sweep.criterion} that could be paired with {first}"
        )
    intervals |= {name: row.change.variant for name, row in rows.items()}
    scores = [
        Score(point, intervals[point.stage].value, intervals[point.stage], unread=own[point.stage].unread_base)
        for point in sweep.points
    ]
    best = SweepScores(sweep, tuple(scores), paired=True, lower_is_better=lower).best
    rows, notes = compared_with(best.point.stage)
    for index, s in enumerate(scores):
        if row := rows.get(s.point.stage):
            (p,) = against_best([row.change.p], len(scores))
            is_marked = is_significant(row) and p < LEVEL
            scores[index] = replace(s, behind=row.change.difference, p_corrected=p, is_significant=is_marked)
    return SweepScores(sweep, tuple(scores), paired=True, notes=notes, lower_is_better=lower)


def _read(folder: Path, name: str, criterion: Criterion) -> Run:
    """A point's run under the criterion's filter; ConfigError where the criterion does not choose one of several."""
    run = read_run(folder, name=name)
    if criterion.filter is not None:
        run = selected_filters(run, criterion.filter)
    group = run.groups.get(criterion.task or "")
    names = group.tasks if group else (criterion.task,)
    filters = dict.fromkeys(filter_name for task, filter_name in run.tasks if task in names)
    if len(filters) > 1:
        raise ConfigError(
            f"criterion: task {criterion.task!r} has results of several filters; add filter: to the criterion, one of "
            f"{', '.join(filters)}"
        )
    return run


def _own_row(run: Run, options: Options, sweep: Sweep) -> ComparisonRow:
    """A point compared with itself, for its own score."""
    try:
        rows = compare.compare(run, [run], options).rows
    except ComparisonError as error:
        raise ComparisonError(f"sweep {sweep.name}: criterion {sweep.criterion}: {error}") from error
    return next(row for row in rows if row.task == options.tasks)


def _refused(first: Run, second: Run, task: str) -> str:
    """In what two points were asked differently on a task (or the first such task of a group), else ""."""
    names = first.groups[task].tasks if task in first.groups else (task,)
    common = [key for key in first.tasks if key[0] in names and key in second.tasks]
    pairs = [(first.tasks[key], second.tasks[key]) for key in common]
    return next((reason for a, b in pairs if (reason := refusal(a, b, first.name, second.name))), "")


def verdict(scores: SweepScores) -> str:
    """Name the best, its lead over the second, and whether noise could explain it."""
    best, second = scores.ranked[:2]
    metric = scores.sweep.criterion.metric
    words = f"Best: **{best.point.stage}** ({_value(best, metric)})"
    if second.behind is None and scores.notes:
        return (
            f"{words}; the second, {second.point.stage}, was asked differently, so there is no difference between them."
        )
    if second.behind is None:
        lead = f"{abs(best.value - second.value):.4g}"
        return f"{words}, {lead} from the second, {second.point.stage}; how much of this is noise is not known."
    behind = second.behind
    ahead = behind if scores.lower_is_better else Estimate(-behind.value, -behind.high, -behind.low, behind.n)
    noise = "more than noise" if second.is_significant else "no more than noise, so the choice between them is open"
    tested = [s for s in scores.scores if s.behind is not None]
    others, alike = len(tested), sum(not s.is_significant for s in tested)
    return (
        f"{words}, {change_interval(ahead, metric)}{unit(metric, ' points')} before the second, {second.point.stage}: {noise}. "
        f"Of {others} other{'s' * (others > 1)} {alike} cannot be told from it. It was chosen among {len(scores.scores)} on "
        "these very items, so its own figure flatters it: confirm it on others."
    )


def markdown(scores: SweepScores, results: Mapping[str, RungResult]) -> str:
    """A row a point in the grid's order, the best in bold; then the verdict."""
    sweep, interval = scores.sweep, scores.best.interval
    figures = [key for key in FIGURES if key != sweep.criterion.metric]
    metric = sweep.criterion.metric
    header = ["stage", *sweep.keys, f"{sweep.criterion}{unit(metric, ' %') if interval else ''}", "95 % interval"]
    header += [
        f"to the best{unit(metric, ' (points)')}",
        "p, corrected",
        "unread %",
        *(FIGURES[key][0] for key in figures),
    ]
    lines = []
    for s in scores.scores:
        name = f"**{s.point.stage}**" if s is scores.best else s.point.stage
        values = [shown(s.point.values[key]) for key in sweep.keys]
        own = f"{in_unit(s.interval.low, metric)} to {in_unit(s.interval.high, metric)}" if s.interval else ""
        behind = change_interval(s.behind, metric) + " *" * s.is_significant if s.behind else ""
        metrics = results[s.point.stage].manifest.metrics
        extra = [figure_text(metrics.get(key), FIGURES[key][1]) for key in figures]
        lines.append([name, *values, _value(s, metric), own, behind, p_value(s.p_corrected), percent(s.unread), *extra])
    n = f", n = {interval.n}" if interval else ""
    title = f"sweep {sweep.name}, {sweep.criterion} ({len(lines)} points{n})"
    how = "question by question" if scores.paired else "as of two independent samples, too wide on the same pairs"
    note = f"Differences are {how}; p: corrected over every pair of points, as the best is chosen by its score; *: p under .05."
    notes = [verdict(scores), *([note] if interval else [])]
    notes += [f"Asked differently, so not subtracted: {'; '.join(scores.notes)}."] if scores.notes else []
    table = Table(title, header, lines, notes, left=1 + len(sweep.keys))
    return tables.markdown(table.without_empty_columns())


def as_csv(scores: SweepScores) -> str:
    """Every number of the table, as fractions, one row a point."""
    return tables.csv_text(
        [
            {
                "stage": s.point.stage,
                **{key: shown(s.point.values[key]) for key in scores.sweep.keys},
                "criterion": str(scores.sweep.criterion),
                "value": s.value,
                **{key: s.interval and getattr(s.interval, key) for key in ("low", "high", "n")},
                **{f"to_best_{key}": s.behind and getattr(s.behind, key) for key in ("value", "low", "high")},
                "p_corrected": s.p_corrected,
                "unread": s.unread,
                "best": int(s is scores.best),
            }
            for s in scores.scores
        ]
    )


def _value(s: Score, metric: str) -> str:
    return in_unit(s.value, metric) if s.interval else f"{s.value:.4g}"


def figure_text(value: Any, factor: int = 1) -> str:
    """A figure of a manifest: whole, or with four digits; "" where it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value) if isinstance(value, int) and factor == 1 else f"{factor * value:.4g}"
