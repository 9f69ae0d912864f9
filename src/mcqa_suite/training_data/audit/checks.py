"""What training rows look like by themselves: where the gold stands, what comes twice, and what a blind rule would score."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mcqa_suite import stats
from mcqa_suite.questions.question import LETTERS, text_id
from mcqa_suite.stats import Estimate
from mcqa_suite.training_data.audit.rows import Row, responses
from mcqa_suite.training_data.audit.text import Asked, folded

FEW = 0.001  # p under which letters are said to be uneven: a data set is large, and one test of many
MOST = 5  # ids that are named of a kind
# "B", " B. text", "(B)", "The correct answer is B. text", "... so the answer is B."; three letters in a row are no answer
OPENS = re.compile(r"\s*(?:the\s+)?(?:correct\s+)?(?:answer\s*(?:is|:)\s*)?\(?([A-Z])(?:[).:,]|\s*$|\n)", re.IGNORECASE)
ENDS = re.compile(r"answer\s*(?:is|:)\s*\(?([A-Z])\)?\.?\s*$", re.IGNORECASE)
NUMBER = re.compile(r"(?:####|answer is|answer:)\s*\$?(-?[\d,.]*\d)\.?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Balance:
    """Where the right option stands: `letters` counts A onwards, `expected` is what an even shuffle would give; `commonest` is
    what always giving that letter would score."""

    letters: tuple[int, ...]
    expected: tuple[float, ...]
    chi_square: float
    p: float
    commonest: str
    share: Estimate

    @property
    def verdict(self) -> str:
        if self.share.value == 1 and self.share.n > 1:
            return (
                f"gold always at {self.commonest}: the options were not shuffled, or all with one seed; what is trained on "
                "this learns the letter, not the answer"
            )
        if self.p < FEW:
            return f"uneven: {self.commonest} is right in {100 * self.share.value:.1f} %"
        return "even, as far as these rows can tell"


@dataclass(frozen=True)
class Lengths:
    """Of the rows, in `unit`: the longest, and which are over `limit` (None: no limit was asked for)."""

    unit: str
    median: float
    longest: int
    limit: int | None
    over: tuple[str, ...]


@dataclass(frozen=True)
class Pairs:
    """What preference pairs give away: `equal` have one text as both responses; `shorter` and `longer` are the scores of a rule
    that looks at the length alone, over pairs of unequal length."""

    n: int
    equal: tuple[str, ...]
    same_length: int
    shorter: Estimate | None
    longer: Estimate | None


@dataclass(frozen=True)
class Checks:
    """Ids of rows, and counts of them, of each defect; `sources` and `topics` are rows each."""

    n: int
    sources: dict[str, int]
    topics: dict[str, int]
    balance: Balance | None
    lettered: int
    exact: tuple[str, ...]
    normalised: tuple[str, ...]
    conflicting: tuple[tuple[str, ...], ...]
    empty: tuple[str, ...]
    lengths: Lengths
    pairs: Pairs | None


def check(
    rows: Sequence[Row],
    asked: Sequence[Asked],
    length: Callable[[Sequence[Row]], list[int]],
    unit: str,
    limit: int | None,
) -> Checks:
    """All checks; `asked` is `question_of` each row's prompt, `length` counts each row in `unit`."""
    exact = _repeated(rows, [text_id(row["prompt"], *responses(row)) for row in rows])
    same = _repeated(rows, [text_id(*map(folded, (row["prompt"], *responses(row)))) for row in rows])
    offered = [len(options) for _, options in asked]
    letters = [letter_of(responses(row)[0], n) if n else None for row, n in zip(rows, offered, strict=True)]
    golds = [(letter, n) for letter, n in zip(letters, offered, strict=True) if letter]
    return Checks(
        n=len(rows),
        sources=dict(Counter(row.get("source", "") for row in rows).most_common()),
        topics=dict(Counter(row.get("topic", "") for row in rows).most_common()),
        balance=balance(golds) if golds else None,
        lettered=len(golds),
        exact=exact,
        normalised=tuple(name for name in same if name not in set(exact)),
        conflicting=_conflicting(rows, letters),
        empty=tuple(row["id"] for row in rows if not all(t.strip() for t in (row["prompt"], *responses(row)))),
        lengths=_lengths(rows, length(rows), unit, limit),
        pairs=_pairs([row for row in rows if "chosen" in row]),
    )


