"""Rotations, views and repeated question ids are clusters without being asked, in every table; groups keep them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.comparison_runs import compared
from helpers.log_files import STAMP, choice_row, choice_rows, questions, write_run

from mcqa_suite import stats
from mcqa_suite.analysis.leaderboard import leaderboard, rung_leaderboard
from mcqa_suite.cli.main import main
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.leaderboard import markdown
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task

ROTATIONS = 4


def rotated_rows(task, rights, field="question_id", **more):
    """Each question in four rotations that are all right or all wrong; the docs carry the question's id."""
    rows = []
    for question, right in enumerate(rights):
        for rotation in range(ROTATIONS):
            gold = rotation
            scores = np.eye(4)[gold if right else (gold + 1) % 4]
            row = choice_row(task, len(rows), list(scores), gold)
            row["doc"] |= {field: f"{task}{question}", "rotation": rotation} | more
            rows.append(row)
    return rows


def flipped(rights, lost, won):
    """The answers after the first `lost` right ones became wrong and the first `won` wrong ones right."""
    changed = np.array(rights)
    changed[np.flatnonzero(rights)[:lost]] = False
    changed[np.flatnonzero(~np.array(rights))[:won]] = True
    return changed


RIGHTS = np.arange(16) % 2 == 0


def two_rotated(tmp_path, **options):
    before, after = rotated_rows("x_perm", RIGHTS, **options), rotated_rows("x_perm", flipped(RIGHTS, 5, 1), **options)
    return write_run(tmp_path / "base", {"x_perm": before}), write_run(
        tmp_path / "variant", {"x_perm": after}, model="v"
    )


@pytest.mark.parametrize(
    "options", [{}, {"field": "id"}, {"field": "template", "instance": 0}, {"field": "task_id", "output": [[1]]}]
)
def test_rows_of_one_question_are_a_cluster_without_being_asked(tmp_path, options):
    """6 of 16 questions flip as a whole, 5 of them lost: by question that is p = .22, by row it was .0015."""
    base, variant = two_rotated(tmp_path, **options)
    (row,) = compared(base, variant).rows
    assert (row.clusters, row.clustered_by) == (16, options.get("field", "question_id"))
    by_question = stats.PairedMeans.of(RIGHTS * 1.0, flipped(RIGHTS, 5, 1) * 1.0, stats.Rows.pooled(16)).difference()
    assert row.change.difference.half_width > 0.9 * by_question.half_width
    assert row.change.p > 0.05
    assert row.verdict != "worse"


def test_a_log_without_responses_is_clustered_too(tmp_path):
    """What the filter kept is enough for log-likelihoods."""
    rows = [row | {"resps": [], "arguments": {}} for row in rotated_rows("x_perm", RIGHTS)]
    base = write_run(tmp_path / "base", {"x_perm": rows})
    (row,) = compared(base, base).rows
    assert (row.n, row.clusters) == (64, 16)


def test_a_template_of_prompts_is_no_cluster(tmp_path):
    base, variant = two_rotated(tmp_path, field="template")
    (row,) = compared(base, variant).rows
    assert row.clusters is None


def test_cluster_none_takes_rows_as_independent_and_says_so(tmp_path, capsys):
    base, variant = two_rotated(tmp_path)
    assert main(["compare", str(base), str(variant), "--cluster", "none", "--fail-if", "worse"]) == 1
    assert "--cluster none: rows of one question count as independent" in capsys.readouterr().out


def test_compare_and_table_say_by_what_they_are_clustered(tmp_path, capsys):
    base, variant = two_rotated(tmp_path)
    assert main(["compare", str(base), str(variant), "--fail-if", "worse", "--strict"]) == 3
    text = capsys.readouterr().out
    assert "| 64 |" in text
    assert "Clustered by question_id (x_perm): rows that share it are not independent" in text
    assert main(["compare", str(base), str(variant), "--full"]) == 0
    assert "n = 64 in 16 clusters by question_id" in capsys.readouterr().out
    assert main(["table", str(base), str(variant)]) == 0
    text = capsys.readouterr().out
    assert "Clustered by question_id (x_perm): rows that share it are not independent." in text
    assert "variant | 2 ≈" in text
    assert main(["table", str(base), str(variant), "--cluster", "none"]) == 0
    assert "variant | 2 |" in capsys.readouterr().out


def test_a_leaderboards_interval_is_that_of_the_questions(tmp_path):
    base, variant = (read_run(path) for path in two_rotated(tmp_path))
    entry = leaderboard([base, variant]).rows[0].entries[0]
    assert entry.accuracy.half_width == pytest.approx(stats.wilson(8, 16).half_width, rel=0.15)
    assert "Clustered by question_id" in markdown(leaderboard([base, variant]))


def test_a_ladders_leaderboard_is_clustered_too(tmp_path):
    base, variant = (read_run(path) for path in two_rotated(tmp_path))
    board = rung_leaderboard([base, variant], {base.name: None, variant.name: base.name})
    assert board.rows[1].entries[0].change.clusters == 16
    assert "Clustered by question_id" in markdown_by_task(board)


