"""Two processes train the same checkpoint as one, to rounding, with all weights in each (DDP) or a part of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from helpers import two_processes
from helpers.training_scripts import default_warnings
from helpers.two_processes import ACCELERATE, CPU, LORA, PAIRS, REPOSITORY, SFT, TORCHRUN, launch, with_batch

pytestmark = default_warnings
STAGES: dict[str, dict[str, Any]] = {
    "sft": {**SFT, **LORA},
    "dpo": {**PAIRS, **LORA, "trainer": {"precompute_ref_log_probs": True}},
    "orpo": {**PAIRS, **LORA},
    "reward": {**PAIRS, **LORA},
}
# of every kind all weights, and an adapter merged or not, which are put together in different ways
SHARDED: dict[str, dict[str, Any]] = {  # each way to save weights of which a process holds a part
    "sft-full": {**SFT, "full": True},
    "sft-adapter": {**SFT, **LORA, "merge": False},
    "dpo-merged": {**PAIRS, **LORA},
    "reward-full": {**PAIRS, "full": True},
}


def trained_by_both(stages: dict[str, Any], launcher: list[str], parent: Path, folder: Path, **environment: str) -> Any:
    """Train every stage with two processes and with one, whose batches are twice as large; keep the output of the two."""
    from helpers.training_scripts import run_stage

    for name in ("one", "two"):
        (folder / name).mkdir()
    for name, config in stages.items():
        (folder / "two" / f"{name}.yaml").write_text(json.dumps(with_batch(config, 4)))
    done = launch(launcher, two_processes.__file__, "train", folder / "two", parent, **environment)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, config in stages.items():
        run_stage(name.partition("-")[0], with_batch(config, 8), parent, folder / "one" / name)
    return SimpleNamespace(folder=folder, output=done.stderr + done.stdout)


def assert_same_checkpoint(folder: Path, name: str, parent: Path, apart: float) -> None:
    """Assert that two processes made the same files, metrics and manifest as one, and weights within `apart`.

    Adam's first steps have the same length for every gradient, which magnifies the rounding of small ones.
    """
    from helpers.training_scripts import weights

    from mcqa_suite.common.manifest import HELD_OUT, read_manifest

    single, double = folder / "one" / name, folder / "two" / name
    assert sorted(path.name for path in single.iterdir()) == sorted(path.name for path in double.iterdir())
    before, alone, together = weights(parent), weights(single), weights(double)
    assert alone.keys() == together.keys()
    # an adapter's own weights begin at zero or at random, not at the parent's
    moved = max(float((alone[key] - before[key]).abs().max()) if key in before else 0.0 for key in alone)
    assert moved > 1e-3 or "adapter" in name
    assert max(float((alone[key] - together[key]).abs().max()) for key in alone) < apart
    for file in ("config.json", "generation_config.json", "tokenizer_config.json"):
        if (single / file).exists():
            assert (single / file).read_text() == (double / file).read_text()
    manifests = [read_manifest(each) for each in (single, double)]
    assert [manifest.hardware.processes for manifest in manifests] == [1, 2]
    assert manifests[0].metrics["loss"] == pytest.approx(manifests[1].metrics["loss"], abs=1e-4)
    assert manifests[0].metrics["steps"] == manifests[1].metrics["steps"] == 2
    assert manifests[0].data == manifests[1].data
    assert manifests[0].size == manifests[1].size
    if not name.startswith("sft"):
        rows = [[json.loads(line) for line in (each / HELD_OUT).read_text().splitlines()] for each in (single, double)]
        assert [row["id"] for row in rows[0]] == [row["id"] for row in rows[1]]
        for key in ("chosen", "rejected"):
            assert [row[key] for row in rows[0]] == pytest.approx([row[key] for row in rows[1]], abs=20 * apart)


@pytest.fixture(scope="module")
def trained(tiny_checkpoint, tmp_path_factory):
    return trained_by_both(STAGES, TORCHRUN, tiny_checkpoint, tmp_path_factory.mktemp("processes"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", STAGES)
def test_two_processes_train_the_same_checkpoint_as_one_with_the_same_batch(trained, tiny_checkpoint, kind):
    assert_same_checkpoint(trained.folder, kind, tiny_checkpoint, apart=1e-4)


@pytest.fixture(scope="module", params=["fsdp", "deepspeed"])
def sharded(request, tiny_checkpoint, tmp_path_factory):
    """By two processes without a GPU, of which each holds a part of the weights: our own configuration, on the CPU."""
    if request.param == "deepspeed":
        pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    config = yaml.safe_load(CPU.with_name(f"{request.param}.yaml").read_text())
    config |= {"use_cpu": True, "mixed_precision": "no", "main_process_port": 0}
    (folder / "launch.yaml").write_text(yaml.safe_dump(config))
    launcher = [*ACCELERATE, str(folder / "launch.yaml")]
    return trained_by_both(SHARDED, launcher, tiny_checkpoint, folder, DS_ACCELERATOR="cpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARDED)
def test_processes_with_sharded_weights_train_and_save_what_one_process_does(sharded, tiny_checkpoint, name):
    assert_same_checkpoint(sharded.folder, name, tiny_checkpoint, apart=1e-3)


@pytest.mark.slow
def test_qlora_with_sharded_weights_is_refused_and_the_error_names_ddp(tiny_checkpoint, tmp_path, monkeypatch):
    from helpers.training_scripts import run_stage

    from mcqa_suite.common.errors import ConfigError

    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigError, match=r"sft.yaml: qlora: .* launch with ddp.yaml"):
        run_stage("sft", {**SFT, "qlora": True}, tiny_checkpoint, tmp_path / "sft")


@pytest.mark.slow
def test_tokens_per_second_count_both_processes(trained):
    from mcqa_suite.common.manifest import read_manifest

    tokens = [
        manifest.tokens_per_second * manifest.metrics["train_seconds"]
        for manifest in (read_manifest(trained.folder / n / "sft") for n in ("one", "two"))
    ]
    assert tokens[0] == pytest.approx(tokens[1], rel=1e-3)


@pytest.mark.slow
def test_only_the_main_process_writes_checkpoints_and_draws_bars(trained):
    two = trained.folder / "two"
    assert {path.name for path in two.iterdir() if path.is_dir()} == STAGES.keys()
    for kind in STAGES:
        log = (two / kind / "training_log.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in log] == [1, 2]
    # 100 % of a bar, which is drawn again at its end, and which each process would draw
    assert trained.output.count("'train_runtime'") == len(STAGES)


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_stops_both_processes_with_one_line(tiny_checkpoint, tmp_path):
    config = with_batch({**SFT, **LORA, "trainer": {"learning_rate": 1e18}}, 4)
    (tmp_path / "bad.yaml").write_text(json.dumps(config))
    script = REPOSITORY / "training" / "sft.py"
    words = ["--config", tmp_path / "bad.yaml", "--parent", tiny_checkpoint, "--output", tmp_path / "bad"]
    done = launch(TORCHRUN, script, *words)
    lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if "loss is nan at step" in line]
    assert done.returncode != 0
    assert len(lines) == 1, done.stderr[-3000:]
    assert lines[0].startswith("sft.py: ")
    assert "exitcode  : 2" in done.stderr
    assert not (tmp_path / "bad").exists()


@pytest.mark.slow
def test_another_number_of_processes_makes_a_checkpoint_again(trained, tmp_path):
    from mcqa_suite.common.manifest import read_manifest
    from mcqa_suite.ladder.context import Expected, redo_reason

    manifest = read_manifest(trained.folder / "one" / "sft")
    expected = Expected(manifest.kind, manifest.name, manifest.parent, manifest.settings, manifest.data)
    assert redo_reason(trained.folder / "one" / "sft", expected, 1) is None
    assert redo_reason(trained.folder / "one" / "sft", expected, 2) == "processes: 1 -> 2"
