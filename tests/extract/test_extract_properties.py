"""What holds for every text whatsoever."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcqa_suite.extract import Extraction, extract_choice, extract_grid, extract_number, strip_reasoning

CITIES = ["Paris", "London", "Berlin", "Madrid"]
READERS = {"choice": lambda text: extract_choice(text, CITIES), "number": extract_number, "grid": extract_grid}

# Pieces that the rules look for, among them what breaks readers: lone surrogates, NUL, right-to-left marks, deep nesting
FRAGMENTS = [
    "the answer is ", "Answer: ", "A", "B", "(C)", "d)", "I", "a", " or ", ", ", "\n", "\n\n", ". ", "Paris", "London",
    "not ", "if ", "\\boxed{", "}", "\\frac{1}{2}", "$", "**", "####", "<think>", "</think>", "<|channel|>final<|message|>",
    "<|im_end|>", "Question: ", "A: ", "[[1,2],[3,4]]", "[", "]", "1 2 3\n", "| 1 | 2 |\n", "12,345.67", "-3", "1/0", "6e999",
    "25%", "½", "= ", " + ", "three", " million", "答案是", "Ｂ", "٤", "\ud800", "\0", "\u202e", "\u200b", "İ", "ß", "{", "(",
    "\\",
    '{"answer": "B"}', "none of the above", "I cannot answer", "wait, ", "so ", "option ", " is correct", "9" * 400,
]  # fmt: skip
TEXTS = st.one_of(
    st.text(alphabet=st.characters(), max_size=200),
    st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join),
)
PATIENT = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(extraction: Extraction, response: str) -> None:
    assert (extraction.answer is not None) == (extraction.status == "answered")
    assert (extraction.rule is None) == (extraction.span is None)
    if extraction.answer is not None:
        assert extraction.rule is not None
    if extraction.span is not None:
        start, end = extraction.span
        assert 0 <= start <= end <= len(response)


@PATIENT
@given(TEXTS, st.lists(st.text(max_size=12), min_size=2, max_size=26))
def test_a_choice_is_a_letter_of_the_choices_or_none(response: str, choices: list[str]) -> None:
    extraction = extract_choice(response, choices)
    assert extraction.answer is None or extraction.answer in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(choices)]
    check(extraction, response)


@PATIENT
@given(TEXTS)
def test_a_number_is_a_canonical_decimal_string_or_none(response: str) -> None:
    extraction = extract_number(response)
    assert extraction.answer is None or re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?", str(extraction.answer))
    assert extraction.answer != "-0"
    check(extraction, response)


@PATIENT
@given(TEXTS)
def test_a_grid_is_a_rectangle_of_colours_or_none(response: str) -> None:
    extraction = extract_grid(response)
    if extraction.answer is not None:
        assert isinstance(extraction.answer, list)
        assert {len(row) for row in extraction.answer} == {len(extraction.answer[0])}
        assert all(cell in range(10) for row in extraction.answer for cell in row)
        assert 1 <= len(extraction.answer) <= 30
        assert 1 <= len(extraction.answer[0]) <= 30
    check(extraction, response)


@PATIENT
@given(TEXTS, st.text(alphabet=" \n\t", max_size=5), st.text(alphabet=" \n\t", max_size=5))
def test_surrounding_white_space_changes_nothing(response: str, before: str, after: str) -> None:
    for name, read in READERS.items():
        plain, padded = read(response), read(before + response + after)
        assert (plain.answer, plain.status, plain.rule) == (padded.answer, padded.status, padded.rule), name
        if plain.span and padded.span:
            assert padded.span[0] - plain.span[0] == len(before)


@PATIENT
@given(TEXTS)
def test_stripping_reasoning_twice_changes_nothing(response: str) -> None:
    stripped = strip_reasoning(response)
    assert stripped == stripped.strip()
    assert len(stripped) <= len(response)


@PATIENT
@given(TEXTS, st.sampled_from(CITIES))
def test_answers_inside_reasoning_do_not_count(thought: str, city: str) -> None:
    hidden = re.sub(r"[<\[◁][/|]?\w*", "", thought)
    extraction = extract_choice(f"<think>{hidden}</think>The answer is {city}.", CITIES)
    assert extraction.answer == "ABCD"[CITIES.index(city)]


HOSTILE = [
    "\\boxed{",
    "the answer is ",
    "A or B, ",
    "[[",
    " ",
    "\n",
    "9",
    "####",
    "<think></think>",
    "(" * 50,
    "1. ",
    "= ",
    "so if ",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_no_faster_than_length(unit: str) -> None:
    """Ten times the text takes far less than a hundred times as long: generous, so that a busy machine passes."""
    for name, read in READERS.items():
        short, long = (fastest(read, unit * (size // len(unit))) for size in (100_000, 1_000_000))
        assert long < 25 * short + 0.5, f"{name} on {unit!r}: {short:.3f} s at 0.1 MB, {long:.3f} s at 1 MB"


def fastest(read, text: str) -> float:
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        read(text)
        best = min(best, time.perf_counter() - start)
    return best


LONG_RUNS = {
    "parentheses": "(" * 10_000 + "A" + ")" * 10_000,
    "braces": "{" * 10_000,
    "brackets": "[" * 10_000 + "1" + "]" * 10_000,
    "boxes": "\\boxed{" * 10_000 + "B" + "}" * 10_000,
    "digits": "9" * 100_000,
    "digits announced": "The answer is " + "9" * 100_000,
    "minus signs": "-" * 100_000,
    "thoughts": "<think>" * 10_000 + "</think>" * 10_000,
    "letters joined": "B or " * 5_000,
    "surrogates": "\ud800" * 1_000,
    "nul": "\0" * 1_000,
}


@pytest.mark.parametrize("response", LONG_RUNS.values(), ids=LONG_RUNS.keys())
def test_deep_nesting_and_long_runs_are_read_without_error(response: str) -> None:
    for read in READERS.values():
        check(read(response), response)
