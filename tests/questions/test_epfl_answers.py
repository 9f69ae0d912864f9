"""What an `answer` means, and that the right answer never stands in the question."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcqa_suite.questions.answer_key import labels_in, read_answer
from mcqa_suite.questions.epfl import parse_row
from mcqa_suite.questions.epfl_row import ALSO_TEXT, ANSWER_LINE, EQUAL_RIGHT, EQUAL_WRONG, KEPT, LABELS, TEXT, parse
from mcqa_suite.questions.prompts import cot, letter

TEXTS = ("ant", "blue whale", "cat")
SHOWN = "Which?\n\nOptions:\nA. ant\nB. blue whale\nC. cat"
B = {"answer": "B"}


def answered(answer, choices=TEXTS):
    return parse_row({"question": "Which?", "choices": list(choices), "answer": answer}).gold


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (1, (0,)),
        ("1", (0,)),
        (2.0, (1,)),
        ("2.0", (1,)),
        ("A", (0,)),
        ("a", (0,)),
        (" (B). ", (1,)),
        ("B)", (1,)),
        ("**B**", (1,)),
        ("Ｂ", (1,)),
        ("option B", (1,)),
        ("AC", (0, 2)),
        ("C, a and B", (0, 1, 2)),
        ("A/C", (0, 2)),
        (["A", "C"], (0, 2)),
        ([1, "C"], (0, 2)),
        (["B"], (1,)),
        ("blue  whale", (1,)),
        ("B. blue whale", (1,)),
        ("(C) cat", (2,)),
    ],
)
def test_an_answer_is_a_label_a_number_from_1_or_the_text_of_an_option(answer, gold):
    assert answered(answer) == gold


@pytest.mark.parametrize(
    "answer",
    [
        *(
            True,
            False,
            0,
            "0",
            -1,
            "-1",
            4,
            "4",
            1.5,
            "1.5",
            float("inf"),
            float("nan"),
            [],
            ["A", "A"],
            ["A", ["B"]],
            [True],
        ),
        *({"a": 1}, "AA", "A, A", "E", "D", "A or B", "A-C", "true", "B. cat", "Cat", "whale", "9" * 5000, "A" * 90),
    ],
    ids=lambda answer: repr(answer)[:20],
)
def test_an_answer_without_a_certain_meaning_is_refused_with_what_is_allowed(answer):
    with pytest.raises(ValueError, match=r"among A-C or 1-3 \(counted from 1\)") as caught:
        answered(answer)
    assert len(str(caught.value)) < 250


def test_labels_count_the_position_whatever_labels_the_options_have():
    numbered = "Which?\n1. ant\n2. blue whale\n3. cat"
    assert [parse_row({"question": numbered, "answer": answer}).gold for answer in ("A", 1, "1")] == [(0,)] * 3
    assert [parse_row({"question": SHOWN, "answer": answer}).gold for answer in ("C", 3, "3")] == [(2,)] * 3


def test_a_label_that_is_another_options_text_is_a_label_and_is_named():
    row = {"question": "Which?", "choices": ["3", "1", "2"], "answer": "1"}
    parsed = parse(row)
    assert (parsed.question.gold, parsed.notes) == ((0,), ((ALSO_TEXT, "'1'"),))
    assert parse({**row, "choices": ["1", "2", "3"]}).notes == ()


def test_letters_that_are_the_text_of_an_option_are_read_or_refused():
    blood = {"question": "Which?", "choices": ["A", "B", "AB", "O"]}
    with pytest.raises(ValueError, match="may be the options A, B or the text of option C; write 'C'"):
        parse({**blood, "answer": "AB"})
    assert parse({**blood, "answer": ["A", "B"]}).question.gold == (0, 1)
    assert parse({**blood, "answer": "O"}).notes == ((TEXT, "'O'"),)
    assert answered("CO", ("CO", "NO", "O2")) == (0,)


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.lists(st.text(max_size=2))))
def test_any_answer_names_options_or_is_refused(answer):
    try:
        gold = read_answer(answer, TEXTS).gold
    except ValueError:
        return
    assert gold
    assert set(gold) <= {0, 1, 2}
    assert not isinstance(answer, bool)


@given(st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=8, unique=True))
def test_a_list_of_labels_has_one_meaning_in_every_spelling(letters):
    gold = sorted("ABCDEFGH".index(letter) for letter in letters)
    numbers = [str(index + 1) for index in gold]
    for text in (
        ", ".join(letters),
        " and ".join(letters),
        "".join(letters),
        "; ".join(letters).lower(),
        ",".join(numbers),
    ):
        assert labels_in(text) == gold


# --- answer lines

ENDS = r"""
Answer: B|Answer: B.|Answer: (B)|Answer:\nB|Answer:\n\n(B)|**Answer:** B|Answer: **B**|Correct answer: B|answer: b|ANSWER : B
Answer - B|Answer = B|Answer B|The answer is B.|The correct answer is: B|Ans: B|(Answer: B)|[Answer: B]|Solution: B|Answer: 2
Answer: option B|Correct option: B|Réponse : B|Answer: B. blue whale|Answer:\nB. blue whale|Answer: blue whale
"""
ENDS = [end.replace(r"\n", "\n") for line in ENDS.split("\n") for end in line.split("|") if end]


@pytest.mark.parametrize("end", [*ENDS, "Answer: B\n\nAnswer:", "Answer:\r\nB\r\n"])
@pytest.mark.parametrize("form", ["text", "stem", "last option"])
def test_an_answer_at_the_end_is_taken_off_and_named(end, form):
    row = {
        "text": {"question": f"{SHOWN}\n\n{end}"},
        "stem": {"question": f"Which?\n{end}", "choices": list(TEXTS)},
        "last option": {"question": "Which?", "choices": [*TEXTS[:2], f"cat\n{end}"]},
    }[form]
    parsed = parse({**row, **B})
    assert (parsed.question.stem, parsed.question.choices) == ("Which?", TEXTS)
    assert [kind for kind, _ in parsed.notes] == [ANSWER_LINE]
    with pytest.raises(ValueError, match=r"the question says 'Answer: .*', and 'answer' is 'C'"):
        parse({**row, "answer": "C"})


@pytest.mark.parametrize("end", ["Which? Answer: B", "Which? (Answer: B)", "Which?  answer: b", "Which? **Answer:** B"])
def test_an_answer_in_the_last_line_is_taken_off_and_named(end):
    stem = parse({"question": end, "choices": list(TEXTS), **B})
    last = parse({"question": SHOWN + end.removeprefix("Which?"), **B})
    for parsed in (stem, last):
        assert (parsed.question.stem, parsed.question.choices) == ("Which?", TEXTS)
        assert [kind for kind, _ in parsed.notes] == [ANSWER_LINE]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": f"{SHOWN}\nAnswer: D"}, "the question says 'Answer: D', and 'answer' is 'B'"),
        ({"question": f"{SHOWN}\nAnswer: B, as it swims"}, "the question ends in 'Answer: B, as it swims'"),
        (
            {"question": f"{SHOWN}\nAnswer: B\nExplanation: it swims."},
            "'Answer: B' stands in the question before other",
        ),
        ({"question": f"Answer: B\n{SHOWN}"}, "'Answer: B' stands in the question before other text"),
        ({"question": f"{SHOWN}\nB"}, "the question ends in a line 'B'"),
        ({"question": "Which?", "choices": [*TEXTS, "Answer: B"]}, "an option is 'Answer: B'"),
        ({"question": "Which?", "choices": ["ant\nAnswer: B\nred", *TEXTS[1:]]}, "'Answer: B' stands in the question"),
    ],
)
def test_an_answer_that_cannot_be_taken_off_is_refused(row, reason):
    with pytest.raises(ValueError, match=reason):
        parse({**row, **B})


@pytest.mark.parametrize(
    "last", ["Answer: none of the above", "No Answer", "The answer is a prime number", "There is no right answer"]
)
def test_an_option_about_answers_is_an_option(last):
    for row in (
        {"question": f"Which?\nA. ant\nB. bee\nC. {last}"},
        {"question": "Which?", "choices": ["ant", "bee", last]},
    ):
        parsed = parse({**row, **B})
        assert (parsed.question.choices[-1], parsed.notes) == (last, ())
    answers = ["Answer: A", "Answer: B", "Answer: C"]
    assert parse_row({"question": "What is written?", "choices": answers, **B}).choices == tuple(answers)


def test_a_line_that_only_looks_like_an_answer_stays_and_is_named():
    for line in ("Answer: yes or no", "answer: int = 3"):
        parsed = parse({"question": f"Which?\n{line}", "choices": list(TEXTS), **B})
        assert parsed.question.stem == f"Which?\n{line}"
        assert parsed.notes == ((KEPT, repr(line)),)
    assert parse({"question": "The answer is odd.\nWhich?", "choices": list(TEXTS), **B}).notes == ()


@given(st.sampled_from(ENDS), st.sampled_from(["", "\n", "\n\n", " \n"]), st.sampled_from(TEXTS))
def test_no_prompt_names_the_right_answer(end, blanks, last):
    shown = SHOWN.replace("cat", f"{last} or more")
    question = parse_row({"question": f"Question: {shown}\n{blanks}{end}{blanks}", **B})
    assert letter(question) == f"Question: {shown}\n\nAnswer:"
    assert cot(question).endswith(f"\n\nQuestion: {shown}\n\nAnswer:")


# --- equal options


def test_equal_options_are_both_right_or_both_wrong_and_named():
    row = {"question": "Which?", "choices": ["1  m", "2 m", "1 m"]}
    right = parse({**row, "answer": "C"})
    assert (right.question.gold, right.notes) == ((0, 2), ((EQUAL_RIGHT, "A and C"),))
    wrong = parse({**row, "answer": "B"})
    assert (wrong.question.gold, wrong.notes) == ((1,), ((EQUAL_WRONG, "A and C"),))
    assert parse({"question": "Which?", "choices": ["BB", "Bb", "bb"], **B}).notes == ()
    assert parse({"question": "Which?", "choices": ["cafe\u0301", "caf\u00e9", "tea"], "answer": "C"}).notes


def test_labels_in_choices_are_taken_off_and_named():
    parsed = parse({"question": "Which?", "choices": ["A. ant", "B. blue whale", "C. cat"], **B})
    assert (parsed.question.choices, parsed.notes) == (TEXTS, ((LABELS, "'A. ant'"),))
    assert json.dumps(parsed.question.choices)
