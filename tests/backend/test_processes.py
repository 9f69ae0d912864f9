"""Two processes beside one: the same evaluation, printed once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import two_processes
from helpers.locations import TOY
from helpers.stage_scripts import ladder_context
from helpers.two_processes import ACCELERATE, CPU, TORCHRUN, launch

pytestmark = pytest.mark.filterwarnings("default")
SHORT = {"max_gen_toks": 8}
PLAN = [
    {"tasks": ["mcqa_epfl", "mcqa_epfl_cloze"], "limit": 13},
    {"tasks": ["mcqa_epfl"], "limit": 1},  # fewer documents than processes
    {"tasks": ["mcqa_symbolic_local"], "limit": 3, "gen_kwargs": SHORT},  # a group of generated answers
    {"tasks": ["mcqa_epfl_cot_n8"], "limit": 3, "gen_kwargs": SHORT},  # samples that are drawn
    {
        "tasks": ["mcqa_arc_grid_1_training"],
        "limit": 3,
        "gen_kwargs": SHORT,
        "optional": True,
    },  # a score over all items
]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """The plan by one process, by two with a cache, and by one with the cache of the two."""
    from mcqa_suite.evaluation.evaluate_checkpoint import main

    folder = tmp_path_factory.mktemp("evaluations")
    words = ["--checkpoint", str(TOY / "base"), "--plan", json.dumps(PLAN), "--batch_size", "4"]
    cache = str(folder / "cache.sqlite")
    done = launch(
        TORCHRUN,
        "-m",
        "mcqa_suite.evaluation.evaluate_checkpoint",
        *words,
        "--output",
        folder / "two",
        MCQA_CACHE=cache,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with pytest.MonkeyPatch.context() as patch:
        assert main([*words, "--output", str(folder / "one")]) == 0
        patch.setenv("MCQA_CACHE", cache)
        assert main([*words, "--output", str(folder / "after")]) == 0
    return SimpleNamespace(folder=folder, output=done.stderr)


def results(folder: Path) -> dict[str, Any]:
    by_task: dict[str, Any] = {}
    for path in folder.rglob("results_*.json"):
        read = json.loads(path.read_text(encoding="utf-8"))
        by_task |= {**read["results"], **{f"group {name}": value for name, value in read["group_subtasks"].items()}}
    return by_task


def samples(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        path.name.rpartition("_")[0]: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted(folder.rglob("samples_*.jsonl"))
    }


def assert_same(first: Any, second: Any, where: str) -> None:
    """Equal, order included, numbers to the rounding of float32; texts of log-likelihoods count as numbers."""
    if isinstance(first, dict):
        assert list(first) == list(second), where
        for key in first:
            assert_same(first[key], second[key], f"{where}.{key}")
    elif isinstance(first, list):
        assert len(first) == len(second), where
        for index, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    elif isinstance(first, float) or (isinstance(first, str) and first.startswith("-") and first != second):
        assert float(first) == pytest.approx(float(second), abs=1e-3), where
    else:
        assert first == second, where


@pytest.mark.slow
@pytest.mark.parametrize("other", ["two", "after"])
def test_two_processes_evaluate_what_one_evaluates_sample_for_sample(evaluated, other):
    single, pair = samples(evaluated.folder / "one"), samples(evaluated.folder / other)
    assert sorted(single) == sorted(pair)
    assert len(single) >= 8
    for name in single:
        assert_same(single[name], pair[name], name)
    assert_same(results(evaluated.folder / "one"), results(evaluated.folder / other), "results")


@pytest.mark.slow
def test_generated_texts_are_equal_with_drawn_samples_and_repeats(evaluated):
    single, pair = samples(evaluated.folder / "one"), samples(evaluated.folder / "two")
    for name in single:
        assert [row["filtered_resps"] for row in single[name]] == [row["filtered_resps"] for row in pair[name]] or (
            "cot" not in name and "symbolic" not in name
        )
    (drawn,) = (rows for name, rows in pair.items() if name.endswith("_n8"))
    assert {len(row["resps"][0]) for row in drawn} == {8}
    assert len({text for row in drawn for text in row["resps"][0]}) > len(drawn)


@pytest.mark.slow
def test_one_process_finds_all_scores_that_two_processes_cached(evaluated):
    single, pair, after = (
        json.loads((evaluated.folder / name / "rung.json").read_text()) for name in ("one", "two", "after")
    )
    assert (single["processes"], pair["processes"]) == (1, 2)
    shared, alone = pair["prefix_sharing"], single["prefix_sharing"]
    assert shared["loglikelihood_requests"] == alone["loglikelihood_requests"]
    assert shared["unique_tokens"] >= alone["unique_tokens"] > 0
    cached = after["prefix_sharing"]
    assert cached["cache_hits"] == cached["loglikelihood_requests"]
    assert cached["generation_cache_hits"] == 0  # two processes had other rows side by side


@pytest.mark.slow
def test_one_process_writes_and_prints(evaluated):
    folder = evaluated.folder
    for entry in (folder / "one").iterdir():
        if entry.is_dir():
            files = [
                sorted(p.name.rpartition("_")[0] for p in (folder / n / entry.name).iterdir()) for n in ("one", "two")
            ]
            assert files[0] == files[1]
    entries = sum("gen_kwargs" in entry for entry in PLAN)
    entries -= len(json.loads((folder / "two" / "rung.json").read_text())["skipped"])
    assert evaluated.output.count("specified through cli") == entries  # which the harness logs in each process


@pytest.mark.slow
def test_the_harness_s_own_model_in_two_processes_gives_the_results_of_one(tiny_checkpoint, tmp_path):
    """Its log-likelihoods and texts, by `accelerate launch` of the command line."""
    from mcqa_suite.cli.main import main

    model_args = f"pretrained={tiny_checkpoint},dtype=float32"
    words = [
        "eval",
        "--model",
        "hf",
        "--model_args",
        model_args,
        "--tasks",
        "mcqa_epfl,mcqa_epfl_cot",
        "--limit",
        "7",
    ]
    words += ["--gen_kwargs", "max_gen_toks=8", "--batch_size", "4", "--log_samples", "--output_path"]
    done = launch([*ACCELERATE, str(CPU)], "-m", "mcqa_suite.cli.main", *words, tmp_path / "two")
    assert done.returncode == 0, done.stderr[-3000:]
    assert main([*words, str(tmp_path / "one"), "--device", "cpu"]) == 0
    single, pair = samples(tmp_path / "one"), samples(tmp_path / "two")
    assert sorted(single) == sorted(pair) == ["samples_mcqa_epfl", "samples_mcqa_epfl_cot"]
    assert_same(single, pair, "samples")
    assert_same(results(tmp_path / "one"), results(tmp_path / "two"), "results")
    assert done.stdout.count("|Version|") == 1  # one table


@pytest.mark.slow
def test_a_process_that_fails_alone_ends_the_others_and_is_reported_once(tmp_path):
    done = launch(TORCHRUN, two_processes.__file__, "fail")
    assert done.returncode != 0
    assert done.stderr.count("only the second of us failed") == 1, done.stderr[-3000:]
    assert "another of the 2 processes ended" not in done.stderr
    assert "exitcode  : 2" in done.stderr


RECIPE = """
name: two
processes: 2
stages:
  - {name: gptq4, kind: gptq, parent: base, settings: {bits: 4, calibration: [{source: symbolic_local, n: 8, seed: 1}]}}
