"""Ladders that are killed, damaged or out of disk space end as an unbroken one does."""

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
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY
from helpers.waiting import eventually

from mcqa_suite.common.errors import ConfigError, McqaError, StageError
from mcqa_suite.common.locks import run_lock, write_lock
from mcqa_suite.common.manifest import MANIFEST, read_manifest
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.saving import check_saved, check_writable, unsaved_is_an_error
from mcqa_suite.ladder import run_recipe

# Writes its parent's files one after the other, and 40 kB of its own that depend on its settings and its parent.
SCRIPT = """
import argparse, hashlib, time
from pathlib import Path
from mcqa_suite.common.manifest import Manifest, Parent, complete_folder, content_hash, hardware, name_of, write_manifest
from mcqa_suite.ladder.stage_settings import read_rows, read_settings, record

parser = argparse.ArgumentParser()
for name in ("config", "parent", "output"):
    parser.add_argument(f"--{name}", type=Path)
args = parser.parse_args()
settings = read_settings("gptq", args.config)
_, data = read_rows(settings)
with complete_folder(args.output) as folder:
    for path in sorted(args.parent.iterdir()):
        if path.name != "manifest.json":
            (folder / path.name).write_bytes(path.read_bytes())
    seed = f"{settings.bits} {content_hash(args.parent)}".encode()
    for part in range(10):
        time.sleep(0.05)
        with (folder / "made.txt").open("a") as stream:
            stream.write(hashlib.sha256(seed + bytes([part])).hexdigest() * 64)
    write_manifest(folder, Manifest("gptq", args.output.name, Parent(name_of(args.parent), content_hash(args.parent)),
        record(settings), content_hash(folder), 0, hardware(), 1.0, data=data))
"""
RECIPE = """
name: small
base: {base}
output: {output}
stages:
  - {{name: g8, kind: gptq, parent: base, settings: {{bits: 8, calibration: [{{source: generated, n: 6}}]}}}}
  - {{name: g4, kind: gptq, parent: base, settings: {{bits: 4, calibration: [{{source: generated, n: 6}}]}}}}
"""
DRIVER = """
import sys
from pathlib import Path
import mcqa_suite.ladder.stages as stages
from mcqa_suite.ladder import run_recipe
stages.training_dir = lambda: Path(sys.argv[1])
run_recipe(Path(sys.argv[2]))
"""
ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk")


@pytest.fixture
def recipe(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe over a stand-in script, its run folder `run` beside it."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/gptq.py").write_text(SCRIPT)
    (tmp_path / "scripts/check.py").write_text("")
    monkeypatch.setattr("mcqa_suite.ladder.stages.training_dir", lambda: tmp_path / "scripts")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(base=tiny_checkpoint, output=tmp_path / "run"))
    return path


def statuses(recipe: Path, capsys: pytest.CaptureFixture[str], output: Path | None = None) -> dict[str, str]:
    """Run the ladder; the status of each stage, without the seconds."""
    capsys.readouterr()
    run_recipe(recipe, output)
    lines = re.findall(r"^\[\d/3\] (g\d) +gptq +(.*)$", capsys.readouterr().out, re.MULTILINE)
    return {name: re.sub(r"^[\d.]+ s *", "", status) for name, status in lines}


def contents(folder: Path) -> dict[str, str]:
    return {name: read_manifest(folder / "checkpoints" / name).content for name in ("g8", "g4")}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


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
    task, tokens = "mcqa_generated_cot", {"max_gen_toks": 24}
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
    assert json.loads((tmp_path / "resumed/rung.json").read_text())["prefix_sharing"]["generation_cache_hits"] == cached
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
        return 2 * file.execute("SELECT count(*) FROM answers").fetchone()[0]  # batches of two
    return 0


