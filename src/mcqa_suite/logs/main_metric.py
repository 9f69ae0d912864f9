"""Which of its metrics a task is judged by, where the user names none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcqa_suite.logs.guessing import chances
from mcqa_suite.logs.runs import Run, TaskRun

Key = tuple[str, str]  # task and filter


def main_metrics(run: Run) -> dict[Key, str]:
    """The metric of each task: the first of METRICS; acc_norm where acc says little.

    Where the options' texts are scored and acc is below chance, the length of the options decides it. The tasks of a group are
    taken together, so that they have a mean.
    """
    metrics: dict[Key, str] = {}
    groups = sorted(run.groups.values(), key=lambda group: -len(group.tasks))
    filters = dict.fromkeys(filter_name for _, filter_name in run.tasks)
    for names in [*(group.tasks for group in groups), *((task,) for task in run.task_names)]:
        for filter_name in filters:
            members = [run.tasks[name, filter_name] for name in names if (name, filter_name) in run.tasks]
            by_length = bool(members) and _decided_by_length(members)
            for task in members:
                if (key := (task.task, filter_name)) not in metrics and task.metrics:
                    metrics[key] = "acc_norm" if by_length else task.metrics[0]
    return metrics


def _decided_by_length(tasks: Sequence[TaskRun]) -> bool:
    if not all({"acc", "acc_norm"} <= task.samples.scores.keys() and task.samples.scores_texts for task in tasks):
        return False
    scores = np.concatenate([task.samples.scores["acc"] for task in tasks])
    guessed = np.concatenate([chances(*task.asked) for task in tasks])
    return bool(scores.mean() < guessed.mean())
