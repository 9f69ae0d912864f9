"""Extraction: golden cases, every rule's own example, the policy for what is ambiguous, golds."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from mcqa_suite.extract import (
    Extraction,
    extract_choice,
    extract_grid,
    extract_number,
    gold_letter,
    gold_number,
    same_number,
    strip_reasoning,
)
from mcqa_suite.extract.letter_rules import LETTER_RULES
from mcqa_suite.extract.number_rules import NUMBER_RULES
from mcqa_suite.extract.text import HEAD, TAIL

DATA = Path(__file__).parent / "cases"
CITIES = ["Paris", "London", "Berlin", "Madrid"]
SUMS = ["12", "15", "18", "None of the above"]
MARKS = ["north", "south", "west", "east", "A and B", "both", "up", "down", "left", "right"]


def rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf8").splitlines()]


def read(row: dict[str, object]) -> Extraction:
    if row["kind"] == "mcq":
        return extract_choice(row["text"], row["choices"])
    return extract_number(row["text"]) if row["kind"] == "numeric" else extract_grid(row["text"])


def agrees(row: dict[str, object], answer: object) -> bool:
    if row["kind"] != "numeric" or answer is None:
        return answer == row["label"]
    return abs(Fraction(str(answer)) - Fraction(str(row["label"]).replace(",", ""))) <= Fraction(1, 10**6)


@pytest.mark.parametrize("name", ["cases_mcq", "cases_numeric", "cases_grid"])
def test_golden_cases_reach_their_bars(name: str) -> None:
    table = rows(name)
    answers = [(row, read(row).answer) for row in table]
    labelled = [(row, answer) for row, answer in answers if row["label"] is not None]
    silent = [(row, answer) for row, answer in answers if row["label"] is None]
    missed = [row["id"] for row, answer in labelled if not agrees(row, answer)]
    wrong = [row["id"] for row, answer in labelled if answer is not None and not agrees(row, answer)]
    false = [row["id"] for row, answer in silent if answer is not None]
    assert len(missed) <= 0.03 * len(labelled), missed
    assert len(wrong) <= 0.01 * len(labelled), wrong
    assert len(false) <= 0.04 * len(silent), false


@pytest.mark.parametrize("row", rows("endings"), ids=lambda row: f"{row['id']} {row['text'][-24:]!a}")
def test_a_response_that_stops_where_its_answer_follows_is_truncated(row: dict[str, object]) -> None:
    extraction = read(row)
    assert (extraction.answer, extraction.status) == (row["label"], row["status"])


@pytest.mark.parametrize("kind", sorted({row["class"] for row in rows("cases_letters")}))
def test_a_letter_in_every_wording_has_its_answer_and_status(kind: str) -> None:
    table = [(row, read(row)) for row in rows("cases_letters") if row["class"] == kind]
    assert table
    assert not [
        (row["id"], row["text"], extraction)
        for row, extraction in table
        if (extraction.answer, extraction.status) != (row["label"], row["status"])
    ]


@pytest.mark.parametrize("kind", sorted({row["class"] for row in rows("grids")}))
def test_a_grid_in_every_form_is_read_and_nothing_else(kind: str) -> None:
    table = [(row, read(row)) for row in rows("grids") if row["class"] == kind]
    assert table
    assert not [
        (row["id"], row["text"], extraction)
        for row, extraction in table
        if (extraction.answer, extraction.status) != (row["label"], row.get("status", extraction.status))
    ]


def test_an_answer_in_reasoning_that_never_closes_has_a_rule_of_its_own() -> None:
    for extraction in (
        extract_choice("<think>The gate.\nFinal Answer: C", CITIES),
        extract_number("<think>6 * 7\nFinal Answer: 42"),
    ):
        assert (extraction.status, extraction.rule) == ("answered", "answer_is_in_reasoning")


# A long response is read at its beginning and its end; "|" is where a part of 8,192 or 32,768 characters would be cut
CUT_ANSWERS = [
    "The answer is B|asically not known.",
    "The answer is 12|345 or so.",
    "It is not |B.",
    "\\b|oxed{",
    "Answer: 12|.5 and more",
]


@pytest.mark.parametrize("text", CUT_ANSWERS)
@pytest.mark.parametrize("filler", ["word ", "\\boxed{", "ab"])
def test_nothing_is_read_that_touches_the_cut_of_a_long_response(text: str, filler: str) -> None:
    before, after = text.split("|")
    head = (filler * HEAD)[: HEAD - len(before)] + before + after + filler * TAIL
    tail = filler * HEAD + before + (after + filler * TAIL)[:TAIL]
    for response in (head, tail):
        assert extract_choice(response, CITIES).answer is None
        assert extract_number(response).answer is None


@pytest.mark.parametrize("rule", LETTER_RULES, ids=lambda rule: rule.name)
def test_each_letter_rule_decides_its_own_example(rule) -> None:
    extraction = extract_choice(rule.example, CITIES)
    assert (extraction.answer, extraction.rule, extraction.status) == (rule.gives, rule.name, "answered")


# One example for each step after the table of announcements
STEP_EXAMPLES = (
    ("letters_only", "CCCC", "C"),
    ("leading_text", "Madrid, because the Prado is there. The gate is elsewhere.", "D"),
    ("verdicts", "- [ ] A\n- [x] B", "B"),
    ("leading_line", "(C)\nThe gate stands there.", "C"),
    ("letter_line", "Sure, here it is.\n\nB. London", "B"),
    ("opening_letter", "D because the Prado is there", "D"),
    ("last_mention", "The Thames flows through the one shown under (B).", "B"),
    ("letter_and_text", "Asked which city has the gate, most travellers say B. London among friends.", "B"),
    ("option_text", "The Thames runs through it, so London is right.", "B"),
    ("ordinal_alone", "The second option.", "B"),
)


@pytest.mark.parametrize(("rule", "example", "gives"), STEP_EXAMPLES)
def test_each_later_step_decides_its_own_example(rule: str, example: str, gives: str) -> None:
    extraction = extract_choice(example, CITIES)
    assert (extraction.answer, extraction.rule) == (gives, rule)


@pytest.mark.parametrize("rule", NUMBER_RULES, ids=lambda rule: rule.name)
def test_each_number_rule_decides_its_own_example(rule) -> None:
    extraction = extract_number(rule.example)
    assert (extraction.answer, extraction.rule, extraction.status) == (rule.gives, rule.name, "answered")


# One example for each step after the table of announcements
NUMBER_STEP_EXAMPLES = (
    ("number_line", "6 * 7\n**42**", "42"),
    ("last_sentence", "Since each pen costs 2 dollars, she paid 14 dollars.", "14"),
    ("last_sentence", "x = 5 and y = 7, so x + y = 12", "12"),
)


@pytest.mark.parametrize(("rule", "example", "gives"), NUMBER_STEP_EXAMPLES)
def test_each_later_number_step_decides_its_own_example(rule: str, example: str, gives: str) -> None:
    extraction = extract_number(example)
    assert (extraction.answer, extraction.rule) == (gives, rule)


def test_rule_names_are_unique() -> None:
    for table in (LETTER_RULES, NUMBER_RULES):
        assert len({rule.name for rule in table}) == len(table) > 5


CHOICE_POLICY = [
    ("ANSWER: $B$", CITIES, "B", "answered"),
    (r"\boxed{C}", CITIES, "C", "answered"),
    ("B. London", CITIES, "B", "answered"),
    ("Conclusion: (B). Eliminated: (A), (C), (D)", CITIES, "B", "answered"),
    ("The answer is C because I added both.", MARKS, "C", "answered"),
    ("I think a closer look is needed.", CITIES, None, "none"),
    ("Answer: Both", CITIES, None, "none"),
    ("A/B", CITIES, None, "several"),
    ("D/H", MARKS, None, "several"),
    ("The answer is A or C.", CITIES, None, "several"),
    ("The correct answers are (A) and (D).", CITIES, None, "several"),
    ("D. north", MARKS, None, "conflict"),
    ("The answer is (B) Madrid.", CITIES, None, "conflict"),
    ("A. Paris\nB. London\nC. Berlin\nD. Madrid", CITIES, None, "none"),
    ("I am sorry, but I cannot choose one of these.", CITIES, None, "refused"),
    ("This cannot be determined from the text.", CITIES, None, "refused"),
    ("None of the above.", CITIES, None, "refused"),
    ("None of the above.", SUMS, "D", "answered"),
    ("The answer is A. Wait, that is wrong. The answer is B.", CITIES, "B", "answered"),
    ("If it were summer, the answer would be A.", CITIES, None, "none"),
    ("<think>It could be A, so the answer is A.</think>\nC", CITIES, "C", "answered"),
    ("<think>It could be A, so the answer is A.", CITIES, None, "unclosed"),
    ("<think>It could be A.</think>", CITIES, None, "truncated"),
    ("", CITIES, None, "empty"),
    (" \n\t", CITIES, None, "empty"),
    ("答案是B。", CITIES, "B", "answered"),
    ("La bonne réponse est C.", CITIES, "C", "answered"),
    ("La respuesta correcta es la D.", CITIES, "D", "answered"),
    ("La risposta corretta è B.", CITIES, "B", "answered"),
    ("Die richtige Antwort ist (A).", CITIES, "A", "answered"),
    ("Ａｎｓｗｅｒ：Ｃ", CITIES, "C", "answered"),
    ('{"reasoning": "the gate stands there", "answer": "C"}', CITIES, "C", "answered"),
    ("The answer is F.", CITIES, None, "none"),
]


@pytest.mark.parametrize(("response", "choices", "answer", "status"), CHOICE_POLICY)
def test_choice_policy(response: str, choices: list[str], answer: str | None, status: str) -> None:
    extraction = extract_choice(response, choices)
    assert (extraction.answer, extraction.status) == (answer, status)


NUMBER_POLICY = [
    ("The answer is $29.00", "29"),
    ("The total comes to $1,080.50.", "1080.5"),
    ("Answer: m+n = 256+37 = 293", "293"),
    ("He sold 72 clips, altogether.", "72"),
    ("She paid 1,500 in rent.", "1500"),
    ("The answer is -3.", "-3"),
    ("#### 1,080", "1080"),
    ("#### 12\n\nQuestion: Tom has 3 pens ...\n#### 7", "12"),
    ("The answer is 25%.", "25"),
    ("The answer is three.", "3"),
    ("The answer is 3 million.", "3000000"),
    ("The answer is 3/4.", "0.75"),
    ("The answer is 2 1/2.", "2.5"),
    (r"\boxed{\frac{1}{3}}", "0.333333333333"),
    ("The answer is 1.080,50 euros", "1080.5"),
    ("The answer is .. and 1.,", None),
    ("The answer is 12x.", None),
    ("<think>17 or 18?", None),
    ("", None),
    ("There is not enough information to compute the number of 3 cats.", None),
    ("الجواب: ٤٢", "42"),
    ("答案是４２。", "42"),
]


@pytest.mark.parametrize(("response", "answer"), NUMBER_POLICY)
def test_number_policy(response: str, answer: str | None) -> None:
    assert extract_number(response).answer == answer


GRID_POLICY = [
    ("Output:\n1 0\n0 1", [[1, 0], [0, 1]]),
    ('[["1","0"],["0","1"]]', [[1, 0], [0, 1]]),
    ("[[1.0, 0],[0, 1]]", None),
    ("[[12, 0],[0, 1]]", None),
    ("[[1, 0],[0]]", None),
    (str([[0] * 31]), None),
    ("\n".join(["0 0"] * 31), None),
    (str([[5] * 30] * 30), [[5] * 30] * 30),
    ("Input:\n1 1\n1 1\n\nOutput:\n2 2\n2 2", [[2, 2], [2, 2]]),
    ("There is no grid here.", None),
    ("", None),
]


@pytest.mark.parametrize(("response", "rows_"), GRID_POLICY)
def test_grid_policy(response: str, rows_: list[list[int]] | None) -> None:
    assert extract_grid(response).answer == rows_


def test_the_span_is_the_position_of_the_answer() -> None:
    response = "<think>A?</think>  The answer is **(C)**."
    extraction = extract_choice(response, CITIES)
    assert extraction.span is not None
    assert response[slice(*extraction.span)] == "C"


@pytest.mark.parametrize(("choices", "labels"), [(["x"], "AB"), ([], "AB"), (["x"] * 3, "AB"), (["x"] * 27, None)])
def test_a_wrong_number_of_choices_names_both_counts(choices: list[str], labels: str | None) -> None:
    with pytest.raises(ValueError, match=rf"{len(choices)} choices for {len(labels or 'x' * 26)} labels"):
        extract_choice("A", choices, **({"labels": labels} if labels else {}))


@pytest.mark.parametrize(
    ("response", "stripped"),
    [
        ("<think>17 * 3 = 51</think>The answer is 51.", "The answer is 51."),
        ("hidden</think> B", "B"),
        ("B<think>never closed", "B"),
        ("a<think>1</think>b<think>2</think>c", "abc"),
        ("<think><think>x</think></think>y", "y"),
        ("<|channel|>analysis<|message|>A?<|end|><|start|>assistant<|channel|>final<|message|>B", "B"),
        ("<|channel>thought\nA?<channel|>B<turn|>", "B<turn|>"),
        ("<seed:think>A?</seed:think>B", "B"),
        (
            "<|START_THINKING|>A?<|END_THINKING|><|START_RESPONSE|>B<|END_RESPONSE|>",
            "<|START_RESPONSE|>B<|END_RESPONSE|>",
        ),
        ("analysisWe need A?assistantfinalB", "B"),
        ("no tags", "no tags"),
    ],
)
def test_strip_reasoning(response: str, stripped: str) -> None:
    assert strip_reasoning(response) == stripped


@pytest.mark.parametrize(
    ("value", "number"), [("so 6 * 180 = 1,080.\n#### 1,080", "1080"), ("-3", "-3"), ("$18.50", "18.5"), ("1/2", "0.5")]
)
def test_gold_number(value: str, number: str) -> None:
    assert gold_number(value) == number


@pytest.mark.parametrize("value", ["", "none", "#### 3 and 4"])
def test_a_gold_that_is_not_a_number_raises(value: str) -> None:
    with pytest.raises(ValueError, match="expected one"):
        gold_number(value)


@pytest.mark.parametrize(
    ("value", "n_choices", "letter"),
    [("B", 4, "B"), ("(b)", 4, "B"), ("1", 4, "A"), ("8", 8, "H"), (0, 4, "A"), (3, 4, "D")],
)
def test_gold_letter(value: str | int, n_choices: int, letter: str) -> None:
    assert gold_letter(value, n_choices) == letter


@pytest.mark.parametrize(("value", "n_choices"), [("E", 4), ("5", 4), (4, 4), (-1, 4), ("", 4), ("AB", 4)])
def test_gold_letter_outside_the_choices_raises(value: str | int, n_choices: int) -> None:
    with pytest.raises(ValueError, match="gold answer"):
        gold_letter(value, n_choices)


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        ("4.333333333333", "4.333333333333333", True),
        ("5", "5.0", True),
        ("5", "-5", False),
        (None, "0", False),
        ("0.3", "0.31", False),
    ],
)
def test_numbers_are_compared_as_numbers(answer, gold, same):
    assert same_number(answer, gold) is same
