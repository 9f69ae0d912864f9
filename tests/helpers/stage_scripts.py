"""Scripts that stand in for those of training/, recipes for them, and a recipe's context."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.locations import TRAIN

# Copies its parent and writes its settings and the ids of its rows to a file; seed 13 makes it fail, seed 9 kills it half-way.
SCRIPT = """
import argparse, json, os, signal, sys
from pathlib import Path
from mcqa_suite.common.chat_template import as_chat_template
from mcqa_suite.common.checkpoints import checkpoint_size
from mcqa_suite.common.manifest import Manifest, Parent, complete_folder, content_hash, hardware, name_of
from mcqa_suite.common.checkpoints import checkpoint_size
from mcqa_suite.common.manifest import write_manifest
from mcqa_suite.ladder.stage_settings import read_leave_out, read_rows, read_settings, record, rows_chat_template

KIND = Path(__file__).stem
parser = argparse.ArgumentParser()
for name in ("config", "parent", "output", "parent-base", "chat-template"):
    parser.add_argument(f"--{name}", type=Path)
args = parser.parse_args()
settings = read_settings(KIND, args.config)
trainer = getattr(settings, "trainer", {})
chat = as_chat_template(json.loads(str(args.chat_template)))
rows, data = read_rows(settings)
left = read_leave_out(settings)
with complete_folder(args.output) as folder:
    for path in args.parent.iterdir():
        if path.suffix != ".csv" and path.name != "manifest.json":
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "made.json").write_text(json.dumps([record(settings), [row["id"] for row in rows]]))
    print(" 50%|#####     | 1/2", end="\\r", file=sys.stderr, flush=True)
    if settings.seed == 13:
        raise ValueError("an unlucky number")
    if settings.seed == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    write_manifest(folder, Manifest(
        kind=KIND,
        name=args.output.name,
        parent=Parent(name_of(args.parent), content_hash(args.parent)),
        settings=record(settings),
        content=content_hash(folder),
        seed=settings.seed,
        hardware=hardware(),
        seconds=1.0,
        data=data,
        left_out=left and left.record,
        size=checkpoint_size(folder),
        metrics={"parent_base": args.parent_base and args.parent_base.name, "reward_accuracy": trainer.get("learning_rate")},
        adapter=not getattr(settings, "merge", True),
        chat_template=chat,
        rows_chat_template=rows_chat_template(settings, chat),
    ))
"""
# Stands for training/check.py.
CHECK = """
import sys
from pathlib import Path
for word in sys.argv[1:]:
    if not word.startswith("--") and "learning_rat:" in Path(word).read_text():
        sys.exit(f"check.py: {Path(word).name}: trainer: unknown key 'learning_rat'")
"""
RECIPE = """
name: small
base: {base}
threads: 1
stages:
  - {{name: sft, kind: sft, parent: base, settings: {{data: [{{source: symbolic_local, n: 6}}]}}}}
  - {{name: gptq8, kind: gptq, parent: sft, settings: {{bits: 8, calibration: [{{source: symbolic_local, n: 6}}]}}}}
  - {{name: gptq4, kind: gptq, parent: sft, settings: {{bits: 4, calibration: [{{source: symbolic_local, n: 6}}]}}}}
"""
MIXED = """
name: mixed
base: {base}
output: {output}
stages:
  - {{name: adapter, kind: sft, parent: base, settings: {{data: [{{source: symbolic_local, n: 6}}], merge: false}}}}
  - {{name: whole, kind: merge, parent: adapter}}
  - name: dpo
    kind: dpo
    parent: whole
    settings: {{data: [{{source: epfl, path: {rows}, n: 6}}], trainer: {{}}}}
    sweep: {{learning_rate: [0.1, 0.9, 0.5]}}
    criterion: {{metric: {metric}}}
  - {{name: gptq4, kind: gptq, parent: {{best: dpo}}, settings: {{bits: 4, calibration: [{{source: symbolic_local, n: 6}}]}}}}
"""


def write_scripts(folder: Path, script: str = SCRIPT) -> Path:
    """A folder that stands in for training/, with `script` for each kind of stage."""
    scripts = folder / "scripts"
    scripts.mkdir()
    for kind in ("sft", "merge", "dpo", "gptq"):
        (scripts / f"{kind}.py").write_text(script)
    (scripts / "check.py").write_text(CHECK)
    return scripts


def use_stand_ins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ladders of this process run the stand-in scripts."""
    scripts = write_scripts(folder)
    monkeypatch.setattr("mcqa_suite.ladder.stages.training_dir", lambda: scripts)


def write_recipe(folder: Path, text: str, base: Path, metric: str = "reward_accuracy") -> Path:
    """A recipe file from `text`, where {base}, {output} (`run`), {metric} and {rows} (a file of questions) are filled in."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(text.format(base=base, output="run", metric=metric, rows=TRAIN))
    return recipe


def ladder_context(folder: Path, text: str) -> Any:
    """The context of a ladder in `folder` whose recipe is `text`."""
    from mcqa_suite.ladder.context import LadderContext
    from mcqa_suite.ladder.recipe import read_recipe

    (folder / "recipe.yaml").write_text(text)
    return LadderContext(read_recipe(folder / "recipe.yaml"), folder, (), 4)
