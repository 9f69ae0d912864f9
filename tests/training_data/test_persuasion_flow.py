"""The documented persuasion flow, from dialogues to the ranking of four models."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY
from helpers.model_server import serving
from helpers.persuasion_flow import (
    PAGE,
    RECIPE,
    documented_commands,
    longer_wins,
    run_flow,
    write_dialogues,
    write_small_recipe,
)
from helpers.preference_rows import lines

from mcqa_suite.cli.main import COMMANDS
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.ladder.recipe import read_recipe

MODELS = ("sft", "dpo_ai", "dpo_human", "dpo_ai_human")


def documented_rows() -> dict[str, dict]:
    """The example rows of the page by the name of their file."""
    blocks = re.findall(
        r"^`(\w+\.jsonl)`.*?```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return {name: json.loads(text) for name, text in blocks}


def test_the_page_has_the_whole_flow():
    commands = [command.split()[1:3] for command in documented_commands()]
    steps = [words[1] if words[0] == "preferences" else words[0] for words in commands]
    assert steps == [
        "run",
        *["prompts"] * 3,
        *["sample"] * 2,
        *["label"] * 2,
        *["check"] * 2,
        "run",
        *["sample"] * 4,
        "rank",
    ]
    assert {words[0] for words in commands} <= set(COMMANDS)
    stages = read_recipe(REPOSITORY / RECIPE).stages
    assert [(stage.name, stage.parent) for stage in stages] == [
        ("sft", "base"), ("dpo_ai", "sft"), ("dpo_human", "sft"), ("dpo_ai_human", "dpo_ai")
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the libraries' own
def test_the_documented_commands_run_from_dialogues_to_the_ranking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path / "shared"))
    write_dialogues(tmp_path / "shared/data/persuasionforgood/full_dialog.csv", 80)
    write_small_recipe(tmp_path, steps=2)
    shutil.copytree(
        REPOSITORY / "training/data/samples/winning-args-corpus", (tmp_path / RECIPE).with_name("winning-args-corpus")
    )
    with serving(longer_wins) as served:
        printed = dict(run_flow(tmp_path, served.url, {"ai": 8, "human": 6, "held_out": 4}, max_tokens=12))

    # from pools to pairs: no dialogue and no prompt in two pools, and every row says where it is from
    prompts = {pool: lines(tmp_path / f"{pool}_prompts.jsonl") for pool in ("ai", "human", "held_out")}
    assert [len(rows) for rows in prompts.values()] == [8, 6, 4]
    for key in ("group", "prompt"):
        sets = [{row[key] for row in rows} for rows in prompts.values()]
        assert len(set().union(*sets)) == sum(map(len, sets))
    for pool in ("ai", "human"):
        pairs = lines((tmp_path / RECIPE).with_name(f"{pool}_pairs.jsonl"))
        origin = {row["id"]: row for row in prompts[pool]}
        for row in [*lines(tmp_path / f"{pool}_labels.jsonl"), *pairs]:
            prompt = origin[row["id"].partition("#")[0]]
            assert {key: row[key] for key in ("group", "source", "topic", "pool", "prompt")} == {
                key: prompt[key] for key in ("group", "source", "topic", "pool", "prompt")
            }
        assert all(len(row["chosen"]) >= len(row["rejected"]) for row in pairs)
        (text,) = (text for command, text in printed.items() if f"check {pool}_labels" in command)
        assert f"{len(pairs)} pairs; left out: " in text
        assert "missing      0" in text

    # each model from its exact parent, on all pairs of its pool
    checkpoints = tmp_path / "runs/persuasion/checkpoints"
    manifests = {name: read_manifest(checkpoints / name) for name in MODELS}
    for name, parent, pool in (
        ("dpo_ai", "sft", "ai"),
        ("dpo_human", "sft", "human"),
        ("dpo_ai_human", "dpo_ai", "human"),
    ):
        assert manifests[name].parent.content == manifests[parent].content
        assert manifests[name].data[0].n == len(lines((tmp_path / RECIPE).with_name(f"{pool}_pairs.jsonl")))

    table = list(csv.DictReader((tmp_path / "ranking/ranking.csv").open(encoding="utf-8")))
    assert {row["model"] for row in table} == set(MODELS)
    assert all(0 <= float(row["win_rate"]) <= 1 and -1 <= float(row["similarity"]) <= 1 for row in table)
    assert "| win rate, % | won / tied / lost | strength | similarity |" in printed[documented_commands()[-1]]

    documented = documented_rows()
    assert set(documented) == {
        "ai_prompts.jsonl",
        "ai_responses.jsonl",
        "ai_labels.jsonl",
        "human_labels.jsonl",
        "ai_pairs.jsonl",
    }
    for name, example in documented.items():
        folder = (tmp_path / RECIPE).parent if "pairs" in name else tmp_path
        assert example.keys() == lines(folder / name)[0].keys(), name
