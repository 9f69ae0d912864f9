"""Rotations of the options, and the effect of their order on accuracy, picks and consistency."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.locations import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

from mcqa_suite.analysis.option_order import RotationScores, order_effect
from mcqa_suite.questions.question import Question, rotations


def question(k, gold=0):
    return Question("q/1", "Which?", tuple(f"text {n}" for n in range(k)), (gold,))


@given(st.integers(2, 8), st.data())
def test_the_right_option_is_once_at_every_position(k, data):
    original = question(k, data.draw(st.integers(0, k - 1)))
    turned = rotations(original)
    assert turned[0].choices == original.choices
    assert sorted(rotation.gold[0] for rotation in turned) == list(range(k))
    assert {rotation.choices[rotation.gold[0]] for rotation in turned} == {original.choices[original.gold[0]]}
    assert len({rotation.id for rotation in turned}) == k


def answers(k, gold, score):
    """A model's log-likelihoods for each rotation, `score(option, position)` being what it gives an option at a position."""
    rows = []
    for r in range(k):
        values = [score((position + r) % k, position) for position in range(k)]
        rows.append(RotationScores("q", r, (gold - r) % k, tuple(values)))
    return rows


def test_a_model_that_knows_the_answer_is_right_in_every_order():
    effect = order_effect(answers(4, 2, lambda option, position: 0.0 if option == 2 else -5.0))
    assert (effect.as_given[0], effect.mean[0], effect.debiased[0], effect.consistent[0]) == (True, 1.0, True, True)
    assert effect.position_std == 0.0
    assert effect.picked == (0.25, 0.25, 0.25, 0.25)


def test_a_model_that_always_says_a_is_right_only_by_position():
    effect = order_effect(answers(4, 0, lambda option, position: 0.0 if position == 0 else -5.0))
    assert (effect.as_given[0], effect.mean[0], effect.consistent[0]) == (True, 0.25, False)
    assert effect.picked == (1.0, 0.0, 0.0, 0.0)
    assert effect.recall == (1.0, 0.0, 0.0, 0.0)


def test_debiasing_shows_a_weak_preference_under_a_strong_position_bias():
    effect = order_effect(answers(4, 3, lambda option, position: 0.5 * (option == 3) + 3.0 * (position == 1)))
    assert not effect.as_given[0]
    assert effect.debiased[0]


def test_each_of_several_right_options_is_right():
    rows = answers(4, 0, lambda option, position: 0.0 if option == 2 else -5.0)
    effect = order_effect([row._replace(others=((2 - row.rotation) % 4,)) for row in rows])
    assert (effect.as_given[0], effect.mean[0], effect.debiased[0]) == (True, 1.0, True)
    assert effect.recall == (1.0, 1.0, 1.0, 1.0)


def test_a_question_cut_off_by_a_limit_is_left_out_and_a_missing_rotation_is_named():
    whole = answers(4, 0, lambda option, position: float(option == 0))
    other = [row._replace(question="cut") for row in whole[:2]]
    assert order_effect(whole + other).questions == ("q",)
    with pytest.raises(ValueError, match=r"q: rotations \[0, 1, 2, 2\], expected 0 to 3"):
        order_effect([*whole[:3], whole[2]])
    with pytest.raises(ValueError, match="no question in all of its rotations"):
        order_effect(whole[:3])


def test_debiasing_averages_the_probabilities_of_options_not_of_positions():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(5, 5))
    effect = order_effect([RotationScores("q", r, (1 - r) % 5, tuple(table[r])) for r in range(5)])
    shares = np.exp(table) / np.exp(table).sum(axis=1, keepdims=True)
    by_option = [sum(shares[r, (option - r) % 5] for r in range(5)) for option in range(5)]
    assert effect.debiased[0] == (int(np.argmax(by_option)) == 1)


def test_the_tasks_ask_every_rotation_with_unturned_examples_in_front(tmp_path, capsys):
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker

    from mcqa_suite.cli.main import main
    from mcqa_suite.harness.tasks import manager

    tracker = EvaluationTracker(output_path=str(tmp_path))
    results = simple_evaluate(
        model="dummy", tasks=["mcqa_epfl_perm"], task_manager=manager(), bootstrap_iters=0, num_fewshot=2, limit=40
    )
    samples = results["samples"]["mcqa_epfl_perm"]
    first = samples[0]["doc"]
    k = len(first["choices"])
    assert [row["doc"]["rotation"] for row in samples[:k]] == list(range(k))
    assert len({row["doc"]["question_id"] for row in samples[:k]}) == 1
    shots = {row["arguments"][0][0].rpartition("Question: ")[0] for row in samples}
    assert len(shots) == 1
    assert 0 <= results["results"]["mcqa_epfl_perm"]["consistency,none"] <= 1

    tracker.save_results_aggregated(results=results, samples=results["samples"])
    tracker.save_results_samples(task_name="mcqa_epfl_perm", samples=samples)
    assert main(["orders", f"one={tmp_path}", f"two={tmp_path}"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| mcqa_epfl_perm")]
    assert len(lines) == 2
    assert "0.0 (" in lines[1]


def test_a_folder_without_a_run_is_an_error(capsys, tmp_path):
    from mcqa_suite.cli.main import main

    assert main(["orders", str(REPOSITORY / "tasks")]) == 2
    assert "results_*.json" in capsys.readouterr().err
