"""Each run is compared with what it was made from, as the manifests say."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from helpers.ladder_runs import ladder
from helpers.log_files import choice_rows, questions, write_run

from mcqa_suite.cli.main import main
from mcqa_suite.logs.runs import read_run


def parents(capsys, *command):
    assert main(["compare", *command, "--format", "json"]) == 0
    output = json.loads(capsys.readouterr().out)
    return {row["variant"]: row["parent"] for row in output["comparisons"]}


def test_every_rung_is_compared_with_its_parent(tmp_path, capsys):
    runs = ladder(tmp_path)
    assert parents(capsys, *runs.values()) == {"sft": "base", "dpo": "sft", "gptq4": "dpo"}
    assert main(["compare", *runs.values()]) == 0
    out = capsys.readouterr().out
    assert "| task | variant | against | n |" in out
    assert re.search(r"\| t \| gptq4 \| dpo \| 1000 \| [\d.]+ \| [\d.]+ \| -1\.5 \(", out)


def test_base_chooses_another(tmp_path, capsys):
    runs = ladder(tmp_path)
    assert parents(capsys, runs["sft"], runs["gptq4"], "--base", runs["base"]) == {"sft": "base", "gptq4": "base"}
    assert parents(capsys, *runs.values(), "--base", runs["sft"]) == {"base": "sft", "dpo": "sft", "gptq4": "sft"}


def test_the_nearest_model_above_counts_where_the_parent_is_not_among_the_runs(tmp_path, capsys):
    runs = ladder(tmp_path)
    assert parents(capsys, runs["base"], runs["gptq4"]) == {"gptq4": "base"}
    assert parents(capsys, runs["base"], runs["sft"], runs["gptq4"]) == {"sft": "base", "gptq4": "sft"}


def test_runs_the_wrong_way_round_are_put_right_and_that_is_said(tmp_path, capsys):
    runs = ladder(tmp_path)
    assert main(["compare", runs["gptq4"], runs["dpo"]]) == 0
    out = capsys.readouterr().out
    assert out.startswith("### dpo and what was made from it")
    assert "- gptq4 was made from dpo: dpo is the base (--base chooses another)" in out


def test_a_parent_that_was_made_again_is_none(tmp_path, capsys):
    """Its content is another, so nothing says that the variant was made from it."""
    runs = ladder(tmp_path)
    path = tmp_path / "evaluations" / "dpo" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["parent"]["content"] = "made again"
    del manifest["checksum"]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert parents(capsys, *runs.values())["gptq4"] == "sft"


def test_a_manifest_with_a_changed_number_is_not_used_and_the_table_says_so(tmp_path, capsys):
    runs = ladder(tmp_path)
    path = tmp_path / "checkpoints" / "dpo" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(manifest | {"seed": manifest["seed"] + 1}), encoding="utf-8")
    assert main(["table", *runs.values(), "--format", "md"]) == 0
    note = "changed since it was written (checksum); rerun, or copy the folder again."
    assert f"dpo: {path}: {note}" in capsys.readouterr().out
    assert read_run(tmp_path / "evaluations" / "dpo").origin.bits_per_weight is None


def test_the_checkpoint_of_a_run_by_hand_says_what_it_was_made_from(tmp_path, capsys):
    ladder(tmp_path, evaluated=())
    _, gold = questions(1000)
    runs = []
    for name in ("base", "sft", "gptq4"):
        rows = {"t": choice_rows("t", np.eye(4)[gold] * (1 + len(name)), gold)}
        config = {"model_args": {"pretrained": str(tmp_path / "checkpoints" / name)}}
        runs.append(str(write_run(tmp_path / f"eval-{name}", rows, model=name, config=config)))
    assert read_run(tmp_path / "eval-gptq4").origin.checkpoint == "content of gptq4"
    assert parents(capsys, *runs) == {"eval-sft": "eval-base", "eval-gptq4": "eval-sft"}


@pytest.mark.slow
def test_a_report_without_a_base_compares_with_the_parents(tmp_path, capsys):
    runs = ladder(tmp_path)
    assert main(["report", *runs.values(), "-o", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "against dpo" in page
    assert "no comparison" not in capsys.readouterr().out
