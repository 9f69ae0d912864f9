"""Generated tokens on disk: found again by the same run alone, and draws with seeds of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.prefix_models import language_model, options, save_model
from lm_eval.api.instance import Instance


@pytest.fixture
def checkpoint(tmp_path):
    return lambda seed: save_model(tmp_path, seed)


def prompts(n=9, **settings):
    gen_kwargs = {"until": ["\n\n"], "max_gen_toks": 6, "do_sample": False} | settings
    return [
        Instance(
            "generate_until", {}, (f"{'why ' * (i % 3)}Question {i // 3}? Answer:", dict(gen_kwargs)), 0, ("task", i, 1)
        )
        for i in range(n)
    ]


def repeated(n=10, **settings):
    gen_kwargs = {"until": ["\n\n"], "max_gen_toks": 6, "do_sample": True, "temperature": 1.0} | settings
    return [
        Instance("generate_until", {}, ("Question? Answer:", dict(gen_kwargs)), 0, ("task", 0, n)) for _ in range(n)
    ]


def generated(lm, instances, seed=1):
    """The texts, and how many passes through the model they took."""
    passes, forward = [], lm.model.forward

    def counted(*args, **kwargs):
        passes.append(1)
        return forward(*args, **kwargs)

    lm.model.forward = counted
    torch.manual_seed(seed)
    try:
        return lm.generate_until(instances, disable_tqdm=True), len(passes)
    finally:
        lm.model.forward = forward


@pytest.mark.slow
@pytest.mark.parametrize("instances", [prompts(), repeated()], ids=["greedy", "drawn"])
def test_generation_that_crashed_goes_on_and_ends_as_if_unbroken(checkpoint, tmp_path, instances):
    folder, path = checkpoint(0), tmp_path / "cache.sqlite"
    unbroken, all_passes = generated(language_model(folder, "off", batch_size=2), instances)
    lm = language_model(folder, path, batch_size=2)
    forward, calls = lm.model.forward, []

    def dying(*args, **kwargs):
        calls.append(1)
        if len(calls) == 15:  # of some 25, when four rows of ten are complete
            raise KeyboardInterrupt
        return forward(*args, **kwargs)

    lm.model.forward = dying
    torch.manual_seed(1)
    with pytest.raises(KeyboardInterrupt):
        lm.generate_until(instances, disable_tqdm=True)
    again = language_model(folder, path, batch_size=2)
    texts, passes = generated(again, instances)
    assert texts == unbroken
    assert 2 <= again.record.generation_cache_hits < len(instances)
    assert 0 < passes <= all_passes - 8
    third = language_model(folder, path, batch_size=2)
    assert generated(third, instances) == (unbroken, 0)
    assert third.get_model_info()["prefix_sharing"]["generation_cache_hits"] == len(instances)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [{"max_gen_toks": 5}, {"until": ["?"]}, {"do_sample": True, "temperature": 0.5}, {"repetition_penalty": 2.0}],
    ids=str,
)
def test_another_setting_uses_no_old_cache_entries(checkpoint, tmp_path, change):
    folder, path = checkpoint(0), tmp_path / "cache.sqlite"
    generated(language_model(folder, path), prompts())
    lm = language_model(folder, path)
    assert generated(lm, prompts(**change))[0] == generated(language_model(folder, "off"), prompts(**change))[0]
    assert lm.record.generation_cache_hits == 0


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"dtype": "bfloat16"}, {"batch_size": 4}, {"max_length": 20}], ids=str)
def test_another_way_to_compute_the_same_uses_no_old_cache_entries(checkpoint, tmp_path, change):
    folder, path = checkpoint(0), tmp_path / "cache.sqlite"
    generated(language_model(folder, path, batch_size=3), prompts())
    lm = language_model(folder, path, **{"batch_size": 3} | change)
    generated(lm, prompts())
    assert lm.record.generation_cache_hits == 0
    other = language_model(checkpoint(1), path, batch_size=3)
    generated(other, prompts())
    assert other.record.generation_cache_hits == 0


def test_draws_differ_between_repeats_and_seeds_and_not_between_runs(checkpoint, tmp_path):
    folder, path = checkpoint(0), tmp_path / "cache.sqlite"
    first, _ = generated(language_model(folder, path, batch_size=2), repeated(), seed=1)
    assert len(set(first)) == 10
    assert generated(language_model(folder, "off", batch_size=2), repeated(), seed=1)[0] == first
    lm = language_model(folder, path, batch_size=2)
    other, _ = generated(lm, repeated(), seed=2)
    assert not set(other) & set(first)
    assert lm.record.generation_cache_hits == 0


def test_draws_come_from_the_model_s_distribution(checkpoint):
    from scipy.stats import chisquare

    lm, n = language_model(checkpoint(0), "off", batch_size=8), 800
    drawn, _ = generated(lm, repeated(n, max_gen_toks=1, temperature=2.0, top_k=0))
    ids = torch.tensor([lm.tok_encode("Question? Answer:")])
    with torch.no_grad():
        chances = torch.softmax(lm.model(ids).logits[0, -1].double() / 2, -1).numpy()
    texts = [lm.tok_decode([token]) for token in range(len(chances))]
    common = [token for token in np.argsort(-chances)[:20] if texts.count(texts[token]) == 1 and texts[token].strip()]
    expected = [n * chances[token] for token in common]
    seen = [drawn.count(texts[token]) for token in common]
    rest = n - sum(expected)
    assert len(common) > 10
    assert chisquare([*seen, n - sum(seen)], [*expected, rest]).pvalue > 0.001


def test_a_draw_does_not_change_the_global_random_state(checkpoint):
    lm = language_model(checkpoint(0), "off")
    torch.manual_seed(3)
    expected = torch.rand(4)
    generated(lm, repeated(4), seed=3)
    assert torch.equal(torch.rand(4), expected)


def test_a_cache_on_a_full_disk_is_logged_once_and_the_run_goes_on(checkpoint, tmp_path, caplog):
    folder = checkpoint(0)
    lm = language_model(folder, tmp_path / "cache.sqlite", batch_size=2)
    lm.cache._file.execute("PRAGMA max_page_count = 1")  # sqlite's own way to say that there is no more room
    lm.cache.add([(b"more than a page", "x" * 9999)])
    assert generated(lm, prompts())[0] == generated(language_model(folder, "off", batch_size=2), prompts())[0]
    scored = lm.loglikelihood(options(), disable_tqdm=True)
    assert scored == language_model(folder, "off").loglikelihood(options(), disable_tqdm=True)
    assert caplog.text.count("database or disk is full; answers are no longer kept") == 1
