"""Persuasion sources: only the persuading side is learned, from what was said before, and a dialogue is one group."""

from __future__ import annotations

import csv
import json
import re

import pytest
from helpers.locations import SHARED

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.training_data.sources import Source, rows

DIALOGUES = SHARED / "data" / "persuasionforgood" / "full_dialog.csv"
TURNS = [
    ("d1", 0, 0, "Hello."),
    ("d1", 0, 0, "How are you?"),
    ("d1", 0, 1, "Fine, who asks?"),
    ("d1", 1, 0, "A friend of children."),
    ("d1", 1, 1, "No thanks."),
    ("d2", 0, 1, "I speak first."),
    ("d2", 0, 0, "Then I answer."),
]
PROMPT = re.compile(r"\[SYSTEM\]\n.+\n\n\[CONTEXT\]\n[\s\S]+\n\n\[TASK\]\n.+\n\n\[RESPONSE\]")


@pytest.fixture
def dialogues(tmp_path):
    path = tmp_path / "full_dialog.csv"
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["", "Unit", "Turn", "B4", "B2"])
        out.writerows([number, unit, turn, role, name] for number, (name, turn, role, unit) in enumerate(TURNS))
    return path


def utterance(name, speaker, text, reply_to=None, success=None, **other):
    return {
        "id": name,
        "conversation_id": "t1",
        "speaker": speaker,
        "text": text,
        "reply-to": reply_to,
        "meta": {"success": success, "pair_ids": []},
        "timestamp": 0,
        **other,
    }


@pytest.fixture
def corpus(tmp_path):
    """A thread in ConvoKit's columns: a winner, its follow-up, the author's own words in the winning line, and losers."""
    spoken = [
        utterance("t1", "author", "I hold a view."),
        utterance("c1", "winner", "Here is why not.", "t1", 1),
        utterance("c2", "author", "Tell me more.", "c1", 1),
        utterance("c3", "winner", "Because of this.", "c2", 1),
        utterance("c4", "loser", "You are wrong.", "t1", 0),
        utterance("c5", "bystander", "Interesting.", "t1"),
        utterance("c6", "winner", "[deleted]", "t1", 1),
    ]
    (tmp_path / "utterances.jsonl").write_text("".join(json.dumps(row) + "\n" for row in spoken))
    (tmp_path / "conversations.json").write_text(json.dumps({"t1": {"meta": {"op-title": "CMV: a title"}}}))
    return tmp_path


# Prior mistake: a role filter that passed both roles.
def test_completions_are_the_persuaders_turns_and_the_persuadees_are_context(dialogues):
    result = rows(Source("persuasionforgood", path=str(dialogues)))
    assert [row["completion"] for row in result] == [
        " Hello. How are you?",
        " A friend of children.",
        " Then I answer.",
    ]
    assert [row["group"] for row in result] == ["persuasionforgood/d1"] * 2 + ["persuasionforgood/d2"]
    assert all(PROMPT.fullmatch(row["prompt"]) for row in result)
    context = "[CONTEXT]\nPersuader: Hello. How are you?\nPersuadee: Fine, who asks?\n\n[TASK]"
    assert context in result[1]["prompt"]
    assert "A friend" not in result[1]["prompt"]
    assert "Persuadee: I speak first." in result[2]["prompt"]


@pytest.mark.skipif(not DIALOGUES.is_file(), reason=f"no {DIALOGUES}")
def test_every_row_of_the_real_dialogues_is_a_persuaders_turn(monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(SHARED))
    with DIALOGUES.open(encoding="utf-8", newline="") as stream:
        units = list(csv.DictReader(stream))
    result = rows(Source("persuasionforgood"))
    assert [row["completion"].strip() for row in result] == [u["Unit"].strip() for u in units if u["B4"] == "0"]
    assert len({row["group"] for row in result}) == 1017
    assert len({row["id"] for row in result}) == len(result) == 10600


@pytest.mark.skipif(not DIALOGUES.is_file(), reason=f"no {DIALOGUES}")
def test_the_pools_of_the_real_dialogues_share_no_dialogue(monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(SHARED))
    counts = {"ai": 300, "human": 50, "held_out": 30, "sft": None}
    parts = [
        {row["group"] for row in rows(Source("persuasionforgood", pool=pool, pool_counts=counts))} for pool in counts
    ]
    assert [len(part) for part in parts] == [300, 50, 30, 637]
    assert len(set().union(*parts)) == 1017


def test_completions_are_arguments_of_others_that_won_a_delta(corpus):
    for path in (corpus, corpus / "utterances.jsonl"):
        result = rows(Source("convokit_cmv", path=str(path)))
        assert [row["completion"] for row in result] == [" Here is why not.", " Because of this."]
        assert {row["group"] for row in result} == {"convokit_cmv/t1"}
        assert "[CONTEXT]\nCMV: a title\n\nI hold a view.\n\n[TASK]" in result[0]["prompt"]
        assert "I hold a view.\n\nReplying to: Tell me more." in result[1]["prompt"]


