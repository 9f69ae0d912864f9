"""The styles of a row's prompt and completion, the fingerprint of a source, and sources that cannot be read."""

from __future__ import annotations

import pytest

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.questions.question import Question
from mcqa_suite.training_data.sources import STYLES, Source, read, rows

QUESTION = Question("x/1", "Which?", ("one", "two"), (1,), rationale="It is two.")


@pytest.mark.parametrize(
    ("style", "completion"),
    [
        ("letter", " B"),
        ("letter_text", " B. two"),
        ("cloze", " two"),
        ("cot", " It is two. The answer is (B)."),
        ("cot_answer", " The answer is (B)."),
    ],
)
def test_a_style_is_the_form_of_the_answer(style, completion):
    prompt, answer = STYLES[style](QUESTION)
    assert answer == completion
    assert prompt.endswith("Answer:")


def test_a_cot_row_without_an_explanation_is_an_error():
    with pytest.raises(DatasetError, match="x/1: no explanation"):
        STYLES["cot"](Question("x/1", "Which?", ("one", "two"), (1,)))


def test_a_fingerprint_depends_on_the_source_and_its_seed():
    first, again, other = (read([Source("symbolic_local", n=12, seed=seed)])[1][0] for seed in (0, 0, 1))
    assert first == again
    assert first.n == 12
    assert first.sha256 != other.sha256


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("epfl_file", n=1), "unknown source 'epfl_file'; expected one of epfl, sciq"),
        (Source("epfl", n=1, style="leter"), "unknown style 'leter'"),
        (Source("symbolic_local"), "no 'n'"),
        (Source("epfl"), "no 'path'"),
    ],
)
def test_a_source_that_cannot_be_read_is_an_error_with_the_reason(source, message):
    with pytest.raises(ConfigError, match=message):
        rows(source)
