"""Pairs of the data's own answers and sampled responses; topics and explanations by a model; the bias of length."""

from __future__ import annotations

import json

import pytest
from helpers.model_server import prompt_of, serving
from helpers.preference_rows import MCQ, lines, responses, write

from mcqa_suite.cli.main import main
from mcqa_suite.training_data.preferences.annotation import read_topic
from mcqa_suite.training_data.preferences.check import biased_by_length, longer_share

WHALE = {"prompt": MCQ, "answer": "B", "topic": "animals"}


def contrast(tmp_path, *words):
    output = tmp_path / "pairs.jsonl"
    status = main(["preferences", "contrast", str(tmp_path / "responses.jsonl"), "-o", str(output), *words])
    return status, lines(output) if output.exists() else []


def test_the_datas_answer_is_chosen_and_a_wrong_response_rejected(tmp_path, capsys):
    texts = [["The answer is (B).", "The answer is (A).", "It is C."], ["Surely B."]]
    responses(tmp_path, texts, explanation="A whale is huge.", **WHALE)
    status, pairs = contrast(tmp_path, "--length-bias", "1")
    assert status == 0
    assert pairs == [
        {
            "id": "q0#1",
            "topic": "animals",
            "prompt": MCQ,
            "chosen": "A whale is huge. The answer is (B).",
            "rejected": "The answer is (A).",
        }
    ]
    assert "1 pairs; left out: 2 right, 1 beyond --pairs-per-prompt" in capsys.readouterr().out
    assert len(contrast(tmp_path, "--length-bias", "1", "--pairs-per-prompt", "0")[1]) == 2


def test_a_solution_gets_its_number_and_an_unread_response_is_rejected(tmp_path):
    responses(
        tmp_path,
        [["Hm.", "5"]],
        prompt="How many is 2 + 3?",
        solution="2 and 3 are 5.",
        answer="2 and 3 are 5.\n#### 5",
    )
    _, [pair] = contrast(tmp_path)
    assert (pair["chosen"], pair["rejected"]) == ("2 and 3 are 5. The final answer is 5.", "Hm.")


def test_a_prompt_without_a_right_answer_has_a_reference(tmp_path, capsys):
    responses(tmp_path, [["Please give.", "You should give."]], prompt="Persuade me.", completion=" It saves lives.")
    _, [pair] = contrast(tmp_path)
    assert (pair["chosen"], pair["rejected"]) == ("It saves lives.", "Please give.")
    responses(tmp_path, [["Please give."]], prompt="Persuade me.")
    assert contrast(tmp_path)[0] == 2
    assert "q0: no right answer" in capsys.readouterr().err


def test_no_pair_is_one_line_and_writes_no_file(tmp_path, capsys):
    responses(tmp_path, [["Surely B."]], **WHALE)
    assert contrast(tmp_path) == (2, [])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mcqa: {tmp_path}/")  # the file of the responses
    assert line.endswith(": no pair is left (1 right); sample more responses")


def test_pairs_that_length_tells_apart_end_with_exit_code_1_and_are_written(tmp_path, capsys):
    responses(tmp_path, [["The answer is (A)."]] * 40, explanation="A whale is by far the largest of them.", **WHALE)
    status, pairs = contrast(tmp_path)
    assert (status, len(pairs)) == (1, 40)
    assert "the longer is chosen in 100.0% [91.2%, 100.0%] of 40  <- length bias" in capsys.readouterr().out
    assert contrast(tmp_path, "--length-bias", "0.95")[0] == 0  # 40 pairs do not show that


def test_a_label_file_with_a_bias_of_length_is_not_fit(tmp_path, capsys):
    rows = [
        {
            "id": f"q{i}",
            "pair": [0, 1],
            "prompt": f"p{i}",
            "a": "a long answer",
            "b": "short",
            "by": "human",
            "label": "b",
        }
        for i in range(30)
    ]
    labels = write(tmp_path / "labels.jsonl", rows)
    assert main(["preferences", "check", str(labels)]) == 1
    assert "<- length bias" in capsys.readouterr().out
    assert main(["preferences", "check", str(labels), "--length-bias", "1"]) == 0


def test_few_pairs_and_equal_lengths_show_no_bias():
    assert not biased_by_length(longer_share([("long", "s")] * 5), 0.8)
    assert longer_share([("ab", "cd")]) is None
    assert not biased_by_length(None, 0.8)


# --- topics and explanations


def annotate(tmp_path, url, what="topic", *words):
    output = tmp_path / "out.jsonl"
    command = [
        "preferences",
        "annotate",
        str(tmp_path / "q.jsonl"),
        "--what",
        what,
        "--endpoint",
        url,
        "-o",
        str(output),
    ]
    return main([*command, *words]), lines(output) if output.exists() else []


