"""Rows of one's own, files in the columns of GSM8K and GSM-Symbolic, and counting problems."""

from __future__ import annotations

import json
import re

import pytest

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.training_data.audit.rows import text_of
from mcqa_suite.training_data.sources import Source, counting, rows

SYSTEM = {"role": "system", "content": "Be brief."}
HELLO, HI = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}
MORE, GOOD = {"role": "user", "content": "How are you?"}, {"role": "assistant", "content": "Good"}


def written(tmp_path, *lines):
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_half_a_surrogate_pair_in_an_earlier_message_is_replaced(tmp_path):
    messages = [{"role": "user", "content": "Hello\ud800"}, HI, MORE, GOOD]
    (read,) = rows(Source("rows", path=written(tmp_path, {"messages": messages})))
    assert json.loads(read["earlier"])[0]["content"] == "Hello\ufffd"


@pytest.mark.parametrize(
    ("row", "prompt", "completion", "earlier"),
    [
        ({"prompt": "p", "completion": " c"}, "p", " c", None),
        ({"question": "Why?", "answer": "So."}, "Question: Why?\nAnswer:", " So.", None),
        ({"question": "How many?", "answer": 12}, "Question: How many?\nAnswer:", " 12", None),
        ({"messages": [HELLO, HI]}, "Hello", "\nHi", None),
        ({"prompt": [HELLO], "completion": [HI]}, "Hello", "\nHi", None),
        ({"prompt": "p\ud800", "completion": "c"}, "p\ufffd", "c", None),
        ({"messages": [SYSTEM, HELLO, HI, MORE, GOOD]}, "How are you?", "\nGood", [SYSTEM, HELLO, HI]),
    ],
)
def test_every_form_of_a_row_is_read(tmp_path, row, prompt, completion, earlier):
    (read,) = rows(Source("rows", path=written(tmp_path, row)))
    assert (read["prompt"], read["completion"], read["format"]) == (prompt, completion, "written")
    assert json.loads(read.get("earlier", "null")) == earlier
    assert read["id"] == "own/1"
    for message in earlier or []:
        assert message["content"] in text_of(read)  # so that the audit sees it


def test_a_row_may_name_itself_its_group_and_its_topic(tmp_path):
    own = {"id": "q7", "group": "g", "topic": "moon", "prompt": "p", "completion": " c"}
    (read,) = rows(Source("rows", path=written(tmp_path, own)))
    assert (read["id"], read["group"], read["topic"]) == ("q7", "g", "moon")


def test_rows_with_the_same_prompt_are_one_group_and_get_into_one_split(tmp_path):
    lines = [{"prompt": f"p{i % 20}", "completion": f" {i}"} for i in range(60)]
    parts = [
        {row["group"] for row in rows(Source("rows", path=written(tmp_path, *lines), split=split))}
        for split in ("train", "test")
    ]
    assert not parts[0] & parts[1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "x"}, "keys 'text'"),
        ({}, "keys none"),
        ({"prompt": "p"}, "no 'completion'"),
        ({"prompt": "", "completion": "c"}, "'prompt' is blank"),
        ({"prompt": 5, "completion": "c"}, "'prompt' is no text"),
        ({"question": "q", "answer": True}, "'answer' is no text"),
        ({"messages": "x"}, "the messages are no list of objects with 'role' and 'content'"),
        ({"messages": [HELLO]}, "the messages do not end with the user's and the assistant's"),
        ({"messages": [HELLO, {"role": "bot", "content": "x"}]}, "role 'bot' is none of system, user, assistant"),
        ({"messages": [HELLO, {"role": "assistant"}]}, "no 'content'"),
    ],
)
def test_a_row_in_another_schema_is_named_with_its_line(tmp_path, row, reason):
    path = written(tmp_path, {"prompt": "p", "completion": " c"}, row)
    with pytest.raises(
        DatasetError, match=re.escape(f"{path}:2: {reason}; a row has prompt and completion, messages, or")
    ):
        rows(Source("rows", path=path))


def test_an_empty_file_and_none_are_one_line(tmp_path):
    with pytest.raises(DatasetError, match=r"own.jsonl: no rows; expected one JSON object a line"):
        rows(Source("rows", path=written(tmp_path)))
    with pytest.raises(ConfigError, match="source 'rows': no 'path'; give a JSONL file"):
        rows(Source("rows"))


GSM8K = {"question": "How many is 3 + 1,000?", "answer": "<<3+1000=1003>>It is 1,003.\n#### 1,003"}


@pytest.mark.parametrize(
    ("source", "row"), [("gsm8k", GSM8K), ("gsm_symbolic", {**GSM8K, "id": 4, "instance": 7, "original_id": 0})]
)
def test_a_file_in_the_columns_of_a_data_set_is_read_in_its_styles(tmp_path, source, row):
    entry = Source(source, path=written(tmp_path, row), style="final_answer")
    (read,) = rows(entry)
    assert read["prompt"].startswith("Solve the following math problem step by step")
    assert read["completion"].endswith("Final answer: 1003.")


def test_a_file_with_another_column_or_without_a_number_is_named_with_its_line(tmp_path):
    with pytest.raises(DatasetError, match=r"own.jsonl:1: no key 'answer'; a row has question and answer"):
        rows(Source("gsm8k", path=written(tmp_path, {"question": "q"})))
    with pytest.raises(DatasetError, match=r"own.jsonl:1: .*; a row has question and answer"):
        rows(Source("gsm8k", path=written(tmp_path, {"question": "q", "answer": "many"})))
    with pytest.raises(DatasetError, match=r"own.jsonl:1: 'answer' is NoneType, expected text; a row has question"):
        rows(Source("gsm8k", path=written(tmp_path, {"question": "q", "answer": None})))


def test_a_file_has_no_split_of_the_data_set(tmp_path):
    with pytest.raises(ConfigError, match="both 'split' and 'path'; the file is read whole, so remove 'split'"):
        rows(Source("gsm8k", path=written(tmp_path, GSM8K), split="train"))


def count_things(question):
    thing, listed = re.fullmatch(r"How often does '(\w+)' stand in this list: (.*)\?", question).groups()
    return listed.split(", ").count(thing)


def count_letters(question):
    letter, word = re.fullmatch(r"How many times does the letter '(\w)' occur in '(\w+)'\?", question).groups()
    return word.count(letter)


def count_multiples(question):
    step, first, last = map(int, re.findall(r"\d+", question))
    return sum(number % step == 0 for number in range(first, last + 1))


@pytest.mark.parametrize(
    ("level", "count"), [("things", count_things), ("letters", count_letters), ("multiples", count_multiples)]
)
def test_counting_problems_have_the_right_answer_and_are_drawn_without_repetition(level, count):
    drawn = rows(Source("counting", config=level, n=200, seed=1, style="final_answer"))
    questions = [row["prompt"].split("\n\n")[1] for row in drawn]
    assert len(set(questions)) == len(drawn) == 200
    for question, row in zip(questions, drawn, strict=True):
        assert row["completion"].endswith(f"Final answer: {count(question)}.")
    assert drawn == rows(Source("counting", config=level, n=200, seed=1, style="final_answer"))


def test_more_counting_problems_than_can_be_drawn_is_an_error(monkeypatch):
    monkeypatch.setattr(counting, "TRIES", 1)
    with pytest.raises(DatasetError, match=r"source 'counting': \d+ rows, and n is 5000"):
        rows(Source("counting", n=5000, config="letters"))


def test_too_long_needs_max_tokens():
    with pytest.raises(ValueError, match="'too_long' without 'max_tokens'"):
        Source("arc", too_long="cut")
