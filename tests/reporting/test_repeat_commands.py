"""The commands of a report, and how its tasks were asked, from the results files alone."""

from __future__ import annotations

import json

import pytest
from helpers.log_files import choice_rows, questions, write_run

from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.repeat_commands import commands
from mcqa_suite.reporting.task_settings import asked_tasks


def run(folder, stamp="2026-01-02T03-04-05.678901", tasks=("t",), n=4, **overrides):
    scores, gold = questions(n)
    rows = {name: choice_rows(name, scores, gold) for name in tasks}
    return read_run(write_run(folder, rows, stamp=stamp, **overrides), name=folder.name)


def config(**settings):
    return {
        "model": "hf",
        "model_args": "pretrained=/models/base,dtype=float32",
        "model_dtype": "torch.float32",
        **settings,
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"limit": 100.0}, "--limit 100 "),
        ({"limit": 0.25}, "--limit 0.25 "),
        ({"gen_kwargs": {"max_gen_toks": 128}}, """--gen_kwargs '{"max_gen_toks": 128}'"""),
        ({"batch_size": "auto:4"}, "--batch_size auto:4 "),
        ({"random_seed": 0, "numpy_seed": 1, "torch_seed": 2, "fewshot_seed": 3}, "--seed 0,1,2,3 "),
    ],
)
def test_a_recorded_setting_is_in_the_command(tmp_path, settings, words):
    [line] = commands(run(tmp_path / "base", config=config(**settings)))
    assert line.startswith("mcqa eval --model hf --model_args pretrained=base,dtype=float32 --tasks t --num_fewshot 0 ")
    assert words in line
    assert line.endswith(" --log_samples --output_path base")


def test_what_is_not_recorded_is_not_in_the_command(tmp_path):
    [line] = commands(run(tmp_path / "base"))
    for option in ("--limit", "--gen_kwargs", "--seed", "--batch_size", "--metadata"):
        assert option not in line


def test_a_chat_template_and_a_system_instruction_are_in_the_command(tmp_path):
    chat = {"chat_template": "{{ x }}", "fewshot_as_multiturn": False, "system_instruction": "Be 'brief'"}
    [line] = commands(run(tmp_path / "base", **chat))
    assert (
        "--apply_chat_template true --fewshot_as_multiturn false --system_instruction 'Be '\"'\"'brief'\"'\"''" in line
    )


def test_a_group_is_named_in_place_of_its_tasks(tmp_path):
    [line] = commands(run(tmp_path / "base", tasks=("a", "b", "c"), groups={"both": ["a", "b"]}))
    assert "--tasks both,c " in line


def test_each_results_file_has_its_command_and_each_task_its_limit(tmp_path):
    counts = {"t": {"original": 2376, "effective": 4}}
    base = run(tmp_path / "base", config=config(limit=4.0), **{"n-samples": counts})
    (tmp_path / "base" / "more").mkdir()
    other = run(tmp_path / "other")
    [first, second] = asked_tasks([base])[0].values[0], asked_tasks([base, other])[0].values[0]
    assert first == "4 of 2,376 (limit 4)"
    assert second == "4 of 2,376 (limit 4) (base); 4 (other)"


def test_generation_settings_stand_as_they_were(tmp_path):
    folder = tmp_path / "base"
    run(folder)
    path = next(folder.glob("results_*.json"))
    results = json.loads(path.read_text(encoding="utf-8"))
    results["configs"]["t"]["generation_kwargs"] = {"until": ["\n"], "max_gen_toks": 9}
    path.write_text(json.dumps(results), encoding="utf-8")
    [task] = asked_tasks([read_run(folder)])
    assert 'max_gen_toks=9, until=["\\n"]' in task.values
