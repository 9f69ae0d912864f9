"""Overlaps of evaluation items with training rows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from typing import NamedTuple

from mcqa_suite.questions.question import LETTERS
from mcqa_suite.training_data.audit.checks import letter_of
from mcqa_suite.training_data.audit.grids import pair_keys
from mcqa_suite.training_data.audit.items import Item
from mcqa_suite.training_data.audit.ngrams import ngrams, ngrams_of, specific_ngrams
from mcqa_suite.training_data.audit.rows import Row, responses, text_of
from mcqa_suite.training_data.audit.text import PromptQuestion, folded, key_of, masked, questions_of, shapes, words

SHARE = 0.7  # of an item's 8-grams: PaLM (arXiv 2204.02311, section 8) calls an item contaminated from here on
LONG = 13  # words of one n-gram: GPT-3 (arXiv 2005.14165, appendix C) calls an item dirty that shares a single one
HEAD = 13  # words from which a question without its options identifies an item
SAME = 0.9  # of a question's 8-grams, names and numbers masked, in one row: an instance of the same template
KINDS = {
    "question": "the same question with the same options in any order, or with the same answer where it needs no options",
    "8-gram": f"at least {SHARE:.0%} of the item's 8-grams (PaLM, arXiv 2204.02311) in one row that asks the same",
    "template": f"the same word problem with other names and numbers (at least {SAME:.0%} of its masked 8-grams in one row)",
    "grid": "a demonstration or test pair of the same ARC task, also turned, mirrored or recoloured",
    "passage": f"at least {SHARE:.0%} of the item's 8-grams in a row that asks something else: off the clean list, no leak",
    "answer": "the same words and right answer with other options ('which of these ...'): off the clean list, no leak",
    "13-gram": "a single run of 13 words in common (GPT-3, arXiv 2005.14165): off the clean list, no leak",
}
LEAKS = frozenset(KINDS) - {"passage", "answer", "13-gram"}
CANNOT_FIND = (
    "paraphrases and translations, encoded text (base64, ROT13), text in pictures, words that are cut, joined or misspelt, and "
    "questions that are spread over several rows"
)
SENTENCE_END = re.compile(r"(?<=[.?!])\s+")
FEWEST_WORDS = 3  # of a sentence that asks something; its n-grams have as many
NEEDS_OPTIONS = re.compile(r"\b(?:these|those|following|below|above|listed|options?|choices?|which)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Overlap:
    """An evaluation item that training rows contain.

    All rows together contain `share` of it. The row with id `row` contains the largest part, `row_share`. `rows` is the number of
    rows that each contain enough to count. `leaking` are the numbers of those that give the item away; empty where it is no
    leak.
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


def overlaps(rows: Sequence[Row], items: Sequence[Item]) -> list[Overlap]:
    """The overlaps of all kinds, in the order of the items; rows and items are as a reader sees them."""
    every = [*_questions(rows, items), *_ngrams(rows, items), *_templates(rows, items), *_grids(rows, items)]
    order = {(item.task, item.doc_id): number for number, item in enumerate(items)}
    kinds = list(KINDS)
    return sorted(every, key=lambda overlap: (order[overlap.task, overlap.doc_id], kinds.index(overlap.kind)))


