"""Arguments of a trainer that need rows to evaluate on, where there are none: one line before anything runs."""

from __future__ import annotations

import sys

import pytest
from helpers.locations import TRAIN
from helpers.training_scripts import script

from mcqa_suite.common.errors import ConfigError

ALONE = "no rows are kept to evaluate on; set held_out, or remove"
EMPTY = "held_out is 0, so there are no rows to evaluate on; raise held_out, or remove"
NEVER = "eval_strategy is 'no', so nothing is evaluated; set eval_strategy, or remove"


@pytest.mark.parametrize(
    ("trainer", "held_out", "message"),
    [
        ({"eval_strategy": "steps", "eval_steps": 5}, None, f"eval_strategy: 'steps': {ALONE} eval_strategy"),
        ({"eval_on_start": True}, None, f"eval_on_start: True: {ALONE} eval_on_start"),
        ({"do_eval": True}, None, f"do_eval: True: {ALONE} do_eval"),
        ({"load_best_model_at_end": True}, None, f"load_best_model_at_end: True: {ALONE} load_best_model_at_end"),
        ({"metric_for_best_model": "loss"}, None, f"metric_for_best_model: 'loss': {ALONE} metric_for_best_model"),
        ({"save_strategy": "best"}, None, f"save_strategy: 'best': {ALONE} save_strategy"),
        ({"eval_strategy": "epoch"}, 0.0, f"eval_strategy: 'epoch': {EMPTY} eval_strategy"),
        ({"load_best_model_at_end": True}, 0.1, f"load_best_model_at_end: True: {NEVER} load_best_model_at_end"),
        ({"eval_strategy": "no", "do_eval": True}, 0.1, f"do_eval: True: {NEVER} do_eval"),
    ],
)
def test_an_evaluation_without_rows_is_one_line_that_names_the_key(trainer, held_out, message):
    with pytest.raises(ConfigError) as caught:
        script("mcqa_training.stage").check_evaluation(trainer, held_out, "sft.yaml: trainer")
    assert str(caught.value) == f"sft.yaml: trainer: {message}"


@pytest.mark.parametrize(
    ("trainer", "held_out"),
    [
        ({"eval_strategy": "no", "save_strategy": "steps", "load_best_model_at_end": False}, None),
        ({"eval_strategy": "steps", "load_best_model_at_end": True, "save_strategy": "steps"}, 0.1),
        ({"eval_on_start": True}, 0.1),
    ],
)
def test_an_evaluation_with_rows_and_a_trainer_without_one_are_accepted(trainer, held_out):
    script("mcqa_training.stage").check_evaluation(trainer, held_out, "x.yaml: trainer")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "held_out", "reason"),
    [("sft", "", ALONE), ("dpo", "held_out: 0\n", EMPTY), ("orpo", "held_out: 0\n", EMPTY)],
)
def test_settings_are_refused_before_anything_runs(tmp_path, kind, held_out, reason):
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        f"data: [{{source: epfl, path: {TRAIN}, n: 16, seed: 1}}]\n{held_out}trainer: {{eval_strategy: steps, eval_steps: 2}}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["check", f"--{kind}", str(bad)])
        with pytest.raises(ConfigError, match=rf"bad\.yaml: trainer: eval_strategy: 'steps': {reason} eval_strategy$"):
            script("check").main()
