"""Tasks that cannot be compared: each failed health check is named, and no such task is averaged in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.comparison_runs import always_c, compared, groups_of, in_every_row, noisy, two_runs
from helpers.log_files import choice_rows, questions, write_run, written_row

from mcqa_suite.analysis.compare.health import is_same_model
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.runs import read_run


def set_all(value):
    def change(scores, gold):
        return np.full_like(scores, value)

    return change


def nan_in_one(scores, gold):
    changed = noisy(scores, 0.1)
    changed[3, 1] = np.nan
    return changed


def always_wrong(scores, gold):
    changed = noisy(scores, 0.1)
    changed[np.arange(len(gold)), gold] = -50
    return changed


BROKEN = {
    "non-finite": nan_in_one,
    "all equal": set_all(-1.0),
    "below chance": always_wrong,
    "constant letter": always_c,
    "identical": lambda scores, gold: scores,
}


@pytest.mark.parametrize("condition", BROKEN)
def test_a_task_that_fails_a_check_is_not_valid_and_named(tmp_path, condition, capsys):
    base, variant = two_runs(tmp_path, BROKEN[condition])
    report = compared(base, variant)
    checks = [check for check in report.health if check.condition == condition]
    assert [(f.task, f.run, f.invalid) for f in checks] == [("t", "gptq", True)]
    assert report.rows[0].verdict == "not valid"
    assert report.families == ()
    code = main(["compare", str(base), str(variant)])
    out, err = capsys.readouterr()
    assert f"**not valid**: {condition} (gptq)" in out
    # what says something about the model is a result, and stops only a gate
    of_input = condition in ("non-finite", "identical")
    assert (code, f"t, gptq: not valid ({condition})" in err) == ((2, True) if of_input else (0, False))


def test_a_task_that_is_not_valid_is_left_out_of_the_mean(tmp_path):
    (base, variant), _rows, changed = groups_of(tmp_path)
    scores, gold = questions(40, seed=1)
    broken = choice_rows("physics", set_all(0.0)(scores, gold), gold, subject="physics")
    write_run(variant, {**changed, "physics": broken}, groups={"stem": list(changed)}, model="gptq")
    row = next(row for row in compared(base, variant).rows if row.task == "stem")
    assert (row.left_out, row.members, row.n) == (("physics",), ("chemistry", "math"), 200)


def test_a_task_of_which_nothing_could_be_read_is_not_valid(tmp_path):
    base = write_run(tmp_path / "base", {"t": [written_row("t", i, "ABCD"[i % 4], i % 4) for i in range(12)]})
    blank = write_run(tmp_path / "gptq", {"t": [written_row("t", i, None, i % 4) for i in range(12)]}, model="gptq")
    report = compared(base, blank)
    assert [(f.run, f.condition) for f in report.health if f.invalid] == [("gptq", "unread")]
    assert report.rows[0].verdict == "not valid"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"lm_eval_version": "0.4.9"}, "t: harness version: 0.4.13 (base), 0.4.9 (gptq)"),
        ({"n-shot": {"t": 5}}, "t: few-shot count: 0 (base), 5 (gptq)"),
        ({"chat_template_sha": "abc"}, "t: chat template: none (base), abc (gptq)"),
        ({"versions": {"t": 2.0}}, "t: task version: 1.0 (base), 2.0 (gptq)"),
    ],
)
def test_runs_with_different_settings_are_an_error_that_lists_them(tmp_path, overrides, words, capsys):
    scores, gold = questions(30)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    changed = choice_rows("t", noisy(scores, 0.3), gold)
    variant = write_run(tmp_path / "gptq", {"t": changed}, model="gptq", **overrides)
    with pytest.raises(ComparisonError) as caught:
        compared(base, variant)
    assert words in str(caught.value)
    assert main(["compare", str(base), str(variant)]) == 2
    assert words in capsys.readouterr().err
    assert main(["compare", str(base), str(variant), "--force"]) == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("rows", [{3}, set(range(200))], ids=["one row", "every row"])
@pytest.mark.parametrize("which", ["variant", "base"])
def test_fewer_options_than_in_the_other_run_are_not_valid(tmp_path, rows, which):
    base, variant = two_runs(tmp_path)

    def shorten(row):
        if row["doc_id"] in rows:
            row["filtered_resps"] = row["filtered_resps"][:2]

    in_every_row(base if which == "base" else variant, shorten)
    report = compared(base, variant)
    (row,) = report.rows
    checks = [f for f in report.health if f.condition == "options missing"]
    assert (row.verdict, row.choices.kl) == ("not valid", None)
    assert [f.run for f in checks] == ["base" if which == "base" else "gptq"]
    assert f"{len(rows)} of 200 documents" in checks[0].detail
    assert f"2 instead of 4 in document {min(rows)}" in checks[0].detail


@pytest.mark.parametrize(
    ("recorded", "in_manifest", "same"),
    [("a1", "a1", True), ("a1", None, False), (None, None, False), ("a1", "b2", False)],
)
def test_the_same_weights_by_results_and_manifest_are_the_same_model(tmp_path, recorded, in_manifest, same):
    """Two stages of a ladder that train on the same rows make the same weights, whose answers are no copies."""
    scores, gold = questions(20)
    runs = [read_run(write_run(tmp_path / n, {"t": choice_rows("t", scores, gold)}, model=n)) for n in ("ai", "human")]
    hashes = ({"content": "a1", "checkpoint": "a1"}, {"content": recorded, "checkpoint": in_manifest})
    first, second = (replace(run, weights={**run.weights, **own}) for run, own in zip(runs, hashes, strict=True))
    assert is_same_model(first, second) == same


@pytest.mark.parametrize(
    ("copied", "coarse", "code"), [(90, False, 0), (100, False, 2), (199, False, 2), (150, True, 0)]
)
def test_log_likelihoods_that_are_another_models_in_half_of_the_documents_are_not_valid(
    tmp_path, capsys, copied, coarse, code
):
    scores, gold = questions(200)
    changed = noisy(scores, 0.5)
    changed[:copied] = scores[:copied]
    if coarse:  # many documents have the same
        scores, changed = (np.eye(4)[values.argmax(axis=1)] for values in (scores, changed))
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    variant = write_run(tmp_path / "gptq", {"t": choice_rows("t", changed, gold)}, model="gptq")
    for command in ("compare", "table"):
        assert main([command, str(base), str(variant)]) == code
        line = f"(identical): the log-likelihoods of {copied} of 200 documents are base's"
        assert (line in capsys.readouterr().err) == (code == 2)
