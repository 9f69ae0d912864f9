"""`mcqa eval` asks each task as the checkpoint's manifest says for its format, says so in one line, and the flag overrides it."""

from __future__ import annotations

import json

import pytest
from helpers.checkpoints import as_stage
from helpers.locations import TOY
from helpers.log_files import by_name

from mcqa_suite.cli.main import main
from mcqa_suite.common.chat_template import DEFAULT, ChatTemplate
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import Manifest, content_hash, hardware, write_manifest
from mcqa_suite.evaluation.launch import checked, read_command
from mcqa_suite.logs.runs import read_run

BASE = TOY / "base"
WITH = "letter, cloze and written with the chat template (--apply_chat_template true or false: all alike)"
WITHOUT = "letter, cloze and written without the chat template (--apply_chat_template true or false: all alike)"
MODEL = {"model": "hf-prefix"}


def calls(*words):
    return checked(read_command(["run", *words])[1])


def added(*words):
    """What is added to the arguments of the one call."""
    (call,) = calls(*words)
    return {key: value for key, value in call.items() if key != "model"}


@pytest.mark.parametrize("model", ["hf", "hf-prefix", "vllm"])
def test_the_manifest_decides_and_one_line_says_how(tmp_path, capsys, model):
    chatty = as_stage(BASE, tmp_path / "chatty", chat_template=True)
    plain = as_stage(BASE, tmp_path / "plain", chat_template=False)
    words = ("--model", model, "--model_args")
    assert added(*words, f"pretrained={chatty},dtype=float32") == {"apply_chat_template": True}
    assert capsys.readouterr().err == f"mcqa: {chatty} is asked as its manifest says: {WITH}\n"
    assert added(*words, json.dumps({"pretrained": str(chatty)})) == {"apply_chat_template": True}
    capsys.readouterr()
    assert added(*words, f"pretrained={plain}") == {}
    assert capsys.readouterr().err == f"mcqa: {plain} is asked as its manifest says: {WITHOUT}\n"
    (plain / "chat_template.jinja").unlink()
    write_manifest(
        plain, Manifest("sft", "plain", None, {}, content_hash(plain), 0, hardware(), 1.0, chat_template=False)
    )
    for silent in (f"pretrained={plain}", f"pretrained={BASE}", "pretrained=org/name"):
        assert added(*words, silent) == {}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("tasks", "parts"),
    [
        ("mcqa_epfl,mcqa_arc_cloze", [{}]),
        ("mcqa_suite_cot", [{"apply_chat_template": True}]),
        (
            "mcqa_epfl,mcqa_epfl_cot,mcqa_suite_harness",
            [
                {"apply_chat_template": False, "tasks": "mcqa_epfl,mcqa_suite_harness"},
                {"apply_chat_template": True, "tasks": "mcqa_epfl_cot"},
            ],
        ),
        (
            "mcqa_epfl_c*",
            [
                {"apply_chat_template": False, "tasks": "mcqa_epfl_cloze"},
                {"apply_chat_template": True, "tasks": "mcqa_epfl_cot,mcqa_epfl_cot_n8"},
            ],
        ),
    ],
)
def test_tasks_of_several_formats_are_asked_in_as_many_calls_as_there_are_ways(tmp_path, capsys, tasks, parts):
    checkpoint = as_stage(BASE, tmp_path / "sft", chat_template=DEFAULT)
    words = ("--model_args", f"pretrained={checkpoint}", "--tasks", tasks)
    assert calls(*words) == [MODEL | part for part in parts]
    assert capsys.readouterr().err.startswith(f"mcqa: {checkpoint} is asked as its manifest says: ")
    assert calls(*words, "--apply_chat_template", "false") == [MODEL | {"apply_chat_template": False}]
    line = capsys.readouterr().err
    assert line.endswith("says: letter and cloze without the chat template, written with it\n")


@pytest.mark.slow
def test_other_tasks_of_the_harness_and_of_a_users_folder_have_formats_too(tmp_path):
    checkpoint = as_stage(BASE, tmp_path / "sft", chat_template=DEFAULT)
    words = ("--model_args", f"pretrained={checkpoint}", "--tasks")
    assert calls(*words, "arc_easy,gsm8k,ai2_arc,mcqa_epfl") == [
        MODEL | {"apply_chat_template": False, "tasks": "arc_easy,ai2_arc,mcqa_epfl"},
        MODEL | {"apply_chat_template": True, "tasks": "gsm8k"},
    ]
    letters = "{task: letters, output_type: multiple_choice, doc_to_choice: [A, B]}"
    (tmp_path / "two.yaml").write_text(f"group: two\ntask: [{letters}, {{task: words, output_type: generate_until}}]\n")
    with pytest.raises(ConfigError, match="--tasks: letters is part of a group that is asked in two ways; give tasks"):
        calls(*words, "two", "--include_path", str(tmp_path))


