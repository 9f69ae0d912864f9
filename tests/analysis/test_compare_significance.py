"""Which differences get a mark: the corrected p decides, within its family."""

from __future__ import annotations

import pytest
from helpers.comparison_runs import always_c, compared, first_right, groups_of, two_runs
from helpers.log_files import choice_rows, questions, write_run

from mcqa_suite import stats
from mcqa_suite.analysis.compare import family_text, is_significant, mark, verdicts
from mcqa_suite.cli.main import main


def runs_with(tmp_path, base_right, variant_right, n=1000, tasks=("t",)):
    _, gold = questions(n)
    base, variant = (
        {task: choice_rows(task, first_right(right, gold), gold) for task in tasks}
        for right in (base_right, variant_right)
    )
    return write_run(tmp_path / "base", base), write_run(tmp_path / "gptq2", variant, model="gptq2")


def test_a_gain_below_chance_has_a_warning(tmp_path, capsys):
    base, variant = runs_with(tmp_path, 230, 260)
    (row,) = compared(base, variant).rows
    assert row.change.difference.low > 0
    assert row.p_holm < 0.05
    assert (row.verdict, is_significant(row), mark(row)) == ("better", True, " *")
    assert row.warnings == ("t, gptq2: warning (at chance): neither score is above that of guessing",)
    assert main(["compare", str(base), str(variant), "--fail-if", "worse"]) == 0
    out = capsys.readouterr().out
    assert "**better** ‡" in out
    assert "neither score is above that of guessing" in out


def test_a_fall_from_above_chance_to_chance_gets_a_mark(tmp_path):
    (row,) = compared(*runs_with(tmp_path, 350, 260)).rows
    assert (row.verdict, mark(row)) == ("worse", " *")


def test_a_failed_check_gets_no_mark(tmp_path):
    (row,) = compared(*two_runs(tmp_path, always_c, 1000)).rows
    assert row.change.p < 1e-6
    assert (row.verdict, row.p_holm, mark(row)) == ("not valid", None, "")


def test_an_interval_without_zero_is_not_enough_where_many_rows_are_tested(tmp_path):
    rows = compared(*runs_with(tmp_path, 206, 200, 300, [f"t{i}" for i in range(12)])).rows
    assert all(row.change.difference.high < 0 for row in rows)
    assert not any(is_significant(row) for row in rows)
    assert [row.p_holm for row in rows] == pytest.approx(stats.holm([row.change.p for row in rows]))


def test_a_family_is_the_rows_of_tasks_of_one_metric_and_filter_without_groups(tmp_path):
    (base, variant), *_ = groups_of(tmp_path)
    comparison = compared(base, variant)
    tasks = [row for row in comparison.rows if row.kind == "task"]
    assert [row.p_holm for row in tasks] == pytest.approx(stats.holm([row.change.p for row in tasks]))
    (group,) = (row for row in comparison.rows if row.kind == "group")
    assert group.p_holm == group.change.p
    assert family_text(comparison.families) == "3 rows of tasks (acc), 1 row of groups (acc)"


def test_the_foot_of_a_comparison_names_the_family(tmp_path, capsys):
    assert main(["compare", *map(str, runs_with(tmp_path, 600, 400))]) == 0
    text = capsys.readouterr().out
    assert "*: p under .05 after Holm's correction over 1 row of tasks (acc)." in text
    assert ") * | **worse**: loses at most 22.2 points |" in text


@pytest.mark.slow
def test_a_gate_corrects_over_the_tasks_of_each_variant_and_not_over_the_variants(tmp_path, capsys):
    _, gold = questions(1000)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", first_right(600, gold), gold)})
    harmful = write_run(tmp_path / "harmful", {"t": choice_rows("t", first_right(592, gold), gold)}, model="harmful")
    harmless = [
        write_run(tmp_path / f"h{i}", {"t": choice_rows("t", first_right(601, gold) + i / 1e3, gold)}, model=f"h{i}")
        for i in range(12)
    ]
    rows = compared(base, harmful, *harmless).rows
    assert rows[0].change.p == pytest.approx(2 * 2**-8)
    assert rows[0].verdict != "worse"
    assert main(["compare", *map(str, [base, harmful, *harmless]), "--fail-if", "worse"]) == 1
    captured = capsys.readouterr()
    assert "harmful: t: worse (p Holm 0.0078, corrected over the tasks of harmful alone)" in captured.err
    assert main(["compare", *map(str, [base, *harmless]), "--fail-if", "worse"]) == 0


def test_a_family_of_many_rows_detects_less(tmp_path):
    alone = compared(*runs_with(tmp_path / "1", 206, 200, 300)).rows[0]
    among = compared(*runs_with(tmp_path / "12", 206, 200, 300, [f"t{i}" for i in range(12)])).rows[0]
    assert alone.change.power == among.change.power
    assert among.detectable == pytest.approx(among.change.power.detectable(0.05 / 12))
    assert among.detectable > 1.3 * alone.detectable


def test_the_best_of_many_equal_models_is_corrected_over_every_pair():
    assert verdicts.against_best([0.01, 0.0004], 16) == pytest.approx([1.0, 0.048])
    assert verdicts.against_best([0.03], 2) == [0.03]
