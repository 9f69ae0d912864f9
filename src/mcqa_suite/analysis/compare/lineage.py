"""Which run each run is compared with: its parent, as the manifests say, or else the first run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcqa_suite.logs.runs import Run


@dataclass(frozen=True)
class Lineage:
    """`base` is the run with which those without a parent among the runs are compared; `parents` has one for each variant.

    `notes`: where the runs were given in another order than they were made.
    """

    base: Run
    parents: tuple[tuple[Run, Run], ...]  # variant, parent
    notes: tuple[str, ...] = ()
    recorded: bool = False

    @property
    def variants(self) -> list[Run]:
        return [variant for variant, _ in self.parents]

    @property
    def ordered(self) -> list[Run]:
        """The base and all variants, each after its parent; of one parent, those with more bits first."""
        children = dict[int, list[Run]]()
        for variant, parent in self.parents:
            children.setdefault(id(parent), []).append(variant)
        waiting, runs = [self.base], list[Run]()
        while waiting:
            runs.append(waiting.pop(0))
            waiting[:0] = sorted(children.get(id(runs[-1]), []), key=lambda run: -(run.origin.bits_per_weight or 0))
        return runs


def lineage(runs: Sequence[Run], *, to_first: bool = False) -> Lineage:
    """The parent of each run: the nearest checkpoint that it was made from and that is among the runs, else the base.

    The base is the first run, or where that was made from others of the runs, the first of these. `to_first`: compare all with
    the first run whatever the manifests say.
    """
    base = runs[0]
    if to_first:
        return Lineage(base, tuple((run, base) for run in runs[1:]))
    while (above := _nearest(base, runs)) is not None:
        base = above
    first = runs.index(base)
    pairs = [(run, _nearest(run, runs)) for run in (*runs[:first], *runs[first + 1 :])]
    notes = []
    if base is not runs[0]:
        notes.append(f"{runs[0].name} was made from {base.name}: {base.name} is the base (--base chooses another)")
    parents = tuple((run, parent or base) for run, parent in pairs)
    return Lineage(base, parents, tuple(notes), recorded=any(parent for _, parent in pairs))


def _nearest(run: Run, runs: Sequence[Run]) -> Run | None:
    """The run of the nearest checkpoint that a run's own was made from; None where none of the runs is of one."""
    for parent in run.origin.parents:
        for other in runs:
            if other is not run and other.origin.checkpoint == parent.content:
                return other
    return None
