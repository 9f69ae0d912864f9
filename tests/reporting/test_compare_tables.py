"""The tables of comparisons and leaderboards: golden files, JSON, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers.comparison_runs import always_c, groups_of, noisy
from helpers.locations import REPOSITORY
from helpers.log_files import choice_rows, questions, write_run

from mcqa_suite.cli.main import main
from mcqa_suite.reporting.comparison_data import SCHEMA

GOLDEN = Path(__file__).parent / "golden"
FRACTION = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")
JSON_KEYS = [
    "task",
    "metric",
    "filter",
    "higher_is_better",
    "variant",
    "parent",
    "n",
    "clusters",
    "clustered_by",
    "base",
    "value",
    "difference",
    "low",
    "high",
    "bound",
    "p",
    "p_holm",
    "p_mcnemar",
    "verdict",
    "within_margin",
    "questions_to_settle",
    "flips",
    "choice_kl",
    "top_agreement",
    "ece_base",
    "ece_variant",
    "unread_base",
    "unread_variant",
    "detectable",
    "warnings",
    "forced",
]


def test_the_csv_counts_unpaired_documents_and_names_failed_checks(ladder, capsys):
    runs, _ = ladder
    assert main(["compare", *map(str, runs), "--format", "csv"]) == 0
    rows = {(row["task"], row["variant"]): row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert (rows["math", "gptq"]["unpaired"], rows["stem", "gptq"]["unpaired"]) == ("1", "1")
    assert (rows["math", "gptq_2"]["unpaired"], rows["math", "gptq_2"]["warnings"]) == ("0", "")
    assert rows["chemistry", "gptq_2"]["warnings"].startswith(
        "chemistry, gptq_2: not valid (constant letter): 80 of 80"
    )


@pytest.fixture
def ladder(tmp_path):
    """A base with two variants, one of which is broken on one task; a noise floor."""
    (base, variant), rows, changed = groups_of(tmp_path)
    scores, gold = questions(80, seed=2)
    groups = {"stem": list(rows)}
    broken = choice_rows("chemistry", always_c(scores, gold), gold, subject="chemistry")
    second = {**almost_the_same(changed), "chemistry": broken}
    write_run(tmp_path / "gptq_2", second, groups=groups, model="gptq_2")
    write_run(tmp_path / "again", almost_the_same(rows), groups=groups)
    changed["math"][0]["prompt_hash"] = "0" * 64
    write_run(variant, changed, groups=groups, model="gptq")
    return [base, variant, tmp_path / "gptq_2"], tmp_path / "again"


def almost_the_same(rows):
    """Rows of each task with log-likelihoods that differ in the sixth digit."""
    copies = {name: json.loads(json.dumps(task)) for name, task in rows.items()}
    for row in (row for task in copies.values() for row in task):
        row["filtered_resps"] = [[str(float(a) + 1e-6 * i), b] for i, (a, b) in enumerate(row["filtered_resps"])]
        row["resps"] = [[pair] for pair in row["filtered_resps"]]
    return copies


def golden(name, text):
    """Compares with the file of that name, fractions to 1e-4; MCQA_REWRITE_GOLDEN=1 writes it anew."""
    path = GOLDEN / name
    if os.environ.get("MCQA_REWRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    assert FRACTION.sub("#", text) == FRACTION.sub("#", expected)
    numbers, expected_numbers = (np.array(FRACTION.findall(each), dtype=float) for each in (text, expected))
    np.testing.assert_allclose(numbers, expected_numbers, rtol=1e-4, atol=1e-14)


@pytest.mark.parametrize(("style", "name"), [("md", "md"), ("csv", "csv"), ("latex", "tex"), ("json", "json")])
def test_the_comparison_is_the_golden_one(ladder, style, name, capsys):
    runs, again = ladder
    command = ["compare", *map(str, runs), "--noise-floor", str(again), "--format", style, "--full"]
    assert main(command) == 0
    golden(f"compare.{name}", capsys.readouterr().out)


def test_the_verdicts_are_the_golden_ones_and_other_formats_are_always_full(ladder, capsys):
    runs, again = ladder
    command = ["compare", *map(str, runs), "--noise-floor", str(again)]
    assert main(command) == 0
    golden("verdicts.md", capsys.readouterr().out)
    for style, name in (("csv", "csv"), ("latex", "tex"), ("json", "json")):
        assert main([*command, "--format", style]) == 0
        golden(f"compare.{name}", capsys.readouterr().out)


@pytest.mark.parametrize(("style", "name"), [("md", "md"), ("csv", "csv"), ("latex", "tex")])
def test_the_leaderboard_is_the_golden_one(ladder, style, name, capsys):
    runs, again = ladder
    assert main(["table", *map(str, [*runs, again]), "--format", style]) == 0
    golden(f"table.{name}", capsys.readouterr().out)


def test_the_json_has_its_shape_and_fractions(ladder, capsys):
    runs, _ = ladder
    assert main(["compare", *map(str, runs), "--format", "json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert list(output) == ["schema", "base", "margin", "comparisons", "unpaired", "health", "incomplete", "problems"]
    for row in output["comparisons"]:
        assert list(row) == JSON_KEYS
        assert list(row["flips"]) == ["right_to_wrong", "wrong_to_right", "wrong_to_wrong"]
        assert list(row["choice_kl"]) == ["mean", "median", "p95", "max"]
        assert 0 <= row["base"] <= 1
        assert -1 <= row["low"] <= row["difference"] <= row["high"] <= 1
        assert row["difference"] == pytest.approx(row["value"] - row["base"])
    assert output["unpaired"]["gptq"]["math"]["prompt"] == 1


def test_the_page_about_verdicts_names_the_keys():
    text = (REPOSITORY / "docs" / "verdicts.md").read_text(encoding="utf-8")
    table = text.partition("## As data")[2]
    keys = re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `")))
    assert set(keys) <= set(JSON_KEYS)
    assert {"task", "variant", "parent", "n", "base", "value", "bound", "p_holm", "verdict", "warnings"} <= set(keys)
    assert f"`{SCHEMA}`" in table


def test_the_leaderboard_is_sorted_and_marks_models_that_do_not_differ_significantly(tmp_path, capsys):
    scores, gold = questions(400)
    runs = []
    for name, amount in (("far", 3.0), ("near", 0.05), ("best", 0.0), ("twin", 1e-6)):
        rows = choice_rows("t", noisy(scores, amount), gold)
        runs.append(str(write_run(tmp_path / name, {"t": rows}, model=name)))
    assert main(["table", *runs, "--format", "csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    order = list(dict.fromkeys(row["model"] for row in table))
    assert order[-1] == "far"
    inseparable = {row["model"]: row["inseparable_from_first"] for row in table}
    assert inseparable["far"] == "0"
    assert [inseparable[name] for name in order[1:3]] == ["1", "1"]
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
