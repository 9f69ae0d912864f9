"""The columns that rank a leaderboard's models, their macro means and their ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from mcqa_suite.analysis.compare import measure
from mcqa_suite.analysis.compare.pairing import Pairs, pair, scored
from mcqa_suite.analysis.compare.tasks import Options
from mcqa_suite.analysis.compare.verdicts import LEVEL, against_best
from mcqa_suite.analysis.leaderboard.columns import TaskColumn, mean_of_columns, normed, weights_of
from mcqa_suite.analysis.leaderboard.differences import column_refusal
from mcqa_suite.analysis.leaderboard.result import BoardRow
from mcqa_suite.logs.runs import Run
from mcqa_suite.stats import Estimate


def sound_columns(rows: Sequence[BoardRow], columns: Sequence[TaskColumn]) -> list[TaskColumn]:
    """The columns on which no model's log is unsound, so that one bad log costs a model no rank.

    Models of which no log is sound do not count. All columns where none is left.
    """
    some = [row for row in rows if any(entry and entry.is_sound for entry in row.entries)]
    unsound = {entry.column for row in some for entry in row.entries if entry and not entry.is_sound}
    return [column for column in columns if column not in unsound] or list(columns)


def macro_mean(row: BoardRow, columns: Sequence[TaskColumn]) -> Estimate | None:
    """The mean over columns; None if an entry is missing or unsound, or the logs may be of different weights."""
    chosen = set(columns)
    entries = [entry for entry in row.entries if entry and entry.column in chosen]
    if len(entries) < len(columns) or not all(entry.is_sound for entry in entries):
        return None
    if not row.run.is_of_one_model(key for column in columns for key in column.keys):
        return None
    return mean_of_columns([entry.scores for entry in entries]).estimate


def largest_complete(rows: Sequence[BoardRow], columns: Sequence[TaskColumn]) -> list[TaskColumn]:
    """The column of most questions on which every model has a sound score; the first column where there is none."""
    questions = dict[int, float]()
    for index in range(len(columns)):
        entries = [row.entries[index] for row in rows]
        if all(entry is not None and entry.is_sound for entry in entries):
            questions[index] = min(entry.accuracy.n for entry in entries if entry)
    return [columns[max(questions, key=lambda index: questions[index])]] if questions else list(columns[:1])


def _goodness(row: BoardRow, ranked_by: Sequence[TaskColumn]) -> float:
    """The value that sorts a row, the best highest: its macro mean, or its score on the only column, with the sign of the
    metric's direction; -inf if it is missing or unsound."""
    sign = 1 if ranked_by[0].higher_is_better else -1
    if len(ranked_by) > 1:
        return -inf if row.macro is None else sign * row.macro.value
    entry = next((entry for entry in row.entries if entry is not None and entry.column == ranked_by[0]), None)
    return -inf if entry is None or not entry.is_sound else sign * entry.accuracy.value


def with_ranks(rows: Sequence[BoardRow], ranked_by: Sequence[TaskColumn]) -> list[BoardRow]:
    """Sort rows by goodness and add ranks, and whether the difference of each to the first is significant.

    Ranks are among the runs that were asked like the first valid one; the others follow without a rank.
    """
    values = {id(row): _goodness(row, ranked_by) for row in rows}
    ordered = sorted(rows, key=lambda row: -values[id(row)])
    valid = [row for row in rows if values[id(row)] > -inf]
    if not valid:
        return ordered
    refusals = {id(row): _unlike(valid[0].run, row.run, ranked_by) for row in valid}
    sound = [row for row in ordered if refusals.get(id(row)) == ""]
    p_values = [_paired_p(sound[0].run, row.run, ranked_by) for row in sound[1:]]
    corrected = iter(against_best([p for p in p_values if p is not None], len(sound)))
    scores = [values[id(row)] for row in sound]
    ranked = []
    for row, value, p in zip(sound, scores, [0.0, *p_values], strict=True):
        rank = f"{1 + sum(other > value for other in scores)}{'=' if scores.count(value) > 1 else ''}"
        inseparable = row is not sound[0] and p is not None and next(corrected) >= LEVEL
        ranked.append(replace(row, rank=rank, inseparable=inseparable))
    rest = [replace(row, unranked=refusals.get(id(row), "")) for row in ordered if refusals.get(id(row)) != ""]
    return ranked + rest


def _unlike(first: Run, second: Run, columns: Sequence[TaskColumn]) -> str:
    """In what two models were asked differently, in the first such task of the columns; "" where they may be ranked."""
    if first is second:
        return ""
    return next((reason for column in columns if (reason := column_refusal(first, second, column))), "")


def _paired_p(first: Run, second: Run, columns: Sequence[TaskColumn]) -> float | None:
    """Paired p of no difference between two models' means over columns, as of a comparison; None for a task without pairs."""
    parts: list[Pairs] = []
    weights: list[float] = []
    for column in columns:
        tasks = [(first.tasks[key].samples, second.tasks[key].samples) for key in column.keys]
        own = [scored(pair(*samples, column.metric)[0]) for samples in tasks]
        counts = [pairs.n for pairs in own]
        if not all(counts):
            return None
        shares = weights_of(first, column, counts)
        if len(columns) == 1:
            return measure.change(own, shares, Options().margin, resamples=0).p
        parts += own
        weights += normed(shares or counts)
    return measure.change(parts, weights, Options().margin, resamples=0).p
