"""Comparisons: what must hold, which documents are paired, groups, clusters, and the verdicts."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from helpers.comparison_runs import compared, groups_of, noisy, two_runs
from helpers.log_files import STAMP, choice_row, choice_rows, questions, write_run, written_row
from hypothesis import given, settings
from hypothesis import strategies as st

from mcqa_suite import stats
from mcqa_suite.analysis.compare import Family
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.reporting.comparison_data import as_csv
from mcqa_suite.reporting.comparison_text import markdown


def test_a_model_compared_with_itself_has_a_difference_of_exactly_zero(tmp_path):
    base, _ = two_runs(tmp_path, n=1000)
    comparison = compared(base, base)
    (row,) = comparison.rows
    assert row.change.difference.value == 0.0
    assert (row.change.p, row.p_holm, row.top_agreement, row.flips.total) == (1.0, 1.0, 1.0, 0)
    assert (row.choices.kl.max, row.choices.gold_change) == (0.0, 0.0)
    assert row.verdict == "unchanged"
    assert [(f.condition, f.invalid) for f in comparison.health] == [("identical", False)]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.5, 2.0]))
def test_exchanging_the_two_models_reverses_every_sign(tmp_path_factory, seed, amount):
    tmp_path = tmp_path_factory.mktemp("swap")
    base, variant = two_runs(tmp_path, lambda scores, gold: noisy(scores, amount, seed), n=40)
    (forward,), (backward,) = compared(base, variant).rows, compared(variant, base).rows
    first, second = forward.change.difference, backward.change.difference
    assert (first.value, first.low, first.high) == (-second.value, -second.high, -second.low)
    assert forward.flips.right_to_wrong == backward.flips.wrong_to_right
    assert forward.flips.wrong_to_wrong == backward.flips.wrong_to_wrong
    assert forward.choices.gold_change == pytest.approx(-backward.choices.gold_change)
    assert forward.change.p == backward.change.p


def test_accuracies_and_flips_equal_those_of_the_logs(tmp_path):
    scores, gold = questions(200)
    changed = noisy(scores, 0.5)
    base, variant = two_runs(tmp_path)
    (row,) = compared(base, variant).rows
    before, after = scores.argmax(1), changed.argmax(1)
    assert row.change.base.value == np.mean(before == gold)
    assert row.change.variant.value == np.mean(after == gold)
    assert row.flips.right_to_wrong == np.sum((before == gold) & (after != gold))
    assert row.flips.wrong_to_wrong == np.sum((before != gold) & (after != gold) & (before != after))
    mask = np.ones(scores.shape, bool)
    p, q = stats.option_probabilities(scores, mask), stats.option_probabilities(changed, mask)
    rows = np.arange(200)
    assert row.choices.kl.mean == pytest.approx(float(stats.kl_divergence(scores, changed, mask).mean()))
    assert row.choices.gold_change == pytest.approx(float((q - p)[rows, gold].mean()))
    assert row.choices.letters_base == pytest.approx(tuple(np.bincount(before, minlength=4) / 200))
    assert row.constant == ("ABCD"[np.bincount(gold).argmax()], np.bincount(gold).max() / 200)
    assert row.top_agreement == np.mean(before == after)


def test_only_the_same_question_asked_the_same_way_is_paired(tmp_path):
    scores, gold = questions(50)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    rows = choice_rows("t", noisy(scores, 0.1), gold)[:-2]
    for index, name in ((0, "doc_hash"), (1, "prompt_hash"), (2, "prompt_hash"), (3, "target_hash")):
        rows[index][name] = "f" * 64
    rows.append(choice_row("t", 99, [0, 0, 0, 1], 1))
    variant = write_run(tmp_path / "gptq", {"t": rows}, model="gptq")
    comparison = compared(base, variant)
    lost = comparison.unpaired["gptq"]["t", "none"]
    assert (lost.only_base, lost.only_variant, lost.doc, lost.prompt, lost.target) == (2, 1, 1, 2, 1)
    assert comparison.rows[0].n == 44


def test_unread_answers_have_their_own_share(tmp_path):
    rows = [written_row("t", i, "ABCD"[i % 4], i % 4) for i in range(40)]
    worse = [written_row("t", i, None if i < 8 else "ABCD"[i % 4], i % 4) for i in range(40)]
    base = write_run(tmp_path / "base", {"t": rows})
    variant = write_run(tmp_path / "gptq", {"t": worse}, model="gptq")
    (row,) = compared(base, variant).rows
    assert (row.unread_base, row.unread_variant, row.flips.right_to_wrong) == (0.0, 0.2, 8)
    assert (row.filter, row.choices.kl, row.choices.ece_base) == ("extracted", None, None)
    assert row.verdict == "worse"


def test_a_group_pools_its_documents(tmp_path):
    (base, variant), rows, changed = groups_of(tmp_path)
    comparison = compared(base, variant, tasks="stem")
    (row,) = comparison.rows
    right = [[r["acc"] for task in tasks.values() for r in task] for tasks in (rows, changed)]
    assert (row.kind, row.n, comparison.families) == ("group", 240, (Family("group", "acc", "none", 1),))
    assert row.change.difference.value == pytest.approx(np.mean(right[1]) - np.mean(right[0]))
    assert row.change.method == "score"


def test_a_group_that_the_harness_averages_over_tasks_is_not_pooled(tmp_path):
    (base, variant), rows, changed = groups_of(tmp_path)
    for folder, tasks in ((base, rows), (variant, changed)):
        path = folder / f"results_{STAMP}.json"
        results = json.loads(path.read_text(encoding="utf-8"))
        macro = float(np.mean([np.mean([r["acc"] for r in task]) for task in tasks.values()]))
        results["groups"]["stem"]["acc,none"] = macro
        path.write_text(json.dumps(results), encoding="utf-8")
    (row,) = compared(base, variant, tasks="stem").rows
    assert (row.average, row.change.bootstrap) == ("mean", None)
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
    (plain,) = compared(base, variant).rows
    (clustered,) = compared(base, variant, cluster="subject").rows
    assert clustered.change.method == "clustered score"
    assert clustered.change.difference.half_width > 2 * plain.change.difference.half_width
    assert clustered.change.p > plain.change.p
    assert clustered.change.fragile
    words = "--cluster topic: no document has this field; there are: id, stem, choices, gold, subject"
    with pytest.raises(ComparisonError, match=words):
        compared(base, variant, cluster="topic")


def test_a_task_of_one_subject_is_treated_as_independent_with_a_note(tmp_path):
    (base, variant), *_ = groups_of(tmp_path)
    comparison = compared(base, variant, cluster="subject")
    methods = {row.task: row.change.method for row in comparison.rows}
    assert methods == {"math": "score", "physics": "score", "chemistry": "score", "stem": "clustered score"}
    assert any("only one value of 'subject'" in note for note in comparison.notes)


def test_nested_tasks_have_no_mean(tmp_path):
    scores, gold = questions(60)
    whole = choice_rows("main", scores, gold)
    tasks = {"main": whole, "diamond": whole[:20]}
    base = write_run(tmp_path / "base", tasks, groups={"gpqa": list(tasks)})
    comparison = compared(base, base)
    assert {row.task for row in comparison.rows} == {"main", "diamond"}
    assert "gpqa: no mean: diamond and main share documents" in comparison.notes


def test_the_verdicts(tmp_path):
    def verdict(change, n=1000, margin=0.01):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        return compared(*two_runs(folder, change, n), margin=margin).rows[0].verdict

    assert verdict(lambda scores, gold: noisy(scores, 0.001)) == "unchanged"
    assert verdict(lambda scores, gold: noisy(scores, 0.02), n=2000) == "equivalent"
    assert verdict(lambda scores, gold: noisy(scores, 3.0)) == "worse"
    assert verdict(lambda scores, gold: scores + 3 * np.eye(4)[gold]) == "better"
    assert verdict(lambda scores, gold: noisy(scores, 0.3), n=100) == "undecided"
    assert verdict(lambda scores, gold: noisy(scores, 0.3, 5), n=1000, margin=0.04) == "equivalent"


def test_a_noise_run_is_a_row_outside_the_family(tmp_path):
    scores, gold = questions(300)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    again = write_run(tmp_path / "again", {"t": choice_rows("t", noisy(scores, 0.01), gold)})
    variant = write_run(tmp_path / "gptq", {"t": choice_rows("t", noisy(scores, 0.5), gold)}, model="gptq")
    comparison = compared(base, variant, noise_floor=again)
    assert [(row.variant, row.kind) for row in comparison.rows] == [("gptq", "task"), ("again", "noise floor")]
    assert comparison.families == (Family("task", "acc", "none", 1),)
    assert comparison.rows[1].choices.kl.mean < comparison.rows[0].choices.kl.mean


def test_equal_values_without_bounds_have_no_interval_and_are_not_equivalent(tmp_path):
    scores, gold = questions(20)
    rows = [row | {"metrics": ["acc", "loss"], "loss": 2.5} for row in choice_rows("t", scores, gold)]
    base = write_run(tmp_path / "base", {"t": rows})
    again = write_run(tmp_path / "again", {"t": rows}, model="again")
    comparison = compared(base, again, metric="loss")
    (row,) = comparison.rows
    assert (row.change.method, row.change.p) == ("t", 1.0)
    assert row.verdict != "equivalent"
    assert "(no interval)" in markdown(comparison)
    (record,) = csv.DictReader(io.StringIO(as_csv(comparison)))
    assert (record["difference"], record["low"], record["high"]) == ("0", "", "")


def test_a_score_that_is_not_right_or_wrong_is_compared_by_its_mean(tmp_path):
    rng = np.random.default_rng(0)
    scores, gold = questions(100)
    rows = [choice_rows("t", values, gold) for values in (scores, noisy(scores, 0.5))]
    for part in rows:
        for row in part:
            row |= {"metrics": ["acc", "f1"], "f1": float(rng.random())}
    base = write_run(tmp_path / "base", {"t": rows[0]})
    variant = write_run(tmp_path / "gptq", {"t": rows[1]}, model="gptq")
    (row,) = compared(base, variant, metric="f1").rows
    assert (row.change.method, row.flips, row.change.p_mcnemar) == ("score", None, None)
    assert row.change.difference.low < row.change.difference.value < row.change.difference.high
