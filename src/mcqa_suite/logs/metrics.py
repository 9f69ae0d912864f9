"""What a metric is: which direction is better, whether it is a share from 0 to 1, and whether guessing has a score in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Shares of right answers, from 0 to 1; a comparison uses the first of them that a run has, unless another is named.
METRICS = ("acc", "acc_norm", "exact_match")
# Guessing has a score in these: chance, the most frequent letter and flips mean something.
ACCURACIES = (*METRICS, "acc_bytes", "acc_mutual_info", "math_verify", "majority")
# How an answer was read, not whether it is right.
READINGS = ("parsed", "refused", "truncated")
# The others are shown in their own unit, not in per cent.
SHARES = frozenset(
    {
        *(*ACCURACIES, *READINGS, "any_right", "finite", "shape", "cells", "described"),
        *("reward_accuracy", "shorter_accuracy", "longer_accuracy"),  # of a reward or preference stage
    }
)
# Used where a results file does not say which direction is better.
LOWER_IS_BETTER = frozenset(
    {
        *("refused", "truncated", "position_std", "loss", "nll", "brier", "brier_score", "ece"),
        *("perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte"),
        *("mae", "mse", "rmse", "mape", "ter", "wer", "cer"),
    }
)
HIGHER_IS_BETTER = SHARES - LOWER_IS_BETTER | {
    *("epfl_mark", "f1", "em", "mcc", "precision", "recall", "bleu", "chrf", "bertscore"),
    *("rouge1", "rouge2", "rougeL", "rougeLsum"),
}
Directions = Mapping[str, bool]  # metric -> whether higher is better, as a results file has it


def is_share(metric: str) -> bool:
    """Whether its values are shares from 0 to 1, which tables show in per cent."""
    return metric in SHARES


def is_accuracy(metric: str) -> bool:
    """Whether it is a share of right answers, so that guessing has a score in it."""
    return metric in ACCURACIES


def directions_of(results: Mapping[str, Any], task: str) -> dict[str, bool]:
    """The directions that a results file has of a task's metrics; {} where it has none."""
    tasks = results.get("higher_is_better")
    metrics = tasks.get(task) if isinstance(tasks, dict) else None
    return (
        {name: value for name, value in metrics.items() if isinstance(value, bool)} if isinstance(metrics, dict) else {}
    )


def higher_is_better(metric: str, recorded: Iterable[Directions]) -> bool | None:
    """The direction that the results files have, else that of a known name, else higher; None where files disagree."""
    directions = {files[metric] for files in recorded if metric in files}
    if len(directions) > 1:
        return None
    return directions.pop() if directions else metric not in LOWER_IS_BETTER


def is_assumed(metric: str, recorded: Iterable[Directions]) -> bool:
    """Whether neither a results file nor a known name says which direction is better."""
    return metric not in LOWER_IS_BETTER | HIGHER_IS_BETTER and not any(metric in files for files in recorded)