def letter_of(response: str, options: int) -> str | None:
    """The letter that a training answer gives, in the forms that training answers have."""
    found = OPENS.match(response) or ENDS.search(response)
    letter = found[1].upper() if found else ""
    return letter if letter and letter in LETTERS[:options] else None


def balance(golds: Sequence[tuple[str, int]]) -> Balance:
    """Of (letter, number of options): Pearson's chi-square against an even shuffle of every row's own options."""
    width = max(n for _, n in golds)
    counts = Counter(letter for letter, _ in golds)
    observed = np.array([counts[letter] for letter in LETTERS[:width]])
    offered = np.array([n for _, n in golds])
    expected = np.array([(1 / offered[offered > place]).sum() for place in range(width)])
    statistic = float(((observed - expected) ** 2 / expected).sum())
    best = int(observed.argmax())
    return Balance(
        letters=tuple(int(count) for count in observed),
        expected=tuple(float(count) for count in expected),
        chi_square=statistic,
        p=float(special.chdtrc(width - 1, statistic)),
        commonest=LETTERS[best],
        share=stats.wilson(int(observed[best]), len(golds)),
    )


def _repeated(rows: Sequence[Row], keys: Sequence[str]) -> tuple[str, ...]:
    """Ids of the rows that repeat an earlier one."""
    seen: set[str] = set()
    again = []
    for row, key in zip(rows, keys, strict=True):
        if key in seen:
            again.append(row["id"])
        seen.add(key)
    return tuple(again)


def _conflicting(rows: Sequence[Row], letters: Sequence[str | None]) -> tuple[tuple[str, ...], ...]:
    """Rows of one prompt that teach different answers, or whose chosen response is another's rejected one."""
    prompts: dict[str, dict[str, str]] = {}
    refused: dict[str, dict[str, str]] = {}
    for row, letter in zip(rows, letters, strict=True):
        prompt = folded(row["prompt"])
        if "chosen" in row:
            prompts.setdefault(prompt, {}).setdefault(" ".join(row["chosen"].split()), row["id"])
            refused.setdefault(prompt, {}).setdefault(" ".join(row["rejected"].split()), row["id"])
        else:
            prompts.setdefault(prompt, {}).setdefault(letter or answer_of(row["completion"]), row["id"])
    found: list[tuple[str, ...]] = []
    for prompt, answers in prompts.items():
        if prompt in refused:
            both = sorted(answers.keys() & refused[prompt].keys())
            found += [ids for text in both if len(ids := (answers[text], refused[prompt][text])) and ids[0] != ids[1]]
        elif len(answers) > 1:
            found.append(tuple(answers.values()))
    return tuple(found)


def answer_of(completion: str) -> str:
    """What a completion without a letter answers: its final number, else all of it."""
    if number := NUMBER.search(completion):
        return number[1].replace(",", "")
    return folded(completion)


def _lengths(rows: Sequence[Row], sizes: Sequence[int], unit: str, limit: int | None) -> Lengths:
    over = tuple(row["id"] for row, size in zip(rows, sizes, strict=True) if limit is not None and size > limit)
    return Lengths(unit, float(np.median(sizes)), max(sizes), limit, over)


def _pairs(rows: Sequence[Row]) -> Pairs | None:
    if not rows:
        return None
    difference = np.array([len(row["chosen"].strip()) - len(row["rejected"].strip()) for row in rows])
    unequal = difference != 0
    groups = np.unique([row.get("group") or row["prompt"] for row in rows], return_inverse=True)[1][unequal]
    return Pairs(
        n=len(rows),
        equal=tuple(row["id"] for row in rows if row["chosen"].strip() == row["rejected"].strip()),
        same_length=int((~unequal).sum()),
        shorter=_share(difference[unequal] < 0, groups),
        longer=_share(difference[unequal] > 0, groups),
    )


def _share(right: NDArray[np.bool_], groups: NDArray[np.int64]) -> Estimate | None:
    """A share with its interval; pairs of one prompt are not independent."""
    if not len(right):
        return None
    clusters = len(np.unique(groups))
    if 1 < clusters < len(right) and 0 < right.sum() < len(right):
        return stats.clustered_share(right, groups)
    return stats.wilson(int(right.sum()), len(right))
