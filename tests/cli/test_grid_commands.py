"""`mcqa grids`: a run's answers turned back, voted on, scored, drawn and submitted."""

from __future__ import annotations

import json
from itertools import islice

import pytest
from helpers.locations import TOY

from mcqa_suite import grids
from mcqa_suite.cli.main import main
from mcqa_suite.grids import encoder


@pytest.fixture
def log(tmp_path):
    """Three views of the first outputs: two views right, one wrong; the second output is never read."""
    path = tmp_path / "samples_mcqa_arc_grid_1_training_views_2026.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for number, doc in enumerate(islice(grids.load_views(1, "training", 3, "plain+rows"), 6)):
            answer = doc["output"] if number % 3 else [[9]]
            text = encoder("plain+rows").encode(answer) if number < 3 else "I cannot see the rule."
            read = {"answer": answer, "status": "answered"} if number < 3 else {"answer": None, "status": "refused"}
            row = {
                "doc_id": number,
                "doc": doc,
                "arguments": {"gen_args_0": {"arg_0": doc["text"]}},
                "resps": [[text]],
                "filtered_resps": [[str(read)]],
                "filter": "extracted",
                "metrics": ["acc"],
                "acc": float(number < 3 and number % 3 > 0),
            }
            out.write(json.dumps(row) + "\n")
    return path


def first_tasks():
    return list(islice(grids.load_tasks(1, "training"), 2))


def test_views_are_turned_back_and_voted_on(log, tmp_path, capsys):
    assert main(["grids", "vote", str(log), "--submission", str(tmp_path / "submission.json")]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| votes"))
    assert line == "| votes | 2 | 50.0 | 50.0 | 50.0 | 50.0 | 50.0 |"
    content = json.loads((tmp_path / "submission.json").read_text(encoding="utf-8"))
    first, second = first_tasks()
    assert content[first.id][0]["attempt_1"] == first.test[0].output
    assert content[second.id] == [{"attempt_1": [[0]], "attempt_2": [[0]]}]


def test_summed_log_probabilities_are_computed_once(log, capsys):
    command = ["grids", "vote", str(log.parent), "--logprob", str(TOY / "base")]
    assert main(command) == 0
    first = capsys.readouterr().out
    (cache,) = log.parent.glob("grid-logprob-*.jsonl")
    rows = cache.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 3 * 2  # two candidates in each of three views
    cache.write_text("\n".join(rows[:3]) + '\n{"id": "2", "sam', encoding="utf-8")  # as a crash leaves it
    assert main(command) == 0
    assert capsys.readouterr().out == first
    assert len(cache.read_text(encoding="utf-8").splitlines()) == 3 * 2


def test_a_task_is_drawn_with_target_and_attempts(log, tmp_path, capsys):
    task = first_tasks()[0]
    assert main(["grids", "show", task.id, "--run", str(log), "--svg", str(tmp_path / "task.svg")]) == 0
    shown = capsys.readouterr().out
    assert "attempt 1 (right, 2 votes)" in shown
    assert grids.encode(task.test[0].output) in shown
    assert "attempt 2 (wrong, 1 votes)" in (tmp_path / "task.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["show", "nothing"], "task 'nothing': not in any public release"),
        (["vote", "."], "no log of a grid task"),
        (["vote", "LOG", "--submission", "/proc/none/submission.json"], "cannot be written"),
    ],
)
def test_bad_input_is_a_one_line_error(log, monkeypatch, tmp_path, capsys, command, reason):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert main(["grids", *(str(log) if word == "LOG" else word for word in command)]) == 2
    error = capsys.readouterr().err.strip()
    assert reason in error
    assert "\n" not in error


@pytest.mark.slow
def test_a_rule_is_described_and_applied_by_another_run(tmp_path):
    from lm_eval import simple_evaluate

    from mcqa_suite.common.errors import ConfigError
    from mcqa_suite.harness.tasks import manager

    def run(task, metadata):
        return simple_evaluate(model="dummy", tasks=[task], task_manager=manager(metadata), bootstrap_iters=0, limit=3)[
            "samples"
        ][task]

    described = run("mcqa_arc_grid_1_evaluation_describe", {})
    assert described[0]["arguments"][0][0].endswith("Rule:")
    log = tmp_path / "samples_rules.jsonl"
    log.write_text("".join(json.dumps({**row, "arguments": []}) + "\n" for row in described), encoding="utf-8")
    applied = run("mcqa_arc_grid_1_evaluation_apply", {"rules": str(log)})
    prompt = applied[0]["arguments"][0][0]
    assert f"Rule: {described[0]['resps'][0][0].strip()}" in prompt
    assert prompt.count("Input") == 1
    with pytest.raises(ConfigError, match="no 'rules'; run the _describe task"):
        run("mcqa_arc_grid_1_evaluation_apply", {})
