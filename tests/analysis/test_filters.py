"""A task whose answers several filters read has a result for each, and no table mixes them."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from helpers.comparison_runs import compared
from helpers.log_files import by_name, choice_rows, questions, write_run, written_row

from mcqa_suite.analysis.compare.filters import selected_filters
from mcqa_suite.analysis.leaderboard import leaderboard, rung_leaderboard
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task
from mcqa_suite.reporting.rung_table import rung_tables

N = 60
STRICT, FLEXIBLE = "strict-match", "flexible-extract"
RIGHT = {"base": {STRICT: 33, FLEXIBLE: 48}, "quant": {STRICT: 3, FLEXIBLE: 47}}  # of N; the rest are unread


def rows_of(task, right, name):
    rows = []
    for i in range(N):
        answer = "A" if i < right else None
        row = written_row(task, i, answer, 0) | {"filter": name, "metrics": ["exact_match"]}
        row |= {"exact_match": row.pop("acc"), "filtered_resps": [answer or "[invalid]"]}
        del row["parsed"]
        rows.append(row)
    return rows


def two_filters(tmp_path, order=(STRICT, FLEXIBLE), tasks=("gsm8k",)):
    """A base and a variant; `order` is that of the filters in the log of the variant."""
    paths = []
    for model, filters in (("base", (STRICT, FLEXIBLE)), ("quant", order)):
        rows = {task: [row for name in filters for row in rows_of(task, RIGHT[model][name], name)] for task in tasks}
        means = {f"exact_match,{name}": RIGHT[model][name] / N for name in filters}
        groups = {"math": list(tasks)} if len(tasks) > 1 else {}
        paths.append(
            write_run(tmp_path / model, rows, model=model, groups=groups, results=dict.fromkeys(groups, means))
        )
    return paths


def cells(text, start):
    """The cells of the only line that starts so, by the header above it."""
    lines = text.splitlines()
    (index,) = [i for i, line in enumerate(lines) if line.startswith(start)]
    header = next(line for line in reversed(lines[:index]) if lines[lines.index(line) + 1].startswith("|---"))
    return dict(
        zip(*([cell.strip() for cell in line.split("|")[1:-1]] for line in (header, lines[index])), strict=True)
    )


@pytest.mark.parametrize("order", [(STRICT, FLEXIBLE), (FLEXIBLE, STRICT)])
def test_the_table_has_a_column_for_each_filter_with_its_unread_share(tmp_path, capsys, order):
    paths = two_filters(tmp_path, order)
    assert main(["table", *map(str, paths)]) == 0
    text = capsys.readouterr().out
    quant = cells(text, "| quant ")
    assert quant[f"gsm8k, {STRICT} (exact_match)"].startswith("5.0 ±")
    assert quant[f"gsm8k, {FLEXIBLE} (exact_match)"].startswith("78.3 ±")
    assert (quant[f"unread % of gsm8k, {STRICT}"], quant[f"unread % of gsm8k, {FLEXIBLE}"]) == ("95.0", "21.7")
    assert "share documents; --filter chooses one" in text
    assert main(["table", "--format", "csv", *map(str, paths)]) == 0
    rows = {(row["model"], row["filter"]): row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert {key: round(N * float(row["value"])) for key, row in rows.items()} == {
        (model, name): right for model, rights in RIGHT.items() for name, right in rights.items()
    }


def test_every_row_of_a_comparison_names_its_filter(tmp_path, capsys):
    paths = two_filters(tmp_path)
    assert main(["compare", "--full", *map(str, paths)]) == 0
    text = capsys.readouterr().out
    assert cells(text, f"| gsm8k, {STRICT} | quant ")["verdict"] == "**worse**"
    assert cells(text, f"| gsm8k, {FLEXIBLE} | quant ")["verdict"] != "**worse**"
    strict = text[text.index(f"### gsm8k, exact_match, filter {STRICT}") :]
    assert cells(strict.split("\n\n")[1], "| quant ")["unread %"] == "95.0"


def test_a_filter_is_chosen_by_its_name(tmp_path, capsys):
    paths = two_filters(tmp_path)
    assert main(["table", "--filter", "strict*", *map(str, paths)]) == 0
    text = capsys.readouterr().out
    assert f"gsm8k, {STRICT} (exact_match)" in text
    assert FLEXIBLE not in text
    assert "macro mean" in text
    assert main(["compare", "--filter", FLEXIBLE, "--format", "json", *map(str, paths)]) == 0
    (row,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert row["filter"] == FLEXIBLE


def test_an_unknown_filter_is_named_with_those_that_there_are(tmp_path, capsys):
    paths = two_filters(tmp_path)
    assert main(["table", "--filter", "lenient", *map(str, paths)]) == 2
    assert f"--filter lenient: no such filter; there are: {FLEXIBLE}, {STRICT}" in capsys.readouterr().err


def test_a_task_that_no_filter_read_stays_beside_a_chosen_filter(tmp_path):
    rows = rows_of("gsm8k", 9, STRICT)
    plain = choice_rows("arc", *questions(9))
    other = rows_of("mgsm", 9, "other")
    run = read_run(write_run(tmp_path, {"gsm8k": rows, "arc": plain, "mgsm": other}))
    assert list(selected_filters(run, STRICT).tasks) == [("arc", "none"), ("gsm8k", STRICT)]
    with pytest.raises(ComparisonError, match="there are: none, other, strict-match"):
        selected_filters(run, "lenient")


def test_a_group_has_a_mean_for_each_filter(tmp_path):
    paths = two_filters(tmp_path, tasks=("gsm8k", "mgsm"))
    for patterns in ("*", "math"):
        rows = {row.title: row for row in compared(*paths, tasks=patterns).rows if row.members}
        assert set(rows) == {f"math, {STRICT}", f"math, {FLEXIBLE}"}
        assert rows[f"math, {STRICT}"].change.difference.value == pytest.approx(-30 / N)
        assert rows[f"math, {FLEXIBLE}"].change.difference.value == pytest.approx(-1 / N)
    board = leaderboard([read_run(path) for path in paths])
    assert [column.title for column in board.columns] == [f"math, {STRICT}", f"math, {FLEXIBLE}"]
    assert [entry.accuracy.value for entry in board.rows[0].entries] == [33 / N, 48 / N]


def test_failed_checks_and_lost_pairs_are_those_of_their_filter(tmp_path):
    (base, quant) = two_filters(tmp_path)
    path = next(quant.glob("samples_gsm8k*"))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        if row["filter"] == STRICT:
            row |= {"filtered_resps": ["[invalid]"], "exact_match": 0.0}
            row |= {"prompt_hash": "0" * 64} if row["doc_id"] == 1 else {}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    comparison = compared(base, quant)
    invalid = {(check.filter, check.condition) for check in comparison.health if check.invalid}
    assert invalid == {(STRICT, "unread"), (STRICT, "not paired")}
    assert list(comparison.unpaired["quant"]) == [("gsm8k", STRICT)]
    assert {row.filter: row.verdict == "not valid" for row in comparison.rows} == {STRICT: True, FLEXIBLE: False}


def test_a_ladder_has_a_table_for_each_filter(tmp_path):
    runs = [read_run(path) for path in two_filters(tmp_path)]
    board = rung_leaderboard(runs, {"base": None, "quant": "base"})
    text = markdown_by_task(board)
    for name in (STRICT, FLEXIBLE):
        part = text[text.index(f"### gsm8k, {name}, exact_match") :].split("\n\n")[1]
        expected = 100 * (RIGHT["quant"][name] - RIGHT["base"][name]) / N
        assert cells(part, "| quant ")["difference to parent (points)"].startswith(f"{expected:+.1f} ")
    header = rung_tables(board)[0].header
    assert [title for title in header if title.startswith("gsm8k")] == [
        f"gsm8k, {name} (exact_match)" for name in (STRICT, FLEXIBLE)
    ]


def test_the_report_shows_under_a_score_the_difference_of_its_filter(tmp_path):
    from mcqa_suite.api.comparison import report

    base, quant = two_filters(tmp_path)
    report(quant, base=base, output=tmp_path / "r.html")
    html = (tmp_path / "r.html").read_text(encoding="utf-8")
    copies = json.loads(re.search(r'id="copies">(.*?)</script>', html, re.S)[1])
    quant_cells = cells(copies["Markdown"], "| quant ")
    assert re.match(r"5\.0 \(.*; -50\.0 \(.*\) \*", quant_cells[f"gsm8k, {STRICT} (exact_match)"])
    assert re.match(r"78\.3 \(.*; -1\.7 \([^*]*$", quant_cells[f"gsm8k, {FLEXIBLE} (exact_match)"])
    assert f"gsm8k, {STRICT}</" in html.replace("<small>", "</") or f"gsm8k, {STRICT}" in html


def test_a_task_with_one_filter_does_not_name_it(tmp_path, capsys):
    path = write_run(tmp_path, {"t": [written_row("t", i, "A", 0) for i in range(9)]})
    assert list(by_name(read_run(path))) == ["t"]
    assert main(["table", str(path)]) == 0
    assert "| t (acc) |" in capsys.readouterr().out
