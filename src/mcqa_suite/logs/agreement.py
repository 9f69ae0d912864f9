"""What two runs of a task must agree in to be subtracted, or ranked side by side: one rule for every command.

They agree where they were asked and scored in the same way (`logs.settings`), and where nearly all documents have the same
content, prompt, target and continuations in both. A setting that differs without effect on these does not count.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, dataclass

import numpy as np

from mcqa_suite.logs.integrity import LOST
from mcqa_suite.logs.runs import TaskRun
from mcqa_suite.logs.samples import HASHES, Integers, Samples
from mcqa_suite.logs.settings import (
    CHAT_TEMPLATE,
    DATA,
    DELIMITER,
    DTYPE,
    PROMPT_SETTINGS,
    Difference,
    difference_words,
    differences,
)


@dataclass(frozen=True)
class UnpairedCounts:
    """Documents left out of the pairs, by reason.

    In one run only; another doc, prompt, target or continuations; no answer from the server in at least one run.
    """

    only_base: int = 0
    only_variant: int = 0
    doc: int = 0
    prompt: int = 0
    target: int = 0
    continuations: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return sum(astuple(self))

    @property
    def other_requests(self) -> int:
        """Documents with the same content in both runs that were asked or scored in another way."""
        return self.prompt + self.target + self.continuations

    def too_many(self, pairs: int) -> bool:
        """Whether so many are left out that the `pairs` may be a selection."""
        return self.total > LOST * (pairs + self.total)

    def reasons(self, base: str = "the base", variant: str = "the variant") -> str:
        """2 in the base alone, 5 with another prompt"""
        words = {
            f"in {base} alone": self.only_base,
            f"in {variant} alone": self.only_variant,
            "with another document": self.doc,
            "with another prompt": self.prompt,
            "with another target": self.target,
            "with other continuations": self.continuations,
            "without an answer in either run": self.failed,
        }
        return ", ".join(f"{count} {reason}" for reason, count in words.items() if count)


def pair_rows(base: Samples, variant: Samples) -> tuple[Integers, Integers, UnpairedCounts]:
    """Row numbers in both runs of the documents whose hashes are equal; continuations that a log does not hold equal any."""
    _, base_rows, variant_rows = np.intersect1d(base.doc_id, variant.doc_id, assume_unique=True, return_indices=True)
    ours, theirs = base.hashes[base_rows], variant.hashes[variant_rows]
    same = ours == theirs
    last = HASHES.index("continuations")
    same[:, last] |= (ours[:, last] == 0) | (theirs[:, last] == 0)
    agree = same.all(axis=1)
    first_difference = np.argmin(same[~agree], axis=1)
    doc, prompt, target, continuations = (int((first_difference == part).sum()) for part in range(len(HASHES)))
    only_base, only_variant = (
        len(samples.doc_id) - len(base_rows) - int(np.isin(samples.doc_id, list(other.failed)).sum())
        for samples, other in ((base, variant), (variant, base))
    )
    failed = len({**base.failed, **variant.failed})
    counts = UnpairedCounts(only_base, only_variant, doc, prompt, target, continuations, failed)
    return base_rows[agree], variant_rows[agree], counts


def asked_differently(first: TaskRun, second: TaskRun, names: Collection[str] | None = None) -> list[Difference]:
    """(name, first's value, second's value) of each setting, of `names` or of all, for which the two are not subtracted."""
    pairs = differences(first.settings, second.settings, names)
    excused = _without_effect(first, second) if pairs else ()
    return [pair for pair in pairs if pair[0] not in excused]


def differ_without_effect(first: TaskRun, second: TaskRun) -> list[Difference]:
    """The settings that differ and are no reason against subtracting the two."""
    refused = asked_differently(first, second)
    return [pair for pair in differences(first.settings, second.settings) if pair not in refused]


def _without_effect(first: TaskRun, second: TaskRun) -> set[str]:
    """The settings that do not matter between two runs, because their requests are the same or their weights of another kind."""
    excused = set()
    if None not in (first.parameters, second.parameters) and first.parameters != second.parameters:
        excused.add(DTYPE)  # quantised weights, or an adapter: their type is a part of what is compared
    rows, _, counts = pair_rows(first.samples, second.samples)
    if counts.prompt or not len(rows) + counts.other_requests:
        return excused
    excused.add(DATA)
    if None not in (first.settings.get(CHAT_TEMPLATE), second.settings.get(CHAT_TEMPLATE)):
        excused |= set(PROMPT_SETTINGS)  # having a template or none also changes the options' text
    if len(rows) and not counts.continuations and (first.samples.hashes[:, -1] != 0).all():
        excused.add(DELIMITER)
    return excused


def refusal(
    first: TaskRun,
    second: TaskRun,
    ours: str,
    theirs: str,
    *,
    names: Collection[str] | None = None,
    every_row: bool = False,
) -> str:
    """Why `ours` and `theirs` are not subtracted; "" where they may be.

    A few documents without a partner are no reason, unless `every_row` of both enters: then no document that both have may
    have been asked or scored in another way.
    """
    if pairs := asked_differently(first, second, names):
        return difference_words(pairs, ours, theirs)
    rows, _, counts = pair_rows(first.samples, second.samples)
    n = len(rows) + (counts.other_requests if every_row else counts.total)
    if counts.other_requests if every_row else counts.too_many(len(rows)):
        return f"{n - len(rows)} of {n} documents are not the same: {counts.reasons(ours, theirs)}"
    return ""
