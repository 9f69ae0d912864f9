"""Preference pairs: the forms that are in use, their filters, and that equal responses and ties make no pair."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from helpers.locations import SHARED

from mcqa_suite.common.config import parse
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.extract import extract_choice
from mcqa_suite.training_data.sources import PAIRS, PairSource, Source, rows

KEYS = {"id", "group", "source", "topic", "format", "prompt", "chosen", "rejected"}
GSM8K_PAIRS = SHARED / "data" / "gsm8k_preference_pairs.jsonl"
PAIR = {"prompt": "Q?", "chosen": "yes", "rejected": "no"}


def written(tmp_path, values, name="pairs.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return str(path)


def judged(overall="A", a="a better answer", b="a worse answer", **criteria):
    names = ("correctness", "relevance", "clarity", "completeness")
    return {
        "A": a,
        "B": b,
        "overall": overall,
        "criteria": {"overall": overall, "other": "", **{name: criteria.get(name, overall) for name in names}},
    }


def raw(tmp_path, *preferences, question=1):
    entry = {"question_id": question, "question_complete": "Why?", "course_id": 15, "preference": list(preferences)}
    path = tmp_path / "raw.json"
    path.write_text(json.dumps([entry]))
    return str(path)


def texts(source):
    return [(row["chosen"], row["rejected"]) for row in rows(source)]


SAMPLE = str(tasks_dir() / "epfl" / "sample.jsonl")


def test_the_pairs_of_a_file_of_questions_have_the_right_option_and_a_wrong_one_from_every_position():
    result = rows(PairSource("epfl", path=SAMPLE))
    for row, right in zip(result, rows(Source("epfl", path=SAMPLE, style="letter_text")), strict=True):
        assert row.keys() == KEYS
        assert (row["prompt"], row["chosen"], row["id"]) == (right["prompt"], right["completion"], right["id"])
        assert row["chosen"][:4] != row["rejected"][:4]
        assert f"\n{row['rejected'].strip()}\n" in row["prompt"]
    assert {extract_choice(row["rejected"], list("wxyz")).answer for row in result} == set("ABCD")
    assert result != rows(PairSource("epfl", path=SAMPLE, seed=1))


@pytest.mark.parametrize("style", ["letter", "correct_answer", "cloze"])
def test_the_options_of_a_pair_are_written_in_any_style_of_an_answer(style):
    right = rows(Source("epfl", path=SAMPLE, style=style))
    by_text = rows(PairSource("epfl", path=SAMPLE))
    for row, answer, text in zip(rows(PairSource("epfl", path=SAMPLE, style=style)), right, by_text, strict=True):
        assert (row["prompt"], row["chosen"]) == (answer["prompt"], answer["completion"])
        label, _, option = text["rejected"].strip().partition(". ")  # the same wrong option in every style
        assert row["rejected"] in (f" {label}", f" The correct answer is {label}. {option}", f" {option}")
    with pytest.raises(ConfigError, match="unknown style 'cot'; expected one of letter_text, letter, correct_answer"):
        rows(PairSource("epfl", path=SAMPLE, style="cot"))


def test_a_question_whose_options_are_all_right_makes_no_pair(tmp_path):
    every = {"question": "Which?", "choices": ["a", "b", "c"], "answer": ["A", "B", "C"]}
    two = {"question": "Which two?", "choices": ["a", "b", "c"], "answer": ["B", "C"]}
    assert texts(PairSource("epfl", path=written(tmp_path, [every, two]))) == [(" B. b", " A. a")]


def test_the_evaluators_form_is_read_with_its_id_group_and_topic(tmp_path):
    path = written(tmp_path, [PAIR, {**PAIR, "id": "x", "group": "g", "topic": "t"}])
    first, second = rows(PairSource("evaluator", path=path))
    assert first == {**first, "id": "evaluator/pairs/1", "prompt": "Q?", "chosen": " yes", "rejected": " no"}
    assert (second["id"], second["group"], second["topic"]) == ("x", "g", "t")


# Prior mistake: "equal" pairs were kept.
def test_equal_responses_and_ties_make_no_pair(tmp_path):
    path = written(tmp_path, [PAIR, {**PAIR, "chosen": "no "}])
    assert len(rows(PairSource("evaluator", path=path))) == 1
    assert texts(PairSource("epfl_raw", path=raw(tmp_path, judged(), judged(b=" a better answer"), judged("AB")))) == [
        (" a better answer", " a worse answer")
    ]
    labels = [{"prompt": "P", "group": "g", "a": "x", "b": "y", "label": label} for label in ("a", "b", "tie", "equal")]
    assert texts(PairSource("persuasion", path=written(tmp_path, labels))) == [(" x", " y"), (" y", " x")]


def test_pairs_that_are_left_out_are_counted(tmp_path, caplog):
    labels = [
        {"prompt": "P", "group": "g", "a": a, "b": "y", "label": label}
        for a, label in zip("xxyx", ("a", "tie", "a", "equal"), strict=True)
    ]
    assert len(rows(PairSource("persuasion", path=written(tmp_path, labels)))) == 1
    assert "pairs.jsonl: 1 pairs; left out: 1 tie, 2 equal" in caplog.text


def test_raw_pairs_that_a_filter_leaves_out_are_counted(tmp_path, caplog):
    path = raw(tmp_path, judged(), judged("AB"), judged(b="a better answer"), judged(clarity="B"), judged(a="the best"))
    assert len(rows(PairSource("epfl_raw", path=path, min_agreement=4, keep_first=True))) == 1
    assert (
        "raw.json: 1 pairs; left out: 1 undecided, 1 equal, 1 below min_agreement, 1 not the first of its question"
        in caplog.text
    )


def test_a_file_of_only_equal_pairs_is_an_error(tmp_path):
    path = written(tmp_path, [{**PAIR, "rejected": "yes"}])
    with pytest.raises(DatasetError, match="source 'evaluator': no row left; loosen its filters"):
        rows(PairSource("evaluator", path=path))


@pytest.mark.parametrize(
    ("least", "tolerance", "n"),
    [(0, False, 4), (1, False, 3), (2, False, 2), (4, False, 1), (2, True, 3), (4, True, 2)],
)
def test_raw_pairs_are_kept_where_enough_criteria_agree_with_overall(tmp_path, least, tolerance, n):
    path = raw(
        tmp_path,
        judged("A"),
        judged("B", correctness="B", relevance="B", clarity="AB", completeness="None"),
        judged("A", correctness="A", relevance="AB", clarity="B", completeness="B"),
        judged("A", correctness="B", relevance="B", clarity="B", completeness="B"),
    )
    result = rows(PairSource("epfl_raw", path=path, min_agreement=least, tolerance=tolerance))
    assert len(result) == n
    (other,) = rows(PairSource("evaluator", path=written(tmp_path, [{**PAIR, "prompt": "why? "}])))
    assert all(row["group"] == other["group"] and row["topic"] == "15" and row["prompt"] == "Why?" for row in result)


def test_overall_decides_which_side_is_chosen(tmp_path):
    assert texts(PairSource("epfl_raw", path=raw(tmp_path, judged("B")))) == [(" a worse answer", " a better answer")]


def test_keep_first_keeps_the_first_real_pair_of_every_question(tmp_path):
    pairs = [{**PAIR, "rejected": "yes"}, PAIR, {**PAIR, "rejected": "never"}, {**PAIR, "prompt": "Other?"}]
    result = rows(PairSource("evaluator", path=written(tmp_path, pairs), keep_first=True))
    assert [(row["prompt"], row["rejected"]) for row in result] == [("Q?", " no"), ("Other?", " no")]


def test_pairs_of_solutions_have_a_right_and_a_wrong_one_and_no_unread_one(tmp_path):
    responses = ["The answer is 1,080.", "I do not know.", "The answer is 80.", "So it is 6 * 180 = 1080.", "It is 7."]
    letters = {"question": "Which?", "choices": ["one", "two"], "gold": "B", "responses": ["The answer is A.", "(B)"]}
    path = written(tmp_path, [{"question": "How many?", "gold": "#### 1,080", "responses": responses}, letters])
    assert texts(PairSource("solutions", path=path)) == [
        (" The answer is 1,080.", " The answer is 80."),
        (" So it is 6 * 180 = 1080.", " It is 7."),
        (" (B)", " The answer is A."),
    ]


def test_a_sample_log_is_read_with_the_prompt_that_the_model_saw(tmp_path):
    doc = {"id": "gsm8k/1", "question": "How many?", "solution": "", "gold": "3"}
    arguments = {"gen_args_0": {"arg_0": "Q: How many?\nA:"}}
    log = {
        "doc": doc,
        "arguments": arguments,
        "resps": [["The answer is 3.", "The answer is 4."]],
        "filter": "extracted",
    }
    (row,) = rows(PairSource("solutions", path=written(tmp_path, [log])))
    assert (row["prompt"], row["chosen"], row["rejected"]) == (
        "Q: How many?\nA:",
        " The answer is 3.",
        " The answer is 4.",
    )


# Prior mistake: pairs of one question stood in two splits.
@pytest.mark.parametrize("keys", ["split", "pool"])
def test_no_question_has_pairs_in_two_parts(tmp_path, keys):
    pairs = [{**PAIR, "prompt": f"Q {i // 4}?", "rejected": f"no {i}", "group": f"g{i // 4}"} for i in range(400)]
    path = written(tmp_path, pairs)
    names = ("train", "validation", "test") if keys == "split" else ("sft", "ai", "human", "held_out")
    parts = [rows(PairSource("persuasion", path=path, **{keys: name})) for name in names]
    assert sum(map(len, parts)) == 400
    for first, other in combinations(parts, 2):
        assert not {row["group"] for row in first} & {row["group"] for row in other}


BAD = [
    ("evaluator", [{"prompt": "Q?", "chosen": "a"}], "pairs.jsonl:1: no key 'rejected'; correct the row"),
    ("evaluator", [PAIR, {**PAIR, "chosen": " "}], "pairs.jsonl:2: 'chosen' is blank, expected text"),
    ("evaluator", [{**PAIR, "chosen": 3}], "pairs.jsonl:1: 'chosen' is int, expected text"),
    ("evaluator", [[1]], "pairs.jsonl:1: expected a JSON object, found int"),
    ("persuasion", [PAIR], "pairs.jsonl:1: no key 'group'"),
    ("persuasion", [{**PAIR, "group": "g", "label": "A"}], "pairs.jsonl:1: label 'A'; expected one of a, b, tie"),
    ("epfl_raw", [PAIR], "pairs.jsonl:1: no key 'question_complete'"),
    ("solutions", [{"question": "?", "responses": ["1"]}], "pairs.jsonl:1: no gold answer among the columns question"),
]


@pytest.mark.parametrize(("source", "values", "message"), BAD, ids=[f"{name}-{m[-22:]}" for name, _, m in BAD])
def test_a_row_that_is_not_a_pair_is_named_with_its_line(tmp_path, source, values, message):
    with pytest.raises(DatasetError, match=message) as caught:
        rows(PairSource(source, path=written(tmp_path, values)))
    assert "\n" not in str(caught.value)


def test_an_unreadable_pair_source_is_an_error_with_its_reason(tmp_path):
    for name, reader in PAIRS.items():
        if "path" in reader.keys:
            with pytest.raises(ConfigError, match=f"source '{name}': no 'path'"):
                rows(PairSource(name))
            with pytest.raises(DatasetError, match=r"nowhere\.jsonl: No such file"):
                rows(PairSource(name, path=str(tmp_path / "nowhere.jsonl")))
    with pytest.raises(ConfigError, match="source 'evaluator': unknown key 'min_agreement'"):
        rows(PairSource("evaluator", path="x", min_agreement=2))
    with pytest.raises(ConfigError, match=r"a\.yaml: min_agreement: 5; expected less than or equal to 4"):
        parse(PairSource, {"source": "epfl_raw", "min_agreement": 5}, "a.yaml")


@pytest.mark.skipif(not GSM8K_PAIRS.is_file(), reason=f"no {GSM8K_PAIRS}")
def test_the_shared_gsm8k_pairs_are_read_and_split_by_question():
    whole = rows(PairSource("evaluator", path=str(GSM8K_PAIRS)))
    assert (len(whole), len({row["group"] for row in whole})) == (2429, 731)
    train, test = (rows(PairSource("evaluator", path=str(GSM8K_PAIRS), split=part)) for part in ("train", "test"))
    assert not {row["prompt"] for row in train} & {row["prompt"] for row in test}
    assert len({row["id"] for row in whole}) == len(whole)
