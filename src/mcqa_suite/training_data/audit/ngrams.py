"""Runs of words that questions share with training rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import chain

# GPT-3 (arXiv 2005.14165, appendix C) ignores n-grams that occur more than ten times; here: in more than ten questions
BOILERPLATE = 10


def ngrams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """Every run of `n` words."""
    return zip(*(words[start:] for start in range(n)), strict=False)


def ngrams_of(text: str, split: Callable[[str], list[str]], n: int) -> Iterator[tuple[str, ...]]:
    return ngrams(split(text), n)


def specific_ngrams(texts: Sequence[Sequence[str]], n: int, kinds: Sequence[str]) -> list[set[Hashable]]:
    """The n-grams of each text without those in more than BOILERPLATE questions; texts of the same kind are one question."""
    by_kind: dict[str, set[Hashable]] = defaultdict(set)
    for text, kind in zip(texts, kinds, strict=True):
        by_kind[kind].update(ngrams(text, n))
    questions = Counter(chain.from_iterable(by_kind.values()))
    return [{gram for gram in ngrams(text, n) if questions[gram] <= BOILERPLATE} for text in texts]