def test_few_questions_in_many_rows_are_not_below_chance(tmp_path):
    """1 of 12 questions is right: of 48 independent rows that would be significantly below 25 %."""
    base = write_run(tmp_path / "base", {"x_perm": rotated_rows("x_perm", np.arange(12) == 0)})
    assert compared(base, base).rows[0].verdict != "not valid"
    assert compared(base, base, cluster="none").rows[0].verdict == "not valid"


def test_two_tasks_of_one_question_id_share_a_cluster(tmp_path):
    rights = {"a": RIGHTS, "b": RIGHTS}

    def rows(changed):
        tasks = {task: rotated_rows("q", flipped(right, *changed)) for task, right in rights.items()}
        for task, of_task in tasks.items():
            for row in of_task:
                row["doc_hash"] = f"{ord(task):02x}" + row["doc_hash"][2:]
        return tasks

    groups = {"both": ["a", "b"]}
    base = write_run(tmp_path / "base", rows((0, 0)), groups=groups)
    variant = write_run(tmp_path / "v", rows((5, 1)), groups=groups, model="v")
    (row,) = compared(base, variant, tasks="both").rows
    assert (row.n, row.clusters) == (128, 16)


def with_settings(folder, value, **settings):
    """Write into a results file how its group is averaged, and the mean."""
    path = folder / f"results_{STAMP}.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    results["groups"]["grp"]["acc,none"] = results["results"]["grp"]["acc,none"] = value
    if settings:
        results["configs"]["grp"] = {"group": "grp", "aggregate_metric_list": [{"metric": "acc", **settings}]}
    path.write_text(json.dumps(results), encoding="utf-8")


@pytest.mark.parametrize("settings", [{"weight_by_size": False}, {}])
def test_an_unweighted_group_keeps_the_clusters(tmp_path, settings):
    """8 of 20 questions flip as a whole, 6 of them lost: by question that is p = .17, by row .011."""
    rights = {"a_perm": np.arange(12) % 2 == 0, "c_perm": np.arange(8) % 4 != 3}
    folders = []
    for name, changes in (("base", {"a_perm": (0, 0), "c_perm": (0, 0)}), ("v", {"a_perm": (3, 1), "c_perm": (3, 1)})):
        after = {task: flipped(rights[task], *changes[task]) for task in rights}
        tasks = {task: rotated_rows(task, right) for task, right in after.items()}
        folders.append(write_run(tmp_path / name, tasks, groups={"grp": list(rights)}, model=name))
        with_settings(folders[-1], float(np.mean([right.mean() for right in after.values()])), **settings)
    row = next(row for row in compared(*folders).rows if row.members)
    assert (row.average, row.clusters, row.clustered_by) == ("mean", 20, "question_id")
    assert row.p_holm > 0.1
    assert row.change.difference.low < 0 < row.change.difference.high
    assert main(["compare", *map(str, folders), "--fail-if", "worse", "--strict"]) == 3


def group_runs(tmp_path, n=(300, 100)):
    folders = []
    for name, amount in (("base", 0.0), ("v", 0.4)):
        tasks = {}
        for index, (task, count) in enumerate(zip("ab", n, strict=True)):
            scores, gold = questions(count, seed=index)
            changed = scores + amount * np.random.default_rng(9 + index).normal(size=scores.shape)
            tasks[task] = choice_rows(task, changed, gold)
        folders.append(write_run(tmp_path / name, tasks, groups={"grp": ["a", "b"]}, model=name))
    return folders


def group_row(folders):
    return next(row for row in compared(*folders).rows if row.members)


@pytest.mark.parametrize(("weight_by_size", "average"), [(True, "pooled"), (False, "mean")])
def test_the_settings_of_a_group_say_how_it_is_averaged_whatever_its_logged_mean(tmp_path, weight_by_size, average):
    folders = group_runs(tmp_path)
    for folder in folders:
        with_settings(folder, 0.62, weight_by_size=weight_by_size)
    row = group_row(folders)
    by_task = {task.task: task.change.difference.value for task in compared(*folders).rows if not task.members}
    expected = np.average([by_task["a"], by_task["b"]], weights=[3, 1] if weight_by_size else [1, 1])
    assert (row.average, row.change.difference.value) == (average, pytest.approx(expected))


def test_the_weights_of_a_group_are_kept_where_questions_are_lost(tmp_path):
    folders = group_runs(tmp_path)
    path = folders[1] / f"samples_a_{STAMP}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows[100:]:
        row["prompt_hash"] = "0" * 64
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for folder in folders:
        with_settings(folder, 0.62, weight_by_size=True)
    comparison = compared(*folders, tasks="*", force=True)
    row = next(row for row in comparison.rows if row.members)
    by_task = {task.task: task.change.difference.value for task in comparison.rows if not task.members}
    assert row.n == 200
    assert row.change.difference.value == pytest.approx(np.average([by_task["a"], by_task["b"]], weights=[3, 1]))