def test_with_op_replies_a_prompt_shows_every_turn_between_the_post_and_the_argument(corpus):
    with (corpus / "utterances.jsonl").open("a") as file:
        for row in (
            utterance("c7", "author", "[deleted]", "c3"),
            utterance("c8", "bystander", "Interesting.", "c7"),
            utterance("c9", "winner", "One last thing.", "c8", 1),
        ):
            file.write(json.dumps(row) + "\n")
    first, second, last = rows(Source("convokit_cmv", path=str(corpus), op_replies=True))
    post = "[CONTEXT]\nCMV: a title\n\nI hold a view."
    assert f"{post}\n\n[TASK]" in first["prompt"]
    assert f"{post}\n\nYou: Here is why not.\n\nAuthor: Tell me more.\n\n[TASK]" in second["prompt"]
    assert "Author: Tell me more.\n\nYou: Because of this.\n\nAnother: Interesting.\n\n[TASK]" in last["prompt"]
    # The author's replies are context, never an answer to learn.
    assert [row["completion"] for row in (first, second, last)] == [
        " Here is why not.",
        " Because of this.",
        " One last thing.",
    ]


def test_replies_in_a_circle_end_the_context(corpus):
    with (corpus / "utterances.jsonl").open("a") as file:
        for row in (
            utterance("x", "a", "Yes.", "y"),
            utterance("y", "b", "No.", "x"),
            utterance("z", "a", "Why?", "y", 1),
        ):
            file.write(json.dumps(row) + "\n")
    *_, last = rows(Source("convokit_cmv", path=str(corpus), op_replies=True))
    assert "I hold a view.\n\nYou: Yes.\n\nAnother: No.\n\n[TASK]" in last["prompt"]


def test_the_corpus_is_read_under_its_original_key_names_too(corpus):
    path = corpus / "utterances.jsonl"
    old = path.read_text().replace('"conversation_id"', '"root"').replace('"speaker"', '"user"')
    path.write_text(old.replace('"reply-to"', '"reply_to"'))
    (corpus / "conversations.json").unlink()
    result = rows(Source("convokit_cmv", path=str(corpus)))
    assert len(result) == 2
    assert "[CONTEXT]\nI hold a view.\n\n[TASK]" in result[0]["prompt"]


def test_an_unreadable_persuasion_source_is_a_one_line_error(tmp_path, dialogues, corpus, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path / "nowhere"))
    (tmp_path / "bare.csv").write_text("Unit,Turn,B2\nx,0,d\n")
    (tmp_path / "roles.csv").write_text(dialogues.read_text().replace(",1,d1", ",2,d1"))
    (tmp_path / "bare.jsonl").write_text('{"id": "x"}\n')
    spoken = {
        key: {**utterance("t1", "author", "I hold a view."), key: [1]} for key in ("id", "text", "reply-to", "meta")
    }
    for key, row in spoken.items():
        (tmp_path / f"{key}.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "utterances.jsonl").write_text(
        json.dumps(utterance("t1", "author", "A view.", None, 1)) + "\n"
    )
    (tmp_path / "deep" / "conversations.json").write_text("[" * 3000)
    for source, kind, message in (
        (Source("persuasionforgood"), DatasetError, "full_dialog.csv: No such file .*; give 'path'"),
        (
            Source("persuasionforgood", path=str(tmp_path / "bare.csv")),
            DatasetError,
            "no column .B4. .columns: Unit, Turn, B2",
        ),
        (Source("persuasionforgood", path=str(tmp_path / "roles.csv")), DatasetError, "roles.csv:4: B4 is '2'"),
        (Source("convokit_cmv"), ConfigError, "no 'path'; give the folder of ConvoKit's winning-args-corpus"),
        (Source("convokit_cmv", path=str(tmp_path / "bare.jsonl")), DatasetError, "bare.jsonl:1: no key 'root'"),
        (Source("convokit_cmv", path=str(tmp_path / "id.jsonl")), DatasetError, "id.jsonl:1: 'id' is list"),
        (Source("convokit_cmv", path=str(tmp_path / "text.jsonl")), DatasetError, "text.jsonl:1: 'text' is list"),
        (Source("convokit_cmv", path=str(tmp_path / "reply-to.jsonl")), DatasetError, "'reply_to' is list"),
        (Source("convokit_cmv", path=str(tmp_path / "meta.jsonl")), DatasetError, "meta.jsonl:1: 'meta' is no object"),
        (Source("convokit_cmv", path=str(tmp_path / "deep")), DatasetError, "not ConvoKit's conversations.json"),
    ):
        with pytest.raises(kind, match=message) as caught:
            rows(source)
        assert "\n" not in str(caught.value)
