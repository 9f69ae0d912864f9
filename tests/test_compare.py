"""Comparisons: what must hold, every sickness, every bad input, exit codes, and the tables themselves."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_logs import STAMP, choice_row, choice_rows, questions, write_run, written_row

from mcqa_suite import stats
from mcqa_suite.cli import main
from mcqa_suite.compare import Options, compare
from mcqa_suite.errors import ComparisonError
from mcqa_suite.runs import read_log

GOLDEN = Path(__file__).parent / "golden"
JSON_KEYS = [
    "task",
    "metric",
    "filter",
    "variant",
    "n",
    "base_acc",
    "variant_acc",
    "diff",
    "diff_low",
    "diff_high",
    "p_mcnemar",
    "p_holm",
    "flips",
    "choice_kl",
    "top_agreement",
    "ece_base",
    "ece_variant",
    "unread_base",
    "unread_variant",
    "mde",
    "verdict",
]


def noisy(scores, amount, seed=1):
    return scores + amount * np.random.default_rng(seed).normal(size=scores.shape)


def two_runs(tmp_path, change=lambda scores, gold: noisy(scores, 0.5), n=200):
    """A base, and a variant whose scores `change` makes."""
    scores, gold = questions(n)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    variant = write_run(tmp_path / "gptq", {"t": choice_rows("t", change(scores, gold), gold)}, model="gptq")
    return base, variant


def compared(base, *variants, noise_floor=None, cluster=None, **options):
    runs = [read_log(path, cluster=cluster) for path in (base, *variants)]
    floor = read_log(noise_floor, cluster=cluster) if noise_floor else None
    return compare(runs[0], runs[1:], Options(cluster=cluster, **options), noise_floor=floor)


def test_a_model_differs_from_itself_by_exactly_nothing(tmp_path):
    base, _ = two_runs(tmp_path, n=1000)
    report = compared(base, base)
    (row,) = report.comparisons
    assert row.change.difference.value == 0.0
    assert (row.change.p, row.p_holm, row.top_agreement, row.flips.total) == (1.0, 1.0, 1.0, 0)
    assert (row.choices.kl.max, row.choices.gold_change) == (0.0, 0.0)
    assert row.verdict == "equivalent"
    assert [(f.condition, f.broken) for f in report.health] == [("identical", False)]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.5, 2.0]))
def test_exchanging_the_two_flips_every_sign(tmp_path_factory, seed, amount):
    tmp_path = tmp_path_factory.mktemp("swap")
    base, variant = two_runs(tmp_path, lambda scores, gold: noisy(scores, amount, seed), n=40)
    (there,), (back,) = compared(base, variant).comparisons, compared(variant, base).comparisons
    one, other = there.change.difference, back.change.difference
    assert (one.value, one.low, one.high) == (-other.value, -other.high, -other.low)
    assert there.flips.right_to_wrong == back.flips.wrong_to_right
    assert there.flips.wrong_to_wrong == back.flips.wrong_to_wrong
    assert there.choices.gold_change == pytest.approx(-back.choices.gold_change)
    assert there.change.p == back.change.p


def test_the_numbers_are_those_of_the_logs(tmp_path):
    scores, gold = questions(200)
    changed = noisy(scores, 0.5)
    base, variant = two_runs(tmp_path)
    (row,) = compared(base, variant).comparisons
    before, after = scores.argmax(1), changed.argmax(1)
    assert row.change.base.value == np.mean(before == gold)
    assert row.change.variant.value == np.mean(after == gold)
    assert row.flips.right_to_wrong == np.sum((before == gold) & (after != gold))
    assert row.flips.wrong_to_wrong == np.sum((before != gold) & (after != gold) & (before != after))
    there = np.ones(scores.shape, bool)
    p, q = stats.option_probabilities(scores, there), stats.option_probabilities(changed, there)
    rows = np.arange(200)
    assert row.choices.kl.mean == pytest.approx(float(stats.kl_divergence(p, q).mean()))
    assert row.choices.gold_change == pytest.approx(float((q - p)[rows, gold].mean()))
    assert row.choices.letters_base == pytest.approx(tuple(np.bincount(before, minlength=4) / 200))
    assert row.choices.constant == ("ABCD"[np.bincount(gold).argmax()], np.bincount(gold).max() / 200)
    assert row.top_agreement == np.mean(before == after)


def test_only_the_same_question_asked_the_same_way_is_paired(tmp_path):
    scores, gold = questions(50)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    rows = choice_rows("t", noisy(scores, 0.1), gold)[:-2]
    for index, name in ((0, "doc_hash"), (1, "prompt_hash"), (2, "prompt_hash"), (3, "target_hash")):
        rows[index][name] = "f" * 64
    rows.append(choice_row("t", 99, [0, 0, 0, 1], 1))
    variant = write_run(tmp_path / "gptq", {"t": rows}, model="gptq")
    report = compared(base, variant)
    lost = report.unpaired["gptq"]["t"]
    assert (lost.only_base, lost.only_variant, lost.doc, lost.prompt, lost.target) == (2, 1, 1, 2, 1)
    assert report.comparisons[0].n == 44


def test_unread_answers_have_a_share_of_their_own(tmp_path):
    rows = [written_row("t", i, "ABCD"[i % 4], i % 4) for i in range(40)]
    worse = [written_row("t", i, None if i < 8 else "ABCD"[i % 4], i % 4) for i in range(40)]
    base = write_run(tmp_path / "base", {"t": rows})
    variant = write_run(tmp_path / "gptq", {"t": worse}, model="gptq")
    (row,) = compared(base, variant).comparisons
    assert (row.unread_base, row.unread_variant, row.flips.right_to_wrong) == (0.0, 0.2, 8)
    assert (row.filter, row.choices.kl, row.choices.ece_base) == ("extracted", None, None)
    assert row.verdict == "worse"


def groups_of(tmp_path, sizes=(120, 40, 80), amount=0.8, **more):
    names = ["math", "physics", "chemistry"]
    base, variant = {}, {}
    for seed, (name, n) in enumerate(zip(names, sizes, strict=True)):
        scores, gold = questions(n, seed=seed)
        base[name] = choice_rows(name, scores, gold, subject=name)
        variant[name] = choice_rows(name, noisy(scores, amount, seed), gold, subject=name)
    groups = {"stem": names}
    folders = tmp_path / "base", tmp_path / "gptq"
    write_run(folders[0], base, groups=groups, **more)
    write_run(folders[1], variant, groups=groups, model="gptq", **more)
    return folders, base, variant


def test_a_group_pools_its_documents(tmp_path):
    (base, variant), rows, changed = groups_of(tmp_path)
    report = compared(base, variant, tasks="stem")
    (row,) = report.comparisons
    right = [[r["acc"] for task in tasks.values() for r in task] for tasks in (rows, changed)]
    assert (row.kind, row.n, report.family) == ("group", 240, 1)
    assert row.change.difference.value == pytest.approx(np.mean(right[1]) - np.mean(right[0]))
    assert row.change.method == "score"


def test_a_group_that_the_harness_averages_over_tasks_stays_so(tmp_path):
    (base, variant), rows, changed = groups_of(tmp_path)
    for folder, tasks in ((base, rows), (variant, changed)):
        path = folder / f"results_{STAMP}.json"
        results = json.loads(path.read_text(encoding="utf-8"))
        macro = float(np.mean([np.mean([r["acc"] for r in task]) for task in tasks.values()]))
        results["groups"]["stem"]["acc,none"] = macro
        path.write_text(json.dumps(results), encoding="utf-8")
    (row,) = compared(base, variant, tasks="stem").comparisons
    assert row.change.method == "macro"
    assert row.change.base.value == pytest.approx(np.mean([np.mean([r["acc"] for r in t]) for t in rows.values()]))


def test_clusters_widen_the_interval(tmp_path):
    scores, gold = questions(400)
    changed = scores.copy()
    for subject in range(0, 20, 3):  # every third subject is lost altogether
        rows = np.arange(subject * 20, subject * 20 + 20)
        changed[rows, gold[rows]] -= 9
    names = [f"subject {i // 20}" for i in range(400)]

    def rows_of(values):
        return [choice_row("t", i, list(values[i]), int(gold[i]), subject=names[i]) for i in range(400)]

    base = write_run(tmp_path / "base", {"t": rows_of(scores)})
    variant = write_run(tmp_path / "gptq", {"t": rows_of(changed)}, model="gptq")
    (plain,) = compared(base, variant).comparisons
    (clustered,) = compared(base, variant, cluster="subject").comparisons
    assert clustered.change.method == "clustered score"
    assert clustered.change.difference.half_width > 2 * plain.change.difference.half_width
    assert clustered.change.p > plain.change.p
    assert clustered.change.fragile
    words = "--cluster topic: no document has this field; there are: id, stem, choices, gold, subject"
    with pytest.raises(ComparisonError, match=words):
        compared(base, variant, cluster="topic")


def test_one_subject_alone_is_taken_as_independent_and_said_so(tmp_path):
    (base, variant), *_ = groups_of(tmp_path)
    report = compared(base, variant, cluster="subject")
    methods = {row.task: row.change.method for row in report.comparisons}
    assert methods == {"math": "score", "physics": "score", "chemistry": "score", "stem": "clustered score"}
    assert any("one value of 'subject' only" in note for note in report.notes)


def test_nested_sets_have_no_mean(tmp_path):
    scores, gold = questions(60)
    whole = choice_rows("main", scores, gold)
    tasks = {"main": whole, "diamond": whole[:20]}
    base = write_run(tmp_path / "base", tasks, groups={"gpqa": list(tasks)})
    report = compared(base, base)
    assert {row.task for row in report.comparisons} == {"main", "diamond"}
    assert any("gpqa: no mean: nested sets" in note for note in report.notes)


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


def always_c(scores, gold):
    changed = noisy(scores, 0.1)
    changed[:, 2] += 50
    return changed


SICK = {
    "non-finite": nan_in_one,
    "all equal": set_all(-1.0),
    "below chance": always_wrong,
    "constant letter": always_c,
    "identical": lambda scores, gold: scores,
}


@pytest.mark.parametrize("condition", SICK)
def test_a_sick_task_is_broken_and_named(tmp_path, condition, capsys):
    base, variant = two_runs(tmp_path, SICK[condition])
    report = compared(base, variant)
    found = [finding for finding in report.health if finding.condition == condition]
    assert [(f.task, f.run, f.broken) for f in found] == [("t", "gptq", True)]
    assert report.comparisons[0].verdict == "broken"
    assert report.family == 0
    assert main(["compare", str(base), str(variant)]) == 0
    assert f"t, gptq: **broken** ({condition})" in capsys.readouterr().out


def test_a_sick_task_is_never_averaged_in(tmp_path):
    (base, variant), _rows, changed = groups_of(tmp_path)
    scores, gold = questions(40, seed=1)
    sick = choice_rows("physics", set_all(0.0)(scores, gold), gold, subject="physics")
    write_run(variant, {**changed, "physics": sick}, groups={"stem": list(changed)}, model="gptq")
    row = next(row for row in compared(base, variant).comparisons if row.task == "stem")
    assert (row.left_out, row.members, row.n) == (("physics",), ("chemistry", "math"), 200)


def test_a_task_of_which_nothing_could_be_read_is_broken(tmp_path):
    base = write_run(tmp_path / "base", {"t": [written_row("t", i, "ABCD"[i % 4], i % 4) for i in range(12)]})
    blank = write_run(tmp_path / "gptq", {"t": [written_row("t", i, None, i % 4) for i in range(12)]}, model="gptq")
    report = compared(base, blank)
    assert [(f.run, f.condition) for f in report.health if f.broken] == [("gptq", "unread")]
    assert report.comparisons[0].verdict == "broken"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"lm_eval_version": "0.4.9"}, "t: harness version: 0.4.13 (base), 0.4.9 (gptq)"),
        ({"n-shot": {"t": 5}}, "t: few-shot count: 0 (base), 5 (gptq)"),
        ({"chat_template_sha": "abc"}, 't: chat template: none (base), ["abc", null, null] (gptq)'),
        ({"versions": {"t": 2.0}}, "t: task version: 1.0 (base), 2.0 (gptq)"),
    ],
)
def test_different_settings_are_refused_with_a_list(tmp_path, overrides, words, capsys):
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


def test_the_verdicts(tmp_path):
    def verdict(change, n=1000, margin=0.01):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        return compared(*two_runs(folder, change, n), margin=margin).comparisons[0].verdict

    assert verdict(lambda scores, gold: noisy(scores, 0.001)) == "equivalent"
    assert verdict(lambda scores, gold: noisy(scores, 3.0)) == "worse"
    assert verdict(lambda scores, gold: scores + 3 * np.eye(4)[gold]) == "better"
    assert verdict(lambda scores, gold: noisy(scores, 0.3), n=100) == "underpowered"
    assert verdict(lambda scores, gold: noisy(scores, 0.3, 5), n=1000, margin=0.04) in (
        "equivalent",
        "no detectable change",
    )


def test_noise_is_a_row_outside_the_family(tmp_path):
    scores, gold = questions(300)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    again = write_run(tmp_path / "again", {"t": choice_rows("t", noisy(scores, 0.01), gold)})
    variant = write_run(tmp_path / "gptq", {"t": choice_rows("t", noisy(scores, 0.5), gold)}, model="gptq")
    report = compared(base, variant, noise_floor=again)
    assert [(row.variant, row.kind) for row in report.comparisons] == [("gptq", "task"), ("again", "noise floor")]
    assert report.family == 1
    assert report.comparisons[1].choices.kl.mean < report.comparisons[0].choices.kl.mean


def test_a_score_that_is_not_right_or_wrong_is_compared_by_its_mean(tmp_path):
    rng = np.random.default_rng(0)
    scores, gold = questions(100)
    rows = [choice_rows("t", values, gold) for values in (scores, noisy(scores, 0.5))]
    for part in rows:
        for row in part:
            row |= {"metrics": ["acc", "f1"], "f1": float(rng.random())}
    base = write_run(tmp_path / "base", {"t": rows[0]})
    variant = write_run(tmp_path / "gptq", {"t": rows[1]}, model="gptq")
    (row,) = compared(base, variant, metric="f1").comparisons
    assert (row.change.method, row.flips, row.change.p_mcnemar) == ("t", None, None)
    assert row.change.difference.low < row.change.difference.value < row.change.difference.high


EXITS = {
    "worse": (lambda scores, gold: noisy(scores, 3.0), 1000, 1),
    "underpowered": (lambda scores, gold: noisy(scores, 0.3), 100, 2),
    "equivalent": (lambda scores, gold: noisy(scores, 0.001), 1000, 0),
    "better": (lambda scores, gold: scores + 3 * np.eye(4)[gold], 1000, 0),
    "broken": (always_c, 1000, 2),
}


@pytest.mark.parametrize("name", EXITS)
def test_fail_if_worse_tells_a_pipeline(tmp_path, name, capsys):
    change, n, code = EXITS[name]
    base, variant = two_runs(tmp_path, change, n)
    assert main(["compare", str(base), str(variant), "--fail-if", "worse"]) == code
    assert f"**{name}**" in capsys.readouterr().out
    assert main(["compare", str(base), str(variant)]) == 0


def bad_nothing(base, variant):
    shutil.rmtree(variant)
    return "no results_*.json below it; give what lm_eval wrote to --output_path"


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
    return "has none of base's tasks (it has u); run it on t"


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
def test_bad_input_is_one_line_after_what_can_be_compared(tmp_path, damage, others, capsys):
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


def in_every_row(folder, change):
    path = next(folder.glob("samples_t_*"))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        change(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_only_an_accuracy_is_compared_unasked(tmp_path, capsys):
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


def test_a_metric_that_is_no_number_everywhere_is_not_compared(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    for folder in (base, variant):
        in_every_row(folder, lambda row: row.update(f1=1.0, metrics=["acc", "f1"]))
    in_every_row(variant, lambda row: row["doc_id"] == 7 and row.update(f1=None))
    assert main(["compare", str(base), str(variant), "--metric", "f1"]) == 2
    assert "t: f1 is no number in 1 of 200 documents; choose another --metric" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [{3}, set(range(200))], ids=["one row", "every row"])
@pytest.mark.parametrize("which", ["variant", "base"])
def test_fewer_options_than_in_the_other_run_are_broken(tmp_path, rows, which):
    base, variant = two_runs(tmp_path)

    def shorten(row):
        if row["doc_id"] in rows:
            row["filtered_resps"] = row["filtered_resps"][:2]

    in_every_row(base if which == "base" else variant, shorten)
    report = compared(base, variant)
    (row,) = report.comparisons
    found = [f for f in report.health if f.condition == "options missing"]
    assert (row.verdict, row.choices.kl) == ("broken", None)
    assert [f.run for f in found] == ["base" if which == "base" else "gptq"]
    assert f"{len(rows)} of 200 documents" in found[0].detail
    assert f"2 instead of 4 in document {min(rows)}" in found[0].detail


def test_few_shot_counts_have_columns_of_their_own(tmp_path, capsys):
    scores, gold = questions(200)
    runs = []
    for name, shots, prompt in (("plain", 0, "Question"), ("same", 0, "Question"), ("five", 5, "Five examples")):
        rows = choice_rows("t", noisy(scores, 0.01), gold, prompt=prompt)
        runs.append(str(write_run(tmp_path / name, {"t": rows}, model=name, **{"n-shot": {"t": shots}})))
    assert main(["table", *runs]) == 0
    out = capsys.readouterr().out
    assert "| t, 0-shot (acc) | t, 5-shot (acc) |" in out
    assert "| same | 1= ≈ |" in out
    assert "| five |  | – |" in out
    assert "Ranked by t, 0-shot; models without it have no rank." in out
    assert main(["table", runs[0], runs[2]]) == 0
    assert "≈" not in capsys.readouterr().out


def test_models_that_were_asked_in_other_words_are_not_said_to_be_inseparable(tmp_path, capsys):
    scores, gold = questions(200)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    other = write_run(tmp_path / "chat", {"t": choice_rows("t", scores, gold, prompt="Hi")}, model="chat")
    assert main(["table", str(base), str(other)]) == 0
    out = capsys.readouterr().out
    assert "≈" not in out
    assert "Not tested against the first, for want of documents asked in the same words: chat." in out


def test_the_csv_counts_the_unpaired_and_names_what_is_sick(ladder, capsys):
    runs, _ = ladder
    assert main(["compare", *map(str, runs), "--format", "csv"]) == 0
    rows = {(row["task"], row["variant"]): row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert (rows["math", "gptq"]["unpaired"], rows["stem", "gptq"]["unpaired"]) == ("1", "1")
    assert (rows["math", "gptq_2"]["unpaired"], rows["math", "gptq_2"]["health"]) == ("0", "")
    assert rows["chemistry", "gptq_2"]["health"].startswith("chemistry, gptq_2: constant letter: 80 of 80")


def test_a_pattern_that_matches_nothing_is_an_error(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    assert main(["compare", str(base), str(variant), "--tasks", "mmlu*"]) == 2
    assert f"--tasks 'mmlu*' matches nothing in {base}; there are: t" in capsys.readouterr().err
    assert main(["compare", str(base), str(variant), "--tasks", "t,mmlu*"]) == 0
    assert "--tasks 'mmlu*' matches nothing in base" in capsys.readouterr().out
    assert main(["compare", str(base), str(variant), "--margin", "0"]) == 2
    assert "--margin 0: expected points between 0 and 100" in capsys.readouterr().err


def test_a_name_stays_whatever_the_path_is_called(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    odd = variant.rename(tmp_path / "out é = sp")
    link = tmp_path / "link"
    link.symlink_to(base)
    given = {f"Phi 3={link}": "Phi 3", str(link): "link", f"w4/g128={odd}": "w4/g128", str(odd): "out é = sp"}
    for text, name in given.items():
        assert main(["compare", text, f"é={odd}", "--format", "json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["base"], told["comparisons"][0]["variant"]) == (name, "é")
    assert main(["compare", f"a={base}", f"a={odd}", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["base"], told["comparisons"][0]["variant"]) == ("a", "a (2)")


def test_runs_may_be_named(tmp_path, capsys):
    base, variant = two_runs(tmp_path)
    assert main(["compare", f"Phi-3={base}", f"4-bit={variant}", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["base"], told["comparisons"][0]["variant"]) == ("Phi-3", "4-bit")
    assert main(["compare", str(base), str(base), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["base"] != told["comparisons"][0]["variant"]


@pytest.fixture
def ladder(tmp_path):
    """A base with two variants, one of which is sick on one task; a noise floor."""
    (base, variant), rows, changed = groups_of(tmp_path)
    scores, gold = questions(80, seed=2)
    groups = {"stem": list(rows)}
    sick = choice_rows("chemistry", always_c(scores, gold), gold, subject="chemistry")
    write_run(tmp_path / "gptq_2", {**changed, "chemistry": sick}, groups=groups, model="gptq_2")
    again = {name: json.loads(json.dumps(task)) for name, task in rows.items()}
    for task in again.values():
        for row in task:
            row["filtered_resps"] = [[str(float(a) + 1e-6 * i), b] for i, (a, b) in enumerate(row["filtered_resps"])]
    write_run(tmp_path / "again", again, groups=groups)
    changed["math"][0]["prompt_hash"] = "0" * 64
    write_run(variant, changed, groups=groups, model="gptq")
    return [base, variant, tmp_path / "gptq_2"], tmp_path / "again"


def golden(name, text):
    """Compares with the file of that name; MCQA_REWRITE_GOLDEN=1 writes it anew."""
    path = GOLDEN / name
    if os.environ.get("MCQA_REWRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("style", "name"), [("md", "md"), ("csv", "csv"), ("latex", "tex"), ("json", "json")])
def test_the_comparison_is_the_golden_one(ladder, style, name, capsys):
    runs, again = ladder
    command = ["compare", *map(str, runs), "--noise-floor", str(again), "--format", style]
    assert main(command) == 0
    golden(f"compare.{name}", capsys.readouterr().out)


@pytest.mark.parametrize(("style", "name"), [("md", "md"), ("csv", "csv"), ("latex", "tex")])
def test_the_leaderboard_is_the_golden_one(ladder, style, name, capsys):
    runs, again = ladder
    assert main(["table", *map(str, [*runs, again]), "--format", style]) == 0
    golden(f"table.{name}", capsys.readouterr().out)


def test_the_json_has_its_shape_and_fractions(ladder, capsys):
    runs, _ = ladder
    assert main(["compare", *map(str, runs), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["base", "comparisons", "unpaired", "health"]
    for row in told["comparisons"]:
        assert list(row) == JSON_KEYS
        assert list(row["flips"]) == ["right_to_wrong", "wrong_to_right", "wrong_to_wrong"]
        assert list(row["choice_kl"]) == ["mean", "median", "p95", "max"]
        assert 0 <= row["base_acc"] <= 1
        assert -1 <= row["diff_low"] <= row["diff"] <= row["diff_high"] <= 1
        assert row["diff"] == pytest.approx(row["variant_acc"] - row["base_acc"])
    assert told["unpaired"]["gptq"]["math"]["prompt"] == 1


def test_the_leaderboard_is_sorted_and_says_what_cannot_be_told_apart(tmp_path, capsys):
    scores, gold = questions(400)
    runs = []
    for name, amount in (("far", 3.0), ("near", 0.05), ("best", 0.0), ("twin", 0.0)):
        rows = choice_rows("t", noisy(scores, amount), gold)
        runs.append(str(write_run(tmp_path / name, {"t": rows}, model=name)))
    assert main(["table", *runs, "--format", "csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    order = list(dict.fromkeys(row["model"] for row in table))
    assert order[-1] == "far"
    told_apart = {row["model"]: row["inseparable_from_first"] for row in table}
    assert told_apart["far"] == "0"
    assert [told_apart[name] for name in order[1:3]] == ["1", "1"]
    ranks = {row["model"]: row["rank"] for row in table}
    assert ranks["best"] == ranks["twin"]
    assert ranks["best"].endswith("=")


def test_latex_compiles(ladder, tmp_path, capsys):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex on this machine")
    runs, _ = ladder
    parts = []
    for command in ("compare", "table"):
        assert main([command, *map(str, runs), "--format", "latex"]) == 0
        parts.append(capsys.readouterr().out)
    source = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + "".join(parts) + r"\end{document}"
    (tmp_path / "tables.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_metric_that_some_documents_lack_is_a_mean_over_those_that_have_it(tmp_path, capsys):
    runs = []
    for name, right in (("base", 0.5), ("tuned", 0.75)):
        rows = [written_row("mcqa_sciq_cot", i, "A", 0) for i in range(8)]
        rows = [row | {"rougeL": right, "metrics": ["acc", "rougeL"]} if i % 2 else row for i, row in enumerate(rows)]
        runs.append(str(write_run(tmp_path / name, {"mcqa_sciq_cot": rows}, model=name)))
    assert main(["table", *runs, "--metric", "rougeL"]) == 0
    out = capsys.readouterr().out
    assert "75.0" in out
    assert "50.0" in out
    assert "nan" not in out
