"""`mcqa compare` and `mcqa table`: read the runs, print the table, then say what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mcqa_suite.analysis.compare import Options, compare, exit_code, read_subset, restricted
from mcqa_suite.common.errors import ComparisonError, DatasetError
from mcqa_suite.logs.named_runs import read_runs
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting import comparison_text as comparison
from mcqa_suite.reporting import summary


def compare_runs(
    base: str,
    variants: Sequence[str],
    options: Options,
    *,
    noise_floor: str | None = None,
    style: str = "md",
    fail_if: str | None = None,
    subset: Path | None = None,
) -> int:
    """Prints the comparison; returns 0, or what `fail_if` "worse" asks for: 1 worse, 2 not to be judged.

    Raises McqaError, once what can be compared is printed, where something could not be read or paired.
    """
    given = [base, *variants, *([noise_floor] if noise_floor else [])]
    runs, problems = read_runs(given, options.cluster)
    runs, note = _some_documents(runs, subset)
    first, others = runs[0], runs[1 : 1 + len(variants)]
    if first is None:
        raise DatasetError(problems[0])
    floor = runs[-1] if noise_floor else None
    readable = [run for run in others if run is not None]
    if not readable and floor is None:
        raise DatasetError("\n".join(problems))
    report = replace(compare(first, readable, options, noise_floor=floor), subset=note)
    print(comparison.FORMATS[style](replace(report, problems=(*problems, *report.problems))), end="")
    if remaining := [*problems, *report.problems]:
        raise ComparisonError("\n".join(remaining))
    return exit_code(report) if fail_if == "worse" else 0


def table_of(paths: Sequence[str], *, metric: str | None = None, style: str = "md", subset: Path | None = None) -> None:
    """Prints the leaderboard; raises McqaError afterwards where a run could not be read."""
    runs, problems = read_runs(paths, None)
    runs, note = _some_documents(runs, subset)
    readable = [run for run in runs if run is not None]
    problems += [problem for run in readable for problem in run.problems]
    if not readable:
        raise DatasetError("\n".join(problems))
    print(summary.FORMATS[style](replace(summary.summarise(readable, metric), subset=note)), end="")
    if problems:
        raise DatasetError("\n".join(problems))


def _some_documents(runs: list[Run | None], subset: Path | None) -> tuple[list[Run | None], str | None]:
    """The runs over the documents of a list alone, and the line that has to say so."""
    if subset is None:
        return runs, None
    kept = read_subset(subset)
    return [None if run is None else restricted(run, kept) for run in runs], kept.note
