"""Made-up evaluations of a ladder, with the manifests of its checkpoints."""

from __future__ import annotations

from helpers.comparison_runs import first_right
from helpers.log_files import choice_rows, questions, write_run
from mcqa_suite.common.manifest import Hardware, Manifest, Parent, Size, write_manifest

RIGHT = {"base": 600, "sft": 700, "dpo": 705, "gptq4": 690}
PARENTS = {"base": None, "sft": "base", "dpo": "sft", "gptq4": "dpo"}


def ladder(tmp_path, rungs=RIGHT, *, evaluated=None):
    """The checkpoints of a ladder, as manifests without weights, and the evaluations of some of them."""
    _, gold = questions(1000)
    shared = {"settings": {}, "seed": 0, "hardware": Hardware("cpu", 2), "seconds": 1.0}
    for name in rungs:
        parent = PARENTS[name]
        above = Parent(parent, f"content of {parent}") if parent else None
        size = Size(parameters=1000, bits_per_weight=16.0, bytes_on_disk=2000)
        folder = tmp_path / "checkpoints" / name
        folder.mkdir(parents=True)
        write_manifest(
            folder, Manifest(kind="sft", name=name, parent=above, content=f"content of {name}", size=size, **shared)
        )
        if evaluated is None or name in evaluated:
            run = tmp_path / "evaluations" / name
            write_run(run / "0", {"t": choice_rows("t", first_right(RIGHT[name], gold), gold)}, model=name)
            about = Parent(name, f"content of {name}")
            write_manifest(run, Manifest(kind="evaluation", name=name, parent=about, content="-", **shared))
    return {name: str(tmp_path / "evaluations" / name) for name in rungs}