evaluate: [{tasks: [mcqa_epfl]}]
"""


def saying_who(folder: Path, *names: str) -> str:
    """A script that says, by one write that no other process can cut in two, what these variables are to it."""
    script = folder / "who.py"
    script.write_text(
        f"import os\nos.write(1, ' '.join(map(str, ['I am', *map(os.environ.get, {names})])).encode() + b'\\n')"
    )
    return str(script)


def introduced(folder: Path) -> dict[str, list[str]]:
    """What every process of every step said of itself."""
    return {
        log.name: sorted(line for line in log.read_text().splitlines() if line.startswith("I am"))
        for log in (folder / "logs").iterdir()
    }


@pytest.mark.slow
def test_a_recipe_s_processes_run_what_trains_and_evaluates_and_nothing_else(tmp_path):
    from mcqa_suite.ladder.steps import steps_of

    who = saying_who(tmp_path, "RANK", "WORLD_SIZE")
    context = ladder_context(tmp_path, RECIPE)
    for step in steps_of(context.recipe)[:2]:
        context.run_script([who], step)
    assert introduced(tmp_path) == {"base.evaluation.log": ["I am 0 2", "I am 1 2"], "gptq4.log": ["I am None None"]}


@pytest.mark.slow
def test_a_recipe_s_accelerate_starts_what_trains_and_nothing_else(tmp_path):
    from mcqa_suite.ladder.steps import steps_of

    who = saying_who(tmp_path, "RANK", "WORLD_SIZE", "ACCELERATE_USE_FSDP")
    sft = "  - {name: sft, kind: sft, parent: base, settings: {data: [{source: symbolic_local, n: 8}]}}\n"
    text = RECIPE.replace("stages:\n", "accelerate: fsdp\nstages:\n" + sft)
    context = ladder_context(tmp_path, text)
    for step in steps_of(context.recipe):
        context.run_script([who], step)
    assert introduced(tmp_path) == {
        "sft.log": ["I am 0 2 true", "I am 1 2 true"],
        "gptq4.log": ["I am None None None"],
        **{f"{name}.evaluation.log": ["I am 0 2 None", "I am 1 2 None"] for name in ("base", "sft", "gptq4")},
    }


def test_a_recipe_s_accelerate_is_one_of_ours(tmp_path):
    from mcqa_suite.common.errors import ConfigError

    assert ladder_context(tmp_path, "name: one\naccelerate: ddp").recipe.accelerate.name == "ddp.yaml"
    with pytest.raises(ConfigError, match=r"accelerate: '\.\./fsdp'; expected one of cpu, ddp, deepspeed, fsdp"):
        ladder_context(tmp_path, "name: one\naccelerate: ../fsdp")


def test_a_recipe_has_one_process_at_least(tmp_path):
    from mcqa_suite.common.errors import ConfigError

    assert ladder_context(tmp_path, "name: one").recipe.processes == 1
    with pytest.raises(ConfigError, match="processes: 0; expected at least 1"):
        ladder_context(tmp_path, "name: none\nprocesses: 0")


def test_accelerate_s_cpu_flag_is_reported_to_start_one_process(monkeypatch, capsys):
    from mcqa_suite.backend import processes

    for name in processes.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with processes.one_run():
        assert capsys.readouterr().err == ""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_PORT", "29500")  # which it sets where several were asked for
    with processes.one_run():
        assert "cpu.yaml" in capsys.readouterr().err


def test_work_that_cannot_be_split_is_done_by_the_main_process(monkeypatch):
    from mcqa_suite.backend import processes

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as left:
        processes.go_on_alone()
    assert left.value.code == 0
    monkeypatch.setenv("RANK", "0")
    processes.go_on_alone()
    assert processes.world() == 1
    assert "RANK" not in os.environ
