"""What a checkpoint's generation_config.json says about decoding has no part in its answers."""

from __future__ import annotations

import json
import shutil

import pytest

from mcqa_suite.backend.decoding import drop_decoding
from mcqa_suite.backend.prefix.model import PrefixLM
from mcqa_suite.backend.pretrained import whole_models
from mcqa_suite.backend.sampling import Request, Sampler, Sampling
from mcqa_suite.evaluation.evaluate_checkpoint import evaluate

ODD = {"num_beams": 3, "repetition_penalty": 3.0, "min_new_tokens": 8, "no_repeat_ngram_size": 2, "top_k": 3}
GREEDY = {"until": ["\n\n"], "max_gen_toks": 12, "do_sample": False}
DRAWN = {"until": ["\n\n"], "max_gen_toks": 12, "do_sample": True, "temperature": 0.7, "top_p": 0.95}


@pytest.fixture(scope="module")
def checkpoints(tiny_checkpoint, tmp_path_factory):
    """The same weights twice, one with settings of its own in generation_config.json."""
    odd = tmp_path_factory.mktemp("odd") / "checkpoint"
    shutil.copytree(tiny_checkpoint, odd)
    config = odd / "generation_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | ODD))
    return tiny_checkpoint, odd


def texts(checkpoint, settings):
    from lm_eval.api.instance import Instance

    lm = PrefixLM(str(checkpoint), device="cpu", dtype="float32", batch_size=4)
    requests = [Instance("generate_until", {}, (f"Question {i}:", dict(settings)), 0, ("t", i, 1)) for i in range(6)]
    return lm.generate_until(requests, disable_tqdm=True), lm


@pytest.mark.parametrize("settings", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_the_same_weights_give_the_same_answers_whatever_their_generation_config_says(checkpoints, settings, caplog):
    (plain, lm), (odd, other) = (texts(checkpoint, settings) for checkpoint in checkpoints)
    assert odd == plain
    assert len(set(plain)) > 1
    assert (lm.sharing()["dropped_decoding"], other.sharing()["dropped_decoding"]) == ({}, ODD)
    assert "generation_config.json is not used (" in caplog.text
    assert "num_beams 3" in caplog.text


def test_the_harness_s_own_model_is_decoded_by_the_task_alone_too(checkpoints):
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    answers = []
    with whole_models():
        for checkpoint in checkpoints:
            lm = HFLM(str(checkpoint), device="cpu", dtype="float32", batch_size=4)
            requests = [
                Instance("generate_until", {}, (f"Question {i}:", dict(GREEDY)), 0, ("t", i, 1)) for i in range(4)
            ]
            answers.append(lm.generate_until(requests, disable_tqdm=True))
            assert lm.get_model_info()["dropped_decoding"] == (ODD if checkpoint is checkpoints[1] else {})
    assert answers[0] == answers[1]


def test_a_task_that_sets_them_is_decoded_by_them(checkpoints):
    plain, _ = texts(checkpoints[0], GREEDY)
    (first, _), (second, _) = (texts(checkpoint, GREEDY | {"repetition_penalty": 3.0}) for checkpoint in checkpoints)
    assert first == second != plain


def test_samples_are_drawn_from_all_tokens_unless_the_task_sets_top_k(checkpoints):
    """transformers keeps the 50 likeliest tokens of every sample where nothing is set."""
    lm = PrefixLM(str(checkpoints[0]), device="cpu", dtype="float32")
    config, _ = lm.model._prepare_generation_config(None, do_sample=True, temperature=0.7)
    assert (config.top_k, config.top_p, config.num_beams) == (0, 1.0, 1)
    config, _ = lm.model._prepare_generation_config(None, do_sample=True, top_k=5)
    assert config.top_k == 5


def test_token_ids_stay_and_what_was_dropped_is_returned(checkpoints):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoints[1])
    assert drop_decoding(model) == ODD
    assert (model.generation_config.eos_token_id, model.generation_config.bos_token_id) == (0, 0)
    assert drop_decoding(object()) == {}


def test_responses_that_are_sampled_for_preferences_do_not_depend_on_it_either(checkpoints):
    requests = [Request(str(i), 0, f"Question {i}:", 7 + i) for i in range(4)]
    for settings in (Sampling(temperature=0, max_tokens=12), Sampling(max_tokens=12)):
        plain, odd = (
            [response.text for _, response in Sampler(str(c)).generator(settings)(requests)] for c in checkpoints
        )
        assert odd == plain


@pytest.mark.slow
def test_the_results_of_an_evaluation_name_what_was_dropped(checkpoints, tmp_path):
    plan = [{"tasks": ["mcqa_epfl_cot"], "limit": 4, "gen_kwargs": {"max_gen_toks": 8}}]
    responses = []
    for name, checkpoint in zip(("plain", "odd"), checkpoints, strict=True):
        evaluate(str(checkpoint), plan, tmp_path / name, dtype="float32", batch_size=4)
        rows = next((tmp_path / name).rglob("samples_*.jsonl")).read_text(encoding="utf-8").splitlines()
        responses.append([json.loads(row)["resps"] for row in rows])
        record = json.loads((tmp_path / name / "rung.json").read_text())["prefix_sharing"]
        assert record["dropped_decoding"] == ({} if name == "plain" else ODD)
    assert responses[0] == responses[1]
    results = json.loads(next((tmp_path / "odd").rglob("results_*.json")).read_text(encoding="utf-8"))
    assert results["config"]["prefix_sharing"]["dropped_decoding"] == ODD
