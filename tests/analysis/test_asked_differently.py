"""No table of any command subtracts runs that were asked differently; each says in what they differ, and shows the scores."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from helpers.comparison_runs import noisy
from helpers.log_files import SCORED, WEIGHTS, choice_row, choice_rows, questions, write_run, written_row
from helpers.report_runs import Read

import mcqa_suite
from mcqa_suite.analysis.leaderboard import rung_leaderboard
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.agreement import asked_differently
from mcqa_suite.logs.runs import read_run
from mcqa_suite.logs.settings import differences
from mcqa_suite.reporting.leaderboard import as_csv
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task

SAME_PROMPTS = Path(__file__).parent / "other_template_same_prompts"
RESULTS = {
    "configs": {"t": {"generation_kwargs": {"until": ["\n"]}}},
    "lm_eval_version": "0.4.13",
    "versions": {"t": 1.0},
}
# Each way to ask differently: what a results file has in place of the base's, and what the line says.
WAYS = {
    "chat template": ({"chat_template_sha": "f" * 64}, "chat template: none (base), ffffffffffff (gptq8)"),
    "system instruction": (
        {"system_instruction_sha": "e" * 64},
        "system instruction: none (base), eeeeeeeeeeee (gptq8)",
    ),
    "few-shot count": ({"n-shot": {"t": 5}}, "few-shot count: 0 (base), 5 (gptq8)"),
    "task version": ({"versions": {"t": 2.0}}, "task version: 1.0 (base), 2.0 (gptq8)"),
    "generation settings": (
        {"configs": {"t": {"output_type": "multiple_choice", "generation_kwargs": {"top_k": 5}}}},
        'generation settings: none (base), {"top_k": 5} (gptq8)',
    ),
    "repeats": ({"configs": {"t": {**SCORED, "repeats": 8}}}, "repeats: 1 (base), 8 (gptq8)"),
    "filter": (
        {"configs": {"t": {"filter_list": [{"name": "none", "filter": [{"function": "majority_vote"}]}]}}},
        'filter: [{"function": "take_first"}] (base), [{"function": "majority_vote"}] (gptq8)',
    ),
    "maximum length": ({"max_length": 512}, "maximum length: 2048 (base), 512 (gptq8)"),
    "dtype": (
        {"config": {"model": "hf", "model_args": "pretrained=gptq8", **WEIGHTS, "model_dtype": "torch.bfloat16"}},
        "dtype: float32 (base), bfloat16 (gptq8)",
    ),
    "harness version": ({"lm_eval_version": "0.4.14"}, "harness version: 0.4.13 (base), 0.4.14 (gptq8)"),
}
BUNDLED = {"version": 1.0, "data_sha256": "a" * 64}


def data(metadata):
    """A results file of a task with this metadata."""
    return {"configs": {"t": {"output_type": "multiple_choice", "metadata": metadata}}}


ways = pytest.mark.parametrize("way", WAYS)


def runs(tmp_path, way="chat template", prompt="Question", n=200):
    """A base, and a rung that is better by far, asked in another way."""
    scores, gold = questions(n)
    better = scores + 3 * np.eye(4)[gold]
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    other = choice_rows("t", noisy(better, 0.3), gold, prompt=prompt)
    return base, write_run(tmp_path / "gptq8", {"t": other}, model="gptq8", **WAYS[way][0])


def printed(capsys, *words):
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize(
    ("ours", "theirs", "same_prompts", "refused"),
    [
        ({}, {}, False, []),
        ({"chat_template_sha": "a"}, {"chat_template_sha": "b"}, True, []),
        ({"chat_template_sha": "a"}, {"chat_template_sha": "b"}, False, ["chat template"]),
        # with a template the options lose the space before them, whatever the prompt is
        ({}, {"chat_template_sha": "b"}, True, ["chat template"]),
        ({"chat_template_sha": "a", "fewshot_as_multiturn": True}, {"chat_template_sha": "a"}, True, []),
        ({"chat_template_sha": "a"}, {"chat_template_sha": "b", "versions": {"t": 2}}, True, ["task version"]),
        ({"system_instruction_sha": "a"}, {}, True, ["system instruction"]),
        ({}, {"n-shot": {"t": 3}}, True, ["few-shot count"]),
        (data(BUNDLED), data(BUNDLED | {"data": "hub"}), False, ["data"]),
        (data(BUNDLED), data(BUNDLED | {"data": "hub"}), True, []),
        (data(BUNDLED), data({"data_sha256": "b" * 64}), False, ["data"]),
        (data(BUNDLED), data(BUNDLED | {"data": "bundled"}), False, []),
        (data(None), data(BUNDLED), False, []),  # a log that is older than the hash: nothing is known
        (data({"data": "hub"}), data(BUNDLED), False, []),  # a task without bundled rows
    ],
)
def test_other_templates_that_rendered_the_same_prompts_made_no_difference(
    tmp_path, ours, theirs, same_prompts, refused
):
    first, second = (
        read_run(write_run(tmp_path / prompt, {"t": choice_rows("t", *questions(3), prompt=prompt)}, **RESULTS | more))
        for prompt, more in (("Same", ours), ("Same " if same_prompts else "Other", theirs))
    )
    first, second = first.tasks["t", "none"], second.tasks["t", "none"]
    if same_prompts:
        second.samples.hashes[:, 1] = first.samples.hashes[:, 1]
    assert [name for name, _, _ in asked_differently(first, second)] == refused
    assert {name for name, _, _ in differences(first.settings, second.settings)} >= set(refused)


def test_runs_with_the_same_prompts_are_compared_with_a_note(capsys):
    base, tuned = SAME_PROMPTS / "base", SAME_PROMPTS / "tuned"
    code, out, _ = printed(capsys, "compare", base, tuned)
    assert code == 0
    assert "arc: chat template: aaaaaaaaaaaa (base), bbbbbbbbbbbb (tuned): the prompts are the same, so they are" in out
    board = markdown_by_task(rung_leaderboard([read_run(base), read_run(tuned)], {"tuned": "base"}))
    assert "| tuned | 33.3 | 13.8 to 60.9 | +8.3 (-24.4 to +39.7) |" in board


def of_data(tmp_path, prompt):
    """A base with bundled questions, and a rung with the hub's: all but one of them with the same text."""
    scores, gold = questions(200)
    rows = choice_rows("t", noisy(scores, 0.3), gold)
    for row in rows[199:]:
        row["doc_hash"] = f"other{row['doc_id']}"
    if prompt:
        rows = [row | {"prompt_hash": f"{prompt}{row['doc_id']}"} for row in rows]
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)}, **data(BUNDLED))
    return base, write_run(tmp_path / "gptq8", {"t": rows}, model="gptq8", **data(BUNDLED | {"data": "hub"}))


