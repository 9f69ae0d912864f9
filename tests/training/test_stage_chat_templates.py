"""How the rows of a stage are written: with a chat template or without, by the format."""

from __future__ import annotations

import math
import shutil

import pytest
from helpers.locations import TRAIN
from helpers.stage_settings import PAIRS, SFT, changed, held_out, with_trainer
from helpers.training_scripts import default_warnings, run_stage

from mcqa_suite.common.chat_template import DEFAULT, WITHOUT, ChatTemplate
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import Manifest, content_hash, hardware, read_manifest, write_manifest

pytestmark = [pytest.mark.slow, default_warnings]
WITH = ChatTemplate.everywhere(True)
TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% if m['role'] == 'assistant' %}{{ eos_token }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
MIXED = {
    "data": [{"source": "epfl", "path": str(TRAIN), "n": 8, "style": style} for style in ("letter", "cloze", "cot")]
}


@pytest.fixture(scope="module")
def chatty(tiny_checkpoint, tmp_path_factory):
    """The tiny checkpoint with a chat template."""
    folder = tmp_path_factory.mktemp("chat") / "chatty"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


@pytest.mark.parametrize(
    ("setting", "rows"),
    [(None, DEFAULT), (True, WITH), (False, WITHOUT), ({"letter": True}, ChatTemplate(True, False, True))],
)
def test_rows_of_every_format_train_together_each_written_in_its_way(chatty, tmp_path, setting, rows):
    folder = run_stage(
        "sft", {**with_trainer(SFT | MIXED, max_steps=1), "chat_template": setting}, chatty, tmp_path / "a"
    )
    manifest = read_manifest(folder)
    assert (manifest.chat_template, manifest.rows_chat_template) == (DEFAULT, rows)
    assert (folder / "chat_template.jinja").read_text() == TEMPLATE
    assert changed(chatty, folder)


@pytest.mark.parametrize("kind", ["dpo", "orpo", "reward"])
def test_pairs_of_several_formats_train_together(chatty, tmp_path, kind):
    data = {
        "data": [{"source": "epfl", "path": str(TRAIN), "n": 12, "style": style} for style in ("letter_text", "cloze")]
    }
    folder = run_stage(kind, with_trainer(PAIRS | data, max_steps=1), chatty, tmp_path / kind)
    manifest = read_manifest(folder)
    assert manifest.rows_chat_template == ChatTemplate(cloze=False, written=True)
    assert manifest.metrics["held_out_pairs"] > 0
    assert all(math.isfinite(pair["chosen"]) and pair["chosen"] != pair["rejected"] for pair in held_out(folder))


def test_stages_by_hand_are_asked_as_their_parent_is(chatty, tmp_path):
    """By --chat-template, else by the parent's manifest, else by the default."""
    one_step = with_trainer(SFT, max_steps=1)
    plain = shutil.copytree(chatty, tmp_path / "plain")
    facts = Manifest("base", "chatty", None, {}, content_hash(plain), 0, hardware(), 1.0, chat_template=WITHOUT)
    write_manifest(plain, facts)
    calibration = [{"source": "epfl", "path": str(TRAIN), "n": 2, "style": style} for style in ("letter", "cot")]
    eight = {"bits": 8, "group_size": 32, "calibration": calibration}

    def recorded(kind, config, parent, *words):
        name = f"{kind}-{len(list(tmp_path.iterdir()))}"
        manifest = read_manifest(run_stage(kind, config, parent, tmp_path / name, *words))
        return manifest.chat_template, manifest.rows_chat_template

    written = ChatTemplate(written=True)
    assert recorded("sft", one_step, plain) == (WITHOUT, ChatTemplate(written=False))
    assert recorded("sft", {**one_step, "chat_template": True}, plain) == (WITHOUT, written)
    assert recorded("sft", one_step, chatty, "--chat-template", '{"letter": true}') == (
        ChatTemplate(True, False, True),
        written,
    )
    assert recorded("gptq", eight, plain) == (WITHOUT, ChatTemplate(letter=False, written=False))
    assert recorded("gptq", eight, chatty) == (DEFAULT, ChatTemplate(letter=False, written=True))
    adapter = run_stage("sft", {**one_step, "merge": False}, chatty, tmp_path / "adapter")
    assert recorded("merge", {}, adapter, "--parent-base", str(chatty))[0] == DEFAULT


def test_a_missing_chat_template_cannot_be_requested(tiny_checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="chat_template: the tokenizer of the parent has no chat template"):
        run_stage("sft", {**SFT, "chat_template": True}, tiny_checkpoint, tmp_path / "sft")