def _questions(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    """Items whose question is in a row: first the words are compared, then options and answer."""
    by_stem: dict[str, list[tuple[int, str]]] = {}
    for number, item in enumerate(items):
        if folded(item.stem):
            by_stem.setdefault(key_of(item.stem), []).append((number, key_of("", item.options)))
    hits: dict[tuple[int, str], dict[int, None]] = {}  # an ordered set of rows
    numbered = (
        (index, question) for index, row in enumerate(rows if by_stem else ()) for question in _questions_of(row)
    )
    for index, question in numbered:
        if candidates := by_stem.get(key_of(question.stem)):
            options_key = key_of("", question.options)
            for number, key in candidates:  # up to hundreds, where questions are drawn from a small table
                if kind := _sameness(items[number], rows[index], question.options, key == options_key):
                    hits.setdefault((number, kind), {})[index] = None
    for (number, kind), numbers in hits.items():
        indices = list(numbers)
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


def _questions_of(row: Row) -> list[PromptQuestion]:
    """The questions of a row's prompt, and those of what it holds in other forms."""
    return [question for key in ("prompt", "also") if key in row for question in questions_of(row[key])]


def _ngrams(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    """8-grams and 13-grams of question and options."""
    items = [item for item in items if item.stem]
    stems = [shapes(item.stem) for item in items]
    texts = [stem + shapes(item.shown) for stem, item in zip(stems, items, strict=True)]
    kinds = [" ".join(masked(item.stem)) if item.free else item.stem for item in items]
    long = specific_ngrams(texts, LONG, kinds)
    parts_of = partial(ngrams_of, split=shapes, n=LONG)
    yield from (item.overlap for item in covered("13-gram", items, long, rows, parts_of, 0.0))
    own = specific_ngrams(texts, 8, kinds)
    heads = [
        parts.intersection(ngrams(stem, 8)) if len(stem) >= HEAD else set()
        for parts, stem in zip(own, stems, strict=True)
    ]
    yield from _question_by_question(rows, items, own, heads)


def _question_by_question(
    rows: Sequence[Row],
    items: Sequence[Item],
    own: Sequence[set[Hashable]],
    heads: Sequence[set[Hashable]],
) -> Iterator[Overlap]:
    """Items of which single rows hold SHARE of the 8-grams, of all or of those of a long question without its options.

    Training data may shuffle the options, so a long question counts without them.
    """
    parts_of = partial(ngrams_of, split=shapes, n=8)
    row_parts = cache(lambda index: frozenset(parts_of(text_of(rows[index]))))
    for entry in covered("8-gram", items, own, rows, parts_of, SHARE):
        item, sets = items[entry.number], [parts for parts in (own[entry.number], heads[entry.number]) if parts]
        if max(len(parts & entry.shared) / len(parts) for parts in sets) < SHARE:
            continue
        shares = {index: max(len(parts & row_parts(index)) / len(parts) for parts in sets) for index in entry.rows}
        most = {index: share for index, share in shares.items() if share >= SHARE}
        same = [index for index in most if asks_the_same(item, rows[index])]
        if counted := same or list(most):
            best = max(counted, key=most.__getitem__)
            overlap = replace(entry.overlap, kind="8-gram" if same else "passage", row=rows[best]["id"])
            yield replace(overlap, share=most[best], row_share=most[best], rows=len(counted), leaking=tuple(same))


def asks_the_same(item: Item, row: Row) -> bool:
    """Whether a row with most of an item's words asks its question, not another one on the same passage.

    It holds the last sentence of the question; and if it has options of its own, the right one or half of the item's.
    """
    text = shapes(text_of(row))
    sentences = [own for own in map(shapes, SENTENCE_END.split(item.stem)) if len(own) >= FEWEST_WORDS]
    request = set(ngrams(sentences[-1], FEWEST_WORDS)) if sentences else set()
    if request and len(request.intersection(ngrams(text, FEWEST_WORDS))) / len(request) < SHARE:
        return False
    if not item.options or not any(question.options for question in _questions_of(row)):
        return True
    spaced = f" {' '.join(text)} "
    gold, *options = [f" {' '.join(shapes(option))} " in spaced for option in (item.gold, *item.options)]
    return gold or sum(options) >= len(options) / 2


def _templates(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    """Word problems with names and numbers masked."""
    items = [item for item in items if item.free and item.stem]
    texts = [masked(item.stem) for item in items]
    own = specific_ngrams(texts, 8, [" ".join(text) for text in texts])
    for item in covered("template", items, own, rows, partial(ngrams_of, split=masked, n=8), SAME):
        if item.overlap.row_share >= SAME:
            yield replace(item.overlap, leaking=item.enough)


def _grids(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[Overlap]:
    items = [item for item in items if item.grids]
    keys = [set[Hashable](pair_keys(item.grids)) for item in items]
    for item in covered("grid", items, keys, rows, pair_keys, 0.0):
        yield replace(item.overlap, leaking=item.enough)


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
