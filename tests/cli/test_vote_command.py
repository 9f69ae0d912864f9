"""`mcqa vote` from logs to tables, pictures and pages, and the scores of samples that models give."""

from __future__ import annotations

import csv
import json

import pytest
from helpers.locations import TOY
from helpers.log_files import choice_rows, questions

from mcqa_suite.cli.main import main

BASE = TOY / "base"


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path):
    """Two questions of four samples: the first's majority is wrong, the second has one that cannot be read."""
    shape = {"question": "How many?", "solution": ""}
    return write(
        tmp_path / "samples_sums_2026-01-01T00-00-00.jsonl",
        [
            {"id": "q1", "gold": "4", **shape, "responses": [f"The final answer is {n}." for n in (5, 5, 4, 5)]},
            {
                "id": "q2",
                "gold": "7",
                **shape,
                "responses": ["The final answer is 7.", "I give up.", "#### 7", "#### 8"],
            },
        ],
    )


def accuracies(text):
    rows = csv.DictReader(text.splitlines())
    return {(row["strategy"], int(row["n"])): float(row["accuracy"]) for row in rows}


def test_every_strategy_is_in_the_table_at_every_n(log, tmp_path, capsys):
    scores = write(
        tmp_path / "scores.jsonl",
        [{"id": q, "sample": s, "score": float(s == 2)} for q in ("q1", "q2") for s in range(4)],
    )
    assert main(["vote", str(log), "--reward", str(scores), "--n", "1,2,4", "--format", "csv"]) == 0
    accuracy = accuracies(capsys.readouterr().out)
    assert accuracy["one sample", 1] == pytest.approx((1 / 4 + 2 / 4) / 2)
    assert accuracy["majority", 4] == 0.5
    assert accuracy["best of n by reward", 4] == 1.0
    assert accuracy["oracle (pass@n)", 4] == 1.0
    assert accuracy["oracle (pass@n)", 2] == pytest.approx((1 - 3 / 6 + 1 - 1 / 6) / 2)


def test_tasks_of_a_folder_that_generated_no_text_are_passed_over(log, capsys):
    scored = write(log.with_name("samples_cloze_2026-01-01T00-00-00.jsonl"), choice_rows("cloze", *questions(3)))
    assert main(["vote", str(log.parent), "--format", "csv"]) == 0
    assert {row["run"] for row in csv.DictReader(capsys.readouterr().out.splitlines())} == {"sums"}
    assert main(["vote", str(scored), str(log)]) == 2  # it was named itself
    assert "vote on a cot, math or grid task" in capsys.readouterr().err
    log.unlink()
    assert main(["vote", str(scored.parent)]) == 2
    assert "vote on a cot, math or grid task" in capsys.readouterr().err


def test_the_rotations_of_one_question_are_one_question_to_the_interval(tmp_path, capsys):
    def rows(**columns):
        return [
            {"id": f"q{i}", "gold": [0], "choices": ["a", "b"], "responses": [f"The answer is {'AB'[i // 4 % 2]}."]}
            | {name: value(i) for name, value in columns.items()}
            for i in range(40)
        ]

    path = tmp_path / "samples_x_2026-01-01T00-00-00.jsonl"
    widths = []
    for columns in ({}, {"question_id": lambda i: f"q{i // 4}"}):
        write(path, rows(**columns))
        assert main(["vote", str(path), "--n", "1"]) == 0
        assert ("Clustered by question_id (x): rows that share it" in capsys.readouterr().out) == bool(columns)
        assert main(["vote", str(path), "--n", "1", "--format", "csv"]) == 0
        row = next(csv.DictReader(capsys.readouterr().out.splitlines()))
        widths.append(float(row["high"]) - float(row["low"]))
    assert widths[1] > 1.5 * widths[0]


def test_draws_takes_the_first_samples_of_every_question(log, capsys):
    assert main(["vote", str(log), "--draws", "2", "--n", "1,2", "--format", "csv"]) == 0
    accuracy = accuracies(capsys.readouterr().out)
    assert accuracy["one sample", 1] == pytest.approx((0 / 2 + 1 / 2) / 2)
    assert accuracy["oracle (pass@n)", 2] == 0.5


