"""Select the results of some filters, where a task's answers were read in several ways."""

from __future__ import annotations

from dataclasses import replace

from mcqa_suite.analysis.compare.selection import matches
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.settings import NO_FILTER


def selected_filters(run: Run, patterns: str) -> Run:
    """The run with the results of the filters that match a glob, and of tasks that no filter read.

    Raises ComparisonError if no filter of the run matches.
    """
    named = {task for task, name in run.tasks if matches(name, patterns)}
    if not named:
        names = ", ".join(sorted({name for _, name in run.tasks}))
        raise ComparisonError(f"{run.path}: --filter {patterns}: no such filter; there are: {names}")
    selected = {
        key: task
        for key, task in run.tasks.items()
        if matches(key[1], patterns) or (key[1] == NO_FILTER and key[0] not in named)
    }
    return replace(run, tasks=selected)