DATA_LINE = "t: data: bundled aaaaaaaaaaaa (base), hub (gptq8)"


def test_compare_says_that_runs_read_different_data(tmp_path, capsys):
    base, other = of_data(tmp_path, prompt="")
    code, out, _ = printed(capsys, "compare", base, other)
    assert code == 0
    assert f"{DATA_LINE}: the prompts are the same, so they are compared" in out
    assert mcqa_suite.compare(base, other).to_frame()["n"].tolist() == [199]


def test_compare_refuses_different_data_with_other_prompts(tmp_path, capsys):
    code, out, err = printed(capsys, "compare", *of_data(tmp_path, prompt="other"))
    assert (code, out) == (2, "")
    assert DATA_LINE in err


@ways
def test_compare_refuses_and_names_the_setting_unless_it_is_forced(tmp_path, capsys, way):
    base, other = runs(tmp_path, way)
    code, out, err = printed(capsys, "compare", base, other)
    assert (code, out) == (2, "")
    assert f"t: {WAYS[way][1]}" in err
    code, out, _ = printed(capsys, "compare", base, other, "--force")
    assert code == 0
    assert f"\n- Settings differ (forced): t: {WAYS[way][1]}" in out
    assert "**better**" in out
    with pytest.raises(ComparisonError, match="settings differ"):
        mcqa_suite.compare(base, other)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "few-shot count"])  # which is one for all rungs of a run