def test_the_written_files_hold_the_table_and_the_missed_questions(log, tmp_path):
    out = tmp_path / "votes"
    assert main(["vote", str(log), "-o", str(out)]) == 0
    page = (out / "sums.missed.md").read_text(encoding="utf-8")
    assert "## q1" in page
    assert "## q2" not in page
    assert "**answer `4`**, right (1 of 4 samples), sample 2:" in page
    assert "**answer `5`** (3 of 4 samples; picked by majority), sample 0:" in page
    assert "majority" in (out / "votes.svg").read_text(encoding="utf-8")
    assert (out / "votes.csv").read_text(encoding="utf-8").startswith("run,strategy,n,accuracy")
    assert "| majority | 2 | 1 | 50.0 |" in (out / "votes.md").read_text(encoding="utf-8")


def test_missed_questions_are_chosen_by_their_number_of_distinct_answers(log, tmp_path):
    out = tmp_path / "votes"
    assert main(["vote", str(log), "-o", str(out), "--distinct", "2"]) == 0
    assert "not picked among 2 distinct answers (1 questions, 1 shown)" in (out / "sums.missed.md").read_text("utf-8")
    assert main(["vote", str(log), "-o", str(out), "--distinct", "3-8"]) == 0
    assert "not picked among 3 to 8 distinct answers (0 questions, 0 shown)" in (out / "sums.missed.md").read_text(
        "utf-8"
    )
    figure = (out / "distinct.svg").read_text(encoding="utf-8")
    for words in ("majority right", "right sample not picked", "no right sample", "distinct answers of a question"):
        assert words in figure


@pytest.mark.parametrize("span", ["x", "3-2", "-1", "2-"])
def test_a_span_that_is_none_is_one_line(log, capsys, span):
    expected = 0 if span == "2-" else 2
    assert main(["vote", str(log), f"--distinct={span}"]) == expected
    assert (f"--distinct {span}: expected a number of answers or a span" in capsys.readouterr().err) is (expected == 2)


def test_log_probabilities_are_cached_one_by_one(log, capsys):
    command = ["vote", str(log), "--logprob", str(BASE), "--format", "csv"]
    assert main(command) == 0
    first = capsys.readouterr().out
    (cache,) = log.parent.glob("logprob-*.jsonl")
    lines = cache.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 8
    assert all(json.loads(line)["score"] < 0 for line in lines)
    cache.write_text("\n".join(lines[:5]) + '\n{"id": "q', encoding="utf-8")  # as a crash leaves it
    assert main(command) == 0
    assert capsys.readouterr().out == first
    assert cache.read_text(encoding="utf-8").splitlines() == lines


def test_a_reward_model_scores_and_one_with_two_outputs_is_refused(log, tmp_path, capsys):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    for outputs in (1, 2):
        model = AutoModelForSequenceClassification.from_pretrained(BASE, num_labels=outputs)
        model.save_pretrained(tmp_path / f"reward{outputs}")
        AutoTokenizer.from_pretrained(BASE).save_pretrained(tmp_path / f"reward{outputs}")
    assert main(["vote", str(log), "--reward", str(tmp_path / "reward1"), "--n", "4"]) == 0
    assert "best of n by reward" in capsys.readouterr().out
    assert main(["vote", str(log), "--reward", str(tmp_path / "reward2")]) == 2
    assert "has 2 outputs; a reward model has one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--n", "two"], "--n two: expected whole numbers"),
        (["--n", "0"], "--n 0: expected numbers from 1 up"),
        (["--n", "9"], "--n 9: sums has 4 samples a question"),
        (
            ["--reward", "nothing"],
            "--reward nothing: not a checkpoint folder, a hub name (OWNER/NAME) or a file of scores",
        ),
        (["--draws", "0"], "--draws 0: expected 1 or more"),
        (["--draws", "5"], "question q1 has 4 samples, fewer than --draws 5"),
        (["-o", "/proc/none"], "/proc/none: cannot be written"),
    ],
)
def test_bad_input_is_a_one_line_error(log, capsys, flags, reason):
    assert main(["vote", str(log), *flags]) == 2
    error = capsys.readouterr().err.strip()
    assert reason in error
    assert "\n" not in error


def test_a_folder_without_logs_is_a_one_line_error(tmp_path, capsys):
    assert main(["vote", str(tmp_path)]) == 2
    assert "no sample logs; give a samples_*.jsonl" in capsys.readouterr().err
