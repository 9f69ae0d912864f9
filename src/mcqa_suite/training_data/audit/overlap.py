"""Which evaluation items occur in training rows, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mcqa_suite.questions.question import LETTERS
from mcqa_suite.training_data.audit.checks import letter_of
from mcqa_suite.training_data.audit.grids import pair_keys
from mcqa_suite.training_data.audit.items import Item
from mcqa_suite.training_data.audit.ngrams import Coverage, Grams, Vocabulary
from mcqa_suite.training_data.audit.rows import Row, responses, text_of
from mcqa_suite.training_data.audit.text import Asked, folded, key_of, masked, words

CHUNK = 4000  # rows at a time: it bounds the memory
SHARE = 0.7  # of an item's 8-grams: PaLM (arXiv 2204.02311, section 8) calls an item contaminated from here on
LONG = 13  # words of one n-gram: GPT-3 (arXiv 2005.14165, appendix C) calls an item dirty that shares a single one
HEAD = 13  # words from which a question alone, without its options, is enough to know an item by
SAME = 0.9  # of a question's 8-grams, names and numbers masked, in one row: an instance of the same template
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
    """An item that training has seen. `share` of it was found in all rows together, `row_share` in the one named, the row that
    holds most; `rows` hold enough of it by themselves."""

    task: str
    doc_id: int
    item: str
    kind: str
    row: str
    share: float = 1.0
    row_share: float = 1.0
    rows: int = 1

    @property
    def leak(self) -> bool:
        """Whether training on it is training on the test."""
        return self.kind in LEAKS


def overlaps(rows: Sequence[Row], asked: Sequence[Asked], items: Sequence[Item]) -> list[Overlap]:
    """Every kind of overlap of every item, in the items' order; `asked` is `question_of` each row's prompt."""
    found = [*_questions(rows, asked, items), *_word_runs(rows, items), *_templates(rows, items), *_grids(rows, items)]
    order = {(item.task, item.doc_id): number for number, item in enumerate(items)}
    kinds = list(KINDS)
    return sorted(found, key=lambda one: (order[one.task, one.doc_id], kinds.index(one.kind)))


def _questions(rows: Sequence[Row], asked: Sequence[Asked], items: Sequence[Item]) -> Iterator[Overlap]:
    """By the question's own words, then by what the row shows of the options and of the answer."""
    wanted: dict[str, list[tuple[int, str]]] = {}
    for number, item in enumerate(items):
        if folded(item.stem):
            wanted.setdefault(key_of(item.stem), []).append((number, key_of("", item.options)))
    hits: dict[tuple[int, str], list[int]] = {}
    for index, (row, (stem, shown)) in enumerate(zip(rows, asked, strict=True) if wanted else ()):
        if numbers := wanted.get(key_of(stem)):
            shown_key = key_of("", shown)
            for number, key in numbers:  # up to hundreds, where questions are drawn from a small table
                if kind := _sameness(items[number], row, shown, key == shown_key):
                    hits.setdefault((number, kind), []).append(index)
    for (number, kind), where in hits.items():
        if kind == "question" or (number, "question") not in hits:
            yield _overlap(items[number], kind, rows[where[0]], rows=len(where))


def _sameness(item: Item, row: Row, shown: tuple[str, ...], same_options: bool) -> str | None:
    """What a row and an item have in common whose questions are in the same words; `shown` are the row's options.

    "Which of these is a metal?" is one question only together with its options; "What is the unit of force?" is one with any.
    """
    if not item.options or (shown and same_options):
        return "question"
    whole = not NEEDS_OPTIONS.search(item.stem)
    if not shown and len(words(item.stem)) >= HEAD:
        return "question"
    return ("question" if whole else "answer") if _gives(row, shown, item.gold) else None


