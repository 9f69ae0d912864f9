"""The commands that a report prints repeat the evaluation: the same settings, limits, questions and answers."""

from __future__ import annotations

import shlex

import pytest

from mcqa_suite.analysis.compare import compare
from mcqa_suite.cli.main import main
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.manifest import Hardware, Manifest, Parent, write_manifest
from mcqa_suite.evaluation.evaluate_checkpoint import evaluate
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.repeat_commands import commands
from mcqa_suite.reporting.task_settings import asked_tasks

PLAN = [
    {"tasks": ["mcqa_epfl", "mcqa_epfl_cloze"], "limit": 5, "num_fewshot": 1},
    {"tasks": ["mcqa_epfl_cot"], "limit": 2, "gen_kwargs": {"max_gen_toks": 8}},
]


@pytest.mark.slow
def test_the_commands_repeat_the_evaluation(tiny_checkpoint, tmp_path, monkeypatch):
    folder = tmp_path / "first"
    evaluate(str(tiny_checkpoint), PLAN, folder, dtype="float32", batch_size=4, seed=3)
    settings = {"plan": PLAN, "seed": 3, "dtype": "float32", "batch_size": 4}
    about = {"seed": 3, "hardware": Hardware("cpu", 1), "seconds": 1.0, "chat_template": ChatTemplate.everywhere(False)}
    write_manifest(folder, Manifest("evaluation", "first", Parent("checkpoint", "0"), settings, "0", **about))
    first = read_run(folder)
    lines = commands(first)
    assert [line.count("--limit 5") + line.count("--limit 2") for line in lines] == [1, 1]
    monkeypatch.chdir(tmp_path)
    for number, line in enumerate(lines):
        program, *words = shlex.split(line)
        assert program == "mcqa"
        words[words.index("--output_path") + 1] = f"again/{number}"
        model = words.index("--model_args") + 1
        assert words[model].startswith("pretrained=checkpoint,")  # the reader gives the path
        words[model] = words[model].replace("pretrained=checkpoint", f"pretrained={tiny_checkpoint}")
        assert main([*words, "--device", "cpu"]) == 0
    write_manifest(
        tmp_path / "again", Manifest("evaluation", "again", Parent("checkpoint", "0"), settings, "0", **about)
    )
    again = read_run(tmp_path / "again")
    assert asked_tasks([first]) == asked_tasks([again])
    comparison = compare(first, [again], to_first=True)
    assert comparison.mismatches == comparison.incomplete == ()
    assert {row.task: row.n for row in comparison.rows} == {"mcqa_epfl": 5, "mcqa_epfl_cloze": 5, "mcqa_epfl_cot": 2}
    assert all(row.change.no_change for row in comparison.rows)
