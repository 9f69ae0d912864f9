"""Published scores below the runs of a leaderboard, and the runs' own reward accuracy beside a published one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.analysis.leaderboard.published import PublishedModel
from mcqa_suite.reporting.tables import percent
from mcqa_suite.stats import Estimate

REWARD = "reward accuracy %"
REWARD_RECORD = {"task": "reward accuracy", "metric": "reward_accuracy"}
PAIRS = f"{REWARD.capitalize()}: each model's on pairs of its own; a run's are those that its stage kept from training."


def reward_column(board: Leaderboard) -> dict[str, list[tuple[float | None, str]]]:
    """The runs' reward accuracy: title -> (value, text) of each row. Empty where no reward accuracy was published."""
    if not _has_rewards(board):
        return {}
    estimates = [row.run.origin.reward_accuracy for row in board.rows]
    return {REWARD: [(estimate.value, _text(estimate)) if estimate else (None, "") for estimate in estimates]}


def lines(board: Leaderboard, titles: Sequence[str]) -> list[list[str]]:
    """A line for each published model with a score of what is shown; the last columns have these `titles`."""
    return [
        [
            _name(model),
            "",
            *(_percent(model.scores.get(column.name)) for column in board.columns),
            "",
            *(_percent(model.reward_accuracy) if title == REWARD else "" for title in titles),
        ]
        for model in board.published
        if _is_shown(board, model)
    ]


def notes(board: Leaderboard) -> list[str]:
    """Where the scores were published."""
    texts = [PAIRS] if _has_rewards(board) else []
    shown = [model for model in board.published if _is_shown(board, model)]
    if absent := [model.model for model in board.published if model not in shown]:
        texts.append(f"Published, but not of these tasks: {', '.join(absent)}.")
    for source in dict.fromkeys(model.source for model in shown):
        names = [model.model for model in shown if model.source == source]
        texts.append(f"Published, as it stands there, without interval, rank or test: {', '.join(names)}: {source}.")
    return texts


def records(board: Leaderboard) -> Iterator[dict[str, Any]]:
    """A record for each published score, and the runs' reward accuracies beside published ones; fractions of 1."""
    for row in board.rows if _has_rewards(board) else ():
        if accuracy := row.run.origin.reward_accuracy:
            values = {"n": accuracy.n, "value": accuracy.value, "low": accuracy.low, "high": accuracy.high}
            yield {"model": row.run.name, "rank": row.rank, **REWARD_RECORD, **values}
    for model in board.published:
        head = {"model": _name(model), "source": model.source}
        for column in board.columns:  # a score is that of any filter and few-shot count
            if (score := model.scores.get(column.name)) is not None:
                task = {"task": column.title_without_filter, "filter": column.filter}
                yield {**head, **task, "value": score / 100}
        if model.reward_accuracy is not None:
            yield {**head, **REWARD_RECORD, "value": model.reward_accuracy / 100}


def _has_rewards(board: Leaderboard) -> bool:
    return any(model.reward_accuracy is not None for model in board.published)


def _is_shown(board: Leaderboard, model: PublishedModel) -> bool:
    return model.reward_accuracy is not None or any(column.name in model.scores for column in board.columns)


def _name(model: PublishedModel) -> str:
    return f"{model.model} (published)"


def _percent(score: float | None) -> str:
    return "" if score is None else percent(score / 100)


def _text(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} ± {percent(estimate.half_width)}"