def test_the_leaderboard_of_a_run_has_the_score_and_no_difference(tmp_path, way):
    base, other = runs(tmp_path, way)
    board = rung_leaderboard([read_run(path) for path in (base, other)], {"gptq8": "base"})
    text = markdown_by_task(board)
    (row,) = [line for line in text.splitlines() if line.startswith("| gptq8 |")]
    assert "asked differently" in row
    assert "+" not in row
    assert f"Asked differently, so not subtracted: gptq8: {WAYS[way][1]}." in text
    (record,) = [r for r in csv.DictReader(io.StringIO(as_csv(board))) if r["model"] == "gptq8"]
    assert (record["difference"], record["p_holm"], record["verdict"]) == ("", "", "")
    assert (record["asked_differently"], float(record["value"]) > 0.9) == (WAYS[way][1], True)


def test_a_difference_to_the_parent_is_left_out_by_itself(tmp_path):
    base, sft = runs(tmp_path)
    scores, gold = questions(200)
    changed = choice_rows("t", noisy(scores, 0.5), gold)
    quantised = write_run(tmp_path / "sft4", {"t": changed}, model="sft4", **WAYS["chat template"][0])
    board = rung_leaderboard([read_run(p) for p in (base, sft, quantised)], {"gptq8": "base", "sft4": "base"})
    row = next(row for row in board.rows if row.run.name == "sft4")
    assert row.entries[0].change is None
    assert row.entries[0].differs.startswith("chat template: ")


@ways
def test_a_table_does_not_rank_models_that_were_asked_differently(tmp_path, capsys, way):
    base, other = runs(tmp_path, way)
    _, out, _ = printed(capsys, "table", base, other)
    if way == "few-shot count":  # a column of its own
        assert "Few-shot counts differ, so these columns are separate" in out
        return
    line = WAYS[way][1]
    assert f"Not ranked, because they were asked differently: gptq8: {line}." in out
    assert "≈" not in out
    result = mcqa_suite.leaderboard([base, other])
    assert [(row.run.name, row.rank, row.unranked) for row in result.board.rows] == [
        ("base", "1", ""),
        ("gptq8", "", line),
    ]
    assert set(result.to_frame()["not_ranked"]) == {"", line}


@ways
@pytest.mark.slow
def test_a_report_shows_no_difference_and_no_verdict(tmp_path, capsys, way):
    base, other = runs(tmp_path, way)
    scores, gold = questions(200)
    same = write_run(tmp_path / "gptq4", {"t": choice_rows("t", noisy(scores, 0.5), gold)}, model="gptq4")
    output = tmp_path / "report.html"
    assert main(["report", str(other), str(same), "--base", str(base), "-o", str(output)]) == 0
    page = Read(output.read_text(encoding="utf-8"))
    assert f"gptq8 against base: asked differently: {way}: t: " in page.text
    assert "not comparable" in page.text
    assert f"Asked differently, so not compared t: {WAYS[way][1]}" in page.text
    (copies,) = [json.loads(data) for _, attrs, data in page.code if attrs.get("id") == "copies"]
    records = {
        row["model"]: row
        for row in csv.DictReader(io.StringIO(copies["CSV"]))
        if row["value"] and row["task"][0] == "t"
    }
    assert (records["gptq8"]["difference"], bool(records["gptq4"]["difference"])) == ("", True)
    if way != "few-shot count":
        for style in ("Markdown", "LaTeX"):
            assert "; asked differently" in copies[style]


def test_a_report_of_nothing_comparable_says_so_and_shows_the_scores(tmp_path, capsys):
    base, other = runs(tmp_path)
    output = tmp_path / "report.html"
    main(["report", str(other), "--base", str(base), "-o", str(output)])
    page = Read(output.read_text(encoding="utf-8"))
    assert f"asked differently: t: {WAYS['chat template'][1]}" in page.text
    assert "Leaderboard" in page.text
    assert "points (" not in page.text


def perm(tmp_path, name, **overrides):
    chance = np.random.default_rng(len(name))
    rows = []
    for question in range(30):
        for rotation in range(4):
            row = choice_row("mcqa_x_perm", len(rows), list(chance.normal(size=4)), (question - rotation) % 4)
            row["doc"] |= {"question_id": f"q{question}", "rotation": rotation}
            rows.append(row)
    return write_run(tmp_path / name, {"mcqa_x_perm": rows}, model=name, **overrides)


