"""Whether a rung is asked with its chat template: inherited by manifest, for every kind of stage."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.stage_scripts import ladder_context, use_stand_ins

from mcqa_suite.cli.main import main
from mcqa_suite.common.checkpoints import contradiction, has_chat_template, use_chat_template
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import Hardware, Manifest, content_hash, read_manifest, write_manifest
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.evaluate_checkpoint import Evaluation
from mcqa_suite.ladder import stages
from mcqa_suite.ladder.context import LadderContext
from mcqa_suite.ladder.evaluation import plan_of, recorded_plan
from mcqa_suite.ladder.leaks import StageData
from mcqa_suite.ladder.steps import RungResult, steps_of

RECIPE = """
name: asked
base: {base}
chat_template: {chat}
stages:
  - {{name: gptq8, kind: gptq, parent: base, settings: {{bits: 8, calibration: [{{source: generated, n: 6}}]}}}}
  - {{name: adapter, kind: sft, parent: base, settings: {{data: [{{source: generated, n: 6}}], merge: false}}}}
  - {{name: whole, kind: merge, parent: adapter}}
  - {{name: dpo, kind: dpo, parent: whole, settings: {{data: [{{source: generated, n: 6}}]}}}}
  - {{name: other, kind: sft, parent: base, settings: {{data: [{{source: generated, n: 6}}], chat_template: {other}}}}}
  - {{name: other4, kind: gptq, parent: other, settings: {{bits: 4, calibration: [{{source: generated, n: 6}}]}}}}
"""


@pytest.mark.parametrize(
    ("setting", "recorded", "default", "chosen"),
    [
        (True, False, False, True),
        (False, True, True, False),
        (None, True, False, True),
        (None, False, True, False),
        (None, None, True, True),
        (None, None, False, False),
    ],
)
def test_a_setting_comes_before_the_manifest_and_the_manifest_before_the_default(setting, recorded, default, chosen):
    assert use_chat_template("x", setting, recorded, key="k", default=default) is chosen
    lines = contradiction("x", setting, recorded, key="k")
    assert bool(lines) is (None not in (setting, recorded) and setting != recorded)
    if chosen:
        with pytest.raises(ConfigError, match="k: the tokenizer of x has no chat template"):
            use_chat_template("x", setting, recorded, key="k", default=default, available=False)


@pytest.fixture
def base(tiny_checkpoint, tmp_path):
    """The tiny checkpoint with a chat template, and no manifest."""
    folder = tmp_path / "chatty"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    return folder


def with_manifest(folder: Path, chat: bool | None) -> Path:
    facts = Manifest("sft", "sft", None, {}, content_hash(folder), 0, Hardware("cpu", 1), 1.0, chat_template=chat)
    write_manifest(folder, facts)
    return folder


def climbed(tmp_path, base, chat="null", other="false"):
    """Make every rung with the stand-in scripts: how each is asked, and the status of its step."""
    context = ladder_context(tmp_path, RECIPE.format(base=base, chat=chat, other=other))
    rungs, statuses = {"base": stages.record_base(context)}, {}
    for step in steps_of(context.recipe):
        result = stages.make(context, step, step.stage, rungs[step.stage.parent], StageData(()))
        rungs[step.rung], statuses[step.rung] = result.rung, result.status
    on_disk = {name: read_manifest(tmp_path / "checkpoints" / name).chat_template for name in rungs}
    assert on_disk == {name: rung.manifest.chat_template for name, rung in rungs.items()}
    return on_disk, statuses


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Stand-in scripts that read no rows, run in this process."""

    def run_script(context, command, step):
        monkeypatch.setattr(sys, "argv", command)
        runpy.run_path(command[0], run_name="__main__")

    use_stand_ins(tmp_path, monkeypatch)
    for path in (tmp_path / "scripts").glob("*.py"):
        path.write_text(path.read_text().replace("rows, data = read_rows(settings)", "rows, data = [], ()"))
    monkeypatch.setattr(LadderContext, "run_script", run_script)


def test_every_rung_is_asked_as_its_parent_is_unless_its_training_changed_that(tmp_path, base, stand_ins):
    asked_so, _ = climbed(tmp_path, base)
    as_base = ("base", "gptq8", "adapter", "whole", "dpo")
    assert asked_so == dict.fromkeys(as_base, True) | {"other": False, "other4": False}
    asked_so, statuses = climbed(tmp_path, base)
    assert set(statuses.values()) == {"unchanged"}
    # the recipe's setting is that of the base and of all training; what is not trained is only recorded anew
    asked_so, statuses = climbed(tmp_path, base, chat="false", other="true")
    assert asked_so == dict.fromkeys(as_base, False) | {"other": True, "other4": True}
    assert statuses["gptq8"] == "unchanged"
    assert "chat_template: none -> false" in statuses["adapter"]


