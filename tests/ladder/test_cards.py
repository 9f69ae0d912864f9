"""`mcqa run` renews the model cards of its stages at its end."""

from __future__ import annotations

import json
import shutil

import pytest
from helpers.locations import REPOSITORY

import mcqa_suite
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.ladder.cards import save_cards
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.steps import LadderResult, RungResult


def result_of(folder, names=("base", "sft", "gptq4")):
    rungs = []
    for name in names:
        checkpoint, evaluation = folder / "checkpoints" / name, folder / "evaluations" / name
        record = json.loads((evaluation / "rung.json").read_text())
        rungs.append(RungResult(name, checkpoint, read_manifest(checkpoint), evaluation, record))
    recipe = read_recipe(REPOSITORY / "training" / "configs" / "demo.yaml")
    return LadderResult(recipe, folder, tuple(rungs), seconds=0.0)


@pytest.mark.slow
def test_the_cards_are_those_of_the_command_and_a_bad_one_is_a_line(tmp_path):
    folder = tmp_path / "demo"
    shutil.copytree(REPOSITORY / "docs" / "demo", folder)
    result = result_of(folder)
    assert save_cards(result) == ()
    for name in ("base", "sft", "gptq4"):
        card = folder / "checkpoints" / name / "README.md"
        text = card.read_text()
        assert "| mcqa_arc_easy_cloze | 100 of 2,376 |" in text
        assert mcqa_suite.card(card.parent).text == text
    bad = folder / "checkpoints" / "sft" / "README.md"
    bad.write_text("---\ntags: [a\n---\n")
    (line,) = save_cards(result)
    assert line.startswith(f"no model card of sft: {bad}:")
    assert bad.read_text() == "---\ntags: [a\n---\n"
