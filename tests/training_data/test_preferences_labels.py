"""What decides between two responses: correctness, a judge, a human."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.model_server import prompt_of, serving
from helpers.preference_rows import MCQ, lines, responses
from helpers.terminal import Terminal

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.training_data.preferences.check import check
from mcqa_suite.training_data.preferences.correctness import by_correctness
from mcqa_suite.training_data.preferences.human import shown_first
from mcqa_suite.training_data.preferences.judge import read_template, read_verdict
from mcqa_suite.training_data.preferences.pairs import ResponsePair, pairs_of, read_labels
from mcqa_suite.training_data.preferences.sampling import read_responses

# --- correctness


@pytest.mark.parametrize(
    ("a", "b", "label"),
    [
        ("The answer is B.", "The answer is A.", "a"),
        ("The answer is A.", "The answer is B.", "b"),
        ("The answer is B.", "Surely B.", "tie"),
        ("The answer is A.", "The answer is C.", "tie"),
        ("The answer is A.", "I cannot say.", "unread"),
        ("I cannot say.", "The answer is A.", "unread"),
        ("I cannot say.", "The answer is B.", "b"),
        ("I cannot say.", "Who knows?", "unread"),
    ],
)
def test_a_right_response_wins_and_an_unread_one_never_does(a, b, label):
    pair = ResponsePair("x", (0, 1), MCQ, a, b, {"answer": "B"})
    assert next(by_correctness([pair]))[1][0] == label


def test_a_gold_number_with_a_comma_is_one_number():
    pair = ResponsePair(
        "x", (0, 1), "How many?", "The final answer is 1080.", "The final answer is 80.", {"answer": "#### 1,080"}
    )
    assert next(by_correctness([pair]))[1][0] == "a"


def test_a_prompt_without_a_right_answer_is_an_error_with_its_id():
    with pytest.raises(DatasetError, match="q3: no right answer; add one of the columns gold, answer"):
        next(by_correctness([ResponsePair("q3", (0, 1), "p", "a", "b", {})]))


# --- judge


def test_a_judge_that_always_answers_a_labels_ties_and_its_bias_is_reported(tmp_path, capsys):
    path = responses(tmp_path, [[f"good {i}", f"bad {i}"] for i in range(12)])
    labels = tmp_path / "labels.jsonl"
    with serving(lambda body: "It reads well. Verdict: A") as served:
        assert main(["preferences", "label", str(path), "--by", "judge", "--judge", served.url, "-o", str(labels)]) == 0
    rows = read_labels(labels)
    assert [row["label"] for row in rows] == ["tie"] * 12
    assert {verdict["raw"] for row in rows for verdict in row["verdicts"]} == {"It reads well. Verdict: A"}
    validation = check(rows)
    assert validation.first_share.value == 1
    assert validation.first_share.low > 0.8
    assert validation.agreement.value == 0
    assert not validation.fit
    assert main(["preferences", "check", str(labels)]) == 1
    assert "<- position bias" in capsys.readouterr().out


def test_a_judge_sees_both_orders_and_only_agreement_decides(tmp_path):
    def judge(body):
        assert body["temperature"] == 0
        first, second = prompt_of(body).split("[Response A]\n")[1].split("\n\n[Response B]\n")
        return "Verdict: " + ("A" if first.startswith("good") else "B" if second.startswith("good") else "who knows")

    path = responses(tmp_path, [["good", "bad"], ["bad", "good"], ["bad", "poor"], ["same", "same "]])
    labels, pairs = tmp_path / "labels.jsonl", tmp_path / "pairs.jsonl"
    with serving(judge) as served:
        words = ["preferences", "label", str(path), "--by", "judge", "--judge", served.url, "-o", str(labels)]
        assert main(words) == 0
        assert len(served.bodies) == 6, "equal responses are not asked about"
        assert main(words) == 0
        assert len(served.bodies) == 6, "what is labelled is not asked again"
    assert {row["id"]: row["label"] for row in read_labels(labels)} == {
        "q0": "a",
        "q1": "b",
        "q2": "unread",
        "q3": "equal",
    }
    assert main(["preferences", "check", str(labels), "--responses", str(path), "--pairs", str(pairs)]) == 0
    assert sorted(row["prompt"] for row in lines(pairs)) == ["p0", "p1"]
    assert {(row["chosen"], row["rejected"]) for row in lines(pairs)} == {("good", "bad")}


@pytest.mark.parametrize("verdicts", [None, "first", [1], [{}]])
def test_verdicts_that_are_none_are_named_by_their_line(tmp_path, verdicts):
    row = {"id": "x", "pair": [0, 1], "prompt": "p", "a": "yes", "b": "no", "by": "judge", "label": "a"}
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps(row) + "\n" + json.dumps(row | {"verdicts": verdicts}) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"labels.jsonl:2: not a label; expected rows of `mcqa preferences label`"):
        read_labels(labels)


def test_a_response_cannot_fill_slots_of_the_judges_template(tmp_path):
    path = responses(tmp_path, [["{second}", "{prompt}"]])
    with serving(lambda body: "Verdict: C") as served:
        main(
            ["preferences", "label", str(path), "--by", "judge", "--judge", served.url, "-o", str(tmp_path / "l.jsonl")]
        )
    assert all("{second}" in prompt_of(body) and "{prompt}" in prompt_of(body) for body in served.bodies)


@pytest.mark.parametrize(
    ("raw", "won"),
    [
        ("Verdict: A", "first"),
        ("[[B]]", "second"),
        ("Both say the same. Verdict: C", "tie"),
        ("<think>Verdict: A?</think>Verdict: B", "second"),
        ("Verdict: A or B", "unread"),
        ("I would rather not.", "unread"),
        ("", "unread"),
    ],
)
def test_verdicts_are_read_from_the_judges_words(raw, won):
    assert read_verdict(raw) == won


def test_a_judge_template_without_a_slot_is_an_error(tmp_path):
    (tmp_path / "judge.txt").write_text("{prompt} {first}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no \{second\} in it"):
        read_template(tmp_path / "judge.txt")


# --- human


def labelling(path: Path, output: Path) -> Terminal:
    return Terminal(["preferences", "label", str(path), "--by", "human", "-o", str(output)])


def test_a_human_labels_with_one_key_a_pair_can_undo_quit_and_resume(tmp_path):
    path = responses(tmp_path, [[f"left {i}", f"right {i}"] for i in range(5)] + [["same", "same"]])
    out = tmp_path / "labels.jsonl"
    keys = {pair.id: shown_first(pair, 0) for pair in pairs_of(read_responses(path))}

    terminal = labelling(path, out)
    shown = terminal.press("a")
    first = "left 0" if keys["q0"] == "a" else "right 0"
    assert shown.index(first) < shown.index("right 0" if first == "left 0" else "left 0")
    terminal.press("x")  # explained, not taken
    terminal.press("b")
    terminal.press("u")  # q1 again
    assert "left 1" in terminal.press("t")
    terminal.press("q")
    terminal.until("3 left")
    assert terminal.end() == 0
    assert [(row["id"], row["label"]) for row in lines(out)] == [("q5", "equal"), ("q0", keys["q0"]), ("q1", "tie")]

    terminal = labelling(path, out)
    assert "left 2" in terminal.press("s")
    terminal.press("b")
    terminal.press("a")
    terminal.until("all labelled")
    assert terminal.end() == 0
    rows = lines(out)
    other = {"a": "b", "b": "a"}
    assert [row["label"] for row in rows[3:]] == ["skip", other[keys["q3"]], keys["q4"]]
    assert [row["verdicts"][0] for row in rows[3:]] == [
        {"first": keys["q2"], "won": "skip", "raw": "s"},
        {"first": keys["q3"], "won": "second", "raw": "b"},
        {"first": keys["q4"], "won": "first", "raw": "a"},
    ]


def test_a_label_is_on_the_disk_before_the_next_key(tmp_path):
    path, out = responses(tmp_path, [["l0", "r0"], ["l1", "r1"]]), tmp_path / "labels.jsonl"
    terminal = labelling(path, out)
    terminal.press("t")
    terminal.until("=== 1 left ===")
    terminal.process.kill()
    terminal.end()
    assert [row["label"] for row in lines(out)] == ["tie"]


def test_shown_positions_are_balanced_and_depend_only_on_the_pair():
    pairs = [ResponsePair(f"q{i}", (0, 1), "p", "a", "b", {}) for i in range(400)]
    shares = [shown_first(pair, 0) for pair in pairs]
    assert 160 < shares.count("a") < 240
    assert [shown_first(pair, 0) for pair in pairs[::-1]] == shares[::-1]


def test_labels_by_a_human_need_a_terminal(tmp_path, capsys):
    path = responses(tmp_path, [["l", "r"]])
    assert main(["preferences", "label", str(path), "--by", "human", "-o", str(tmp_path / "l.jsonl")]) == 2
    assert "--by human needs a terminal" in capsys.readouterr().err