def test_a_quantised_rung_of_an_older_version_is_asked_as_its_parent_is(tmp_path, base, stand_ins):
    climbed(tmp_path, base)
    folder = tmp_path / "checkpoints" / "gptq8"
    write_manifest(folder, replace(read_manifest(folder), chat_template=None))
    asked_so, statuses = climbed(tmp_path, base)
    assert (asked_so["gptq8"], statuses["gptq8"]) == (True, "unchanged")


def test_training_is_made_again_where_the_parent_is_asked_in_another_way(tmp_path, base, stand_ins):
    climbed(tmp_path, base)
    asked_so, statuses = climbed(tmp_path, with_manifest(base, False))
    assert (asked_so["base"], asked_so["gptq8"], asked_so["adapter"]) == (False, False, False)
    assert "chat template: with -> without" in statuses["adapter"]


@pytest.mark.parametrize(
    ("setting", "recorded", "template", "chat"),
    [
        (None, None, True, True),
        (None, None, False, False),
        (False, None, True, False),
        (True, None, True, True),
        (None, False, True, False),
        (None, True, True, True),
        (False, False, True, False),
    ],
)
def test_the_base_is_asked_by_the_recipe_or_by_its_own_manifest_or_by_its_tokenizer(
    tmp_path, base, setting, recorded, template, chat
):
    if not template:
        (base / "chat_template.jinja").unlink()
    if recorded is not None:
        with_manifest(base, recorded)
    recipe = replace(ladder_context(tmp_path, f"name: x\nbase: {base}\n").recipe, chat_template=setting)
    assert stages.base_chat_template(recipe, base) is chat


def test_a_recipe_that_contradicts_its_bases_manifest_is_an_error(tmp_path, base):
    context = ladder_context(tmp_path, f"name: x\nbase: {with_manifest(base, True)}\nchat_template: false\n")
    with pytest.raises(
        ConfigError, match=r"recipe.yaml: chat_template: the base chatty was trained with its chat template"
    ):
        stages.record_base(context)


def test_a_recipe_cannot_ask_for_a_template_that_the_base_does_not_have(tmp_path, tiny_checkpoint):
    context = ladder_context(tmp_path, f"name: x\nbase: {tiny_checkpoint}\nchat_template: true\n")
    with pytest.raises(ConfigError, match=r"chat_template: the tokenizer of the base checkpoint has no chat template"):
        stages.record_base(context)


def test_a_base_by_its_hub_name_is_asked_by_its_tokenizer(tmp_path, base, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, allow_patterns: str(base))
    context = ladder_context(tmp_path, "name: x\nbase: org/chatty\n")
    assert stages.record_base(context).manifest.chat_template is True


def rung(chat: bool | None) -> RungResult:
    manifest = Manifest("sft", "sft", None, {}, "c", 0, Hardware("cpu", 1), 1.0, chat_template=chat)
    return RungResult("sft", Path("x"), manifest, None, None)


@pytest.mark.parametrize(("entry", "recorded", "chat"), [(None, True, True), (None, False, False), (None, None, False)])
def test_an_evaluation_follows_the_manifest(entry, recorded, chat):
    plan = plan_of(rung(recorded), (Evaluation(("mcqa_arc",), apply_chat_template=entry),), "r.yaml")
    assert plan == [{"tasks": ("mcqa_arc",), "apply_chat_template": chat}]
    assert recorded_plan(plan) == [{"tasks": ["mcqa_arc"]} | ({"apply_chat_template": True} if chat else {})]


@pytest.mark.parametrize("way", [True, False])
def test_an_entry_of_a_recipe_asks_every_rung_in_one_way(way):
    entries = (Evaluation(("mcqa_arc",), apply_chat_template=way),)
    for recorded in (True, False, None):
        assert plan_of(rung(recorded), entries, "r.yaml")[0]["apply_chat_template"] is way


def test_a_template_is_in_a_file_of_its_own_or_in_the_tokenizers_config(tmp_path, tiny_checkpoint):
    assert not has_chat_template(tiny_checkpoint)
    assert has_chat_template(training_dir() / "base")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    assert has_chat_template(tmp_path)


@pytest.mark.slow
def test_8_bits_of_a_base_with_a_chat_template_are_compared_with_it(tmp_path, base, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"""
name: eight
base: {base}
threads: 1
stages:
  - name: gptq8
    kind: gptq
    parent: base
    settings: {{bits: 8, group_size: 32, calibration: [{{source: generated, n: 8}}]}}
evaluate:
  - {{tasks: [mcqa_generated], limit: 20}}
""")
    assert main(["run", str(recipe), "--output", str(tmp_path / "run")]) == 0
    board = (tmp_path / "run" / "leaderboard.md").read_text()
    (row,) = [line for line in board.splitlines() if line.startswith("| gptq8 |")]
    assert re.search(r"\| [+-]?\d+\.\d \([+-]?\d+\.\d to [+-]?\d+\.\d\)", row)
    assert "sked differently" not in board
    for name in ("base", "gptq8"):
        results = next((tmp_path / "run" / "evaluations" / name).rglob("results_*.json"))
        assert json.loads(results.read_text())["chat_template"] == "{{ messages[0]['content'] }}"
