"""Log-likelihoods on disk: found again by the same model alone, by any number of processes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest
from helpers.prefix_models import language_model, options, random_model, save_model, tokenizer

from mcqa_suite.backend import loglik_cache
from mcqa_suite.backend.loglik_cache import LoglikCache
from mcqa_suite.backend.prefix.model import PrefixLM
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.locks import lock_of

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


@pytest.fixture
def checkpoint(tmp_path):
    return lambda seed: save_model(tmp_path, seed)


def test_a_rerun_computes_nothing_and_records_that(checkpoint, tmp_path):
    path, model = tmp_path / "cache.sqlite", checkpoint(0)
    first = language_model(model, path)
    answers = first.loglikelihood(options(), disable_tqdm=True)
    assert first.get_model_info()["prefix_sharing"]["cache_hits"] == 0
    again = language_model(model, path)
    assert again.loglikelihood(options(6), disable_tqdm=True)[:8] == answers
    sharing = again.get_model_info()["prefix_sharing"]
    assert (sharing["cache_hits"], sharing["cache"]) == (8, "cache.sqlite")
    assert 0 < again.forward.computed < first.forward.computed
    third = language_model(model, path)
    third.loglikelihood(options(6), disable_tqdm=True)
    assert third.forward.computed == 0


def test_two_models_are_never_mixed(checkpoint, tmp_path):
    path = tmp_path / "cache.sqlite"
    for settings in ({}, {"dtype": "bfloat16"}, {"attn_implementation": "eager"}):
        for seed in (0, 1):
            folder = checkpoint(seed)
            expected = PrefixLM(folder, device="cpu", **({"dtype": "float32"} | settings))
            lm = language_model(folder, path, **settings)
            assert lm.loglikelihood(options(), disable_tqdm=True) == expected.loglikelihood(options())
            assert lm.record.cache_hits == 0


def test_weights_that_change_in_place_use_no_old_cache_entries(checkpoint, tmp_path):
    path, folder = tmp_path / "cache.sqlite", checkpoint(0)
    old = language_model(folder, path).loglikelihood(options(), disable_tqdm=True)
    random_model("llama", seed=5).save_pretrained(folder)
    new = language_model(folder, path)
    assert new.loglikelihood(options(), disable_tqdm=True) != old
    assert new.record.cache_hits == 0


@pytest.mark.parametrize("reason", [None, "a test"])
def test_scores_before_a_crash_stay_in_the_cache(checkpoint, tmp_path, monkeypatch, reason):
    path, folder = tmp_path / "cache.sqlite", checkpoint(0)
    monkeypatch.setattr("mcqa_suite.backend.prefix.model.STOCK_BATCHES", 1)
    lm = language_model(folder, path, max_pass_tokens=16)
    lm.record.reason = reason
    forward, calls = lm.model.forward, []

    def dying(*args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return forward(*args, **kwargs)

    monkeypatch.setattr(lm.model, "forward", dying)
    with pytest.raises(KeyboardInterrupt):
        lm.loglikelihood(options(), disable_tqdm=True)
    again = language_model(folder, path)
    again.record.reason = reason
    again.loglikelihood(options(), disable_tqdm=True)
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


@pytest.mark.slow
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
    assert len(lm.loglikelihood(options(), disable_tqdm=True)) == 8
    assert caplog.text.count("log-likelihoods are not kept") == 1


def rows_of(path: Path) -> dict[bytes, bytes]:
    with closing(sqlite3.connect(path)) as file:
        return dict(file.execute("SELECT key, answer FROM checked_answers"))


@pytest.mark.parametrize(
    "change",
    [
        "answer = CAST(replace(CAST(answer AS TEXT), '-1', '-2') AS BLOB)",
        "answer = NULL",
        "answer = 'text'",
        "answer = x''",
        "answer = 'text' || x'ff'",
        "answer = 7",
        "checksum = NULL",
    ],
)
def test_a_row_that_is_not_as_it_was_written_is_computed_again_and_that_is_logged_once(
    checkpoint, tmp_path, caplog, change
):
    path, folder = tmp_path / "cache.sqlite", checkpoint(0)
    answers = language_model(folder, path).loglikelihood(options(), disable_tqdm=True)
    before = rows_of(path)
    with closing(sqlite3.connect(path)) as file, file:
        assert file.execute(f"UPDATE checked_answers SET {change}").rowcount == 8
    again = language_model(folder, path)
    assert again.loglikelihood(options(), disable_tqdm=True) == answers
    assert again.record.cache_hits == 0
    assert again.sharing()["cache_damaged"] == 8
    assert caplog.text.count("computed again") == 1
    assert rows_of(path) == before
    assert LoglikCache(path, {}).find(list(before)).keys() == before.keys()


def test_one_flipped_bit_of_the_file_changes_no_answer(tmp_path):
    path = tmp_path / "cache.sqlite"
    cache = LoglikCache(path, {})
    answers = {cache.key(bytes([i])): [-i / 3, True] for i in range(200)}
    cache.add(answers.items())
    del cache
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content, random = path.read_bytes(), Random(0)
    for _ in range(60):
        bit = random.randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged = tmp_path / f"{bit}.sqlite"
        damaged.write_bytes(flipped)
        with suppress(ConfigError):  # the run goes on without the file
            stored = LoglikCache(damaged, {}).find(list(answers))
            assert stored.items() <= answers.items()


def test_a_file_without_checksums_is_taken_over_once(tmp_path):
    path = tmp_path / "cache.sqlite"
    good = {b"one": "[-1.5, true]", b"two": "[[1, 2], [3]]"}
    bad = {b"null": None, b"text": "oops", b"empty": "", b"other": "[]", b"number": 3, b"object": "{}"}
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE answers (key BLOB PRIMARY KEY, answer TEXT)")
        file.executemany(
            "INSERT INTO answers VALUES (?, ?)", [*good.items(), *bad.items(), ("no blob", "[-1.5, true]")]
        )
    for _ in range(2):
        cache = LoglikCache(path, {})
        assert cache.find([*good, *bad]) == {b"one": [-1.5, True], b"two": [[1, 2], [3]]}
    assert cache.damaged == 0


def test_a_locked_or_foreign_file_is_logged_once_and_the_run_goes_on(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(loglik_cache, "SECONDS", 0.1)
    path = tmp_path / "cache.sqlite"
    cache = LoglikCache(path, {})
    cache.add([(b"key", [1.5, True])])
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            cache.add([(b"more", [1.5, True])])
        assert cache.find([b"key", b"more"]) == {b"key": [1.5, True]}
        other.rollback()
    assert caplog.text.count("database is locked; answers are no longer kept, and the run goes on") == 1
    with closing(sqlite3.connect(tmp_path / "foreign.sqlite")) as file:
        file.execute("CREATE TABLE checked_answers (name TEXT)")
    foreign = LoglikCache(tmp_path / "foreign.sqlite", {})
    foreign.add([(b"key", [1.5, True])])
    assert foreign.find([b"key"]) == {}
    assert caplog.text.count("answers are no longer kept") == 2
    with lock_of(path), pytest.raises(ConfigError, match="MCQA_CACHE=off"):
        LoglikCache(path, {})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a regular file; name another file in MCQA_CACHE"):
        LoglikCache(tmp_path / "pipe", {})


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
    lm.loglikelihood(options(), disable_tqdm=True)
    assert lm.cache is None
