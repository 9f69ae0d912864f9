"""What training rows look like: balance, duplicates, lengths, blind baselines."""

from __future__ import annotations

import random

import pytest
from helpers.audit_rows import EGGS, SEA, mcq_prompt, pair, row
from helpers.locations import TOY

from mcqa_suite.training_data.audit import audit
from mcqa_suite.training_data.audit.checks import balance, letter_of
from mcqa_suite.training_data.audit.report import markdown
from mcqa_suite.training_data.audit.text import folded

# Gold position, duplicates, lengths, baselines.


def test_gold_at_one_position_in_every_row_is_reported():
    result = audit([row(mcq_prompt(f"Question {i} of many?"), id=str(i)) for i in range(40)])
    assert result.checks.balance is not None
    assert result.checks.balance.verdict.startswith("gold always at A: ")
    assert "gold always at A" in markdown(result)


def test_shuffled_gold_positions_are_not_reported_as_uneven():
    letters = random.Random(0).choices("ABCD", k=2000)
    assert balance([(letter, 4) for letter in letters]).verdict == "even, as far as these rows can tell"


def test_balance_is_pearsons_chi_square_also_for_rows_with_different_numbers_of_options():
    from scipy import stats

    golds = [("A", 4)] * 30 + [("B", 4)] * 20 + [("C", 4)] * 25 + [("D", 4)] * 25
    result = balance(golds)
    assert (result.chi_square, result.p) == pytest.approx(tuple(stats.chisquare([30, 20, 25, 25])))
    mixed = balance([("A", 2), ("B", 2), ("A", 4), ("B", 4), ("C", 4), ("D", 4)])
    assert mixed.expected == pytest.approx((2, 2, 1, 1))
    assert mixed.chi_square == 0


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        (" B", "B"),
        ("(c)", "C"),
        (" B. twilight zone", "B"),
        ("The correct answer is D. tidal zone", "D"),
        ("Light is weak there. The answer is A.", "A"),
        (" A plant needs light", None),
        (" twilight zone", None),
        (" F", None),
    ],
)
def test_the_letter_of_a_training_answer(response, letter):
    assert letter_of(response, 4) == letter


def test_duplicates_conflicts_and_empty_rows_are_listed_by_id():
    rows = [
        row(mcq_prompt(), " A", id="first"),
        row(mcq_prompt(), " A", id="again"),
        row(mcq_prompt(SEA.upper() + " "), " a", id="shouted"),
        row(mcq_prompt(), " A. twilight zone", id="more words, same answer"),
        row(mcq_prompt(), " B", id="other answer"),
        row("Say something.", "  ", id="blank"),
    ]
    result = audit(rows).checks
    assert result.exact == ("again",)
    assert result.normalised == ("shouted",)
    assert result.conflicting == (("first", "other answer"),)
    assert result.empty == ("blank",)


def test_questions_that_differ_in_a_sign_are_not_duplicates():
    rows = [row(f"What is the degree of Q(sqrt(2) {sign} sqrt(3))?", f" {i}") for i, sign in enumerate("+-*")]
    result = audit(rows).checks
    assert result.normalised == result.conflicting == ()
    assert folded("1.5 m, or 15 m?") == "1.5mor15m"


def test_worked_solutions_with_the_same_final_number_do_not_conflict():
    rows = [row(EGGS, f" {text}\n#### 1,063") for text in ("1080 - 17", "Take 17 away.")]
    assert audit(rows).checks.conflicting == ()
    assert len(audit([*rows, row(EGGS, " Add 17.\n#### 1,097")]).checks.conflicting) == 1


def test_rows_over_the_limit_are_listed_in_characters_and_in_tokens():
    rows = [row("a", " b", id="short"), row("What is the unit of force? " * 30, " newton", id="long")]
    assert audit(rows, max_length=100).checks.lengths.over == ("long",)
    tokens = audit(rows, max_length=30, tokenizer=TOY / "base").checks.lengths
    assert (tokens.unit, tokens.over) == ("tokens", ("long",))
    assert 30 < tokens.longest < len(rows[1]["prompt"])


def test_the_length_baseline_of_pairs_has_an_interval_over_prompts():
    rows = [pair(f"p{i // 4}", "x" * 5, "x" * (9 if i < 60 else 1), str(i)) for i in range(100)]
    rows += [pair("q", "same", "same", "equal")]
    result = audit(rows).checks.pairs
    assert result is not None
    assert result.equal == ("equal",)
    assert (result.same_length, result.shorter.value, result.longer.value) == (1, 0.6, 0.4)
    alone = audit([row | {"group": row["id"]} for row in rows]).checks.pairs
    # four pairs of one prompt agree: they are worth less than four pairs of four prompts
    assert result.shorter.half_width > 1.5 * alone.shorter.half_width


def test_a_response_that_is_chosen_in_one_row_and_rejected_in_another_is_a_conflict():
    rows = [pair("p", "yes", "no", "one"), pair("p", "no", "yes", "two"), pair("q", "yes", "no", "three")]
    assert set(audit(rows).checks.conflicting) == {("one", "two"), ("two", "one")}
