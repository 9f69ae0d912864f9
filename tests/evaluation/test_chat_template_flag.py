"""`mcqa eval` asks a checkpoint as its manifest records, says so in one line, and the flag overrides it."""

from __future__ import annotations

import json

import pytest
from helpers.checkpoints import as_stage

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import Manifest, content_hash, hardware, write_manifest
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.launch import as_trained, checked, read_command

BASE = training_dir() / "base"
WITH = "is asked with its chat template, as it was trained (--apply_chat_template false: without it)"
WITHOUT = "is asked without its chat template, as it was trained (--apply_chat_template: with it)"


def added(*words):
    return as_trained(read_command(["run", *words])[1])


@pytest.mark.parametrize("model", ["hf", "hf-prefix", "vllm"])
def test_the_manifest_decides_and_one_line_says_how(tmp_path, capsys, model):
    chatty = as_stage(BASE, tmp_path / "chatty", chat_template=True)
    plain = as_stage(BASE, tmp_path / "plain", chat_template=False)
    words = ("--model", model, "--model_args")
    assert added(*words, f"pretrained={chatty},dtype=float32") == {"apply_chat_template": True}
    assert capsys.readouterr().err == f"mcqa: {chatty} {WITH}\n"
    assert added(*words, json.dumps({"pretrained": str(chatty)})) == {"apply_chat_template": True}
    capsys.readouterr()
    assert added(*words, f"pretrained={plain}") == {}
    assert capsys.readouterr().err == f"mcqa: {plain} {WITHOUT}\n"
    (plain / "chat_template.jinja").unlink()
    write_manifest(
        plain, Manifest("sft", "plain", None, {}, content_hash(plain), 0, hardware(), 1.0, chat_template=False)
    )
    for silent in (f"pretrained={plain}", f"pretrained={BASE}", "pretrained=org/name"):
        assert added(*words, silent) == {}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("trained", "flags", "result", "warned"),
    [
        (True, ["--apply_chat_template"], {"apply_chat_template": True}, False),
        (True, ["--apply_chat_template", "false"], {"apply_chat_template": False}, True),
        (True, ["--apply_chat_template", "No"], {"apply_chat_template": False}, True),
        (False, ["--apply_chat_template", "true"], {"apply_chat_template": True}, True),
        (False, ["--apply_chat_template", "false"], {"apply_chat_template": False}, False),
        (False, ["--apply_chat_template", "rag"], {}, True),  # a template by its name, which the harness looks up
        (True, ["--apply_chat_template", "rag"], {}, False),
    ],
)
def test_the_flag_overrides_the_manifest_and_a_contradiction_is_said(tmp_path, capsys, trained, flags, result, warned):
    checkpoint = as_stage(BASE, tmp_path / "sft", chat_template=trained)
    assert added("--model_args", f"pretrained={checkpoint}", *flags) == result
    line = capsys.readouterr().err
    assert line.startswith("mcqa: warning: --apply_chat_template: ") if warned else line == ""


def test_the_harness_gets_what_was_decided(tmp_path):
    from lm_eval.config.evaluate_config import EvaluatorConfig

    checkpoint = as_stage(BASE, tmp_path / "sft", chat_template=True)
    (tmp_path / "eval.yaml").write_text(f"model_args: {{pretrained: {checkpoint}}}\n", encoding="utf-8")
    (tmp_path / "off.yaml").write_text(
        f"model_args: {{pretrained: {checkpoint}}}\napply_chat_template: false\n", encoding="utf-8"
    )
    by_flag = ["--model_args", f"pretrained={checkpoint}"]
    for words, chat in (
        (by_flag, True),
        ([*by_flag, "--apply_chat_template", "false"], False),
        (["--config", str(tmp_path / "eval.yaml")], True),
        (["--config", str(tmp_path / "off.yaml")], False),
        (["--config", str(tmp_path / "eval.yaml"), "--apply_chat_template", "false"], False),
    ):
        args, settings = read_command(["run", "--tasks", "mcqa_generated", *words])
        vars(args).update(checked(settings))
        assert EvaluatorConfig.from_cli(args).apply_chat_template is chat


@pytest.mark.parametrize("argument", ["peft", "lora_local_path"])
def test_an_adapters_manifest_counts_not_its_bases(tmp_path, capsys, argument):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "adapter_config.json").write_text("{}")
    facts = {"adapter": True, "parent": content_hash(BASE), "chat_template": True}
    adapter = as_stage(tmp_path / "files", tmp_path / "adapter", **facts)
    assert added("--model_args", f"pretrained={BASE},{argument}={adapter}") == {"apply_chat_template": True}
    assert capsys.readouterr().err == f"mcqa: {adapter} {WITH}\n"
    for words in (f"pretrained={tmp_path},{argument}={adapter}", f"pretrained={adapter}"):
        with pytest.raises(CheckpointError):
            added("--model_args", words)


@pytest.mark.parametrize(("base", "loaded"), [("org/name", "org/name"), ("base", str(BASE))])
def test_the_folder_that_a_run_keeps_of_its_base_stands_for_the_base(tmp_path, capsys, base, loaded):
    content = content_hash(BASE)
    manifest = Manifest("base", "base", None, {"base": base}, content, 0, hardware(), 1.0, chat_template=True)
    write_manifest(tmp_path, manifest)
    result = added("--model_args", f"pretrained={tmp_path},dtype=float32")
    assert result == {"model_args": {"pretrained": loaded, "dtype": "float32"}, "apply_chat_template": True}
    assert capsys.readouterr().err == f"mcqa: {tmp_path} {WITH}\n"


def test_a_base_whose_folder_is_not_recorded_is_one_line_with_the_way_to_ask_it(tmp_path, capsys):
    manifest = Manifest("base", "base", None, {"base": "mine"}, "0", 0, hardware(), 1.0, chat_template=True)
    write_manifest(tmp_path, manifest)
    assert main(["eval", "--model_args", f"pretrained={tmp_path}", "--tasks", "mcqa_generated"]) == 2
    line = "holds only the manifest of the base 'mine'; give the base's own folder, with --apply_chat_template true"
    assert line in capsys.readouterr().err


def test_the_help_says_how_to_ask_without_a_template(capsys):
    with pytest.raises(SystemExit):
        main(["eval", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "'false': do not. Default: as the manifest of the checkpoint records, else do not." in words
