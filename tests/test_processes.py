"""Two processes beside one: the same checkpoint to rounding, the same evaluation, and one voice.

Run by torchrun as a script, this file is the process: `test_processes.py train FOLDER PARENT` makes the stages whose settings lie
in the folder, `test_processes.py fail` fails in every process but the main one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("default")
REPOSITORY = Path(__file__).resolve().parents[1]
CPU = REPOSITORY / "training" / "configs" / "accelerate" / "cpu.yaml"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
ACCELERATE = ["-m", "accelerate.commands.launch", "--config_file", str(CPU), "--num_processes", "2"]
TRAINER = {"max_steps": 2, "learning_rate": 1e-2, "logging_steps": 1}
SFT = {"data": [{"source": "generated", "n": 16, "seed": 1, "style": "letter_text"}], "lora": {"r": 4}}
PAIRS = {"data": [{"source": "generated", "n": 20, "seed": 3}], "lora": {"r": 4}, "held_out": 0.2}
STAGES: dict[str, dict[str, Any]] = {
    "sft": SFT,
    "dpo": {**PAIRS, "trainer": {"precompute_ref_log_probs": True}},
    "orpo": PAIRS,
    "reward": PAIRS,
}
SHORT = {"max_gen_toks": 8}
PLAN = [
    {"tasks": ["mcqa_generated", "mcqa_generated_cloze"], "limit": 13},
    {"tasks": ["mcqa_epfl"], "limit": 1},  # fewer documents than processes
    {"tasks": ["mcqa_symbolic_local"], "limit": 3, "gen_kwargs": SHORT},  # a group of generated answers
    {"tasks": ["mcqa_generated_cot_n8"], "limit": 3, "gen_kwargs": SHORT},  # samples that are drawn
    {
        "tasks": ["mcqa_arc_grid_1_training"],
        "limit": 3,
        "gen_kwargs": SHORT,
        "optional": True,
    },  # a score over all items
]


def launch(launcher: list[str], *words: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *launcher, *map(str, words)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=600)


def stage(kind: str, per_device: int) -> dict[str, Any]:
    config = STAGES[kind]
    trainer = {**TRAINER, "per_device_train_batch_size": per_device, **config.get("trainer", {})}
    return {**config, "trainer": trainer}


@pytest.fixture(scope="module")
def trained(tiny_checkpoint, tmp_path_factory):
    """Every stage by one process and by two, whose batches are half as large; and what the two wrote to the terminal."""
    from stages import made

    folder = tmp_path_factory.mktemp("processes")
    for kind in STAGES:
        (folder / f"{kind}2.yaml").write_text(json.dumps(stage(kind, 4)))
    done = launch(TORCHRUN, __file__, "train", folder, tiny_checkpoint)
    assert done.returncode == 0, done.stderr[-3000:]
    for kind in STAGES:
        made(kind, stage(kind, 8), tiny_checkpoint, folder / f"{kind}1")
    return SimpleNamespace(folder=folder, said=done.stderr + done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("kind", STAGES)
def test_two_processes_train_what_one_trains_with_the_same_batch(trained, tiny_checkpoint, kind):
    from stages import weights

    from mcqa_suite.manifest import HELD_OUT, read_manifest

    one, two = (trained.folder / f"{kind}{n}" for n in (1, 2))
    before, alone, together = weights(tiny_checkpoint), weights(one), weights(two)
    assert alone.keys() == together.keys()
    moved = max(float((alone[name] - before[name]).abs().max()) for name in before if name in alone)
    apart = max(float((alone[name] - together[name]).abs().max()) for name in alone)
    assert moved > 1e-3
    assert apart < 1e-5
    manifests = [read_manifest(folder) for folder in (one, two)]
    assert [manifest.hardware.processes for manifest in manifests] == [1, 2]
    assert manifests[0].metrics["loss"] == pytest.approx(manifests[1].metrics["loss"], abs=1e-4)
    assert manifests[0].metrics["steps"] == manifests[1].metrics["steps"] == 2
    assert manifests[0].data == manifests[1].data
    if kind != "sft":
        rows = [[json.loads(line) for line in (each / HELD_OUT).read_text().splitlines()] for each in (one, two)]
        assert [row["id"] for row in rows[0]] == [row["id"] for row in rows[1]]
        assert [row["chosen"] for row in rows[0]] == pytest.approx([row["chosen"] for row in rows[1]], abs=1e-4)


@pytest.mark.slow
def test_tokens_a_second_are_those_of_both_processes(trained):
    from mcqa_suite.manifest import read_manifest

    tokens = [
        manifest.tokens_per_second * manifest.metrics["train_seconds"]
        for manifest in (read_manifest(trained.folder / f"sft{n}") for n in (1, 2))
    ]
    assert tokens[0] == pytest.approx(tokens[1], rel=1e-3)


@pytest.mark.slow
def test_the_main_process_alone_writes_checkpoints_and_draws_bars(trained):
    kept = {path.name for path in trained.folder.iterdir() if path.is_dir()}
    assert kept == {f"{kind}{n}" for kind in STAGES for n in (1, 2)}
    for kind in STAGES:
        log = (trained.folder / f"{kind}2" / "training_log.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in log] == [1, 2]
    # 100 % of a bar, which is drawn again at its end, and which each process would draw
    assert trained.said.count("'train_runtime'") == len(STAGES)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """The plan by one process, by two with a cache, and by one that finds what the two kept."""
    from mcqa_suite.harness import rung

    folder = tmp_path_factory.mktemp("evaluations")
    words = ["--checkpoint", str(REPOSITORY / "training" / "base"), "--plan", json.dumps(PLAN), "--batch_size", "4"]
    cache = str(folder / "cache.sqlite")
    done = launch(TORCHRUN, "-m", "mcqa_suite.harness.rung", *words, "--output", folder / "two", MCQA_CACHE=cache)
    assert done.returncode == 0, done.stderr[-3000:]
    with pytest.MonkeyPatch.context() as patch:
        assert rung.main([*words, "--output", str(folder / "one")]) == 0
        patch.setenv("MCQA_CACHE", cache)
        assert rung.main([*words, "--output", str(folder / "after")]) == 0
    return SimpleNamespace(folder=folder, said=done.stderr)


def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in folder.rglob("results_*.json"):
        read = json.loads(path.read_text(encoding="utf-8"))
        found |= {**read["results"], **{f"group {name}": value for name, value in read["group_subtasks"].items()}}
    return found


def samples(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        path.name.rpartition("_")[0]: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted(folder.rglob("samples_*.jsonl"))
    }


def assert_same(one: Any, two: Any, where: str) -> None:
    """Equal, order included, numbers to the rounding of float32; texts of log-likelihoods count as numbers."""
    if isinstance(one, dict):
        assert list(one) == list(two), where
        for key in one:
            assert_same(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(two), where
        for place, (a, b) in enumerate(zip(one, two, strict=True)):
            assert_same(a, b, f"{where}[{place}]")
    elif isinstance(one, float) or (isinstance(one, str) and one.startswith("-") and one != two):
        assert float(one) == pytest.approx(float(two), abs=1e-3), where
    else:
        assert one == two, where


@pytest.mark.slow
@pytest.mark.parametrize("other", ["two", "after"])
def test_two_processes_evaluate_what_one_evaluates_sample_for_sample(evaluated, other):
    one, two = samples(evaluated.folder / "one"), samples(evaluated.folder / other)
    assert sorted(one) == sorted(two)
    assert len(one) >= 8
    for name in one:
        assert_same(one[name], two[name], name)
    assert_same(results(evaluated.folder / "one"), results(evaluated.folder / other), "results")


@pytest.mark.slow
def test_generated_texts_are_the_very_ones_drawn_samples_and_repeats_too(evaluated):
    one, two = samples(evaluated.folder / "one"), samples(evaluated.folder / "two")
    for name in one:
        assert [row["filtered_resps"] for row in one[name]] == [row["filtered_resps"] for row in two[name]] or (
            "cot" not in name and "symbolic" not in name
        )
    (drawn,) = (rows for name, rows in two.items() if name.endswith("_n8"))
    assert {len(row["resps"][0]) for row in drawn} == {8}
    assert len({text for row in drawn for text in row["resps"][0]}) > len(drawn)


@pytest.mark.slow
def test_what_two_processes_keep_is_all_that_one_needs(evaluated):
    one, two, after = (
        json.loads((evaluated.folder / name / "rung.json").read_text()) for name in ("one", "two", "after")
    )
    assert (one["processes"], two["processes"]) == (1, 2)
    counts = ("loglikelihood_requests", "documents", "exact_ties_at_the_top", "of_identical_options")
    shared, alone = two["prefix_sharing"], one["prefix_sharing"]
    assert [shared[key] for key in counts] == [alone[key] for key in counts]
    assert shared["unique_tokens"] >= alone["unique_tokens"] > 0
    found = after["prefix_sharing"]
    assert (found["tokens_computed"], found["cache_hits"]) == (0, found["loglikelihood_requests"])
    assert found["generation_cache_hits"] > 0


@pytest.mark.slow
def test_one_process_writes_and_speaks(evaluated):
    folder = evaluated.folder
    for entry in (folder / "one").iterdir():
        if entry.is_dir():
            files = [
                sorted(p.name.rpartition("_")[0] for p in (folder / n / entry.name).iterdir()) for n in ("one", "two")
            ]
            assert files[0] == files[1]
    entries = sum("gen_kwargs" in entry for entry in PLAN)
    entries -= len(json.loads((folder / "two" / "rung.json").read_text())["skipped"])
    assert evaluated.said.count("specified through cli") == entries  # which the harness says in each process


@pytest.mark.slow
def test_the_harness_s_own_model_in_two_processes_gives_the_results_of_one(tiny_checkpoint, tmp_path):
    """Its log-likelihoods and texts, by `accelerate launch` of the command line."""
    from mcqa_suite.cli import main

    told = f"pretrained={tiny_checkpoint},dtype=float32"
    words = ["eval", "--model", "hf", "--model_args", told, "--tasks", "mcqa_epfl,mcqa_generated_cot", "--limit", "7"]
    words += ["--gen_kwargs", "max_gen_toks=8", "--batch_size", "4", "--log_samples", "--output_path"]
    done = launch(ACCELERATE, "-m", "mcqa_suite.cli", *words, tmp_path / "two")
    assert done.returncode == 0, done.stderr[-3000:]
    assert main([*words, str(tmp_path / "one"), "--device", "cpu"]) == 0
    one, two = samples(tmp_path / "one"), samples(tmp_path / "two")
    assert sorted(one) == sorted(two) == ["samples_mcqa_epfl", "samples_mcqa_generated_cot"]
    assert_same(one, two, "samples")
    assert_same(results(tmp_path / "one"), results(tmp_path / "two"), "results")
    assert done.stdout.count("|mcqa_epfl") == 1  # one table


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_stops_both_processes_with_one_line(tiny_checkpoint, tmp_path):
    config = stage("sft", 4)
    (tmp_path / "bad.yaml").write_text(json.dumps({**config, "trainer": {**config["trainer"], "learning_rate": 1e30}}))
    script = REPOSITORY / "training" / "sft.py"
    words = ["--config", tmp_path / "bad.yaml", "--parent", tiny_checkpoint, "--output", tmp_path / "bad"]
    done = launch(TORCHRUN, script, *words)
    said = [line for line in done.stderr.replace("\r", "\n").splitlines() if "loss is nan at step" in line]
    assert done.returncode != 0
    assert len(said) == 1, done.stderr[-3000:]
    assert said[0].startswith("sft.py: ")
    assert "exitcode  : 2" in done.stderr
    assert not (tmp_path / "bad").exists()


def test_a_process_that_fails_alone_is_heard_and_nobody_waits_for_it(tmp_path):
    done = launch(TORCHRUN, __file__, "fail")
    assert done.returncode != 0
    assert done.stderr.count("only the second of us failed") == 1, done.stderr[-3000:]
    assert "another of the 2 processes ended" not in done.stderr
    assert "exitcode  : 2" in done.stderr


RECIPE = """
name: two
processes: 2
stages:
  - {name: gptq4, kind: gptq, parent: base, settings: {bits: 4, calibration: [{source: generated, n: 8, seed: 1}]}}