def test_orders_are_not_subtracted_between_runs_that_were_asked_differently(tmp_path, capsys):
    base, alike = perm(tmp_path, "base"), perm(tmp_path, "alike")
    other = perm(tmp_path, "gptq8", chat_template_sha="f" * 64)
    _, out, _ = printed(capsys, "orders", base, alike, other)
    rows = {line.split(" | ")[1]: line for line in out.splitlines() if line.startswith("| mcqa_x_perm")}
    assert rows["gptq8"].count("asked differently") == 2
    assert "asked differently" not in rows["alike"]
    assert f"Asked differently, so not subtracted: mcqa_x_perm: {WAYS['chat template'][1]}." in out
    for line in (prompts := next(base.glob("samples_*"))).read_text().splitlines()[:1]:
        prompts.write_text(prompts.read_text().replace(json.loads(line)["prompt_hash"], "0" * 64))
    _, out, _ = printed(capsys, "orders", base, alike)
    assert "mcqa_x_perm: 1 of 120 documents are not the same: 1 with another prompt." in out


def drawn(folder, tasks, **overrides):
    """A log of templated tasks: 6 templates x 5 draws."""
    rows = {}
    for seed, task in enumerate(tasks):
        hits = np.random.default_rng(seed).random(30) < 0.5
        rows[task] = []
        for number in range(30):
            row = written_row(task, number, "A" if hits[number] else "B", 0)
            template = number % 6
            row["doc"] |= {"template": template, "instance": number // 6, "original": f"gsm8k/{template}"}
            row["doc"]["id"] = f"gsm8k/{number}" if task == "mcqa_gsm8k" else f"{task}/{number}"
            rows[task].append(row)
    return write_run(folder, rows, **overrides)


TEMPLATED = ("mcqa_symbolic_local_main", "mcqa_symbolic_local_p1", "mcqa_gsm8k")


def test_variance_is_not_subtracted_between_runs_that_were_asked_differently(tmp_path, capsys):
    base, alike = (drawn(tmp_path / name, TEMPLATED) for name in ("base", "alike"))
    other = drawn(tmp_path / "gptq8", TEMPLATED, chat_template_sha="f" * 64)
    _, out, _ = printed(capsys, "variance", base, alike, other)
    spread = [line for line in out.splitlines() if line.startswith("| mcqa_symbolic_local_main |")]
    assert ["asked differently" in line for line in spread] == [False, False, True]
    assert f"not subtracted: gptq8, mcqa_symbolic_local_main: {WAYS['chat template'][1]}." in out
    _, text, _ = printed(capsys, "variance", base, alike, other, "--format", "csv")
    compared = {row["run"] for row in csv.DictReader(io.StringIO(text)) if row["what"] == "difference"}
    assert compared == {"alike"}


def test_tasks_of_one_run_that_were_asked_differently_are_not_subtracted(tmp_path, capsys):
    run = drawn(tmp_path / "base", TEMPLATED, **{"n-shot": dict(zip(TEMPLATED, (8, 0, 0), strict=True))})
    _, out, _ = printed(capsys, "variance", run)
    assert "few-shot count: 8 (mcqa_symbolic_local_main), 0 (mcqa_symbolic_local_p1)" in out
    assert "few-shot count: 8 (mcqa_symbolic_local_main), 0 (mcqa_gsm8k)" in out
    _, text, _ = printed(capsys, "variance", run, "--format", "csv")
    kinds = {row["what"] for row in csv.DictReader(io.StringIO(text))}
    assert not kinds & {"step", "gap", "difference"}


def test_votes_of_several_runs_are_scores_and_no_differences(tmp_path, capsys):
    first = write_run(tmp_path / "base", {"t": [written_row("t", i, "A", 0) for i in range(8)]})
    second = write_run(
        tmp_path / "gptq8", {"t": [written_row("t", i, "B", i % 2) for i in range(8)]}, chat_template_sha="f" * 64
    )
    code, out, _ = printed(capsys, "vote", first, second, "--n", "1")
    assert code == 0
    assert "difference" not in out
