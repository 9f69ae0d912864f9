"""Runs in which something is missing, copied or doctored: every command says so, and exits with 2 where no number holds."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from helpers.comparison_runs import in_every_row, noisy, two_runs
from helpers.log_files import choice_row, choice_rows, digest, questions, write_run, written_row

from mcqa_suite.cli.main import main

STYLES = ("md", "csv", "latex", "json")


def printed(capsys, *words):
    capsys.readouterr()
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


def rows_of(folder):
    path = next(folder.glob("samples_t_*"))
    return path, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rewrite(folder, change):
    """Change the rows of a log behind the back of its results file."""
    path, rows = rows_of(folder)
    rows = change(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def only_right(rows):
    return [row for row in rows if row["acc"]]


def twice(rows):
    return rows + [row | {"doc_id": len(rows) + row["doc_id"]} for row in rows]


def mark_failed(rows):
    return [row if i % 20 else row | {"failed": "HTTP 500"} for i, row in enumerate(rows)]


def say_right(rows):
    return [row | {"acc": 1.0} if i < 30 else row for i, row in enumerate(rows)]


DOCTORED = {
    "samples missing": only_right,
    "samples copied": twice,
    "failed": mark_failed,
    "contradiction": say_right,
}


@pytest.mark.slow
@pytest.mark.parametrize("condition", DOCTORED)
def test_no_command_takes_doctored_samples_for_a_score(tmp_path, capsys, condition):
    base, variant = two_runs(tmp_path)
    rewrite(variant, DOCTORED[condition])
    line = f"t, gptq: not valid ({condition}): "
    for style in STYLES:
        code, out, err = printed(capsys, "compare", base, variant, "--format", style)
        assert (code, line in err) == (2, True)
        assert "not valid" in out
        assert condition in out
    _, out, err = printed(capsys, "compare", base, variant, "--full")
    assert f"t, gptq: **not valid** ({condition}): " in out
    assert printed(capsys, "compare", base, variant, "--fail-if", "worse")[0] == 2
    for style in ("md", "csv", "latex"):
        code, out, err = printed(capsys, "table", base, variant, "--format", style)
        assert (code, line in err) == (2, True)
        assert condition in out
    _, out, _ = printed(capsys, "table", base, variant)
    assert re.search(r"\| gptq \|  \| \d+\.\d ± \d+\.\d † \|", out)  # without a rank
    code, out, err = printed(capsys, "report", variant, "--base", base, "-o", tmp_path / "r.html")
    assert (code, line in err) == (2, True)


def test_a_results_value_that_the_samples_do_not_give_is_not_valid(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    path = next(variant.glob("results_*"))
    results = json.loads(path.read_text(encoding="utf-8"))
    results["results"]["t"]["acc,none"] = 0.95
    path.write_text(json.dumps(results), encoding="utf-8")
    code, out, err = printed(capsys, "compare", base, variant)
    assert code == 2
    assert "**not valid**: other results (gptq)" in out
    assert "t, gptq: not valid (other results): the results file says acc 0.9500, the samples give 0." in err


def test_one_lost_sample_is_a_warning_beside_the_figure_in_every_format(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    rewrite(variant, lambda rows: rows[1:])
    for style in STYLES:
        code, out, _ = printed(capsys, "compare", base, variant, "--format", style)
        assert code == 0
        assert "1 of 200 documents are not paired: 1 in the base alone" in out
        assert "199 samples, where the results file speaks of 200" in out
    _, out, _ = printed(capsys, "compare", base, variant, "--format", "json")
    (row,) = json.loads(out)["comparisons"]
    assert len(row["warnings"]) == 2
    for style in ("md", "csv", "latex"):
        code, out, _ = printed(capsys, "table", base, variant, "--format", style)
        assert (code, "199 samples, where the results file speaks of 200" in out) == (0, True)


@pytest.mark.parametrize("lost", [2, 89])
def test_pairs_lost_to_another_prompt_make_a_difference_invalid_beyond_one_per_cent(tmp_path, capsys, lost):
    base, variant = two_runs(tmp_path)
    in_every_row(variant, lambda row: row["doc_id"] < lost and row.update(prompt_hash="0" * 64))
    code, out, err = printed(capsys, "compare", base, variant)
    assert f"{lost} of 200 documents are not paired: {lost} with another prompt" in out + err
    assert (code, "not valid" in err) == ((2, True) if lost > 2 else (0, False))
    _, out, _ = printed(capsys, "table", base, variant)
    assert (f"gptq: {lost} of 200 documents are not the same" in out) == (lost > 2)


def test_a_run_of_fewer_questions_is_not_ranked_beside_one_of_all(tmp_path, capsys):
    scores, gold = questions(200)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    part = write_run(tmp_path / "part", {"t": choice_rows("t", noisy(scores[:100], 0.3), gold[:100])}, model="part")
    code, out, _ = printed(capsys, "table", base, part)
    assert code == 0
    assert "Not ranked, because they were asked differently: part: 100 of 200 documents are not the same: 100 in" in out
    assert printed(capsys, "compare", base, part)[0] == 2
    code, out, _ = printed(capsys, "compare", base, part, "--force", "--format", "json")
    (row,) = json.loads(out)["comparisons"]
    assert (code, row["n"], row["verdict"] != "not valid") == (0, 100, True)
    assert row["forced"] == ["t: documents left out: 100 in base alone"]


@pytest.mark.parametrize("style", STYLES)
def test_every_format_names_what_force_overrode(tmp_path, capsys, style):
    scores, gold = questions(100)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    rows = choice_rows("t", noisy(scores, 0.3), gold)
    other = write_run(tmp_path / "other", {"t": rows}, model="other", versions={"t": 2.0})
    code, out, _ = printed(capsys, "compare", base, other, "--force", "--format", style)
    assert code == 0
    assert "t: task version: 1.0 (base), 2.0 (other)" in out
    if style == "csv":
        (row,) = csv.DictReader(io.StringIO(out))
        assert row["forced"] == "t: task version: 1.0 (base), 2.0 (other)"


def gate(tmp_path, capsys, variant_tasks, base_tasks=("x", "y")):
    """A gate on a variant that is the same on x and much worse on y, with the tasks that each of the two runs has."""
    scores, gold = questions(100)
    worse = {"x": noisy(scores, 0.0001), "y": noisy(scores, 9)}
    base = write_run(tmp_path / "base", {task: choice_rows(task, scores, gold) for task in base_tasks})
    tasks = {task: choice_rows(task, worse[task], gold) for task in variant_tasks}
    variant = write_run(tmp_path / "gptq", tasks, model="gptq")
    return printed(capsys, "compare", base, variant, "--margin", "15", "--fail-if", "worse")


def test_a_gate_fails_where_one_side_lacks_a_task(tmp_path, capsys):
    assert gate(tmp_path / "both", capsys, ("x", "y"))[0] == 1
    code, out, err = gate(tmp_path / "variant", capsys, ("x",))
    assert (code, "y: not in gptq; run it on both, or choose --tasks" in err) == (2, True)
    assert "\n- In one run alone: y: not in gptq\n" in out
    code, _, err = gate(tmp_path / "base", capsys, ("x", "y"), ("x",))
    assert (code, "y: not in base" in err) == (2, True)


def test_a_gate_fails_where_one_side_lacks_a_filter(tmp_path, capsys):
    rows = [written_row("t", i, "ABCD"[i % 4], i % 4) for i in range(40)]
    base = write_run(tmp_path / "base", {"t": rows + [row | {"filter": "strict"} for row in rows]})
    variant = write_run(tmp_path / "gptq", {"t": rows}, model="gptq")
    code, _, err = printed(capsys, "compare", base, variant, "--fail-if", "worse", "--margin", "30")
    assert (code, "t, filter strict: not in gptq" in err) == (2, True)
    code, out, _ = printed(capsys, "compare", base, variant, "--margin", "30")
    assert (code, "t, filter strict: not in gptq" in out) == (0, True)


def test_a_task_that_was_not_chosen_is_not_missed(tmp_path, capsys):
    scores, gold = questions(100)
    base = write_run(tmp_path / "base", {task: choice_rows(task, scores, gold) for task in "xy"})
    variant = write_run(tmp_path / "gptq", {"x": choice_rows("x", noisy(scores, 0.0001), gold)}, model="gptq")
    words = ("compare", base, variant, "--margin", "15", "--fail-if", "worse")
    assert printed(capsys, *words, "--tasks", "x")[0] == 0


@pytest.mark.parametrize(("length", "code"), [(300, 2), (5, 0)])
def test_texts_that_two_models_cannot_have_in_common_are_not_valid(tmp_path, capsys, length, code):
    rows = [written_row("t", i, "ABCD"[i % 4], i % 4, text=f"{i} " + "because " * length) for i in range(40)]
    base = write_run(tmp_path / "base", {"t": rows})
    copy = write_run(tmp_path / "copy", {"t": rows}, model="another")
    for style in STYLES:
        actual, out, err = printed(capsys, "compare", base, copy, "--format", style)
        assert (actual, "every response is base's" in out + err) == (code, True)


def rotated(folder, change=lambda row: None, **more):
    rng, rows = np.random.default_rng(0), []
    for number in range(12):
        row = choice_row("mcqa_x_perm", number, list(rng.normal(size=4)), (number // 4 - number) % 4)
        row["doc"] |= {"question_id": f"q{number // 4}", "rotation": number % 4}
        change(row)
        rows.append(row)
    return write_run(folder, {"mcqa_x_perm": rows}, **more)


def without_numbers(row):
    row["filtered_resps"] = [["nan", "False"]] * 4
    row["acc"] = float(row["doc"]["gold"] == [0])


@pytest.mark.parametrize("style", ["md", "csv"])
def test_orders_of_a_run_without_numbers_are_none(tmp_path, capsys, style):
    base, nan = rotated(tmp_path / "base"), rotated(tmp_path / "nan", without_numbers, model="nan")
    for runs in ((nan,), (base, nan), (nan, base)):
        code, out, err = printed(capsys, "orders", *runs, "--format", style)
        assert code == 2
        assert "mcqa_x_perm, nan: not valid (non-finite): 12 of 12 documents" in out
        assert "mcqa_x_perm, nan: not valid (non-finite)" in err
        (line,) = [line for line in out.splitlines() if re.match(r"\| mcqa_x_perm \| nan|mcqa_x_perm,nan", line)]
        assert not re.search(r"\d\.\d", line)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"gold": [1000000000]}, "gold is 1000000000, expected 0 to 3"),
        ({"gold": [5]}, "gold is 5, expected 0 to 3"),
        ({"rotation": None}, "rotation is null, expected 0 to 3"),
        ({"rotation": 4}, "rotation is 4, expected 0 to 3"),
        ({"question_id": "q0", "gold": []}, "gold is null, expected 0 to 3"),
    ],
)
def test_a_rotation_that_cannot_be_is_named_by_its_line(tmp_path, capsys, columns, words):
    run = rotated(tmp_path / "run", lambda row: row["doc"].update(columns if row["doc_id"] == 4 else {}))
    code, out, err = printed(capsys, "orders", run)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f".jsonl:5: not a sample of a rotated question ({words})" in err


def test_votes_and_variance_of_a_log_with_missing_samples_are_not_valid(tmp_path, capsys):
    rows = []
    for number in range(30):
        row = written_row("mcqa_symbolic_local_main", number, "A" if number % 3 else "B", 0)
        row["doc"] |= {"template": number % 6, "instance": number // 6, "original": None}
        row["doc_hash"] = digest(f"instance {number}")
        rows.append(row)
    counts = {"mcqa_symbolic_local_main": {"sample_len": 60}}
    counted = {"mcqa_symbolic_local_main": {"original": 60, "effective": 60}}
    run = write_run(tmp_path, {"mcqa_symbolic_local_main": rows}, results=counts, **{"n-samples": counted})
    for words in (
        ("variance", run),
        ("variance", run, "--format", "csv"),
        ("vote", run, "--n", "1"),
        ("vote", run, "--n", "1", "--format", "csv"),
    ):
        code, out, err = printed(capsys, *words)
        assert code == 2
        assert "not valid (samples missing): 30 samples, where the results file speaks of 60" in err
        assert "samples missing" in out


def test_a_groups_value_that_its_tasks_do_not_give_is_not_valid(tmp_path, capsys):
    scores, gold = questions(100)
    listed = {"g": {"aggregate_metric_list": [{"metric": "acc", "weight_by_size": True}]}}
    folders = []
    for name, amount in (("base", 0.0), ("gptq", 0.1)):
        tasks = {task: choice_rows(task, noisy(scores, 0.3 + amount), gold) for task in ("x", "y")}
        folders.append(write_run(tmp_path / name, tasks, groups={"g": ["x", "y"]}, model=name, group_configs=listed))
        path = next(folders[-1].glob("results_*"))
        results = json.loads(path.read_text(encoding="utf-8"))
        for task, rows in tasks.items():
            results["results"][task]["acc,none"] = float(np.mean([row["acc"] for row in rows]))
        results["groups"]["g"]["acc,none"] += amount
        path.write_text(json.dumps(results), encoding="utf-8")
    line = "g, gptq: not valid (other results): the results file says acc 0."
    for words in (("compare", *folders), ("table", *folders), ("report", folders[1], "-o", tmp_path / "r.html")):
        code, _, err = printed(capsys, *words)
        assert (code, err.count(line)) == (2, 1)
    _, out, _ = printed(capsys, "compare", *folders, "--format", "json", "--force")
    verdicts = {row["task"]: row["verdict"] for row in json.loads(out)["comparisons"]}
    assert [verdicts[name] == "not valid" for name in ("g", "x", "y")] == [True, False, False]
    _, out, _ = printed(capsys, "table", *folders)
    assert re.search(r"\| gptq \|  \| \d+\.\d ± \d+\.\d † \|", out)  # without a rank


def test_no_command_takes_another_models_answers_for_a_score(tmp_path, capsys):
    scores, gold = questions(100)
    runs = {"base": scores, "sft": noisy(scores, 0.5), "copy": noisy(scores, 0.5)}
    paths = [
        write_run(tmp_path / name, {"t": choice_rows("t", values, gold)}, model=name) for name, values in runs.items()
    ]
    line = "t, copy: not valid (identical): every log-likelihood is sft's; check that the variant was loaded"
    code, out, err = printed(capsys, "compare", *paths, "--format", "json")
    assert (code, line in err) == (2, True)
    assert [row["verdict"] == "not valid" for row in json.loads(out)["comparisons"]] == [False, True]
    for style in ("md", "csv", "latex"):
        code, out, err = printed(capsys, "table", *paths, "--format", style)
        assert (code, line in err, "identical" in out) == (2, True, True)
    code, _, err = printed(capsys, "report", *paths, "-o", tmp_path / "r.html")
    assert (code, line in err) == (2, True)


def test_the_table_refuses_a_field_that_no_document_has(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    for command in (["compare"], ["table"], ["report", "-o", tmp_path / "r.html"]):
        code, _, err = printed(capsys, *command, base, variant, "--cluster", "nofield")
        assert code == 2
        assert "--cluster nofield: no document has this field; there are: id, stem" in err


def test_runs_without_a_filter_in_common_are_told_apart_by_their_filters(tmp_path, capsys):
    rows = {
        name: [written_row("t", i, "A", 0) | {"filter": name} for i in range(20)] for name in ("strict", "flexible")
    }
    paths = [write_run(tmp_path / name, {"t": of_filter}, model=name) for name, of_filter in rows.items()]
    code, _, err = printed(capsys, "compare", *paths)
    assert code == 2
    assert "t: no filter in common: strict (strict), flexible (flexible); run both with the same task files" in err
