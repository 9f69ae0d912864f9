"""How the rungs of a recipe are asked: all as the base, by manifest, one way for each format; and how a stage writes its rows."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from helpers.locations import TOY, TRAIN
from helpers.stage_scripts import ladder_context, use_stand_ins

from mcqa_suite.cli.main import main
from mcqa_suite.common.chat_template import DEFAULT, WITHOUT, ChatTemplate
from mcqa_suite.common.checkpoints import has_chat_template, use_chat_template
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import Hardware, Manifest, content_hash, read_manifest, write_manifest
from mcqa_suite.evaluation.evaluate_checkpoint import Evaluation
from mcqa_suite.ladder import stages
from mcqa_suite.ladder.chat_template import template_lines
from mcqa_suite.ladder.context import LadderContext
from mcqa_suite.ladder.evaluation import plan_of, recorded_plan
from mcqa_suite.ladder.leaks import StageData
from mcqa_suite.ladder.stage_settings import TRAINED
from mcqa_suite.ladder.steps import steps_of

WITH = ChatTemplate.everywhere(True)
RECIPE = """
name: asked
base: {base}
chat_template: {chat}
stages:
  - name: gptq8
    kind: gptq
    parent: base
    settings: {{bits: 8, calibration: [{{source: epfl, path: {rows}, n: 6, style: cot}}]}}
  - {{name: adapter, kind: sft, parent: base, settings: {{data: [{{source: epfl, path: {rows}, n: 6}}], merge: false}}}}
  - {{name: whole, kind: merge, parent: adapter}}
  - {{name: dpo, kind: dpo, parent: whole, settings: {{data: [{{source: epfl, path: {rows}, n: 6}}]}}}}
  - {{name: other, kind: sft, parent: base, settings: {{data: [{{source: epfl, path: {rows}, n: 6}}], chat_template: {other}}}}}
  - {{name: other4, kind: gptq, parent: other, settings: {{bits: 4, calibration: [{{source: epfl, path: {rows}, n: 6}}]}}}}
