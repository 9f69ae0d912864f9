"""Overlaps of evaluation items with training rows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import NamedTuple

from mcqa_suite.questions.question import LETTERS
from mcqa_suite.training_data.audit.checks import letter_of
from mcqa_suite.training_data.audit.grids import pair_keys
from mcqa_suite.training_data.audit.items import Item
from mcqa_suite.training_data.audit.rows import Row, responses, text_of
from mcqa_suite.training_data.audit.text import PromptQuestion, folded, key_of, masked, words

SHARE = 0.7  # of an item's 8-grams: PaLM (arXiv 2204.02311, section 8) calls an item contaminated from here on
LONG = 13  # words of one n-gram: GPT-3 (arXiv 2005.14165, appendix C) calls an item dirty that shares a single one
HEAD = 13  # words from which a question without its options identifies an item
SAME = 0.9  # of a question's 8-grams, names and numbers masked, in one row: an instance of the same template
# GPT-3 (arXiv 2005.14165, appendix C) ignores n-grams that occur more than ten times; here: in more than ten questions
BOILERPLATE = 10
KINDS = {
    "question": "the same question with the same options in any order, or with the same answer where it needs no options",
    "8-gram": f"at least {SHARE:.0%} of the item's 8-grams (PaLM, arXiv 2204.02311)",
    "template": f"the same word problem with other names and numbers (at least {SAME:.0%} of its masked 8-grams in one row)",
    "grid": "a demonstration or test pair of the same ARC task, also turned, mirrored or recoloured",
    "answer": "the same words and right answer with other options ('which of these ...'): off the clean list, no leak",
    "13-gram": "a single run of 13 words in common (GPT-3, arXiv 2005.14165): off the clean list, no leak",
}
LEAKS = frozenset(KINDS) - {"answer", "13-gram"}
NEEDS_OPTIONS = re.compile(r"\b(?:these|those|following|below|above|listed|options?|choices?|which)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Overlap:
    """An evaluation item that training rows contain.

    All rows together contain `share` of it. The row with id `row` contains the largest part, `row_share`. `rows` is the number of
    rows that each contain enough to count. `leaking` are the numbers of the rows without which the others do not give the item
    away; empty where it is no leak.
    """

    task: str
    doc_id: int
    item: str
    kind: str
    row: str
    share: float
    row_share: float
    rows: int
    leaking: tuple[int, ...] = ()

    @property
    def leak(self) -> bool:
        """Whether the row gives the test item away."""
        return self.kind in LEAKS


def overlaps(rows: Sequence[Row], questions: Sequence[PromptQuestion], items: Sequence[Item]) -> list[Overlap]:
    """The overlaps of all kinds, in the order of the items; `questions` are the questions of the rows' prompts."""
    every = [*_questions(rows, questions, items), *_ngrams(rows, items), *_templates(rows, items), *_grids(rows, items)]
    order = {(item.task, item.doc_id): number for number, item in enumerate(items)}
    kinds = list(KINDS)
    return sorted(every, key=lambda overlap: (order[overlap.task, overlap.doc_id], kinds.index(overlap.kind)))


def _questions(rows: Sequence[Row], questions: Sequence[PromptQuestion], items: Sequence[Item]) -> Iterator[Overlap]:
    """Items whose question is in a row: first the words are compared, then options and answer."""
    by_stem: dict[str, list[tuple[int, str]]] = {}
    for number, item in enumerate(items):
        if folded(item.stem):
            by_stem.setdefault(key_of(item.stem), []).append((number, key_of("", item.options)))
    hits: dict[tuple[int, str], list[int]] = {}
    for index, (row, question) in enumerate(zip(rows, questions, strict=True) if by_stem else ()):
        if candidates := by_stem.get(key_of(question.stem)):
            options_key = key_of("", question.options)
            for number, key in candidates:  # up to hundreds, where questions are drawn from a small table
                if kind := _sameness(items[number], row, question.options, key == options_key):
                    hits.setdefault((number, kind), []).append(index)
    for (number, kind), indices in hits.items():
        if kind == "question" or (number, "question") not in hits:
            item, row_id, leaking = items[number], rows[indices[0]]["id"], tuple(indices if kind in LEAKS else ())
            yield Overlap(item.task, item.doc_id, item.id, kind, row_id, 1.0, 1.0, len(indices), leaking)


def _sameness(item: Item, row: Row, options: tuple[str, ...], same_options: bool) -> str | None:
    """The kind of overlap of an item and a row whose questions have the same words; `options` are the row's.

    "Which of these is a metal?" is one question only together with its options; "What is the unit of force?" is one with any.
    """
    if not item.options or (options and same_options):
        return "question"
    if not options and len(words(item.stem)) >= HEAD:
        return "question"
    if not _teaches(row, options, item.gold):
        return None
    return "answer" if NEEDS_OPTIONS.search(item.stem) else "question"


def _teaches(row: Row, options: tuple[str, ...], gold: str) -> bool:
    """Whether the row's response is, or contains, the right answer."""
    response = responses(row)[0]
    if options and (letter := letter_of(response, len(options))):
        return folded(options[LETTERS.index(letter)]) == folded(gold)
    answer = " ".join(words(gold))
    return bool(answer) and f" {answer} " in f" {' '.join(words(response))} "


