"""Estimates: counted rows, steps and tokens, and a time and a memory that follow from them; nothing is written."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from helpers.stage_scripts import write_recipe

from mcqa_suite.backend.costs import EFFICIENCY, STEP_SECONDS, Machine, read_shape
from mcqa_suite.cli.main import main
from mcqa_suite.evaluation.work import work_of
from mcqa_suite.harness.tasks import load_leaves
from mcqa_suite.ladder.estimate import estimate, seconds_in_all
from mcqa_suite.ladder.recipe import read_recipe

RECIPE = """
name: small
base: {base}
stages:
  - name: sft
    kind: sft
    parent: base
    settings: &sft
      data: [{{source: symbolic_local, n: 8}}]
      trainer: &trainer {{num_train_epochs: 2, per_device_train_batch_size: 3}}
  - {{name: whole, kind: sft, parent: base, settings: {{<<: *sft, full: true}}}}
  - {{name: short, kind: sft, parent: base, settings: {{<<: *sft, trainer: {{<<: *trainer, max_steps: 2}}}}}}
  - {{name: gptq4, kind: gptq, parent: sft, settings: {{bits: 4, calibration: [{{source: symbolic_local, n: 6}}]}}}}
evaluate:
  - {{tasks: [mcqa_epfl], limit: 4, rungs: [base]}}
  - {{tasks: [mcqa_epfl_cot], limit: 3, gen_kwargs: {{max_gen_toks: 8}}, rungs: [sft]}}
"""
MACHINE = Machine(1e9, 1e8)


@pytest.fixture(scope="module")
def steps(tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimate")
    recipe = read_recipe(write_recipe(folder, RECIPE, tiny_checkpoint))
    return {(step.name, step.kind): step for step in estimate(recipe, MACHINE)}


def test_steps_and_tokens_are_those_of_the_trainer(steps):
    sft, short = steps["sft", "sft"], steps["short", "sft"]
    assert (sft.rows, sft.steps, sft.tokens) == (8, 6, 2 * sum(sft.lengths))
    assert (short.steps, short.tokens) == (2, round(6 * sum(short.lengths) / 8))


def test_all_weights_take_longer_and_more_memory_than_an_adapter(steps, tiny_checkpoint):
    shape, _ = read_shape(str(tiny_checkpoint))
    sft, whole = steps["sft", "sft"], steps["whole", "sft"]
    operations = 2 * shape.weights * sft.tokens
    assert sft.seconds == pytest.approx(STEP_SECONDS + 2 * operations / (EFFICIENCY * 1e9) + sft.memory / 1e8)
    computing = [each.seconds - STEP_SECONDS - each.memory / 1e8 for each in (sft, whole)]
    assert computing[1] == pytest.approx(1.5 * computing[0])
    assert whole.memory > sft.memory > 4 * shape.stored


def test_what_requests_share_is_read_once_and_answers_count_at_their_longest(steps, tiny_checkpoint):
    base, sft = steps["base", "evaluate"], steps["sft", "evaluate"]
    _, tokenizer = read_shape(str(tiny_checkpoint))
    (task,) = load_leaves(["mcqa_epfl"])
    prompts = [task.doc_to_text(doc) for doc in list(task.eval_docs)[:4]]
    once = len({tuple(ids[:k]) for ids in tokenizer(prompts).input_ids for k in range(1, len(ids) + 1)})
    assert (base.rows, len(base.lengths)) == (16, 16)
    assert once <= base.tokens <= once + 16 * 2 < sum(base.lengths)
    assert sft.tokens == sum(sft.lengths) + 3 * 8


def test_steps_side_by_side_end_when_the_last_of_them_does(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("mcqa_suite.ladder.steps.usable_cores", lambda: 2)
    monkeypatch.setattr("mcqa_suite.ladder.estimate.usable_cores", lambda: 2)
    seconds = {"base": 1, "sft": 10, "sft (evaluation)": 2, "whole": 20, "short": 5, "gptq4": 30}
    for jobs, total in ((1, 68), (2, 10 + 5 + 30)):  # sft, short, gptq4 on one core; the others fit beside them
        recipe = read_recipe(write_recipe(tmp_path, RECIPE + f"jobs: {jobs}\n", tiny_checkpoint))
        estimates = [SimpleNamespace(seconds=each) for each in seconds.values()]
        assert seconds_in_all(recipe, estimates) == total


def test_the_shape_counts_a_tied_embedding_once_and_a_table_that_is_only_looked_up_not_at_all(tiny_checkpoint):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_checkpoint)
    shape, _ = read_shape(str(tiny_checkpoint))
    assert shape.stored == sum(parameter.numel() for parameter in model.parameters())
    assert shape.weights == shape.stored - model.get_input_embeddings().weight.numel()  # untied in this model


def test_a_share_of_the_documents_is_a_limit_too(tiny_checkpoint):
    _, tokenizer = read_shape(str(tiny_checkpoint))
    tasks = load_leaves(["mcqa_epfl"])
    whole = work_of(tasks, tokenizer).documents
    assert work_of(tasks, tokenizer, limit=0.5).documents == whole // 2


@pytest.mark.parametrize("command", ["run", "eval"])
def test_the_commands_print_a_table_with_a_price_and_write_nothing(
    command, tiny_checkpoint, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    words = ["eval", "--model_args", f"pretrained={tiny_checkpoint}", "--tasks", "mcqa_epfl", "--limit", "4"]
    if command == "run":
        words = ["run", str(write_recipe(tmp_path, RECIPE, tiny_checkpoint))]
    files = sorted(tmp_path.rglob("*"))
    assert main([*words, "--estimate", "--rate", "2", "--tflops", "0.001"]) == 0
    out = capsys.readouterr().out
    assert "at 2 an hour" in out
    assert "memory GB" in out
    assert sorted(tmp_path.rglob("*")) == files


def test_a_model_behind_a_server_is_one_line(capsys):
    words = ["--model", "local-completions", "--model_args", "model=x,base_url=http://127.0.0.1:9/v1/completions"]
    assert main(["eval", *words, "--tasks", "mcqa_epfl", "--estimate"]) == 2
    assert "--estimate: needs a model of transformers" in capsys.readouterr().err


LONG = """
name: long
base: {base}
stages:
  - name: sft
    kind: sft
    parent: base
    settings:
      data: [{{source: rows, path: rows.jsonl}}]
      trainer: {{max_length: 64}}
evaluate: []
"""


def test_rows_of_more_than_max_tokens_do_not_count_and_those_of_more_than_max_length_are_one_line(
    tiny_checkpoint, tmp_path, capsys
):
    (tmp_path / "rows.jsonl").write_text(
        '{"id": "short", "question": "2 + 2?", "answer": "4"}\n'
        f'{{"id": "long", "question": "Say much.", "answer": "{"word " * 99}"}}\n'
    )
    assert main(["run", str(write_recipe(tmp_path, LONG, tiny_checkpoint)), "--estimate"]) == 2
    assert re.search(r"stage sft: long: \d+ tokens do not fit max_length 64; raise it, or", capsys.readouterr().err)
    dropped = LONG.replace("rows.jsonl", "rows.jsonl, max_tokens: 64")
    (sft,) = estimate(read_recipe(write_recipe(tmp_path, dropped, tiny_checkpoint)), MACHINE)
    assert (sft.rows, max(sft.lengths) <= 64) == (1, True)
