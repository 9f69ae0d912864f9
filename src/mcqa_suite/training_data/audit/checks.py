"""Checks of training rows without any task: gold positions, duplicates, conflicts, lengths and simple baselines."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mcqa_suite import stats
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.questions.question import LETTERS, option_label, text_id
from mcqa_suite.stats import Estimate
from mcqa_suite.training_data.audit.rows import Row, responses
from mcqa_suite.training_data.audit.text import folded, question_of

BATCH = 1000  # texts that are tokenised at a time
UNEVEN = 0.001  # gold positions are uneven below this p; it is small because data sets are large and tests are many
# "B", " B. text", "(B)", "The correct answer is B. text", "... so the answer is B."; a word of several letters is no answer
FIRST_LETTER = re.compile(
    r"\s*(?:the\s+)?(?:correct\s+)?(?:answer\s*(?:is|:)\s*)?\(?([A-Z])(?:[).:,]|\s*$|\n)", re.IGNORECASE
)
LAST_LETTER = re.compile(r"answer\s*(?:is|:)\s*\(?([A-Z])\)?\.?\s*$", re.IGNORECASE)
NUMBER = re.compile(r"(?:####|answer is|answer:)\s*\$?(-?[\d,.]*\d)\.?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Balance:
    """Gold positions: `letters` are the counts of A onwards, `expected` those of an even shuffle; `share` is the score of always
    answering `commonest`."""

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
                f"gold always at {self.commonest}: the options were not shuffled, or all with one seed; a model trained on "
                "this learns the letter, not the answer"
            )
        if self.p < UNEVEN:
            return f"uneven: {self.commonest} is right in {100 * self.share.value:.1f} %"
        return "even, as far as these rows can tell"


@dataclass(frozen=True)
class Lengths:
    """Lengths of rows in `unit`, and the ids of rows over `limit` (None: no limit)."""

    unit: str
    median: float
    longest: int
    limit: int | None
    over: tuple[str, ...]


@dataclass(frozen=True)
class PairBaselines:
    """Preference pairs: `equal` have one text as both responses; `shorter` and `longer` are the scores of a rule that sees only
    lengths, over pairs of unequal length."""

    n: int
    equal: tuple[str, ...]
    same_length: int
    shorter: Estimate | None
    longer: Estimate | None


@dataclass(frozen=True)
class Checks:
    """Ids of the rows with each defect; `sources` and `topics` are counts of rows, `lettered` of answers with a letter."""

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
    pairs: PairBaselines | None


def check(rows: Sequence[Row], shown: Sequence[Row], max_length: int | None, tokenizer: Path | None) -> Checks:
    """All checks; `shown` are the rows as a reader sees them. `max_length` and `tokenizer` are those of `audit`."""
    exact = _repeated(rows, [(row["prompt"], *responses(row)) for row in rows])
    same = _repeated(rows, [text_id(*map(folded, (row["prompt"], *responses(row)))) for row in shown])
    offered = [len(question_of(row["prompt"]).options) for row in shown]
    letters = [letter_of(responses(row)[0], n) for row, n in zip(shown, offered, strict=True)]
    golds = [(letter, n) for letter, n in zip(letters, offered, strict=True) if letter]
    return Checks(
        n=len(rows),
        sources=dict(Counter(row.get("source", "") for row in rows).most_common()),
        topics=dict(Counter(row.get("topic", "") for row in rows).most_common()),
        balance=balance(golds) if golds else None,
        lettered=len(golds),
        exact=exact,
        normalised=tuple(name for name in same if name not in set(exact)),
        conflicting=_conflicting(shown, letters),
        empty=tuple(row["id"] for row in shown if not all(t.strip() for t in (row["prompt"], *responses(row)))),
        lengths=_lengths(rows, max_length, tokenizer),
        pairs=_pair_baselines([row for row in rows if "chosen" in row]),
    )


def _lengths(rows: Sequence[Row], limit: int | None, folder: Path | None) -> Lengths:
    """The lengths of prompts with their longer responses: in characters, or in tokens of the checkpoint in `folder`."""
    texts = [row["prompt"] + max(responses(row), key=len) for row in rows]
    sizes = list(map(len, texts))
    if folder:
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise ConfigError(f"--tokenizer {folder}: no tokenizer.json in it; give the folder of a checkpoint")
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_truncation()
        batches = (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
        sizes = [len(encoding) for batch in batches for encoding in tokenizer.encode_batch_fast(batch)]
    over = tuple(row["id"] for row, size in zip(rows, sizes, strict=True) if limit is not None and size > limit)
    return Lengths("tokens" if folder else "characters", float(np.median(sizes)), max(sizes), limit, over)


def letter_of(response: str, options: int) -> str | None:
    """The letter that a training answer names, among `options` options; None for an answer of another form."""
    match = FIRST_LETTER.match(response) or LAST_LETTER.search(response)
    letter = match[1].upper() if match else ""
    return letter if letter and letter in LETTERS[:options] else None


def balance(golds: Sequence[tuple[str, int]]) -> Balance:
    """Pearson's chi-square test that options were shuffled evenly; `golds` are (letter, number of options) of each row."""
    width = max(n for _, n in golds)
    counts = Counter(letter for letter, _ in golds)
    labels = [option_label(position) for position in range(width)]
    observed = np.array([counts[label] for label in labels])
    offered = np.array([n for _, n in golds])
    expected = np.array([(1 / offered[offered > position]).sum() for position in range(width)])
    statistic = float(((observed - expected) ** 2 / expected).sum())
    best = int(observed.argmax())
    return Balance(
        letters=tuple(map(int, observed)),
        expected=tuple(map(float, expected)),
        chi_square=statistic,
        p=float(special.chdtrc(width - 1, statistic)),
        commonest=labels[best],
        share=stats.wilson(int(observed[best]), len(golds)),
    )


