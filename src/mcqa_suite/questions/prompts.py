"""Prompts: one function a format, used by evaluation and training alike."""

from __future__ import annotations

from mcqa_suite.questions.question import LETTERS, Question


def options(question: Question) -> str:
    """The options as lines `A. text`."""
    return "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, question.choices, strict=False))


def letter(question: Question) -> str:
    """The EPFL MCQ format; the continuation is ` A`."""
    return f"Question: {question.stem}\n\nOptions:\n{options(question)}\n\nAnswer:"


def cloze(question: Question) -> str:
    """The question alone; the continuation is the option's text."""
    return f"Question: {question.stem}\n\nAnswer:"


def cot(question: Question) -> str:
    """The EPFL MCQ format with reasoning; the model is asked to end with `The answer is A.`"""
    return (
        f"Question: {question.stem}\n\nOptions:\n{options(question)}\n\n"
        'Think step by step, then finish with "The answer is X.", where X is the letter of one option.\n\nAnswer:'
    )


def math(question: str) -> str:
    """A word problem; the model reasons and ends with `The final answer is 42.`"""
    return f"Q: {question}\nA: Let's think step by step."