"""


@pytest.mark.parametrize(
    ("setting", "recorded", "available", "chosen"),
    [
        (None, None, True, DEFAULT),
        (None, None, False, WITHOUT),
        (None, WITH, True, WITH),
        (WITHOUT, WITH, True, WITHOUT),
        (ChatTemplate(written=False), None, True, WITHOUT),
        (ChatTemplate(letter=True), ChatTemplate(cloze=True, written=False), True, ChatTemplate(True, True, False)),
        (ChatTemplate(letter=True), None, False, None),
        (None, DEFAULT, False, None),
    ],
)
def test_a_setting_comes_before_the_manifest_and_the_manifest_before_the_default(setting, recorded, available, chosen):
    if chosen is None:
        with pytest.raises(ConfigError, match="k: the tokenizer of x has no chat template"):
            use_chat_template("x", setting, recorded, key="k", available=available)
    else:
        assert use_chat_template("x", setting, recorded, key="k", available=available) == chosen


def test_the_ways_are_said_in_words_and_written_as_short_as_they_can_be():
    assert str(DEFAULT) == "letter and cloze without the chat template, written with it"
    assert str(ChatTemplate(written=True)) == "written with the chat template"
    assert str(WITHOUT) == "letter, cloze and written without the chat template"
    assert (WITHOUT.as_json(), WITH.as_json(), ChatTemplate().as_json()) == (False, True, None)
    assert DEFAULT.among(("cloze", "written")).as_json() == {"cloze": False, "written": True}


@pytest.fixture
def base(tiny_checkpoint, tmp_path):
    """The tiny checkpoint with a chat template, and no manifest."""
    folder = tmp_path / "chatty"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    return folder


def with_manifest(folder: Path, chat: ChatTemplate | bool | None) -> Path:
    facts = Manifest("sft", "sft", None, {}, content_hash(folder), 0, Hardware("cpu", 1), 1.0, chat_template=chat)
    write_manifest(folder, facts)
    return folder


def climbed(tmp_path, base, chat="null", other="true"):
    """Make every rung with the stand-in scripts: their manifests, and the status of their steps."""
    context = ladder_context(tmp_path, RECIPE.format(base=base, chat=chat, other=other, rows=TRAIN))
    rungs, statuses = {"base": stages.record_base(context)}, {}
    for step in steps_of(context.recipe):
        result = stages.make(context, step, step.stage, rungs[step.stage.parent], StageData(()))
        rungs[step.rung], statuses[step.rung] = result.rung, re.sub(r"^[\d.]+ s *", "", result.status.strip())
    manifests = {name: read_manifest(tmp_path / "checkpoints" / name) for name in rungs}
    assert {name: manifest.chat_template for name, manifest in manifests.items()} == {
        name: rung.manifest.chat_template for name, rung in rungs.items()
    }
    return manifests, statuses


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


def test_every_rung_is_asked_as_the_base_whatever_its_rows_are(tmp_path, base, stand_ins):
    manifests, _ = climbed(tmp_path, base)
    assert {manifest.chat_template for manifest in manifests.values()} == {DEFAULT}
    assert {name: manifest.rows_written for name, manifest in manifests.items() if name != "base"} == {
        "gptq8": ChatTemplate(written=True),
        "adapter": ChatTemplate(letter=False),
        "whole": ChatTemplate(),
        "dpo": ChatTemplate(written=True),
        "other": ChatTemplate(letter=True),
        "other4": ChatTemplate(letter=False),
    }
    _, statuses = climbed(tmp_path, base)
    assert set(statuses.values()) == {"unchanged"}


def test_only_stages_whose_rows_are_written_otherwise_are_made_again(tmp_path, base, stand_ins):
    climbed(tmp_path, base)
    manifests, statuses = climbed(tmp_path, base, chat="{letter: true, written: true}", other="{letter: true}")
    assert {manifest.chat_template for manifest in manifests.values()} == {ChatTemplate(True, False, True)}
    changed = "(chat template of letter rows: without -> with)"
    assert statuses == dict.fromkeys(("gptq8", "whole", "dpo", "other"), "unchanged") | {
        "adapter": changed,
        "other4": changed,
    }


@pytest.mark.parametrize(("recorded", "chat"), [(False, "false"), (True, "true")])
def test_a_rung_of_an_older_version_stays_where_it_was_asked_in_the_same_way(tmp_path, base, stand_ins, recorded, chat):
    """Its manifest has one way for all formats, and a stage that trains has the recipe's among its settings."""
    climbed(tmp_path, base, chat, other="null")
    for path in (tmp_path / "checkpoints").glob("*/manifest.json"):
        older = json.loads(path.read_text())
        older["chat_template"] = recorded
        del older["rows_chat_template"], older["checksum"]
        if older["kind"] in TRAINED:
            older["settings"]["chat_template"] = recorded
        path.write_text(json.dumps(older))
    _, statuses = climbed(tmp_path, base, chat, other="null")
    plain = "(chat template of written rows: without -> with)"  # calibration rows were plain text, whatever was asked
    assert statuses["gptq8"] == (plain if recorded else "unchanged")
    del statuses["gptq8"], statuses["other4"]
    assert set(statuses.values()) == {"unchanged"}


def test_training_is_made_again_where_the_base_is_asked_in_another_way(tmp_path, base, stand_ins):
    climbed(tmp_path, base)
    manifests, statuses = climbed(tmp_path, with_manifest(base, True))
    assert {manifest.chat_template for manifest in manifests.values()} == {WITH}
    assert statuses["adapter"] == "(chat template of letter rows: without -> with)"
    assert statuses["dpo"] == "unchanged"


@pytest.mark.parametrize(
    ("setting", "recorded", "template", "chat"),
    [
        (None, None, True, DEFAULT),
        (None, None, False, WITHOUT),
        (False, None, True, WITHOUT),
        (True, None, True, WITH),
        (None, False, True, WITHOUT),
        (None, True, True, WITH),
        (False, True, True, WITHOUT),
    ],
)
def test_the_base_is_asked_by_the_recipe_or_by_its_own_manifest_or_by_its_tokenizer(
    tmp_path, base, setting, recorded, template, chat
):
    if not template:
        (base / "chat_template.jinja").unlink()
    if recorded is not None:
        with_manifest(base, recorded)
    text = f"name: x\nbase: {base}\n" + ("" if setting is None else f"chat_template: {json.dumps(setting)}\n")
    assert stages.record_base(ladder_context(tmp_path, text)).manifest.chat_template == chat
    assert read_manifest(tmp_path / "checkpoints" / "base").chat_template == chat


