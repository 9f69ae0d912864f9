"""A recipe or an evaluation on one rented GPU, with Modal (https://modal.com/docs); the results come back into a folder here.

    modal run docs/cloud/modal_app.py::recipe --path training/configs/demo.yaml
    modal run docs/cloud/modal_app.py::evaluate --model Qwen/Qwen3-0.6B --tasks mcqa_arc,mcqa_openbookqa
    modal run docs/cloud/modal_app.py::runs
    modal run docs/cloud/modal_app.py::fetch --name demo --output runs/demo [--weights]

MCQA_GPU names the GPU (default L4), MCQA_EXTRAS the extras to install, MCQA_SECRET a secret of your workspace that holds
HF_TOKEN, for gated models and data only. Runs stay on the volume `mcqa-runs`; a recipe that was cut off resumes there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import modal

SUITE, RUNS = "/suite", "/runs"
IGNORED = [".git", ".venv", "runs", "**/__pycache__", "dist", ".*_cache"]
HOURS = 24

app = modal.App("mcqa-suite")
volume = modal.Volume.from_name("mcqa-runs", create_if_missing=True)
image = modal.Image.debian_slim(python_version="3.11").apt_install("g++")  # which a quantised kernel may ask for
if modal.is_local():
    repository = Path(__file__).resolve().parents[2]
    extras = os.environ.get("MCQA_EXTRAS", "eval,train,gptq")
    image = image.add_local_dir(repository, SUITE, copy=True, ignore=IGNORED).pip_install(f"{SUITE}[{extras}]")
secret = os.environ.get("MCQA_SECRET")


@app.function(
    image=image,
    gpu=os.environ.get("MCQA_GPU", "L4"),
    volumes={RUNS: volume},
    secrets=[modal.Secret.from_name(secret, required_keys=["HF_TOKEN"])] if secret else [],
    timeout=HOURS * 3600,
)
def mcqa(arguments: list[str]) -> int:
    """Run `mcqa ARGUMENTS` in the repository, keep what it wrote on the volume, and return its exit code."""
    done = subprocess.run([sys.executable, "-m", "mcqa_suite.cli.main", *arguments], cwd=SUITE, check=False)  # noqa: S603 - a list, no shell
    volume.commit()
    return done.returncode


@app.local_entrypoint()
def recipe(path: str, output: str = "", weights: bool = False) -> None:
    """Run a recipe of the repository, then fetch what it made."""
    name = Path(path).stem
    code = mcqa.remote(["run", path, "--output", f"{RUNS}/{name}"])
    copy_run(name, output, weights)
    raise SystemExit(code)


@app.local_entrypoint()
def evaluate(model: str, tasks: str, output: str = "", batch_size: str = "auto") -> None:
    """Evaluate a model of the hub, or a checkpoint on the volume (/runs/demo/checkpoints/sft), then fetch its logs."""
    name = Path(model).name
    arguments = ["eval", "--model_args", f"pretrained={model}", "--tasks", tasks, "--batch_size", batch_size]
    code = mcqa.remote([*arguments, "--output_path", f"{RUNS}/{name}", "--log_samples"])
    copy_run(name, output)
    raise SystemExit(code)


@app.local_entrypoint()
def runs() -> None:
    """List the runs on the volume."""
    print("\n".join(sorted(entry.path for entry in volume.iterdir("/"))) or "no runs yet")


@app.local_entrypoint()
def fetch(name: str, output: str = "", weights: bool = False) -> None:
    """Fetch a run from the volume."""
    copy_run(name, output, weights)


def copy_run(name: str, output: str = "", weights: bool = False) -> None:
    """Copy a run of the volume into `output` (default runs/NAME), without its weights unless they are asked for."""
    folder = Path(output or f"runs/{name}")
    for entry in volume.iterdir(f"/{name}", recursive=True):
        if entry.type == modal.volume.FileEntryType.FILE and (weights or not entry.path.endswith(".safetensors")):
            copy_file(entry.path, folder, name)


def copy_file(path: str, output: Path, name: str) -> None:
    """Copy one file of the volume to the same place below `output`; a path that leads out of it is refused."""
    inside = PurePosixPath(path.lstrip("/")).relative_to(name)
    if ".." in inside.parts:
        raise SystemExit(f"{path}: leads out of {output}; not fetched")
    target = output / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("wb") as file:
        for block in volume.read_file(path):
            file.write(block)
    partial.replace(target)