def test_topics_are_added_to_the_rows_and_what_is_there_is_not_asked_again(tmp_path, capsys):
    rows = [{"id": f"q{i}", "prompt": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(4)]
    write(tmp_path / "q.jsonl", rows)
    with serving(
        lambda body: "It adds. **Topic:** Arithmetic." if " 3 " not in prompt_of(body) else "No idea."
    ) as served:
        status, out = annotate(tmp_path, served.url)
        assert status == 0
        assert {row["id"]: row["topic"] for row in out} == {
            "q0": "Arithmetic",
            "q1": "Arithmetic",
            "q2": "Arithmetic",
            "q3": "",
        }
        assert {row["id"]: row["answer"] for row in out}["q3"] == "6"
        assert "4 rows written; 1 of all have no topic" in capsys.readouterr().out
        (tmp_path / "out.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in out[:3]) + '{"id": "q', encoding="utf-8"
        )
        assert len(annotate(tmp_path, served.url)[1]) == 4  # as after a crash
        assert len(served.bodies) == 5


def test_topics_of_a_list_alone_count():
    assert read_topic("Topic: linear algebra", ["Linear Algebra", "Calculus"]) == "Linear Algebra"
    assert read_topic("Topic: geometry", ["Linear Algebra", "Calculus"]) == ""
    assert read_topic("topic: one\nTopic: two") == "two"
    assert read_topic("Topic: " + "x" * 100) == ""


def test_an_explanation_is_asked_for_with_the_right_answer(tmp_path):
    write(tmp_path / "q.jsonl", [{"id": "q", "prompt": "What is 1 + 1?", "answer": "2"}])
    with serving(lambda body: "<think>hm</think>One and one are two.") as served:
        _, [row] = annotate(tmp_path, served.url, "explanation")
        assert "[Right answer]\n2\n" in prompt_of(served.bodies[0])
    assert row["explanation"] == "One and one are two."


@pytest.mark.slow
def test_a_question_without_an_answer_cannot_be_explained_and_a_dead_server_is_one_line(tmp_path, capsys):
    write(tmp_path / "q.jsonl", [{"id": "q", "prompt": "What is 1 + 1?"}])
    with serving(lambda body: "x") as served:
        assert annotate(tmp_path, served.url, "explanation")[0] == 2
    assert "q: no right answer to explain" in capsys.readouterr().err
    assert annotate(tmp_path, "http://127.0.0.1:9/v1")[0] == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_annotations_of_another_kind_are_not_mixed(tmp_path, capsys):
    write(tmp_path / "q.jsonl", [{"id": "q", "prompt": "What is 1 + 1?", "answer": "2"}])
    with serving(lambda body: "Topic: sums") as served:
        assert annotate(tmp_path, served.url)[0] == 0
        assert annotate(tmp_path, served.url, "explanation")[0] == 2
    assert "has topic by m, not explanation by m; choose another --output" in capsys.readouterr().err


# --- names of topics, and a judge's own instructions


def test_topics_have_names_in_a_mix(tmp_path, capsys):
    rows = [{"prompt": "p", "completion": " c", "topic": topic} for topic in ("15000", "15000", "15001")]
    data, names = write(tmp_path / "rows.jsonl", rows), tmp_path / "courses.yaml"
    names.write_text("15000: Analysis I\n")
    figure = tmp_path / "mix.svg"
    assert main(["data", str(data), "--names", str(names), "--figure", str(figure)]) == 0
    assert "Analysis I" in capsys.readouterr().out
    assert "Analysis I" in figure.read_text(encoding="utf-8")
    names.write_text("15000: [x]\n")
    assert main(["data", str(data), "--names", str(names)]) == 2


@pytest.mark.parametrize("listwise", [False, True])
def test_a_ranking_takes_its_own_instructions_for_two_responses(tmp_path, capsys, listwise):
    template = tmp_path / "judge.txt"
    template.write_text("Mine: {prompt} / {first} / {second}")
    files = []
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        files.append(f"{name}={responses(tmp_path / name, [[f'{name} says']])}")
    with serving(lambda body: "Verdict: A") as served:
        command = ["rank", *files, "--judge", served.url, "--judge-prompt", str(template), "-o", str(tmp_path / "out")]
        assert main([*command, *(["--listwise"] if listwise else [])]) == (2 if listwise else 0)
        if listwise:
            assert "--judge-prompt is for two responses; leave out --listwise" in capsys.readouterr().err
        else:
            assert prompt_of(served.bodies[0]).startswith("Mine: p0 / ")