@pytest.mark.slow
def test_the_harness_asks_each_task_in_its_way_and_loads_the_model_once(tmp_path, capsys):
    checkpoint = as_stage(BASE, tmp_path / "sft", chat_template=DEFAULT)
    words = ["--model_args", f"pretrained={checkpoint},dtype=float32", "--limit", "2", "--batch_size", "2"]
    words += ["--gen_kwargs", "max_gen_toks=4", "--log_samples", "--output_path", str(tmp_path / "out")]
    assert main(["eval", "--tasks", "mcqa_epfl,mcqa_epfl_cot", *words]) == 0
    assert capsys.readouterr().err.count("Loading weights: 100%") <= 1
    tasks = by_name(read_run(tmp_path / "out"))
    assert {name: bool(task.settings["chat template"]) for name, task in tasks.items()} == {
        "mcqa_epfl": False,
        "mcqa_epfl_cot": True,
    }


@pytest.mark.parametrize(
    ("recorded", "flags", "result", "warned"),
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
def test_the_flag_overrides_the_manifest_and_a_contradiction_is_said(tmp_path, capsys, recorded, flags, result, warned):
    checkpoint = as_stage(BASE, tmp_path / "sft", chat_template=recorded)
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
        args, settings = read_command(["run", "--tasks", "mcqa_epfl", *words])
        (call,) = checked(settings)
        vars(args).update(call)
        assert EvaluatorConfig.from_cli(args).apply_chat_template is chat


@pytest.mark.parametrize("argument", ["peft", "lora_local_path"])
def test_an_adapters_manifest_counts_not_its_bases(tmp_path, capsys, argument):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "adapter_config.json").write_text("{}")
    facts = {"adapter": True, "parent": content_hash(BASE), "chat_template": True}
    adapter = as_stage(tmp_path / "files", tmp_path / "adapter", **facts)
    assert added("--model_args", f"pretrained={BASE},{argument}={adapter}") == {"apply_chat_template": True}
    assert capsys.readouterr().err == f"mcqa: {adapter} is asked as its manifest says: {WITH}\n"
    for words in (f"pretrained={tmp_path},{argument}={adapter}", f"pretrained={adapter}"):
        with pytest.raises(CheckpointError):
            added("--model_args", words)


def test_the_folder_that_a_run_keeps_of_its_base_stands_for_the_base_on_the_hub(tmp_path, capsys):
    manifest = Manifest(
        "base", "base", None, {"base": "org/name"}, "0", 0, hardware(), 1.0, chat_template=ChatTemplate.everywhere(True)
    )
    write_manifest(tmp_path, manifest)
    result = added("--model_args", f"pretrained={tmp_path},dtype=float32")
    assert result == {"model_args": {"pretrained": "org/name", "dtype": "float32"}, "apply_chat_template": True}
    assert capsys.readouterr().err == f"mcqa: {tmp_path} is asked as its manifest says: {WITH}\n"


@pytest.mark.parametrize(
    ("chat", "words"),
    [
        (ChatTemplate.everywhere(True), "give the base's own folder, with --apply_chat_template true"),
        (DEFAULT, "give the base's own folder (letter and cloze without the chat template, written with it)"),
    ],
)
def test_a_base_whose_folder_is_not_recorded_is_one_line_with_the_way_to_ask_it(tmp_path, capsys, chat, words):
    manifest = Manifest("base", "base", None, {"base": "mine"}, "0", 0, hardware(), 1.0, chat_template=chat)
    write_manifest(tmp_path, manifest)
    assert main(["eval", "--model_args", f"pretrained={tmp_path}", "--tasks", "mcqa_epfl"]) == 2
    assert f"holds only the manifest of the base 'mine'; {words}\n" in capsys.readouterr().err


def test_the_help_says_how_to_ask_without_a_template(capsys):
    with pytest.raises(SystemExit):
        main(["eval", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "'false': do not. Default: to each task as the manifest of the checkpoint says for its format" in words


def test_after_calls_that_shared_a_model_each_class_makes_its_own():
    from lm_eval.api.model import LM
    from lm_eval.models.dummy import DummyLM

    from mcqa_suite.evaluation.chat_template import one_model

    with one_model():
        assert DummyLM.create_from_arg_obj({}) is DummyLM.create_from_arg_obj({})
    assert type(DummyLM.create_from_arg_obj({})) is DummyLM
    assert LM.create_from_arg_obj.__self__ is LM
