"""Spread over draws, differences between variants and the generalisation gap, from logs as the harness writes them."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from helpers.log_files import digest, write_run

from mcqa_suite.analysis.variance import difference, gap, read_drawn, same_documents, steps
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.reporting.variance import variance_records, variance_report


def row(task, doc_id, doc, right, parsed=1.0):
    answer = {"answer": "7" if right else None, "status": "answered", "rule": None, "span": None}
    return {
        "doc_id": doc_id,
        "doc": doc,
        "target": "7",
        "arguments": {"gen_args_0": {"arg_0": "Q", "arg_1": {"until": ["\nQ:"]}}},
        "resps": [["The final answer is 7."]],
        "filtered_resps": [str(answer)],
        "filter": "extracted",
        "metrics": ["acc", "parsed"],
        "doc_hash": digest(str(doc)),
        "prompt_hash": digest(f"{task}{doc_id}"),
        "target_hash": digest("7"),
        "acc": float(right),
        "parsed": parsed,
    }


def templated(task, right, seed=1):
    """`right`: templates x instances; documents in the order of the draws."""
    rows = []
    for instance in range(right.shape[1]):
        for template in range(right.shape[0]):
            doc = {
                "id": f"{task}/{template}/{instance}",
                "question": f"{task} {template} {instance} of seed {seed}?",
                "gold": "7",
                "template": template,
                "instance": instance,
                "original": f"gsm8k/{template}",
            }
            rows.append(row(task, len(rows), doc, bool(right[template, instance])))
    return rows


def whole_set(right):
    return [row("mcqa_gsm8k", i, {"id": f"gsm8k/{i}", "gold": "7"}, bool(hit)) for i, hit in enumerate(right)]


@pytest.fixture
def rates():
    chance = np.random.default_rng(7)
    by_template = chance.uniform(0.2, 0.9, size=(20, 1))
    return {
        name: chance.random((20, 30)) < by_template - less for name, less in (("main", 0), ("p1", 0.15), ("noop", 0.1))
    }


def log(folder, rates, **overrides):
    tasks = {f"mcqa_symbolic_local_{name}": templated(f"symbolic_local_{name}", right) for name, right in rates.items()}
    return write_run(folder, tasks, **overrides)


def test_mean_and_standard_deviation_are_over_draws_of_the_whole_set(tmp_path, rates):
    log(tmp_path, rates)
    drawn = read_drawn("base", tmp_path)
    for name, right in rates.items():
        result = drawn.tasks[f"mcqa_symbolic_local_{name}"]
        by_draw = [sum(right[:, i]) / 20 for i in range(30)]
        mean = sum(by_draw) / 30
        assert result.mean.value == pytest.approx(mean)
        assert result.std == pytest.approx((sum((rate - mean) ** 2 for rate in by_draw) / 29) ** 0.5)
        assert (result.by_instance.min(), result.by_instance.max()) == (min(by_draw), max(by_draw))


def test_the_interval_is_over_templates_and_not_over_questions(tmp_path, rates):
    log(tmp_path, rates)
    result = read_drawn("base", tmp_path).tasks["mcqa_symbolic_local_main"]
    by_template = rates["main"].mean(axis=1)
    margin = 2.093 * by_template.std(ddof=1) / 20**0.5  # Student's t with 19 degrees of freedom
    assert result.mean.half_width == pytest.approx(margin, rel=0.1)
    assert result.mean.half_width > 2 * 1.96 * (0.25 / 600) ** 0.5


def test_steps_from_variant_to_variant_are_paired_by_template(tmp_path, rates):
    log(tmp_path, rates)
    result = {(a, b): step for a, b, step in steps(read_drawn("base", tmp_path), "mcqa_symbolic_local")}
    assert set(result) == {("main", "p1"), ("main", "noop")}
    value = result["main", "p1"].value
    drops = rates["p1"].mean(axis=1) - rates["main"].mean(axis=1)
    assert value.value == pytest.approx(drops.mean())
    assert value.half_width == pytest.approx(2.093 * drops.std(ddof=1) / 20**0.5, rel=0.15)
    assert value.high < 0


def test_a_variant_with_fewer_templates_is_compared_on_those_alone(tmp_path, rates):
    log(tmp_path, {"main": rates["main"], "p2": rates["p1"][:8]})
    drawn = read_drawn("base", tmp_path)
    step = difference(drawn.tasks["mcqa_symbolic_local_main"], drawn.tasks["mcqa_symbolic_local_p2"])
    assert step.templates == 8
    assert step.value.value == pytest.approx(rates["p1"][:8].mean() - rates["main"][:8].mean())


def test_public_templates_are_paired_by_what_they_were_made_from(tmp_path, rates):
    rows = templated("gsm_symbolic", rates["p1"][:8])
    for row in rows:
        row["doc"]["original"] = f"gsm8k/{row['doc']['template'] + 10}"  # p2 counts its templates anew
    write_run(
        tmp_path, {"mcqa_gsm_symbolic_main": templated("gsm_symbolic", rates["main"]), "mcqa_gsm_symbolic_p2": rows}
    )
    drawn = read_drawn("base", tmp_path)
    step = difference(drawn.tasks["mcqa_gsm_symbolic_main"], drawn.tasks["mcqa_gsm_symbolic_p2"])
    assert step.value.value == pytest.approx(rates["p1"][:8].mean() - rates["main"][10:18].mean())


def test_the_gap_compares_templates_with_their_originals_and_with_the_other_questions(tmp_path, rates):
    originals = np.array([True] * 18 + [False] * 2)
    rest = np.array([True, False] * 50)
    tasks = {
        "mcqa_gsm_symbolic_main": templated("gsm_symbolic", rates["main"]),
        "mcqa_gsm8k": whole_set([*originals, *rest]),
    }
    write_run(tmp_path, tasks)
    drawn = read_drawn("base", tmp_path)
    result = gap(drawn.tasks["mcqa_gsm_symbolic_main"], drawn.gsm8k)
    assert (result.same.value, result.same.n) == (0.9, 20)
    assert (result.other.value, result.other.n) == (0.5, 100)
    assert result.symbolic_to_same.value == pytest.approx(0.9 - rates["main"].mean())
    assert result.same_to_other.value == pytest.approx(-0.4)
    assert result.same_to_other.low < -0.4 < result.same_to_other.high < 0
    assert "### Generalisation gap" in variance_report([drawn])


@pytest.mark.parametrize("form", ["_n8", "_final_answer", "_final_answer_n8"])
def test_the_gap_is_to_gsm8k_asked_in_the_same_form(tmp_path, rates, form):
    task = f"mcqa_gsm_symbolic_main{form}"
    whole_sets = {"mcqa_gsm8k": whole_set([False] * 40), f"mcqa_gsm8k{form}": whole_set([True] * 15 + [False] * 25)}
    write_run(tmp_path, {task: templated("gsm_symbolic", rates["main"]), **whole_sets})
    drawn = read_drawn("base", tmp_path)
    draws = drawn.tasks[task]
    assert (draws.family, draws.variant, draws.form) == (f"mcqa_gsm_symbolic{form}", "main", form)
    result = gap(draws, drawn.gsm8k)
    assert (result.same.value, result.same.n) == (0.75, 20)
    assert (result.other.value, result.other.n) == (0, 20)
    assert "### Generalisation gap" in variance_report([drawn])
    write_run(
        tmp_path / "other", {task: templated("gsm_symbolic", rates["main"]), "mcqa_gsm8k": whole_set([True] * 20)}
    )
    other = read_drawn("base", tmp_path / "other")
    assert gap(other.tasks[task], other.gsm8k) is None


def test_the_gap_of_sampled_answers_has_an_interval_of_about_students_width(tmp_path, rates):
    sampled = [{**row, "acc": (index % 9) / 8} for index, row in enumerate(whole_set([True] * 45))]
    tasks = {"mcqa_gsm_symbolic_main_n8": templated("gsm_symbolic", rates["main"]), "mcqa_gsm8k_n8": sampled}
    write_run(tmp_path, tasks)
    drawn = read_drawn("base", tmp_path)
    result = gap(drawn.tasks["mcqa_gsm_symbolic_main_n8"], drawn.gsm8k)
    first = np.array([row["acc"] for row in sampled[:20]])
    assert result.same.value == pytest.approx(first.mean())
    assert result.same.half_width == pytest.approx(2.093 * first.std(ddof=1) / 20**0.5, rel=0.15)


def test_variants_asked_in_another_form_are_a_family_of_their_own(tmp_path, rates):
    names = {"main": "mcqa_symbolic_local_main_final_answer", "p1": "mcqa_symbolic_local_p1_final_answer"}
    tasks = {task: templated(task.removeprefix("mcqa_"), rates[name]) for name, task in names.items()}
    write_run(tmp_path, {**tasks, "mcqa_symbolic_local_noop": templated("symbolic_local_noop", rates["noop"])})
    drawn = read_drawn("base", tmp_path)
    pairs = [(first, second) for first, second, _ in steps(drawn, "mcqa_symbolic_local_final_answer")]
    assert pairs == [("main", "p1")]


def test_without_gsm8k_there_is_no_gap(tmp_path, rates):
    log(tmp_path, rates)
    drawn = read_drawn("base", tmp_path)
    assert gap(drawn.tasks["mcqa_symbolic_local_main"], drawn.gsm8k) is None
    assert "Generalisation" not in variance_report([drawn])


def test_a_run_compared_with_itself_has_no_difference(tmp_path, rates):
    log(tmp_path, rates)
    draws = read_drawn("base", tmp_path).tasks["mcqa_symbolic_local_main"]
    assert same_documents(draws, draws)
    assert difference(draws, draws).value.value == 0


def test_different_draws_of_the_same_templates_are_marked(tmp_path, rates):
    log(tmp_path / "a", rates)
    other = {"mcqa_symbolic_local_main": templated("symbolic_local_main", rates["p1"], seed=2)}
    write_run(tmp_path / "b", other)
    runs = [read_drawn(name, tmp_path / name) for name in "ab"]
    report = variance_report(runs)
    assert "≈" in report
    change = next(line for line in variance_records(runs) if line["what"] == "difference")
    assert change["name"] == "to a by template"
    assert float(change["value"]) == pytest.approx(rates["p1"].mean() - rates["main"].mean())


def test_the_worst_templates_are_first(tmp_path, rates):
    log(tmp_path, {"main": rates["main"]})
    report = variance_report([read_drawn("base", tmp_path)], worst=3)
    lines = report.split("accuracy by template (%)")[1].splitlines()
    shown = [float(line.split("|")[2]) for line in lines if line.startswith("| ") and "template" not in line]
    assert shown == sorted(shown)
    assert shown[0] == pytest.approx(100 * rates["main"].mean(axis=1).min(), abs=0.05)
    assert "17 better templates are in the CSV" in report


def test_incomplete_draws_are_left_out_and_counted(tmp_path, rates):
    rows = templated("symbolic_local_main", rates["main"])[:-5]
    write_run(tmp_path, {"mcqa_symbolic_local_main": rows})
    drawn = read_drawn("base", tmp_path)
    draws = drawn.tasks["mcqa_symbolic_local_main"]
    assert draws.right.shape == (20, 29)
    assert draws.left_out == 15
    assert "15 documents of incomplete draws left out" in variance_report([drawn])


def test_an_unreadable_log_is_an_error_with_its_reason(tmp_path, rates):
    rows = templated("symbolic_local_main", rates["main"])
    write_run(tmp_path / "one", {"mcqa_symbolic_local_main": rows[:1]})
    with pytest.raises(DatasetError, match="1 templates and 1 complete draws of them; run without --limit"):
        read_drawn("base", tmp_path / "one")
    write_run(tmp_path / "twice", {"mcqa_symbolic_local_main": [*rows, rows[0]]})
    with pytest.raises(DatasetError, match="comes twice"):
        read_drawn("base", tmp_path / "twice")
    write_run(tmp_path / "half", {"mcqa_symbolic_local_main": [{**rows[0], "acc": 1.5}, *rows[1:]]})
    with pytest.raises(DatasetError, match=r"jsonl:1: .*acc is 1.5"):
        read_drawn("base", tmp_path / "half")
    write_run(tmp_path / "other", {"mcqa_gsm8k": whole_set([True, False])})
    with pytest.raises(DatasetError, match="no templated task"):
        read_drawn("base", tmp_path / "other")
    with pytest.raises(DatasetError, match=r"jsonl:1: .*exact_match"):
        read_drawn("base", tmp_path / "one", metric="exact_match")


def test_several_samples_a_question_have_their_mean(tmp_path, rates):
    rows = templated("symbolic_local_main", rates["main"])
    rows = [{**row, "acc": (row["acc"] + index % 3) / 3} for index, row in enumerate(rows)]
    write_run(tmp_path, {"mcqa_symbolic_local_main_n8": rows})
    draws = read_drawn("base", tmp_path).tasks["mcqa_symbolic_local_main_n8"]
    assert (draws.family, draws.variant) == ("mcqa_symbolic_local_n8", "main")
    assert draws.mean.value == pytest.approx(np.mean([row["acc"] for row in rows]))
    margin = 2.093 * draws.right.mean(axis=1).std(ddof=1) / 20**0.5
    assert draws.mean.half_width == pytest.approx(margin, rel=0.05)


def test_the_command_prints_runs_side_by_side_and_writes_its_files(tmp_path, rates, capsys):
    log(tmp_path / "base", rates)
    log(tmp_path / "sft", {name: right | (np.arange(30) % 3 == 0) for name, right in rates.items()}, model="sft")
    arguments = ["variance", str(tmp_path / "base"), f"tuned={tmp_path / 'sft'}", "-o", str(tmp_path / "out")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "| mcqa_symbolic_local_main | base | 20 x 30 |" in printed
    assert "| step | base | tuned |" in printed
    assert (tmp_path / "out/variance.md").read_text(encoding="utf-8") == printed
    drawing = (tmp_path / "out/variance.svg").read_text(encoding="utf-8")
    assert drawing.count("<use") >= 6 * 30  # a dot a draw
    lines = list(csv.DictReader(io.StringIO((tmp_path / "out/variance.csv").read_text(encoding="utf-8"))))
    assert sum(line["what"] == "draw" for line in lines) == 2 * 3 * 30
    assert main(["variance", str(tmp_path / "nothing")]) == 2


def test_scores_of_several_filters_are_not_mixed(tmp_path, rates, capsys):
    task = "mcqa_symbolic_local_main"
    strict = [row | {"filter": "strict", "acc": 0.0} for row in templated("symbolic_local_main", rates["main"])]
    folder = write_run(tmp_path, {task: [*strict, *templated("symbolic_local_main", rates["main"])]})
    with pytest.raises(DatasetError, match="several filters read the answers; choose with --filter: strict, extracted"):
        read_drawn("base", folder)
    assert main(["variance", "--filter", "extracted", str(folder)]) == 0
    assert f"{100 * rates['main'].mean():.1f}" in capsys.readouterr().out
    assert main(["variance", "--filter", "flexible", str(folder)]) == 2
    assert "no filter flexible; choose with --filter: strict, extracted" in capsys.readouterr().err