evaluate: [{tasks: [mcqa_epfl]}]
"""


def climb_of(folder: Path, text: str, lock: int | None = None) -> Any:
    from mcqa_suite.ladder.climb import Climb
    from mcqa_suite.recipe import read_recipe

    (folder / "recipe.yaml").write_text(text)
    return Climb(read_recipe(folder / "recipe.yaml"), folder, (), 4, lock)


def test_a_recipe_s_processes_run_what_trains_and_evaluates_and_nothing_else(tmp_path):
    from mcqa_suite.ladder.graph import steps_of

    (tmp_path / "who.py").write_text("import os; print('I am', os.environ.get('RANK'), os.environ.get('WORLD_SIZE'))")
    with (tmp_path / "lock").open("w") as lock:
        climb = climb_of(tmp_path, RECIPE, lock.fileno())
        for step in steps_of(climb.recipe)[:2]:
            climb.execute_step([str(tmp_path / "who.py")], step)
    said = {
        log.name: sorted(line for line in log.read_text().splitlines() if line.startswith("I am"))
        for log in (tmp_path / "logs").iterdir()
    }
    assert said == {"base.evaluation.log": ["I am 0 2", "I am 1 2"], "gptq4.log": ["I am None None"]}


def test_a_recipe_has_one_process_at_least(tmp_path):
    from mcqa_suite.errors import ConfigError

    assert climb_of(tmp_path, "name: one").recipe.processes == 1
    with pytest.raises(ConfigError, match="processes: 0; expected at least 1"):
        climb_of(tmp_path, "name: none\nprocesses: 0")


@pytest.mark.slow
def test_a_checkpoint_of_another_number_of_processes_is_made_again(trained, tmp_path):
    from mcqa_suite.checkpoints import Wanted
    from mcqa_suite.ladder.stages import _why_redo
    from mcqa_suite.manifest import read_manifest

    made = read_manifest(trained.folder / "sft1")
    wanted = Wanted(made.kind, made.name, made.parent, made.settings, made.data)
    assert _why_redo(climb_of(tmp_path, "name: one"), trained.folder / "sft1", wanted) is None
    two = climb_of(tmp_path, "name: two\nprocesses: 2")
    assert _why_redo(two, trained.folder / "sft1", wanted) == "processes: 1 -> 2"


def test_accelerate_s_cpu_flag_is_said_to_start_one_process_alone(monkeypatch, capsys):
    from mcqa_suite.harness import processes

    for name in processes.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    processes.hush()
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_PORT", "29500")  # which it sets where several were asked for
    processes.hush()
    assert "cpu.yaml" in capsys.readouterr().err


def test_work_that_is_not_shared_out_is_the_main_process_s(monkeypatch):
    from mcqa_suite.harness import processes

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as left:
        processes.go_on_alone()
    assert left.value.code == 0
    monkeypatch.setenv("RANK", "0")
    processes.go_on_alone()
    assert processes.world() == 1
    assert "RANK" not in os.environ


def _train(folder: Path, parent: str) -> None:
    from stages import script

    for kind in STAGES:
        output = folder / f"{kind}2"
        sys.argv = [kind, "--config", f"{output}.yaml", "--parent", parent, "--output", str(output)]
        script(kind).main()


def _fail() -> int:
    from mcqa_suite.errors import McqaError
    from mcqa_suite.harness import processes

    try:
        with processes.failing_once():
            processes.join()
            if not processes.is_main():
                raise McqaError("only the second of us failed")
            processes.gathered("never answered")
    except McqaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "fail":
        sys.exit(_fail())
    _train(Path(sys.argv[2]), sys.argv[3])
