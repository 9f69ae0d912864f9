"""Log-likelihoods and generations on disk: found again by the same model alone, by any number of processes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.prefix_models import random_model, tokenizer
from lm_eval.api.instance import Instance

from mcqa_suite.backend import loglik_cache
from mcqa_suite.backend.loglik_cache import LoglikCache
from mcqa_suite.backend.prefix.model import PrefixLM
from mcqa_suite.common.errors import ConfigError

WRITER = """
import sys
from pathlib import Path
from mcqa_suite.backend.loglik_cache import LoglikCache
cache, start = LoglikCache(Path(sys.argv[1]), {"weights": "one"}), int(sys.argv[2])
for i in range(start, start + 100):
    key = cache.key(bytes([i]))
    cache.add([(key, (i / 3, True))])
    assert cache.find([key]) == {key: [i / 3, True]}
"""


def requests(n=4):
    return [
        Instance("loglikelihood", {}, (f"Question {i}? Answer:", option), k, ("task", i, 1))
        for i in range(n)
        for k, option in enumerate((" A", " B"))
    ]


@pytest.fixture
def checkpoint(tmp_path):
    def saved(seed):
        folder = tmp_path / f"checkpoint{seed}"
        random_model("llama", seed=seed).save_pretrained(folder)
        tokenizer().save_pretrained(folder)
        return str(folder)

    return saved


def language_model(checkpoint, path, **settings):
    return PrefixLM(checkpoint, device="cpu", cache=str(path), **({"dtype": "float32"} | settings))


def test_a_rerun_computes_nothing_and_records_that(checkpoint, tmp_path):
    path, model = tmp_path / "deep" / "cache.sqlite", checkpoint(0)
    first = language_model(model, path)
    answers = first.loglikelihood(requests(), disable_tqdm=True)
    assert first.get_model_info()["prefix_sharing"]["cache_hits"] == 0
    again = language_model(model, path)
    assert again.loglikelihood(requests(6), disable_tqdm=True)[:8] == answers
    sharing = again.get_model_info()["prefix_sharing"]
    assert (sharing["cache_hits"], sharing["cache"]) == (8, "cache.sqlite")
    assert 0 < again.forward.computed < first.forward.computed
    third = language_model(model, path)
    third.loglikelihood(requests(6), disable_tqdm=True)
    assert third.forward.computed == 0


def test_two_models_are_never_mixed(checkpoint, tmp_path):
    path = tmp_path / "cache.sqlite"
    for settings in ({}, {"dtype": "bfloat16"}, {"attn_implementation": "eager"}):
        for seed in (0, 1):
            folder = checkpoint(seed)
            expected = PrefixLM(folder, device="cpu", **({"dtype": "float32"} | settings))
            lm = language_model(folder, path, **settings)
            assert lm.loglikelihood(requests(), disable_tqdm=True) == expected.loglikelihood(requests())
            assert lm.record.cache_hits == 0


def test_weights_that_change_in_place_use_no_old_cache_entries(checkpoint, tmp_path):
    path, folder = tmp_path / "cache.sqlite", checkpoint(0)
    old = language_model(folder, path).loglikelihood(requests(), disable_tqdm=True)
    random_model("llama", seed=5).save_pretrained(folder)
    new = language_model(folder, path)
    assert new.loglikelihood(requests(), disable_tqdm=True) != old
    assert new.record.cache_hits == 0


def test_scores_before_a_crash_stay_in_the_cache(checkpoint, tmp_path, monkeypatch):
    path, folder = tmp_path / "cache.sqlite", checkpoint(0)
    lm = language_model(folder, path, max_pass_tokens=16)
    forward, calls = lm.model.forward, []

    def dying(*args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return forward(*args, **kwargs)

    monkeypatch.setattr(lm.model, "forward", dying)
    with pytest.raises(KeyboardInterrupt):
        lm.loglikelihood(requests(), disable_tqdm=True)
    again = language_model(folder, path)
    again.loglikelihood(requests(), disable_tqdm=True)
    assert 0 < again.record.cache_hits < 8


def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "cache.sqlite"
    jobs = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), start]) for start in ("0", "50")]
    assert [job.wait(120) for job in jobs] == [0, 0]
    cache = LoglikCache(path, {"weights": "one"})
    keys = [cache.key(bytes([i])) for i in range(150)]
    assert cache.find(keys) == {key: [i / 3, True] for i, key in enumerate(keys)}
    other = LoglikCache(path, {"weights": "two"})
    assert other.find([other.key(bytes([i])) for i in range(150)]) == {}


OPENER = """
import sys
from pathlib import Path
from mcqa_suite.backend.loglik_cache import LoglikCache
for i in range(200):
    LoglikCache(Path(sys.argv[1], str(i), "cache.sqlite"), {})
