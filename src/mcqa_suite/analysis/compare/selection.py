"""Select tasks and groups by globs over their names, and name what a glob or a run lacks."""

from __future__ import annotations

from fnmatch import fnmatchcase

from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.common.lists import first_of
from mcqa_suite.logs.runs import Run


def lacking(base: Run, variant: Run, patterns: str) -> list[str]:
    """A line for each selected task and filter that one of the two runs lacks."""
    lines = []
    for run, other in ((base, variant), (variant, base)):
        selected = selected_tasks(run, patterns)
        lines += [
            f"{task}{'' if filter_name == 'none' else f', filter {filter_name}'}: not in {other.name}"
            for task, filter_name in run.tasks
            if task in selected and (task, filter_name) not in other.tasks
        ]
    return lines


def matches(name: str, patterns: str) -> bool:
    """Whether the name of a task or group matches one of the globs."""
    return any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(","))


def unmatched(base: Run, patterns: str) -> list[str]:
    """A line for each glob that matches no task or group of the base. Raises ComparisonError if none matches."""
    names = sorted({task for task, _ in base.tasks} | base.groups.keys())
    globs = [pattern.strip() for pattern in patterns.split(",")]
    idle = [pattern for pattern in globs if not any(matches(name, pattern) for name in names)]
    if len(idle) == len(globs):
        raise ComparisonError(f"--tasks {patterns!r} matches nothing in {base.path}; there are: {first_of(names, 20)}")
    return [f"--tasks {pattern!r} matches nothing in {base.name}" for pattern in idle]


def selected_tasks(run: Run, patterns: str) -> set[str]:
    """Matching tasks, and the members of matching groups."""
    tasks = {task for task, _ in run.tasks if matches(task, patterns)}
    return tasks.union(*(group.tasks for group in run.groups.values() if matches(group.name, patterns)))
