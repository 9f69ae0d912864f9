"""`mcqa compare`: exit codes, every bad input, metrics, patterns and names."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from helpers.comparison_runs import always_c, in_every_row, noisy, two_runs
from helpers.log_files import choice_rows, questions, write_run, written_row

from mcqa_suite.cli.main import main

EXITS = {
    "worse": (lambda scores, gold: noisy(scores, 3.0), 1000, 1),
    "undecided": (lambda scores, gold: noisy(scores, 0.3), 100, 0),
    "unchanged": (lambda scores, gold: noisy(scores, 0.001), 1000, 0),
    "better": (lambda scores, gold: scores + 3 * np.eye(4)[gold], 1000, 0),
    "not valid": (always_c, 1000, 2),
}


@pytest.mark.parametrize("name", EXITS)
def test_fail_if_worse_sets_the_exit_code(tmp_path, name, capsys):
    change, n, code = EXITS[name]
    base, variant = two_runs(tmp_path, change, n)
    assert main(["compare", str(base), str(variant), "--fail-if", "worse"]) == code
    assert f"**{name}**" in capsys.readouterr().out
    assert main(["compare", str(base), str(variant)]) == 0


def bad_nothing(base, variant):
    shutil.rmtree(variant)
    return "no such file or folder; give what lm_eval wrote to --output_path"


def bad_line(base, variant):
    path = next(variant.glob("samples_t_*"))
    path.write_text(path.read_text(encoding="utf-8")[:-50], encoding="utf-8")
    return "broken line"


def bad_samples_alone(base, variant):
    next(variant.glob("results_*")).unlink()
    return "samples without results_*.json; put the results file beside them, or run lm_eval again"


def bad_other_tasks(base, variant):
    shutil.rmtree(variant)
    scores, gold = questions(10)
    write_run(variant, {"u": choice_rows("u", scores, gold)}, model="gptq")
    return "no task in common with base (it has u); run it on t"


def bad_no_common(base, variant):
    shutil.rmtree(variant)
    scores, gold = questions(10)
    write_run(variant, {"t": choice_rows("t", scores, gold, prompt="Another")}, model="gptq")
    return "t: no document in common (10 differ in their prompt); run both with the same task files and settings"


def bad_metric(base, variant):
    return f"no metric acc_norm in {base}: t (it has acc); choose another --metric"


@pytest.mark.parametrize(
    "damage", [bad_nothing, bad_line, bad_samples_alone, bad_other_tasks, bad_no_common, bad_metric]
)
@pytest.mark.parametrize("others", [False, True], ids=["alone", "with others"])
def test_a_bad_run_is_a_one_line_error_after_the_comparison_of_the_others(tmp_path, damage, others, capsys):
    base, variant = two_runs(tmp_path)
    words = damage(base, variant)
    metric = ["--metric", "acc_norm"] if damage is bad_metric else []
    scores, gold = questions(200)
    good = write_run(tmp_path / "good", {"t": choice_rows("t", noisy(scores, 1), gold)}, model="good")
    code = main(["compare", str(base), str(variant), *([str(good)] if others else []), *metric])
    out, err = capsys.readouterr()
    assert code == 2
    lines = err.strip().splitlines()
    assert lines[0].startswith("mcqa: ")
    assert words in lines[0]
    assert str(base if damage is bad_metric else variant) in lines[0]
    if damage is not bad_metric:
        assert len(lines) == 1
        assert ("| good |" in out) == others


def test_other_metrics_than_an_accuracy_are_compared_only_on_request(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    for folder in (base, variant):
        in_every_row(folder, lambda row: row.update(finite=1.0, metrics=["acc", "finite"]))
    in_every_row(variant, lambda row: row.pop("acc"))
    assert main(["compare", str(base), str(variant)]) == 2
    line = f"mcqa: no metric acc in {variant}: t (it has finite); choose another --metric"
    assert capsys.readouterr().err.strip() == line
    assert main(["compare", str(base), str(variant), "--metric", "finite"]) == 0
    for both in ((base, variant), (variant, base)):
        assert main(["table", *map(str, both)]) == 2
        assert f"no metric acc in {variant}" in capsys.readouterr().err


def test_a_metric_with_missing_values_is_not_compared(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    for folder in (base, variant):
        in_every_row(folder, lambda row: row.update(f1=1.0, metrics=["acc", "f1"]))
    in_every_row(variant, lambda row: row["doc_id"] == 7 and row.update(f1=None))
    assert main(["compare", str(base), str(variant), "--metric", "f1"]) == 2
    assert "t: f1 is missing in 1 of 200 documents; choose another --metric" in capsys.readouterr().err


def test_few_shot_counts_have_columns_of_their_own(tmp_path, capsys):
    scores, gold = questions(200)
    runs = []
    for seed, (name, shots, prompt) in enumerate(
        (("plain", 0, "Question"), ("same", 0, "Question"), ("five", 5, "Five"))
    ):
        rows = choice_rows("t", noisy(scores, 1e-6, seed), gold, prompt=prompt)
        runs.append(str(write_run(tmp_path / name, {"t": rows}, model=name, **{"n-shot": {"t": shots}})))
    assert main(["table", *runs]) == 0
    out = capsys.readouterr().out
    assert "| t, 0-shot (acc) | t, 5-shot (acc) |" in out
    assert "| same | 1= ≈ |" in out
    assert "| five |  | – |" in out
    assert "Ranked by t, 0-shot; models without it have no rank." in out
    assert main(["table", runs[0], runs[2]]) == 0
    assert "≈" not in capsys.readouterr().out


def test_models_with_other_prompts_are_not_called_inseparable(tmp_path, capsys):
    scores, gold = questions(200)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    other = write_run(tmp_path / "chat", {"t": choice_rows("t", noisy(scores, 1e-6), gold, prompt="Hi")}, model="chat")
    assert main(["table", str(base), str(other)]) == 0
    out = capsys.readouterr().out
    assert "≈" not in out
    assert (
        "Not ranked, because they were asked differently: chat: 200 of 200 documents are not the same: 200 with" in out
    )


def test_a_pattern_that_matches_nothing_is_an_error(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    assert main(["compare", str(base), str(variant), "--tasks", "mmlu*"]) == 2
    assert f"--tasks 'mmlu*' matches nothing in {base}; there are: t" in capsys.readouterr().err
    assert main(["compare", str(base), str(variant), "--tasks", "t,mmlu*"]) == 0
    assert "--tasks 'mmlu*' matches nothing in base" in capsys.readouterr().out
    assert main(["compare", str(base), str(variant), "--margin", "0"]) == 2
    assert "--margin 0: expected points between 0 and 100" in capsys.readouterr().err


def test_a_name_is_kept_for_any_path(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    odd = variant.rename(tmp_path / "out é = sp")
    link = tmp_path / "link"
    link.symlink_to(base)
    names = {f"Phi 3={link}": "Phi 3", str(link): "link", f"w4/g128={odd}": "w4/g128", str(odd): "out é = sp"}
    for text, name in names.items():
        assert main(["compare", text, f"é={odd}", "--format", "json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["base"], report["comparisons"][0]["variant"]) == (name, "é")
    assert main(["compare", f"a={base}", f"a={odd}", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["base"], report["comparisons"][0]["variant"]) == ("a", "a (2)")


def test_runs_may_be_named(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    assert main(["compare", f"Phi-3={base}", f"4-bit={variant}", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["base"], report["comparisons"][0]["variant"]) == ("Phi-3", "4-bit")
    assert main(["compare", str(base), str(base), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["base"] != report["comparisons"][0]["variant"]


def test_a_metric_of_some_documents_is_a_mean_over_those_documents(tmp_path, capsys):
    runs = []
    for name, right in (("base", 0.5), ("tuned", 0.75)):
        rows = [written_row("mcqa_sciq_cot", i, "A", 0) for i in range(8)]
        rows = [row | {"rougeL": right, "metrics": ["acc", "rougeL"]} if i % 2 else row for i, row in enumerate(rows)]
        runs.append(str(write_run(tmp_path / name, {"mcqa_sciq_cot": rows}, model=name)))
    assert main(["table", *runs, "--metric", "rougeL"]) == 0
    out = capsys.readouterr().out
    assert "| 0.75 ± " in out
    assert "| 0.5 ± " in out
    assert "nan" not in out