def _ngrams(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    """8-grams and 13-grams of question and options."""
    items = [item for item in items if item.stem]
    stems = [words(item.stem) for item in items]
    texts = [stem + words(item.shown) for stem, item in zip(stems, items, strict=True)]
    kinds = [" ".join(masked(item.stem)) if item.free else item.stem for item in items]
    for n, least in ((8, SHARE), (LONG, 0.0)):
        own = specific_ngrams(texts, n, kinds)
        parts_of = partial(_ngrams_of, split=words, n=n)
        counted = []
        for item in covered(f"{n}-gram", items, own, rows, parts_of, least):
            stem, share, head = stems[item.number], item.overlap.share, set[Hashable]()
            # Training data may shuffle the options, so a long question counts without them.
            if n == 8 and len(stem) >= HEAD and (head := own[item.number].intersection(ngrams(stem, n))):
                share = max(share, len(head & item.shared) / len(head))
            if share >= least:
                overlap = replace(item.overlap, share=share, rows=max(1, item.overlap.rows))
                counted.append((overlap, (own[item.number], head), item.rows))
        yield from _with_leaking_rows(counted, rows, parts_of) if n == 8 else (overlap for overlap, _, _ in counted)


def _with_leaking_rows(
    counted: Sequence[tuple[Overlap, tuple[Set[Hashable], Set[Hashable]], Sequence[int]]],
    rows: Sequence[Row],
    parts_of: Callable[[str], Iterable[Hashable]],
) -> Iterator[Overlap]:
    """The overlaps with `leaking`; each comes with the sets of parts that count (all, those of the question), and its rows."""
    wanted = set[Hashable]().union(*(parts for _, sets, _ in counted for parts in sets))
    numbers = set(chain.from_iterable(numbers for _, _, numbers in counted))
    shared = {number: wanted.intersection(parts_of(text_of(rows[number]))) for number in sorted(numbers)}
    for overlap, sets, numbers_of_item in counted:
        leaking: list[int] = []
        for parts in filter(None, sets):
            others = {number: shared[number] & parts for number in numbers_of_item if number not in leaking}
            leaking += _largest(others, len(parts))
        yield replace(overlap, leaking=tuple(sorted(leaking)))


def _largest(parts: Mapping[int, Set[Hashable]], n: int) -> Iterator[int]:
    """The rows with the most parts of an item, until the others together have less than SHARE of all `n` parts."""
    holders = Counter(chain.from_iterable(parts.values()))
    for number in sorted(parts, key=lambda number: -len(parts[number])):
        if len(holders) / n < SHARE:
            return
        yield number
        holders -= Counter(parts[number])


def _templates(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    """Word problems with names and numbers masked."""
    items = [item for item in items if item.free and item.stem]
    texts = [masked(item.stem) for item in items]
    own = specific_ngrams(texts, 8, [" ".join(text) for text in texts])
    for item in covered("template", items, own, rows, partial(_ngrams_of, split=masked, n=8), SAME):
        if item.overlap.row_share >= SAME:
            yield replace(item.overlap, leaking=item.enough)


def _grids(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    items = [item for item in items if item.grids]
    keys = [set[Hashable](pair_keys(item.grids)) for item in items]
    for item in covered("grid", items, keys, rows, pair_keys, 0.0):
        yield replace(item.overlap, leaking=item.enough)


def ngrams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """Every run of `n` words."""
    return zip(*(words[start:] for start in range(n)), strict=False)


def _ngrams_of(text: str, split: Callable[[str], list[str]], n: int) -> Iterator[tuple[str, ...]]:
    return ngrams(split(text), n)


def specific_ngrams(texts: Sequence[Sequence[str]], n: int, kinds: Sequence[str]) -> list[set[Hashable]]:
    """The n-grams of each text without those in more than BOILERPLATE questions; texts of the same kind are one question."""
    by_kind: dict[str, set[Hashable]] = defaultdict(set)
    for text, kind in zip(texts, kinds, strict=True):
        by_kind[kind].update(ngrams(text, n))
    questions = Counter(chain.from_iterable(by_kind.values()))
    return [{gram for gram in ngrams(text, n) if questions[gram] <= BOILERPLATE} for text in texts]


class Covered(NamedTuple):
    """An item that shares parts with rows.

    `number` is the item's, `shared` are those of its parts that any row has, `rows` the numbers of these rows, and `enough` of
    those with enough parts to count alone.
    """

    number: int
    overlap: Overlap
    shared: set[Hashable]
    rows: tuple[int, ...]
    enough: tuple[int, ...]


def covered(
    kind: str,
    items: Sequence[Item],
    parts: Sequence[set[Hashable]],
    rows: Sequence[Row],
    parts_of: Callable[[str], Iterable[Hashable]],
    least: float,
) -> Iterator[Covered]:
    """Each item that shares a part with a row.

    `parts` are those of each item, `parts_of` returns those of a row's text. A row counts where it has a share of `least`.
    """
    items_with: dict[Hashable, list[int]] = defaultdict(list)
    for number, own in enumerate(parts):
        for part in own:
            items_with[part].append(number)
    seen: set[Hashable] = set()
    counts: dict[int, dict[int, int]] = defaultdict(dict)  # item -> row -> the number of the item's parts in it
    for index, row in enumerate(rows if items_with else ()):
        shared = items_with.keys() & parts_of(text_of(row))
        seen |= shared
        for number, count in Counter(chain.from_iterable(items_with[part] for part in shared)).items():
            counts[number][index] = count
    for number, by_row in counts.items():
        item, own = items[number], parts[number]
        best = max(by_row, key=lambda index: by_row[index])  # the first of equal ones
        enough = tuple(index for index, count in by_row.items() if count / len(own) >= least)
        shares = len(own & seen) / len(own), by_row[best] / len(own)
        overlap = Overlap(item.task, item.doc_id, item.id, kind, rows[best]["id"], *shares, len(enough))
        yield Covered(number, overlap, own & seen, tuple(by_row), enough)