"""


def test_processes_that_make_the_file_at_the_same_moment_wait_for_each_other(tmp_path):
    jobs = [subprocess.Popen([sys.executable, "-c", OPENER, str(tmp_path)]) for _ in range(3)]
    assert [job.wait(120) for job in jobs] == [0, 0, 0]


def test_different_requests_have_different_keys(tmp_path):
    cache = LoglikCache(tmp_path / "cache.sqlite", {"weights": "one"})
    keys = {
        cache.key(b"row", b"targets"),
        cache.key(b"ro", b"targets"),
        cache.key(b"row", b"argets"),
        cache.key(b"rowt", b"argets"),  # the same bytes, split in another place
        LoglikCache(tmp_path / "cache.sqlite", {"weights": "one", "dtype": "x"}).key(b"row", b"targets"),
    }
    assert len(keys) == 5


def test_a_file_that_cannot_be_used_is_named_and_the_run_goes_on(checkpoint, tmp_path, caplog):
    bad = tmp_path / "bad.sqlite"
    bad.write_text("no database at all, but some text that is long enough to be looked at " * 20, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.sqlite: .*MCQA_CACHE=off"):
        LoglikCache(bad, {})
    lm = language_model(checkpoint(0), bad)
    assert len(lm.loglikelihood(requests(), disable_tqdm=True)) == 8
    assert caplog.text.count("log-likelihoods are not kept") == 1


@pytest.mark.parametrize("word", ["off", "0", "", "OFF", "none"])
def test_the_variable_switches_the_cache_off(monkeypatch, word):
    monkeypatch.setenv(loglik_cache.VARIABLE, word)
    assert loglik_cache.cache_path() is None
    loglik_cache.switch_on()
    assert loglik_cache.cache_path() is None
    assert loglik_cache.cache_path("here.sqlite").name == "here.sqlite"


@pytest.mark.parametrize(
    ("variable", "setting", "name"),
    [
        ("file.sqlite", False, None),
        ("file.sqlite", "off", None),
        ("file.sqlite", "OFF ", None),
        ("file.sqlite", True, "file.sqlite"),
        ("file.sqlite", "on", "file.sqlite"),
        ("file.sqlite", None, "file.sqlite"),
        ("file.sqlite", "other.sqlite", "other.sqlite"),
        ("off", True, "loglikelihoods.sqlite"),
        ("", "on", "loglikelihoods.sqlite"),
        ("on", None, "loglikelihoods.sqlite"),
        ("off", None, None),
    ],
)
def test_the_model_argument_wins_over_the_variable(monkeypatch, variable, setting, name):
    monkeypatch.setenv(loglik_cache.VARIABLE, variable)
    path = loglik_cache.cache_path(setting)
    assert (path and path.name) == name


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cache": 0}, "cache=0: expected on, off or the name of a file"),
        ({"cache": 1.5}, "cache=1.5: expected on, off"),
        ({"cache": ["a"]}, "cache=.*: expected on, off"),
        ({"max_pass_tokens": "many"}, "max_pass_tokens=many: expected a whole number of at least 16"),
        ({"max_pass_tokens": True}, "max_pass_tokens=True: expected a whole number"),
        ({"max_pass_tokens": 99.5}, "max_pass_tokens=99.5: expected a whole number"),
    ],
    ids=str,
)
def test_a_model_argument_of_another_type_is_refused_before_the_model_is_loaded(settings, words):
    with pytest.raises(ConfigError, match=words):
        PrefixLM("./nowhere", device="cpu", **settings)


def test_commands_keep_the_cache_in_the_user_s_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(loglik_cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert loglik_cache.cache_path() is None
    loglik_cache.switch_on()
    assert loglik_cache.cache_path() == tmp_path / "mcqa-suite" / "loglikelihoods.sqlite"
    monkeypatch.setenv(loglik_cache.VARIABLE, "off")


def test_a_model_that_is_passed_as_an_object_is_not_cached(tmp_path):
    lm = PrefixLM(random_model("llama"), tokenizer=tokenizer(), cache=str(tmp_path / "cache.sqlite"))
    lm.loglikelihood(requests(), disable_tqdm=True)
    assert lm.cache is None


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


@pytest.mark.parametrize("instances", [prompts(), repeated()], ids=["greedy", "drawn"])
def test_generation_that_crashed_goes_on_at_the_next_batch_and_ends_as_if_unbroken(checkpoint, tmp_path, instances):
    folder, path = checkpoint(0), tmp_path / "cache.sqlite"
    unbroken, all_passes = generated(language_model(folder, "off", batch_size=2), instances)
    lm = language_model(folder, path, batch_size=2)
    forward, calls = lm.model.forward, []

    def dying(*args, **kwargs):
        calls.append(1)
        if len(calls) == 15:  # in the third batch of five
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
    assert 0 < passes <= all_passes - 12
    third = language_model(folder, path, batch_size=2)
    assert generated(third, instances) == (unbroken, 0)
    assert third.get_model_info()["prefix_sharing"]["generation_cache_hits"] == len(instances)


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
    assert len(set(first)) == 10  # five batches that ask the same
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
    scored = lm.loglikelihood(requests(), disable_tqdm=True)
    assert scored == language_model(folder, "off").loglikelihood(requests(), disable_tqdm=True)
    assert caplog.text.count("database or disk is full; answers are no longer kept") == 1
