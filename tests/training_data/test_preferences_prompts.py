"""`mcqa preferences prompts`: the pools that a recipe's SFT stages leave aside."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.locations import SHARED
from helpers.persuasion_flow import write_dialogues
from helpers.preference_rows import lines

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.training_data.preferences.prompts import prompts_of_pool
from mcqa_suite.training_data.sources import Source, rows

POOLS = ("sft", "ai", "human", "held_out")
RECIPE = """
name: r
stages:
  - {name: sft, kind: sft, parent: base, settings: {data: [{source: persuasionforgood, pool: sft%s}]}}
  - {name: dpo, kind: dpo, parent: sft, settings: {data: [{source: persuasion, path: not_yet.jsonl, pool: ai}]}}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path / "shared"))
    write_dialogues(tmp_path / "shared/data/persuasionforgood/full_dialog.csv", 60)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE % "")
    return path


def prompts(recipe: Path, pool: str, *flags: str) -> list[dict]:
    output = recipe.with_name(f"{pool}.jsonl")
    assert main(["preferences", "prompts", str(recipe), "--pool", pool, "-o", str(output), *flags]) == 0
    return lines(output)


def test_pools_share_no_dialogue_and_no_prompt_and_rows_say_where_they_are_from(recipe, capsys):
    parts = {pool: prompts(recipe, pool) for pool in POOLS}
    assert "left out: " in capsys.readouterr().out  # the first turn, which is the same in every dialogue
    for key in ("group", "prompt"):
        sets = [{row[key] for row in part} for part in parts.values()]
        assert len(set().union(*sets)) == sum(map(len, sets))
    assert sum(map(len, parts.values())) == 60 * 3
    assert all(
        row["pool"] == pool and row["source"] == "persuasionforgood" for pool, part in parts.items() for row in part
    )
    trained = {row["group"] for row in rows(Source("persuasionforgood", pool="sft"))}
    assert trained == {row["group"] for row in parts["sft"]}


def test_n_prompts_are_drawn_with_a_seed(recipe):
    few, more = prompts(recipe, "ai", "--n", "5"), prompts(recipe, "ai", "--n", "9")
    other = prompts(recipe, "ai", "--n", "5", "--seed", "1")
    assert (len(few), len(more)) == (5, 9)
    assert {row["id"] for row in few} < {row["id"] for row in more}
    assert few != other


def test_pools_are_described_as_in_the_recipe(recipe):
    recipe.write_text(RECIPE % ", pool_counts: {ai: 7, human: 2, held_out: 1, sft: null}")
    assert [len({row["group"] for row in prompts(recipe, pool)}) for pool in POOLS] == [50, 7, 2, 1]


@pytest.mark.skipif(not (SHARED / "data/persuasionforgood").is_dir(), reason="no PersuasionForGood")
def test_the_real_dialogues_have_as_many_prompts_as_the_documented_pools(recipe, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(SHARED))
    parts = [prompts(recipe, pool, "--n", n) for pool, n in (("ai", "2150"), ("human", "200"), ("held_out", "115"))]
    assert [len(part) for part in parts] == [2150, 200, 115]
    assert len({row["prompt"] for part in parts for row in part}) == 2465


def test_what_cannot_be_drawn_is_one_line(recipe, capsys):
    words = ["preferences", "prompts", str(recipe), "-o", str(recipe.with_name("out.jsonl")), "--pool"]
    for flags, message in (
        (["nobody"], "recipe.yaml: unknown pool of source 'persuasionforgood' 'nobody'; expected one of sft, ai"),
        (["human", "--n", "500"], "recipe.yaml: pool 'human': 6 prompts, and --n is 500; lower --n"),
        (["human", "--n", "0"], "--n 0: expected at least 1"),
    ):
        assert main([*words, *flags]) == 2
        assert message in capsys.readouterr().err
    recipe.write_text((RECIPE % "").replace(", pool: sft", ""))
    assert main([*words, "ai"]) == 2
    assert "no source of an SFT stage has a 'pool'; add pool: sft" in capsys.readouterr().err
    counted = Source("persuasionforgood", pool="ai", pool_counts={"ai": 2})
    with pytest.raises(ConfigError, match="two entries describe its pools differently"):
        prompts_of_pool([Source("persuasionforgood", pool="sft"), counted], "ai")