def _gives(row: Row, shown: tuple[str, ...], gold: str) -> bool:
    """Whether the response that a row teaches is, or holds, the right answer."""
    response = responses(row)[0]
    if shown and (letter := letter_of(response, len(shown))):
        return folded(shown[LETTERS.index(letter)]) == folded(gold)
    answer = " ".join(words(gold))
    return bool(answer) and f" {answer} " in f" {' '.join(words(response))} "


def _word_runs(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    """8-grams and 13-grams of question and options."""
    asked = [item for item in items if item.stem]
    heads = [words(item.stem) for item in asked]
    texts = [head + words(item.shown) for head, item in zip(heads, asked, strict=True)]
    same = [" ".join(masked(item.stem)) if item.free else item.stem for item in asked]
    found = _fed(rows, texts, heads, same, ((8, SHARE), (LONG, 0.0)), words)
    if not found:
        return
    eight, long = found
    by_head = (eight.head >= SHARE) & (np.array([len(head) for head in heads]) >= HEAD)
    for number in np.flatnonzero((eight.total > 0) & ((eight.found >= SHARE) | by_head)):
        share = max(eight.found[number], eight.head[number] if by_head[number] else 0.0)
        row = rows[eight.row[number]]
        yield _overlap(asked[number], "8-gram", row, share, eight.best[number], max(1, eight.rows[number]))
    for number in np.flatnonzero(long.found > 0):
        row = rows[long.row[number]]
        yield _overlap(asked[number], "13-gram", row, long.found[number], long.best[number], long.rows[number])


def _templates(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    """Word problems with names and numbers masked; a question that is the same unmasked is another kind's."""
    asked = [item for item in items if item.free and item.stem]
    texts = [masked(item.stem) for item in asked]
    for found in _fed(rows, texts, texts, [" ".join(text) for text in texts], ((8, SAME),), masked):
        for number in np.flatnonzero((found.total > 0) & (found.best >= SAME)):
            row = rows[found.row[number]]
            yield _overlap(asked[number], "template", row, found.found[number], found.best[number], found.rows[number])


def _fed(
    rows: Sequence[Row],
    texts: Sequence[list[str]],
    heads: Sequence[list[str]],
    kinds: Sequence[str],
    sizes: Sequence[tuple[int, float]],
    spell: Callable[[str], list[str]],
) -> list[Coverage]:
    """The coverage of items by n-grams of several sizes, from one reading of the rows; `sizes` are n and the share that makes a
    row count. Empty where there is no item."""
    if not texts:
        return []
    vocabulary = Vocabulary(texts)
    lengths = np.array([len(head) for head in heads])
    numbers = np.unique(np.array(kinds), return_inverse=True)[1]
    grams = [Grams(n, texts, lengths, numbers, vocabulary, share) for n, share in sizes]
    for start in range(0, len(rows), CHUNK):
        codes, owner = vocabulary.encode([spell(text_of(row)) for row in rows[start : start + CHUNK]])
        for one in grams:
            one.feed(codes, owner, start)
    return [one.coverage() for one in grams]


def _grids(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    keys = [set(pair_keys(item.grids)) if item.grids else set() for item in items]
    wanted = set().union(*keys)
    seen: dict[str, list[int]] = {}
    for index, row in enumerate(rows if wanted else ()):
        for key in wanted.intersection(pair_keys(text_of(row))):
            seen.setdefault(key, []).append(index)
    for item, own in zip(items, keys, strict=True):
        counts: dict[int, int] = {}
        for key in own & seen.keys():
            for index in seen[key]:
                counts[index] = counts.get(index, 0) + 1
        if counts:
            best = min(counts, key=lambda index: (-counts[index], index))
            share, alone = len(own & seen.keys()) / len(own), counts[best] / len(own)
            yield _overlap(item, "grid", rows[best], share, alone, len(counts))


def _overlap(item: Item, kind: str, row: Row, share: float = 1.0, row_share: float = 1.0, rows: int = 1) -> Overlap:
    return Overlap(item.task, item.doc_id, item.id, kind, row["id"], float(share), float(row_share), int(rows))
