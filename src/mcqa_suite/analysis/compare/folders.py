"""Read the runs of a comparison or a leaderboard from their folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcqa_suite.analysis.compare.engine import compare
from mcqa_suite.analysis.compare.result import Comparison
from mcqa_suite.analysis.compare.subset import read_subset, restricted
from mcqa_suite.analysis.compare.tasks import Options
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.named_runs import read_runs
from mcqa_suite.logs.runs import Run


@dataclass(frozen=True)
class Folders:
    """`runs` in the given order, None for an unreadable one, which has a line in `errors`.

    `subset`: a note that names the documents that were read; None for all.
    """

    runs: tuple[Run | None, ...]
    errors: tuple[str, ...]
    subset: str | None = None

    @property
    def readable(self) -> list[Run]:
        """The runs that could be read. Raises DatasetError if there are none."""
        runs = [run for run in self.runs if run is not None]
        if not runs:
            raise DatasetError("\n".join(self.errors))
        return runs


def read_folders(texts: Sequence[str], *, cluster: str | None = None, subset: Path | None = None) -> Folders:
    """Read runs given as PATH, PATH@STAMP or NAME=PATH; `subset` is the clean.json of an audit."""
    runs, errors = read_runs(texts, cluster)
    if subset is None:
        return Folders(tuple(runs), tuple(errors))
    documents = read_subset(subset)
    return Folders(tuple(run and restricted(run, documents) for run in runs), tuple(errors), documents.note)


def compare_folders(
    base: str,
    variants: Sequence[str],
    options: Options = Options(),  # noqa: B008  (frozen)
    *,
    noise_floor: str | None = None,
    subset: Path | None = None,
) -> Comparison:
    """Compare folders of `lm_eval --log_samples`; an unreadable variant becomes a line of `problems`.

    Raises DatasetError if the base or every variant is unreadable, and ComparisonError as `compare` does.
    """
    texts = [base, *variants, *([noise_floor] if noise_floor else [])]
    folders = read_folders(texts, cluster=options.cluster, subset=subset)
    first, *others = folders.runs
    if first is None:
        raise DatasetError(folders.errors[0])
    floor = others.pop() if noise_floor else None
    readable = [run for run in others if run is not None]
    if not readable and floor is None:
        raise DatasetError("\n".join(folders.errors))
    comparison = compare(first, readable, options, noise_floor=floor)
    return replace(comparison, subset=folders.subset, problems=(*folders.errors, *comparison.problems))
