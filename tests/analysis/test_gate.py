"""Gates: which variants pass, what a gate that fails says, and the exit codes."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.comparison_runs import always_c, compared, first_right, groups_of, two_runs
from helpers.log_files import choice_rows, questions, write_run

from mcqa_suite.analysis.compare import fail_if_worse, max_drop
from mcqa_suite.cli.main import main


def turned(tmp_path, lost, gained, n=1000, tasks=("t",), right=600):
    """A base that is right on `right` questions, and a variant that loses and gains some."""
    _, gold = questions(n)
    is_right = np.arange(n) < right
    after = is_right.copy()
    after[:lost], after[right : right + gained] = False, True
    runs = []
    for name, rights in (("base", is_right), ("gptq", after)):
        answers = np.eye(4)[np.where(rights, gold, (gold + 1) % 4)]
        rows = {task: choice_rows(task, answers, gold) for task in tasks}
        runs.append(write_run(tmp_path / name, rows, model=name))
    return runs


def gate(runs, *flags, capsys):
    code = main(["compare", *map(str, runs), *flags])
    return code, capsys.readouterr().err


def test_a_harmless_variant_passes_and_its_bound_is_printed(tmp_path, capsys):
    code, err = gate(turned(tmp_path, 15, 15, 2000), "--max-drop", "1", capsys=capsys)
    assert (code, err) == (0, "mcqa: gptq against base, t: passes: loses at most 0.5 points\n")


def test_a_harmful_variant_is_worse_and_its_interval_is_printed(tmp_path, capsys):
    code, err = gate(turned(tmp_path, 60, 20), "--max-drop", "1", capsys=capsys)
    assert (code, err) == (1, "mcqa: gptq against base, t: fails: worse by 4.0 (2.3 to 5.8)\n")


def test_too_few_questions_are_called_that_with_how_many_would_do(tmp_path, capsys):
    code, err = gate(turned(tmp_path, 12, 12, 400, right=240), "--max-drop", "1", capsys=capsys)
    assert code == 1
    assert (
        err == "mcqa: gptq against base, t: fails: too few questions: loses at most 2.1 points, about 3,800 would do\n"
    )


def test_questions_are_pooled_over_the_tasks_unless_each_is_asked(tmp_path, capsys):
    runs = turned(tmp_path, 5, 5, 400, ("t", "u", "v", "w"), right=240)
    assert main(["compare", *map(str, runs), "--max-drop", "1"]) == 0
    assert capsys.readouterr().err.endswith("4 tasks: passes: loses at most 0.7 points\n")
    assert main(["compare", *map(str, runs), "--max-drop", "1", "--per-task"]) == 1
    assert capsys.readouterr().err.count("fails: too few questions") == 4


def test_tasks_that_share_documents_are_not_pooled(tmp_path, capsys):
    scores, gold = questions(40)
    rows = choice_rows("main", scores, gold)
    runs = [write_run(tmp_path / name, {"main": rows, "diamond": rows[:20]}, model=name) for name in ("a", "b")]
    code, err = gate(runs, "--max-drop", "1", "--force", capsys=capsys)
    assert code == 2
    assert "diamond and main share documents; choose --tasks or --filter" in err


def test_tasks_that_ask_the_same_prompts_are_not_pooled(tmp_path, capsys):
    scores, gold = questions(40)
    tasks = {name: choice_rows(name, scores, gold) for name in ("mmlu", "exam")}
    for row, same in zip(tasks["exam"], tasks["mmlu"], strict=True):
        row["prompt_hash"] = same["prompt_hash"]  # the questions of MMLU, in a file of the user's
    runs = [write_run(tmp_path / name, tasks, model=name) for name in ("a", "b")]
    code, err = gate(runs, "--max-drop", "1", "--force", capsys=capsys)
    assert code == 2
    assert "exam and mmlu share documents; choose --tasks or --filter" in err


@pytest.mark.parametrize("flags", [["--max-drop", "2"], ["--fail-if", "worse"]])
def test_what_cannot_be_trusted_or_is_missing_is_no_pass(tmp_path, flags, capsys):
    assert gate(two_runs(tmp_path / "constant", always_c, 1000), *flags, capsys=capsys)[0] == 2
    base, _ = turned(tmp_path, 0, 0, tasks=("t", "u"))
    _, variant = turned(tmp_path / "less", 1, 1)
    code, err = gate([base, variant], *flags, capsys=capsys)
    assert code == 2
    assert "u: not in gptq; run it on both, or choose --tasks" in err


def test_a_gate_names_a_task_that_is_in_no_run(tmp_path, capsys):
    runs = turned(tmp_path, 15, 15, 2000)
    for flags in (["--max-drop", "1"], ["--fail-if", "worse"]):
        code, err = gate(runs, "--tasks", "t,hellaswg", *flags, capsys=capsys)
        assert code == 2
        assert "--tasks 'hellaswg' matches nothing in base; correct --tasks" in err
    assert (
        "the rest passes: loses at most 0.5 points"
        in gate(runs, "--tasks", "t,hellaswg", "--max-drop", "1", capsys=capsys)[1]
    )


def test_what_is_not_valid_neither_passes_nor_fails(tmp_path, capsys):
    base, variant = two_runs(tmp_path, always_c, 1000)
    for against in ([], ["--against", "t=50"]):
        code, err = gate([variant] if against else [base, variant], *against, "--max-drop", "99", capsys=capsys)
        assert code == 2
        assert "t: not valid, so it cannot be judged: t" in err
        assert "passes" not in err


def test_fail_if_worse_lets_the_undecided_pass_unless_it_is_strict(tmp_path, capsys):
    runs = turned(tmp_path, 12, 12, 400, right=240)
    assert gate(runs, "--fail-if", "worse", capsys=capsys) == (0, "")
    code, err = gate(runs, "--fail-if", "worse", "--strict", capsys=capsys)
    assert (code, err) == (3, "mcqa: gptq: t: undecided\n")
    assert gate(turned(tmp_path / "b", 0, 0), "--fail-if", "worse", "--strict", "--force", capsys=capsys)[0] in (0, 2)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--max-drop", "0"], "--max-drop 0: expected points between 0 and 100"),
        (["--max-drop", "nan"], "--max-drop nan: expected points between 0 and 100"),
        (["--per-task"], "--per-task needs --max-drop POINTS"),
        (["--strict"], "--strict needs --fail-if worse"),
    ],
)
def test_a_wrong_gate_is_one_line(tmp_path, flags, message, capsys):
    code, err = gate(turned(tmp_path, 1, 1), *flags, capsys=capsys)
    assert (code, err) == (2, f"mcqa: {message}\n")


def test_a_metric_that_is_no_share_is_no_gate(tmp_path):
    scores, gold = questions(50)
    rows = [row | {"metrics": ["loss"], "loss": 1.5 + i / 50} for i, row in enumerate(choice_rows("t", scores, gold))]
    runs = [write_run(tmp_path / name, {"t": rows}, model=name) for name in ("base", "sft")]
    comparison = compared(*runs, metric="loss", force=True)
    assert max_drop(comparison, 1).exit_code == 2
    assert "loss is no share of questions" in max_drop(comparison, 1).lines[0]


def test_groups_are_not_counted_twice(tmp_path):
    (base, variant), *_ = groups_of(tmp_path)
    comparison = compared(base, variant)
    (pooled,) = comparison.pooled
    assert set(pooled.tasks) == {"math", "physics", "chemistry"}
    assert pooled.change.difference.n == 240
    assert len(max_drop(comparison, 1, per_task=True).lines) == 3
    assert fail_if_worse(comparison).exit_code in (0, 1)


def test_one_right_answer_more_is_enough_for_a_family_of_one(tmp_path):
    _, gold = questions(1000)
    runs = [
        write_run(tmp_path / f"{right}", {"t": choice_rows("t", first_right(right, gold), gold)}, model=f"{right}")
        for right in (600, 590)
    ]
    assert fail_if_worse(compared(*runs)).exit_code == 1
    assert max_drop(compared(*runs), 2).exit_code == 0  # worse, though by less than the gate allows
