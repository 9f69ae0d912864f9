"""Labels by correctness: a response whose answer is right is better than another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.extract import extract_choice, extract_number, gold_letter, gold_number
from mcqa_suite.logs.scoring import SCORES, Doc, read_all
from mcqa_suite.questions.epfl import split_question
from mcqa_suite.questions.question import LETTERS
from mcqa_suite.training_data.preferences.pairs import DECIDED, Decided, ResponsePair

ANSWERS = ("gold", "answer", "completion")  # the columns that may hold a row's right answer; the first one counts


def by_correctness(pairs: Iterable[ResponsePair]) -> Iterator[Decided]:
    """Label `a` or `b` where only that response is right, and `tie` where both are right or both are wrong.

    An unread response loses against a right one; against a wrong or unread one the label is `unread`. DatasetError where the row
    of a prompt has no right answer.
    """
    for pair in pairs:
        try:
            kind, doc = kind_and_doc(pair.data, pair.prompt)
        except ValueError as error:
            raise DatasetError(f"{pair.id}: {error}") from error
        extractions = read_all(kind, [pair.a, pair.b], doc)
        right = [bool(SCORES[kind](doc, [extraction])["acc"]) for extraction in extractions]
        label = "unread" if any(extraction.answer is None for extraction in extractions) else "tie"
        if right[0] != right[1]:
            label = "a" if right[0] else "b"
        yield pair, (label, {"right": right, "reads": [asdict(extraction) for extraction in extractions]})


def decided_first(pairs: list[ResponsePair], per_prompt: int | None) -> list[ResponsePair]:
    """At most `per_prompt` pairs of each prompt; pairs that correctness decides come first."""
    by_prompt: dict[str, list[tuple[bool, ResponsePair]]] = {}
    for pair, (label, _) in by_correctness(pairs):
        by_prompt.setdefault(pair.id, []).append((label not in DECIDED, pair))
    return [pair for ranked in by_prompt.values() for _, pair in sorted(ranked, key=lambda item: item[0])[:per_prompt]]


def kind_and_doc(row: Row, prompt: str) -> tuple[str, Doc]:
    """The kind of answer ("letters" or "numbers"), and the document to score a response against.

    ValueError where the row has no right answer.
    """
    answer = next((row[key] for key in ANSWERS if row.get(key) not in (None, "")), None)
    if answer is None:
        raise ValueError(f"no right answer; add one of the columns {', '.join(ANSWERS)}")
    choices = row.get("choices") or _options(row.get("question") or prompt)
    if isinstance(choices, list) and choices:
        return "letters", {"choices": choices, "gold": _indices(answer, choices)}
    return "numbers", {"gold": _number(str(answer))}


def _options(text: Any) -> list[str]:
    """The options that a prompt shows, without the instructions behind the last one."""
    try:
        return [choice.split("\n\n")[0].strip() for choice in split_question(str(text))[1]]
    except ValueError:
        return []


def _indices(answer: Any, choices: Sequence[str]) -> list[int]:
    n = len(choices)
    if isinstance(answer, list) and answer and all(type(index) is int and 0 <= index < n for index in answer):
        return answer
    try:
        return [LETTERS.index(gold_letter(answer, n))]
    except (ValueError, TypeError, AttributeError):
        letter = extract_choice(str(answer), list(choices)).answer
    if not isinstance(letter, str):
        raise ValueError(f"right answer {str(answer)[:60]!r}: names none of the {n} options")
    return [LETTERS.index(letter)]


def _number(answer: str) -> str:
    try:
        return gold_number(answer)
    except ValueError:
        number = extract_number(answer).answer
    if not isinstance(number, str):
        raise ValueError(f"right answer {answer[-60:]!r}: no number, and the prompt shows no options")
    return number
