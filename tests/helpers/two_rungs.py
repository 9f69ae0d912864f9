"""A ladder of two rungs with a stand-in script that writes slowly, to be killed, damaged and resumed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.ladder.run import run_recipe

# Writes its parent's files one after the other, and 40 kB of its own that depend on its settings and its parent.
SCRIPT = """
import argparse, hashlib, time
from pathlib import Path
from mcqa_suite.common.manifest import Manifest, Parent, complete_folder, content_hash, hardware, name_of, write_manifest
from mcqa_suite.ladder.stage_settings import read_rows, read_settings, record

parser = argparse.ArgumentParser()
for name in ("config", "parent", "output", "chat-template"):
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
  - {{name: g8, kind: gptq, parent: base, settings: {{bits: 8, calibration: [{{source: symbolic_local, n: 6}}]}}}}
  - {{name: g4, kind: gptq, parent: base, settings: {{bits: 4, calibration: [{{source: symbolic_local, n: 6}}]}}}}
"""
DRIVER = """
import sys
from pathlib import Path
import mcqa_suite.ladder.stages as stages
from mcqa_suite.ladder.run import run_recipe
stages.training_dir = lambda: Path(sys.argv[1])
run_recipe(Path(sys.argv[2]))
"""
ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk")


def statuses(recipe: Path, capsys: pytest.CaptureFixture[str], output: Path | None = None) -> dict[str, str]:
    """Run the ladder; the status of each stage, without the seconds."""
    capsys.readouterr()
    run_recipe(recipe, output)
    lines = re.findall(r"^\[\d/3\] (g\d) +gptq +(.*)$", capsys.readouterr().out, re.MULTILINE)
    return {name: re.sub(r"^[\d.]+ s *", "", status) for name, status in lines}


def contents(folder: Path) -> dict[str, str]:
    return {name: read_manifest(folder / "checkpoints" / name).content for name in ("g8", "g4")}


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)
