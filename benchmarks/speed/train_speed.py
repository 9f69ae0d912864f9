"""Compare the speed of our SFT and DPO scripts with TRL's own, with the same model, rows and settings, several times.

python benchmarks/speed/train_speed.py [--steps 12] [--repeats 3]

LoRA on SmolLM2-135M-Instruct. Times the training loop alone, from the end of its first step to the end of its last, without
start-up and saving: processor time on a CPU (other load changes it little), wall-clock time on a GPU. Then our SFT with rows of
two lengths, with and without the sampling by length of the demo's recipe: seconds and loss.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from eval_measure import save_packaged

from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.common.paths import training_dir
from mcqa_suite.ladder.process import ENVIRONMENT
from mcqa_suite.ladder.stage_settings import parse_settings, read_rows

DATA = {
    "sft": [{"source": "arc", "split": "train", "n": 1280, "seed": 1, "style": "letter_text"}],
    "dpo": [{"source": "arc", "split": "train", "n": 1280, "seed": 3}],
}
LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "target_modules": "all-linear"}
TRAINER = {
    "per_device_train_batch_size": 16,
    "learning_rate": 1e-4,
    "lr_scheduler_type": "constant",
    "logging_steps": 10,
    "logging_first_step": True,
    "gradient_checkpointing": False,
    "save_strategy": "no",
    "report_to": "none",
    "max_length": 512,
}
# Both sides run under this: it adds a callback that measures the time.
CLOCK = """
import runpy, sys, time, torch, transformers
clock = time.perf_counter if torch.cuda.is_available() else time.process_time
class Clock(transformers.TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 1: self.start = clock()
        if state.global_step == state.max_steps: print(f"LOOP {clock() - self.start}")
transformers.trainer.DEFAULT_CALLBACKS.append(Clock)
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""
MIXED = [*DATA["sft"], {"source": "gsm8k", "split": "train", "n": 1280, "seed": 2}]
KINDS: dict[str, dict[str, Any]] = {"sft": {"completion_only_loss": True}, "dpo": {"beta": 0.1}}


def ours(kind: str, steps: int, folder: Path, parent: Path, data: Any = None, **more: Any) -> float:
    """Seconds of a run of training/<kind>.py, on `data` (default: DATA) and with `more` trainer settings."""
    trainer = {**TRAINER, **KINDS[kind], "max_steps": steps, **more}
    trainer.pop("completion_only_loss", None)  # a stage fixes it
    settings = {"data": data or DATA[kind], "lora": LORA, "trainer": trainer, "chat_template": False}
    if kind == "dpo":
        settings["held_out"] = 0.0
    config, output = folder / "ours.yaml", folder / "ours"
    config.write_text(json.dumps(settings), encoding="utf-8")
    script = training_dir() / f"{kind}.py"
    return loop([str(script), "--config", str(config), "--parent", str(parent), "--output", str(output)])


def theirs(kind: str, steps: int, folder: Path, parent: Path) -> float:
    """Seconds of a run of `trl <kind>` on the same rows, from a file."""
    columns = ("prompt", "completion") if kind == "sft" else ("prompt", "chosen", "rejected")
    rows, _ = read_rows(parse_settings(kind, {"data": DATA[kind]}, kind, folder))
    (folder / "data").mkdir(exist_ok=True)
    lines = (json.dumps({name: row[name] for name in columns}) + "\n" for row in rows)
    (folder / "data" / "train.jsonl").write_text("".join(lines), encoding="utf-8")
    settings = {
        **TRAINER,
        **KINDS[kind],
        **{key if key.startswith("lora_") else f"lora_{key}": value for key, value in LORA.items()},
        "use_peft": True,
        "max_steps": steps,
        "model_name_or_path": str(parent),
        "dataset_name": str(folder / "data"),
        "output_dir": str(folder / "theirs"),
        "dtype": "float32",
        "bf16": False,
        "use_cpu": not has_gpu(),
        "seed": 0,
    }
    config = folder / "theirs.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    script = Path(str(importlib.util.find_spec("trl").origin)).parent / "scripts" / f"{kind}.py"  # what `trl` calls
    return loop([str(script), "--config", str(config)])


def has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def loop(words: list[str]) -> float:
    """Run a script with these arguments; returns the seconds of its training loop."""
    environment = {**ENVIRONMENT, **os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CLOCK, *words], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stderr[-3000:]}")
    return float(re.findall(r"LOOP ([\d.]+)", done.stdout)[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        parent = save_packaged(Path(scratch))
        slow = compare(args, parent)
        print(f"\n{args.steps} steps of 16 rows each, LoRA r 16, float32; the median must be at least 0.98.\n")
        by_length(args.steps, parent)
    return int(slow)


def compare(args: argparse.Namespace, parent: Path) -> bool:
    """The table of both sides; whether ours is slower."""
    print("| stage | run | ours, steps/s | `trl` CLI, steps/s | ratio |\n|---|--:|--:|--:|--:|")
    slow = False
    for kind in KINDS:
        ratios = []
        for number in range(1, args.repeats + 1):
            with tempfile.TemporaryDirectory() as folder:
                pair = [ours, theirs] if number % 2 else [theirs, ours]  # alternate which side is first
                seconds = {side: side(kind, args.steps, Path(folder), parent) for side in pair}
            mine, other = ((args.steps - 1) / seconds[side] for side in (ours, theirs))
            ratios.append(mine / other)
            print(f"| {kind} | {number} | {mine:.3f} | {other:.3f} | {ratios[-1]:.3f} |", flush=True)
        median = statistics.median(ratios)
        slow |= median < 0.98
        print(f"| {kind} | median | | | **{median:.3f}** |", flush=True)
    return slow


def by_length(steps: int, parent: Path) -> None:
    """Rows of ARC and GSM8K, whose batches are padded to their longest row, drawn as they come and grouped by length."""
    print("| rows | s | loss |\n|---|--:|--:|")
    for words, more in (("as they come", {}), ("grouped by length", {"train_sampling_strategy": "group_by_length"})):
        with tempfile.TemporaryDirectory() as folder:
            seconds = ours("sft", steps, Path(folder), parent, MIXED, **more)
            loss = read_manifest(Path(folder) / "ours").metrics["loss"]
        print(f"| {words} | {seconds:.0f} | {loss:.3f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