def flip(path: Path) -> None:
    """One bit in the middle; size and dates stay."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flip, halve, Path.unlink])
def test_a_damaged_checkpoint_is_detected_by_its_bytes_and_made_again(recipe, tmp_path, capsys, damage):
    statuses(recipe, capsys)
    before = contents(tmp_path / "run")
    damage(tmp_path / "run/checkpoints/g8/model.safetensors")
    assert statuses(recipe, capsys) == {"g8": "(its files changed)", "g4": "unchanged"}
    assert contents(tmp_path / "run") == before
    assert statuses(recipe, capsys) == {"g8": "unchanged", "g4": "unchanged"}


OLDER = {"chat_template", "adapter", "schema", "metrics", "size"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schema": 2}, "unchanged"),
        ({"schema": 2, "of_a_later_version": 1}, "unchanged"),
        ({"schema": "x" * 999}, "(its manifest is broken)"),
        ({"mcqa_suite": "99.0"}, "unchanged"),
        (dict.fromkeys(OLDER), "unchanged"),
    ],
    ids=["newer", "newer with a new key", "no number", "newer release, same schema", "older"],
)
def test_a_manifest_of_another_version_is_read_and_a_broken_one_remade(recipe, tmp_path, capsys, changes, expected):
    statuses(recipe, capsys)
    before, path = contents(tmp_path / "run"), tmp_path / "run/checkpoints/g8" / MANIFEST
    changed = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in changed.items() if value is not None}))
    assert statuses(recipe, capsys) == {"g8": expected, "g4": "unchanged"}
    assert contents(tmp_path / "run") == before


@pytest.mark.slow
@pytest.mark.parametrize("days", [365, -365 * 40], ids=["ahead", "back"])
def test_the_dates_of_files_do_not_matter(recipe, tmp_path, capsys, days):
    statuses(recipe, capsys)
    for path in (tmp_path / "run").rglob("*"):
        os.utime(path, (time.time(), time.time() + days * 86400))
    assert statuses(recipe, capsys) == {"g8": "unchanged", "g4": "unchanged"}


def test_a_second_ladder_is_refused_before_it_writes_anything(recipe, tmp_path):
    with run_lock(tmp_path / "run"):
        with pytest.raises(ConfigError, match="another run uses this folder") as refused:
            run_recipe(recipe)
        assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    assert "\n" not in str(refused.value)


@pytest.mark.slow
@ROOT
@pytest.mark.parametrize("room", [0, 20_000, 120_000, 400_000])
def test_a_full_disk_is_one_line_loses_nothing_and_the_ladder_resumes_with_room(recipe, disk, capsys, room):
    recipe.write_text(recipe.read_text().partition("  - {name: g4")[0])
    statuses(recipe, capsys, disk / "run")
    recipe.write_text(RECIPE.format(base=read_base(recipe), output="unused"))
    g8 = contents_of(disk / "run/checkpoints/g8")
    free = shutil.disk_usage(disk).free
    (disk / "other").write_bytes(bytes(max(free - room, 0)))
    with pytest.raises((StageError, ConfigError)) as refused:
        run_recipe(recipe, disk / "run")
    assert "No space left on device" in str(refused.value)
    assert str(disk / "run") in str(refused.value)
    assert "then rerun to resume" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert contents_of(disk / "run/checkpoints/g8") == g8
    assert not (disk / "run/checkpoints/g4").exists()
    (disk / "other").unlink()
    subprocess.run(["mount", "-o", "remount,size=9m", disk], check=True)
    assert statuses(recipe, capsys, disk / "run") == {"g8": "unchanged", "g4": ""}


def read_base(recipe: Path) -> str:
    return re.search(r"^base: (.*)$", recipe.read_text(), re.MULTILINE)[1]


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@ROOT
def test_a_read_only_folder_is_one_line(recipe, disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(ConfigError, match="cannot be written: Read-only file system; choose another --output"):
        run_recipe(recipe, disk / "run")


@pytest.mark.parametrize("damage", [halve, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
@pytest.mark.parametrize("name", ["samples_mcqa_x_2026-01-01T00.jsonl", "results_2026-01-01T00.json"])
def test_truncated_samples_and_results_are_an_error(tmp_path, damage, name):
    (tmp_path / "samples_mcqa_x_2026-01-01T00.jsonl").write_text('{"doc_id": 0}\n{"doc_id": 1}\n')
    (tmp_path / "samples_mcqa_x_cot_2026-01-01T00.jsonl").write_text('{"doc_id": 0}\n')
    (tmp_path / "results_2026-01-01T00.json").write_text('{"results": {}\n}')
    check_saved(tmp_path, {"mcqa_x": 2, "mcqa_x_cot": 1})
    damage(tmp_path / name)
    with pytest.raises(McqaError, match="the harness could not write its results there"):
        check_saved(tmp_path, {"mcqa_x": 2, "mcqa_x_cot": 1})


@ROOT
def test_results_that_the_harness_could_not_save_are_an_error(disk):
    from lm_eval.loggers import EvaluationTracker

    def save() -> None:
        tracker = EvaluationTracker(output_path=str(disk / "out"))
        tracker.save_results_aggregated(results={"results": "x" * 100_000}, samples={})

    with unsaved_is_an_error("out"):
        save()
    (disk / "other").write_bytes(bytes(shutil.disk_usage(disk).free - 50_000))
    with (
        pytest.raises(McqaError, match="out: Could not save results aggregated: check space"),
        unsaved_is_an_error("out"),
    ):
        save()


@ROOT
def test_a_read_only_output_path_is_an_error_before_the_run(disk):
    check_writable(None)
    check_writable(str(disk / "not/there/yet"))
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(ConfigError, match="is read-only; choose another --output_path"):
        check_writable(str(disk / "not/there/yet"))


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
