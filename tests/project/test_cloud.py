"""The files that rent a machine, read by the libraries' own loaders; what `docs/scale.md` and the configs ask for is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CLOUD = REPOSITORY / "docs" / "cloud"
ACCELERATE = sorted((REPOSITORY / "training" / "configs" / "accelerate").glob("*.yaml"))
SECRET = re.compile(r"\b(?:hf_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9]{8,}|ak-[A-Za-z0-9]{8,}|AKIA[A-Z0-9]{8,})")
needs_sky = pytest.mark.skipif(not importlib.util.find_spec("sky"), reason="skypilot is not installed")
needs_modal = pytest.mark.skipif(not importlib.util.find_spec("modal"), reason="modal is not installed")


@needs_sky
@pytest.mark.filterwarnings("ignore")  # of its own dependencies
def test_skypilot_reads_its_task():
    import sky

    task = sky.Task.from_yaml(str(CLOUD / "sky.yaml"))
    assert task.num_nodes == 1
    assert all(resources.accelerators for resources in task.resources)
    command = re.search(r"\| (xargs \S+)", task.run)[1].replace("~/mcqa-venv/bin/mcqa", "printf '%s|'")
    words = subprocess.run(
        ["bash", "-c", f'echo "$COMMAND" | {command}'], env=task.envs, capture_output=True, text=True
    )
    assert words.stdout.split("|")[:2] == ["run", "training/configs/demo.yaml"]
    assert (REPOSITORY / words.stdout.split("|")[1]).is_file()


@needs_modal
def test_modal_imports_its_app():
    code = """
import modal, modal_app
assert isinstance(modal_app.mcqa, modal.Function)
entrypoints = (modal_app.recipe, modal_app.evaluate, modal_app.runs, modal_app.fetch)
assert all(isinstance(each, modal.app.LocalEntrypoint) for each in entrypoints)
print(modal_app.app.name)
"""
    assert of_modal(code) == (0, "mcqa-suite", "")


VOLUME = """
import sys, types, pathlib, modal, modal_app
folder, output = map(pathlib.Path, sys.argv[1:3])
def iterdir(path, recursive=False):
    kind = modal.volume.FileEntryType
    for each in sorted((folder / path.strip("/")).rglob("*") if recursive else folder.iterdir()):
        yield types.SimpleNamespace(path=str(each.relative_to(folder)), type=kind.FILE if each.is_file() else kind.DIRECTORY)
modal_app.volume = types.SimpleNamespace(iterdir=iterdir, read_file=lambda path: [(folder / path).read_bytes()])
"""


@needs_modal
def test_runs_are_listed_and_fetched_without_their_weights(tmp_path):
    run, output = tmp_path / "volume" / "demo", tmp_path / "here"
    (run / "checkpoints").mkdir(parents=True)
    (run / "leaderboard.md").write_text("a table")
    (run / "checkpoints" / "model.safetensors").write_bytes(b"weights")
    code = VOLUME + "modal_app.runs.info.raw_f(); modal_app.copy_run('demo', str(output))"
    assert of_modal(code, run.parent, output) == (0, "demo", "")
    assert [str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()] == ["leaderboard.md"]
    of_modal(VOLUME + "modal_app.copy_run('demo', str(output), weights=True)", run.parent, output)
    assert (output / "checkpoints" / "model.safetensors").read_bytes() == b"weights"


@needs_modal
def test_a_file_of_the_volume_that_leads_out_of_the_output_is_refused(tmp_path):
    code = "import sys, pathlib, modal_app as m; m.copy_file('/run/../../x', pathlib.Path(sys.argv[1]), 'run')"
    status, _out, err = of_modal(code, tmp_path)
    assert status == 1
    assert "not fetched" in err


def of_modal(code: str, *arguments) -> tuple[int, str, str]:
    """Exit code, output and errors of `code`, run beside the app."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=CLOUD, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_no_secret_is_written_down():
    files = [path for path in CLOUD.iterdir() if path.is_file()]
    assert {"sky.yaml", "modal_app.py", "README.md"} <= {path.name for path in files}
    assert not [path.name for path in files if SECRET.search(path.read_text(encoding="utf-8"))]
    assert set(yaml.safe_load((CLOUD / "sky.yaml").read_text(encoding="utf-8"))["secrets"].values()) == {""}


@pytest.mark.parametrize("path", ACCELERATE, ids=lambda path: path.stem)
def test_accelerate_reads_its_configs_and_launches_what_they_are_named_for(path):
    launch = pytest.importorskip("accelerate.commands.launch")
    args = launch.launch_command_parser().parse_args(["--config_file", str(path), "training/sft.py"])
    args, defaults, _mixed = launch._validate_launch_command(args)
    kind = {"cpu": "MULTI_GPU", "ddp": "MULTI_GPU", "fsdp": "FSDP", "deepspeed": "DEEPSPEED"}[path.stem]
    assert defaults.distributed_type.value == kind
    assert (args.multi_gpu, args.use_fsdp, args.use_deepspeed) == tuple(
        path.stem in names for names in (("cpu", "ddp"), ("fsdp",), ("deepspeed",))
    )
    assert (args.use_cpu, args.num_processes) == (path.stem == "cpu", 2)


def test_every_way_to_launch_has_a_config():
    assert [path.stem for path in ACCELERATE] == ["cpu", "ddp", "deepspeed", "fsdp"]


def test_our_backends_do_not_hide_those_of_the_harness():
    """`mcqa eval --model vllm`, `local-completions` and `hf`, in a process of its own: the harness fills its registry once."""
    code = (
        "from mcqa_suite.backend import prefix; prefix.register();"
        "from lm_eval.api.registry import model_registry as known;"
        "print(*(name in known for name in ('hf', 'vllm', 'local-completions', 'local-chat-completions', 'hf-prefix')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True"] * 5, done.stderr
