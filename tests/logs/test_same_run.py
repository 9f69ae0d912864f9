"""Results of a folder are joined into one run only where they may be of the same weights and settings."""

from __future__ import annotations

import pytest
from helpers.comparison_runs import compared, noisy
from helpers.log_files import by_name, choice_rows, questions, write_run

from mcqa_suite.analysis.leaderboard import leaderboard
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.manifest import Manifest, hardware, write_manifest
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.leaderboard import markdown

MONDAY, TUESDAY = "2026-01-05T10-00-00.000000", "2026-01-06T10-00-00.000000"
CONFIG = {"model": "hf", "model_args": "pretrained=out/model", "limit": None, "model_dtype": "torch.float32"}


def task(name, n=40, amount=0.0):
    scores, gold = questions(n)
    return {name: choice_rows(name, noisy(scores, amount), gold)}


def two_days(folder, before=None, after=None, *, tasks=("t", "u"), days=(MONDAY, TUESDAY), more=({}, {})):
    """Results of one path on two days, with other values in their `config`."""
    for name, stamp, config, keys in zip(tasks, days, (before, after), more, strict=True):
        write_run(folder, task(name), stamp=stamp, config=CONFIG | (config or {}), **keys)
    return folder


OTHERS = {
    "weights with another hash": ({"model_content": "a"}, {"model_content": "b"}, "other model arguments or weights"),
    "weights of another type": ({"model_dtype": "torch.bfloat16"}, {}, "other model arguments or weights"),
    "another revision": ({"model_revision": "v1"}, {"model_revision": "v2"}, "other model arguments or weights"),
    "a limit": ({"limit": 10}, {}, r"other settings \(limit 10, now none\)"),
    "generation settings": ({}, {"gen_kwargs": {"temperature": 1}}, r"other settings \(gen_kwargs none, now"),
    "another seed": ({"fewshot_seed": 1}, {"fewshot_seed": 2}, r"other settings \(fewshot_seed 1, now 2\)"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_results_of_other_weights_or_settings_are_left_out_by_name(tmp_path, name):
    before, after, words = OTHERS[name]
    run = read_run(two_days(tmp_path, before, after))
    assert run.task_names == ("u",)
    (note,) = run.notes
    assert note.startswith(f"{MONDAY} is left out: ")
    assert note.endswith(f"{tmp_path}@{MONDAY} reads it alone")
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(note)
    assert read_run(tmp_path.with_name(f"{tmp_path.name}@{MONDAY}")).task_names == ("t",)
    assert note in markdown(leaderboard([run]))


def test_a_chat_template_of_another_day_is_another_setting_and_of_the_same_day_is_not(tmp_path):
    template = ({"chat_template_sha": "a" * 64}, {})
    assert "chat template aaaa" in read_run(two_days(tmp_path / "days", more=template)).notes[0]
    same_day = (MONDAY, MONDAY.replace("T10", "T11"))
    assert len(read_run(two_days(tmp_path / "day", more=template, days=same_day)).tasks) == 2


def test_another_score_on_the_same_prompts_shows_other_weights(tmp_path):
    for stamp, score in ((MONDAY, 0.5), (TUESDAY, 0.6)):
        tasks = task("t") | (task("u") if stamp == MONDAY else {})
        results = {name: {"acc,none": score, "acc_stderr,none": score / 9} for name in tasks}
        hashes = dict.fromkeys(tasks, "the prompts")
        write_run(tmp_path, tasks, stamp=stamp, config=CONFIG, results=results, task_hashes=hashes)
    run = read_run(tmp_path)
    assert run.task_names == ("t",)
    assert "other scores of t on the same prompts, so other weights" in run.notes[0]


def test_days_of_unknown_weights_are_joined_without_a_mean(tmp_path):
    path = two_days(tmp_path, more=({}, {"groups": {"g": ["t", "u"]}}))
    run = read_run(path)
    assert run.task_names == ("t", "u")
    words = "results of 2026-01-05, 2026-01-06 do not record the weights, which may have changed: no mean over them"
    board = leaderboard([run])
    assert board.rows[0].macro is None
    assert words in markdown(board)
    comparison = compared(path, path)
    assert [row.task for row in comparison.rows] == ["t", "u"]
    assert "g: no mean: its tasks are of different days, and the weights may have changed" in comparison.notes


@pytest.mark.parametrize("proof", ["model_sha", "model_content"])
def test_days_with_the_same_recorded_weights_are_one_run_with_a_mean(tmp_path, proof):
    run = read_run(two_days(tmp_path, {proof: "abc"}, {proof: "abc"}))
    assert run.notes == ()
    assert leaderboard([run]).rows[0].macro is not None


def test_results_of_one_day_are_one_run(tmp_path):
    run = read_run(two_days(tmp_path, days=(MONDAY, MONDAY.replace("T10", "T11"))))
    assert (run.task_names, run.notes, run.unproven) == (("t", "u"), (), False)


def test_a_stamp_reads_a_run_in_folders_side_by_side(tmp_path):
    for name in ("t", "u"):
        write_run(tmp_path / "runs" / name, task(name), stamp=MONDAY)
    write_run(tmp_path / "runs" / "t", task("t", n=9), stamp=TUESDAY)
    run = read_run(tmp_path / f"runs@{MONDAY}")
    assert {name: result.n for name, result in by_name(run).items()} == {"t": 40, "u": 40}
    assert read_run(tmp_path / f"runs/t@{TUESDAY}").tasks["t", "none"].n == 9


def test_a_stamp_that_two_runs_have_names_both(tmp_path):
    for name in ("a", "b"):
        write_run(tmp_path / name, task("t"), stamp=MONDAY, model=name)
    words = f"2 runs have this stamp; give one of: {tmp_path / 'a'}@{MONDAY}, {tmp_path / 'b'}@{MONDAY}"
    with pytest.raises(DatasetError) as error:
        read_run(tmp_path.with_name(f"{tmp_path.name}@{MONDAY}"))
    assert words in str(error.value)


def test_a_folder_of_two_models_names_what_to_give_instead(tmp_path):
    for name, stamp in (("a", MONDAY), ("b", TUESDAY)):
        write_run(tmp_path / "apart" / name, task("t"), stamp=stamp, model=name)
        write_run(tmp_path / "mixed", task("t"), stamp=stamp, model=name)
    with pytest.raises(DatasetError, match=r"several models \(a and b\); give one of .*apart/a, .*apart/b$"):
        read_run(tmp_path / "apart")
    with pytest.raises(DatasetError, match=rf"give one of .*mixed@{TUESDAY}, .*mixed@{MONDAY}$"):
        read_run(tmp_path / "mixed")


def test_the_entries_of_one_evaluation_may_have_different_settings(tmp_path):
    two_days(tmp_path, {"limit": 4}, {"limit": 9})
    write_manifest(tmp_path, Manifest("evaluation", "a", None, {}, "content", 0, hardware(), 1.0))
    run = read_run(tmp_path)
    assert (run.task_names, run.notes) == (("t", "u"), ())
