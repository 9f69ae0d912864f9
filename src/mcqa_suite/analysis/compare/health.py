"""Scores that look like scores and are not: what to rule out before a difference is believed."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr

from mcqa_suite.analysis.compare.pairing import Answers, Pairs
from mcqa_suite.analysis.compare.result import FailedCheck
from mcqa_suite.questions.question import LETTERS

TIED = 0.1  # share of documents whose options all have one log-likelihood
CONSTANT = 0.95  # share of answers that are one letter
FEWEST = 10  # documents below which a constant letter says nothing
FAILED = 0.05  # share of items without an answer from a server, above which those that are left may be others
LEVEL = 0.01  # of the test against chance, divided by the number of comparisons


def failed_checks(
    pairs: Pairs, task: str, base: str, variant: str, *, same_model: bool, comparisons: int
) -> list[FailedCheck]:
    """Everything wrong with a task in either run; empty where both are well."""
    found = []
    for run, side in ((base, pairs.base), (variant, pairs.variant)):
        for condition, detail in _conditions(side, pairs, LEVEL / max(1, comparisons)):
            found.append(FailedCheck(task, run, condition, detail, broken=True))
    return found + _identical(pairs, task, base, variant, same_model)


def _conditions(side: Answers, pairs: Pairs, level: float) -> list[tuple[str, str]]:
    found, n, there = [], pairs.n, pairs.there
    most = np.maximum(pairs.base.options, pairs.variant.options)
    if (short := side.options < most).any():
        first = int(short.argmax())
        what = f"{side.options[first]} instead of {most[first]} in document {pairs.doc_id[first]}"
        found.append(("options missing", f"{short.sum()} of {n} documents have fewer options than elsewhere ({what})"))
    if side.loglikelihoods is not None:
        infinite = int((~np.isfinite(side.loglikelihoods) & there).any(axis=1).sum())
        if infinite:
            found.append(("non-finite", f"{infinite} of {n} documents have a log-likelihood that is not finite"))
        tied = ((side.loglikelihoods == side.loglikelihoods[:, :1]) | ~there).all(axis=1) & (pairs.options > 1)
        if tied.mean() > TIED:
            found.append(("all equal", f"all options have the same log-likelihood in {tied.sum()} of {n} documents"))
    if side.unread is not None and side.unread.all():
        found.append(("unread", f"no answer could be read in any of {n} documents"))
    elif below := _below_chance(side, pairs, level):
        found.append(below)
    if constant := _constant(side, pairs):
        found.append(constant)
    return found


def _below_chance(side: Answers, pairs: Pairs, level: float) -> tuple[str, str] | None:
    """Guessing would hardly do as badly; answers that were not read are no guesses and do not count."""
    if pairs.chance is None or side.right is None:
        return None
    read = np.ones(pairs.n, bool) if side.unread is None else ~side.unread
    n, right = int(read.sum()), int((side.right & read).sum())
    if not n or bdtr(right, n, pairs.chance) >= level:
        return None
    what = f"{100 * right / n:.1f} % right where guessing gives {100 * pairs.chance:.1f} %"
    return "below chance", f"{what}, and more than noise below it ({n} documents)"


def _constant(side: Answers, pairs: Pairs) -> tuple[str, str] | None:
    given = side.pick[side.pick >= 0]
    if len(given) < FEWEST or not (pairs.gold != 0).any():
        return None
    counts = np.bincount(given)
    letter = int(counts.argmax())
    right = ((pairs.gold >> np.uint64(letter)) & np.uint64(1)).mean()
    if counts[letter] < CONSTANT * len(given) or right >= CONSTANT:
        return None
    share = f"{counts[letter]} of {len(given)} answers are {LETTERS[letter]}"
    return "constant letter", f"{share}, which is right in {100 * right:.1f} %"


def _identical(pairs: Pairs, task: str, base: str, variant: str, same_model: bool) -> list[FailedCheck]:
    """The same numbers to the last bit, from what should be another model."""
    one, other = pairs.base, pairs.variant
    if one.loglikelihoods is not None and other.loglikelihoods is not None:
        same = bool(((one.loglikelihoods == other.loglikelihoods) | ~pairs.there).all())
        what = "every log-likelihood"
    else:
        same = one.response is not None and other.response is not None and bool((one.response == other.response).all())
        what = "every response"
    if not same:
        return []
    if same_model:
        return [FailedCheck(task, variant, "identical", f"{what} is {base}'s: it is the same model", broken=False)]
    doubt = "was the variant loaded at all, or its cache shared?"
    # A few short responses may well agree; log-likelihoods to the last bit do not.
    broken = one.loglikelihoods is not None
    return [FailedCheck(task, variant, "identical", f"{what} is {base}'s to the last bit: {doubt}", broken)]
