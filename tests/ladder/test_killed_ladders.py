"""Ladders and evaluations that are killed and rerun end as unbroken ones do."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY
from helpers.two_rungs import DRIVER, SCRIPT, contents, statuses
from helpers.waiting import eventually

from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.paths import training_dir


@pytest.mark.slow
def test_a_ladder_that_is_killed_while_it_writes_and_rerun_ends_as_an_unbroken_one(recipe, tmp_path):
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "scripts"), str(recipe)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    unbroken, draws = contents(tmp_path / "run"), random.Random(0)
    for name in ("g8", "g4", "g8"):
        shutil.rmtree(tmp_path / "run")
        ladder = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        while ladder.poll() is None and not (tmp_path / f"run/checkpoints/.{name}.partial").exists():
            time.sleep(0.005)
        time.sleep(draws.uniform(0, 0.3))
        os.killpg(ladder.pid, 9)
        assert ladder.wait() == -9
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
        assert contents(tmp_path / "run") == unbroken
        assert not list(tmp_path.glob("run/checkpoints/.*.partial"))


@pytest.mark.parametrize(
    ("last_line", "status", "attempts"),
    [
        ("", "unchanged", "xx"),
        ("print('trained', flush=True)", r"[\d.]+ s.*", "xxx"),
    ],  # the pipe of the killed run is closed
    ids=["silent", "printing"],
)
@pytest.mark.slow
def test_a_rerun_waits_for_the_stage_of_a_killed_run_and_keeps_or_remakes_it(
    recipe, tmp_path, last_line, status, attempts
):
    began, go = tmp_path / "began", tmp_path / "go"
    line = "with complete_folder(args.output) as folder:"
    locked = f"""with write_lock(args.output), complete_folder(args.output) as folder:
    open({str(began)!r}, "a").write("x")
    while not Path({str(go)!r}).exists():
        time.sleep(0.05)
    {last_line}"""
    script = SCRIPT.replace(line, locked)
    (tmp_path / "scripts/gptq.py").write_text(f"from mcqa_suite.common.locks import write_lock\n{script}")
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "scripts"), str(recipe)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    eventually(began.exists)
    first.kill()  # the driver alone: its stage goes on
    first.wait()
    second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "checkpoints/g8: waiting for another process that writes it" in second.stderr.readline()
    go.touch()
    output, _ = second.communicate()
    assert second.returncode == 0
    assert re.search(rf"g8 +gptq +{status}\n", output)
    assert began.read_text() == attempts  # g8 once or twice, and g4
    assert not list(tmp_path.glob("run/checkpoints/.*.partial"))


@pytest.mark.slow
def test_a_training_script_waits_while_another_process_writes_its_output(tmp_path, tiny_checkpoint):
    words = [
        "--config",
        training_dir() / "configs/merge.yaml",
        "--parent",
        tiny_checkpoint,
        "--output",
        tmp_path / "out",
    ]
    with write_lock(tmp_path / "out"):
        script = subprocess.Popen(
            [sys.executable, training_dir() / "merge.py", *words], stderr=subprocess.PIPE, text=True
        )
        lines = iter(script.stderr.readline, "")
        assert any(f"{tmp_path / 'out'}: waiting for another process that writes it" in line for line in lines)
    assert "not an adapter; give the folder" in script.communicate()[1]


def texts(folder: Path) -> list[str]:
    (samples,) = folder.rglob("samples_*.jsonl")
    return [json.loads(line)["resps"] for line in samples.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_a_killed_generation_resumes_from_the_cache_and_mcqa_eval_reads_it_too(tmp_path, tiny_checkpoint):
    task, tokens = "mcqa_epfl_cot", {"max_gen_toks": 24}
    plan = json.dumps([{"tasks": [task], "limit": 40, "gen_kwargs": tokens}])
    cache = tmp_path / "cache.sqlite"

    def evaluating(name: str, path: Path) -> subprocess.Popen[bytes]:
        words = ["--checkpoint", str(tiny_checkpoint), "--plan", plan, "--batch_size", "2", "--output", tmp_path / name]
        env = os.environ | {"MCQA_CACHE": str(path), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([sys.executable, "-m", "mcqa_suite.evaluation.evaluate_checkpoint", *words], env=env)

    assert evaluating("unbroken", tmp_path / "other.sqlite").wait() == 0
    killed = evaluating("killed", cache)
    while killed.poll() is None and cached_in(cache) < 6:
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    cached = cached_in(cache)
    assert 6 <= cached < 40
    assert evaluating("resumed", cache).wait() == 0
    assert texts(tmp_path / "resumed") == texts(tmp_path / "unbroken")
    hits = json.loads((tmp_path / "resumed/rung.json").read_text())["prefix_sharing"]["generation_cache_hits"]
    assert 0 < hits <= cached  # the last batch of a group of prompts may hold one
    words = [
        "eval",
        "--model_args",
        f"pretrained={tiny_checkpoint},dtype=float32,use_safetensors=True",
        "--tasks",
        task,
    ]
    words += ["--limit", "40", "--batch_size", "2", "--log_samples", "--output_path", str(tmp_path / "eval")]
    words += ["--gen_kwargs", json.dumps(tokens), "--seed", "0"]
    env = os.environ | {"MCQA_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "mcqa_suite.cli.main", *words], env=env, check=True, capture_output=True)
    (results,) = (tmp_path / "eval").rglob("results_*.json")
    assert json.loads(results.read_text())["config"]["prefix_sharing"]["generation_cache_hits"] == 40
    assert texts(tmp_path / "eval") == texts(tmp_path / "unbroken")


def cached_in(cache: Path) -> int:
    if not cache.exists():
        return 0
    with contextlib.closing(sqlite3.connect(cache)) as file, contextlib.suppress(sqlite3.Error):
        return 2 * file.execute("SELECT count(*) FROM checked_answers").fetchone()[0]  # batches of two
    return 0


@pytest.mark.slow
def test_the_benchmark_cuts_a_run_back_and_restores_only_what_equals_it(recipe, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks/robustness"))
    import endurance_ladder

    begin = time.time()
    statuses(recipe, capsys)
    folder, copy = tmp_path / "run", tmp_path / "copy"
    steps = endurance_ladder._steps(folder, begin, time.time() - begin)
    assert [step.name for step in steps] == ["looking over", "g8", "g4", "tables"]
    assert all(step.begin <= step.end for step in steps)
    whole = endurance_ladder.Unbroken(folder, recipe, steps, [], 1.0)
    endurance_ladder.cut_back(whole, steps[2], copy)
    assert statuses(recipe, capsys, copy) == {"g8": "unchanged", "g4": ""}
    shutil.rmtree(copy / "checkpoints/g4")
    assert endurance_ladder.put_back(whole, copy) == "1 put back"
    assert statuses(recipe, capsys, copy) == {"g8": "unchanged", "g4": "unchanged"}
    shutil.rmtree(copy / "checkpoints/g4")
    recipe.write_text(recipe.read_text().replace("bits: 8", "bits: 3"))
    statuses(recipe, capsys, copy)
    assert endurance_ladder.put_back(whole, copy) == "g8 differs, nothing put back"