def test_a_recipe_cannot_ask_for_a_template_that_the_base_does_not_have(tmp_path, tiny_checkpoint):
    context = ladder_context(tmp_path, f"name: x\nbase: {tiny_checkpoint}\nchat_template: {{written: true}}\n")
    with pytest.raises(ConfigError, match=r"chat_template: the tokenizer of the base checkpoint has no chat template"):
        stages.record_base(context)
    entry = "evaluate:\n  - {tasks: [mcqa_epfl]}\n  - {tasks: [mcqa_epfl], apply_chat_template: true}\n"
    context = ladder_context(tmp_path, f"name: x\nbase: {tiny_checkpoint}\n{entry}")
    base = stages.record_base(context)
    with pytest.raises(ConfigError, match=r"evaluate\[1\]: apply_chat_template: the tokenizer of the base has no chat"):
        list(template_lines(context.recipe, base))


def test_a_base_by_its_hub_name_is_asked_by_its_tokenizer(tmp_path, base, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, allow_patterns: str(base))
    context = ladder_context(tmp_path, "name: x\nbase: org/chatty\n")
    assert stages.record_base(context).manifest.chat_template == DEFAULT


@pytest.mark.parametrize(
    ("tasks", "own", "chat", "planned"),
    [
        (("mcqa_arc",), None, DEFAULT, False),
        (("mcqa_arc_cot",), None, DEFAULT, True),
        (("mcqa_arc", "mcqa_arc_cloze"), None, DEFAULT, False),
        (("mcqa_arc", "mcqa_arc_cot"), None, DEFAULT, {"letter": False, "written": True}),
        (("mcqa_arc", "mcqa_arc_cot"), False, DEFAULT, False),
        (("mcqa_arc", "mcqa_arc_cot"), True, WITHOUT, True),
        (("mcqa_arc", "mcqa_arc_cot"), {"letter": True}, DEFAULT, True),
        (("mcqa_arc",), None, WITH, True),
    ],
)
def test_a_task_is_asked_as_its_entry_says_else_as_the_base_is_for_its_format(tasks, own, chat, planned):
    own = ChatTemplate(**own) if isinstance(own, dict) else own
    plan = plan_of(chat, (Evaluation(tasks, apply_chat_template=own),))
    assert plan == [{"tasks": tasks, "apply_chat_template": planned}]
    recorded = {"apply_chat_template": planned} if planned else {}  # as manifests of older versions have it
    assert recorded_plan(plan) == [{"tasks": list(tasks)} | recorded]


def test_a_run_says_how_its_tasks_are_asked_and_which_rows_are_written_otherwise(tmp_path, base):
    recipe = RECIPE.format(base=base, chat="null", other="true", rows=TRAIN)
    recipe += "evaluate:\n  - {tasks: [mcqa_arc, mcqa_arc_cot]}\n  - {tasks: [mcqa_epfl], apply_chat_template: true}\n"
    context = ladder_context(tmp_path, recipe)
    assert list(template_lines(context.recipe, stages.record_base(context))) == [
        "asked: letter without the chat template, written with it; evaluate[1]: letter with the chat template",
        "other: its letter rows are written with the chat template, its letter tasks are asked without it",
    ]


def test_a_template_is_in_a_file_of_its_own_or_in_the_tokenizers_config(tmp_path, tiny_checkpoint):
    assert not has_chat_template(tiny_checkpoint)
    assert has_chat_template(TOY / "base")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    assert has_chat_template(tmp_path)


@pytest.mark.slow
def test_8_bits_of_a_base_with_a_chat_template_are_compared_with_it(tmp_path, base, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"""
name: eight
chat_template: true
base: {base}
threads: 1
stages:
  - name: gptq8
    kind: gptq
    parent: base
    settings: {{bits: 8, group_size: 32, calibration: [{{source: symbolic_local, n: 8}}]}}
evaluate:
  - {{tasks: [mcqa_epfl], limit: 20}}
""")
    assert main(["run", str(recipe), "--output", str(tmp_path / "run")]) == 0
    board = (tmp_path / "run" / "leaderboard.md").read_text()
    summary, row, _speeds = [line for line in board.splitlines() if line.startswith("| gptq8 |")]
    assert re.search(r"^\| gptq8 \| base \| \d+\.\d( †)? [+-]?\d+\.\d", summary)
    assert re.search(r"\| [+-]?\d+\.\d \([+-]?\d+\.\d to [+-]?\d+\.\d\)", row)
    assert "sked differently" not in board
    for name in ("base", "gptq8"):
        results = next((tmp_path / "run" / "evaluations" / name).rglob("results_*.json"))
        assert json.loads(results.read_text())["chat_template"] == "{{ messages[0]['content'] }}"
