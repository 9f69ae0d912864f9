"""What came out of a question, as HTML in which every text of a question or a model is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from mcqa_suite.common.chat_template import Format
from mcqa_suite.evaluation.ask.question import Scores, Written
from mcqa_suite.questions.question import Question, option_label
from mcqa_suite.reporting.templating import template

Asked = dict[Format, Scores]  # a model's scores by format


def scores_html(question: Question, has_right: bool, models: Sequence[tuple[str, Asked]]) -> str:
    """A table of the options: each model's probabilities by letter and by cloze."""
    gold = question.gold if has_right else ()
    return template("ask.html.j2").module.scores(question, gold, models, option_label)  # type: ignore[attr-defined,no-any-return]


def written_html(models: Sequence[tuple[str, Written]]) -> str:
    """What each model wrote, with the span marked that its answer was read from."""
    parts = [(name, each, _around(each)) for name, each in models]
    return template("ask.html.j2").module.written(parts)  # type: ignore[attr-defined,no-any-return]


def problem_html(line: str) -> str:
    """An error in one line."""
    return template("ask.html.j2").module.problem(line)  # type: ignore[attr-defined,no-any-return]


def _around(written: Written) -> tuple[str, str, str]:
    """The text before the span, the span, and the text after it."""
    start, end = written.extraction.span or (len(written.text),) * 2
    return written.text[:start], written.text[start:end], written.text[end:]
