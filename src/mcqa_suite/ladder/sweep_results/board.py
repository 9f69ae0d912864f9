"""What a sweep came to: its points by the criterion, the best marked, and what its lead over the others is worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite.analysis import compare
from mcqa_suite.analysis.compare import ComparisonRow, Options
from mcqa_suite.common.errors import ComparisonError, ConfigError
from mcqa_suite.common.manifest import HELD_OUT
from mcqa_suite.ladder.sweep import Criterion, Point, Sweep
from mcqa_suite.logs.runs import read_run
from mcqa_suite.stats import Estimate, PairedTable, clustered_difference, paired_difference, wilson
from mcqa_suite.stats.paired import square_and_add

# Figures of a manifest that are shares of its held-out pairs, and how many those are.
SHARES = ("reward_accuracy", "shorter_accuracy", "longer_accuracy")
PAIRS = "held_out_pairs"


@dataclass(frozen=True)
class Entry:
    """What a point left: the figures of its manifest, the folders of its evaluation and of its checkpoint."""

    metrics: Mapping[str, Any]
    evaluation: Path | None
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Score:
    """A point by the criterion; `interval` is None for a figure of which no sample size is known.

    `behind` is what it lacks to the best (negative, or positive for a loss), None for the best itself and where there is no
    interval.
    """

    point: Point
    value: float
    interval: Estimate | None = None
    behind: Estimate | None = None

    @property
    def is_told_apart(self) -> bool:
        """Whether the best is better by more than noise; False where that cannot be said."""
        return self.behind is not None and not self.behind.low <= 0 <= self.behind.high


@dataclass(frozen=True)
class Board:
    """The points in the grid's order."""

    sweep: Sweep
    scores: tuple[Score, ...]
    paired: bool

    @property
    def ranked(self) -> list[Score]:
        """Best first; of equals the one that comes first in the grid."""
        sign = 1 if self.sweep.criterion.lower_is_better else -1
        return sorted(self.scores, key=lambda score: sign * score.value)

    @property
    def best(self) -> Score:
        return self.ranked[0]


def check_metric(criterion: Criterion, name: str, metrics: Mapping[str, Any]) -> None:
    """ConfigError where a manifest has no such figure."""
    if criterion.task is None and not isinstance(metrics.get(criterion.metric), int | float):
        known = [key for key, value in metrics.items() if isinstance(value, int | float)]
        raise ConfigError(
            f"criterion: {criterion.metric!r}: the manifest of {name} has no such figure; it has {', '.join(known) or 'none'}"
        )


def score(sweep: Sweep, entries: Mapping[str, Entry]) -> Board:
    """Every point by the criterion and against the best: paired by document for a task, by held-out pair for reward accuracy."""
    if sweep.criterion.task is None:
        return _by_metric(sweep, entries)
    return _by_task(sweep, entries, sweep.criterion.task)


def _by_metric(sweep: Sweep, entries: Mapping[str, Entry]) -> Board:
    metric = sweep.criterion.metric
    scores = []
    for point in sweep.points:
        metrics = entries[point.stage].metrics
        check_metric(sweep.criterion, point.stage, metrics)
        value, n = float(metrics[metric]), metrics.get(PAIRS)
        share = wilson(round(value * n), n) if metric in SHARES and n else None
        scores.append(Score(point, value, share))
    best = Board(sweep, tuple(scores), paired=False).best
    right = [_right(entries[s.point.stage].checkpoint) if metric == "reward_accuracy" else {} for s in scores]
    paired = bool(right[0]) and all(one.keys() == right[0].keys() for one in right)
    of_best = right[scores.index(best)]
    against = [
        s if s is best else replace(s, behind=_paired(of_best, r) if paired else _unpaired(best.interval, s.interval))
        for s, r in zip(scores, right, strict=True)
    ]
    return Board(sweep, tuple(against), paired)


def _right(checkpoint: Path | None) -> dict[tuple[str, str], bool]:
    """Of every held-out pair, by its id and its question, whether the chosen response has the higher reward."""
    path = checkpoint / HELD_OUT if checkpoint else None
    if path is None or not path.is_file():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row["id"], row["group"]): row["chosen"] > row["rejected"] for row in rows}


def _paired(best: dict[tuple[str, str], bool], other: dict[tuple[str, str], bool]) -> Estimate:
    """Other minus best over the same pairs; pairs of one question are not independent of each other."""
    first, second = (np.array([right[key] for key in best]) for right in (best, other))
    groups, codes = np.unique([group for _, group in best], return_inverse=True)
    if 1 < len(groups) < len(best) and (first != second).any():
        return clustered_difference(first, second, codes)[0]
    table = PairedTable.of(first, second)
    return paired_difference(table.both, table.only_second, table.only_first, table.neither)


def _unpaired(best: Estimate | None, other: Estimate | None) -> Estimate | None:
    """Other minus best, as of two independent samples (Newcombe 1998): on the same pairs this is too wide, never too narrow."""
    if best is None or other is None:
        return None
    value = other.value - best.value
    below = float(square_and_add(other.value - other.low, best.high - best.value))
    above = float(square_and_add(other.high - other.value, best.value - best.low))
    return Estimate(value, value - below, value + above, min(best.n, other.n))


def _by_task(sweep: Sweep, entries: Mapping[str, Entry], task: str) -> Board:
    folders = {point.stage: entries[point.stage].evaluation for point in sweep.points}
    if lost := [name for name, folder in folders.items() if folder is None]:
        raise ConfigError(f"criterion: task {task!r}: {lost[0]} was not evaluated")
    runs = {name: read_run(folder, name=name) for name, folder in folders.items() if folder}
    options = Options(tasks=task, metric=sweep.criterion.metric)

    def against(base: str) -> dict[str, ComparisonRow]:
        try:
            report = compare.compare(runs[base], [runs[name] for name in runs if name != base], options)
        except ComparisonError as error:
            raise ComparisonError(f"sweep {sweep.name}: criterion {sweep.criterion}: {error}") from error
        return {row.variant: row for row in report.rows if row.task == task}

    first = sweep.points[0].stage
    rows = against(first)
    if lost := [name for name in runs if name not in {first, *rows}]:
        raise ComparisonError(
            f"sweep {sweep.name}: {lost[0]} has no {sweep.criterion} that could be paired with {first}"
        )
    intervals = {first: next(iter(rows.values())).change.base} | {
        name: row.change.variant for name, row in rows.items()
    }
    scores = tuple(Score(p, intervals[p.stage].value, intervals[p.stage]) for p in sweep.points)
    best = Board(sweep, scores, paired=True).best
    rows = against(best.point.stage)
    done = [
        s if s is best else Score(s.point, s.value, s.interval, rows[s.point.stage].change.difference) for s in scores
    ]
    return Board(sweep, tuple(done), paired=True)
