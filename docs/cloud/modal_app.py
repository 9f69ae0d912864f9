"""A recipe on one rented GPU, with Modal (https://modal.com/docs); the results come back into a folder here.

    modal run docs/cloud/modal_app.py --recipe training/configs/demo.yaml --output runs/cloud [--weights]

MCQA_GPU names the GPU (L4), MCQA_EXTRAS the extras to install, MCQA_SECRET a secret of your workspace that holds HF_TOKEN, for
gated models and data alone. The run lives on a volume of the recipe's name: run again after a crash, it
resumes.
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
def run_recipe(recipe: str, name: str) -> int:
    """Runs a recipe of the repository into the volume's folder `name`; the exit code of `mcqa run`."""
    command = [sys.executable, "-m", "mcqa_suite.cli.main", "run", recipe, "--output", f"{RUNS}/{name}"]
    done = subprocess.run(command, cwd=SUITE, check=False)  # noqa: S603 - a list, no shell
    volume.commit()
    return done.returncode


@app.local_entrypoint()
def main(recipe: str, output: str = "runs/cloud", weights: bool = False) -> None:
    name = Path(recipe).stem
    code = run_recipe.remote(recipe, name)
    for entry in volume.iterdir(f"/{name}", recursive=True):
        if entry.type == modal.volume.FileEntryType.FILE and (weights or not entry.path.endswith(".safetensors")):
            fetch(entry.path, Path(output), name)
    if code:
        raise SystemExit(code)


def fetch(path: str, output: Path, name: str) -> None:
    """One file of the volume, at the same place below `output`; a path that would lead out of it is refused."""
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