def _repeated(rows: Sequence[Row], keys: Sequence[Hashable]) -> tuple[str, ...]:
    """Ids of the rows that repeat an earlier one."""
    first: dict[Hashable, int] = {}
    return tuple(
        row["id"] for i, (row, key) in enumerate(zip(rows, keys, strict=True)) if first.setdefault(key, i) != i
    )


def _conflicting(rows: Sequence[Row], letters: Sequence[str | None]) -> tuple[tuple[str, ...], ...]:
    """Ids of rows with the same prompt and different answers, or where one row rejects what another one chooses."""
    taught: dict[str, dict[str, str]] = defaultdict(dict)  # prompt -> answer -> id of the first row
    rejected: dict[str, dict[str, str]] = defaultdict(dict)
    for row, letter in zip(rows, letters, strict=True):
        prompt = folded(row["prompt"])
        if "chosen" in row:
            taught[prompt].setdefault(" ".join(row["chosen"].split()), row["id"])
            rejected[prompt].setdefault(" ".join(row["rejected"].split()), row["id"])
        else:
            taught[prompt].setdefault(letter or answer_of(row["completion"]), row["id"])
    conflicts: list[tuple[str, ...]] = []
    for prompt, answers in taught.items():
        if prompt in rejected:
            both = sorted(answers.keys() & rejected[prompt].keys())
            pairs = [(answers[text], rejected[prompt][text]) for text in both]
            conflicts += [pair for pair in pairs if pair[0] != pair[1]]
        elif len(answers) > 1:
            conflicts.append(tuple(answers.values()))
    return tuple(conflicts)


def answer_of(completion: str) -> str:
    """The answer of a completion without a letter: its final number, else the whole text."""
    if number := NUMBER.search(completion):
        return number[1].replace(",", "")
    return folded(completion)


def _pair_baselines(rows: Sequence[Row]) -> PairBaselines | None:
    if not rows:
        return None
    difference = np.array([len(row["chosen"].strip()) - len(row["rejected"].strip()) for row in rows])
    unequal = difference != 0
    groups = np.unique([row.get("group") or row["prompt"] for row in rows], return_inverse=True)[1][unequal]
    return PairBaselines(
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
    return stats.share_estimate(right, groups)
