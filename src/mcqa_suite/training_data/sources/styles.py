"""A question as prompt and completion: one function an answer style. A completion begins with the space that parts it."""

from __future__ import annotations

from collections.abc import Callable

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.questions import prompts
from mcqa_suite.questions.question import Question


def _right(question: Question) -> str:
    return question.choices[question.gold[0]]


def _explanation(question: Question) -> str:
    if not question.rationale:
        raise DatasetError(f"{question.id}: no explanation, and style 'cot' needs one; use style 'letter_text'")
    return question.rationale


def _letter(question: Question) -> tuple[str, str]:
    return prompts.letter(question), f" {question.answer}"


def _letter_text(question: Question) -> tuple[str, str]:
    return prompts.letter(question), f" {question.answer}. {_right(question)}"


def _correct_answer(question: Question) -> tuple[str, str]:
    return prompts.letter(question), f" The correct answer is {question.answer}. {_right(question)}"


def _cloze(question: Question) -> tuple[str, str]:
    return prompts.cloze(question), f" {_right(question)}"


def _cot(question: Question) -> tuple[str, str]:
    return prompts.cot(question), f" {_explanation(question)} The answer is {question.answer}."


STYLES: dict[str, Callable[[Question], tuple[str, str]]] = {
    "letter": _letter,
    "letter_text": _letter_text,
    "correct_answer": _correct_answer,
    "cloze": _cloze,
    "cot": _cot,
}
