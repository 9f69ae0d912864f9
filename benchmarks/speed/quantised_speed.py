"""Time the rungs of a run on the same questions, one after the other on a quiet machine.

    python benchmarks/speed/quantised_speed.py runs/smollm2 [--rungs base sft gptq4] [--questions 100] [--rounds 2] [--json FILE]

Each rung answers the first ARC-Easy test questions as `mcqa_arc_easy_cloze` asks, computed in float32, and reads prompts for
tokens a second; of several rounds the fastest counts. The kernel is the class of most of its linear layers.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from mcqa_suite.common.manifest import cpu_name, read_manifest, usable_cores
from mcqa_suite.evaluation.evaluate_checkpoint import load_model
from mcqa_suite.harness.tasks import load_leaves


def measure(checkpoint: Path, questions: int) -> dict:
    """Seconds a question, tokens a second and the kernel of one checkpoint."""
    lm = load_model(str(checkpoint), dtype="float32", batch_size=32)
    (task,) = load_leaves(["mcqa_arc_easy_cloze"])
    task.build_all_requests(limit=questions, rank=0, world_size=1)
    start = time.perf_counter()
    lm.loglikelihood(task.instances, disable_tqdm=True)
    seconds = (time.perf_counter() - start) / questions
    kernels = Counter(type(module).__name__ for module in lm.model.modules() if "Linear" in type(module).__name__)
    speed = {"seconds": seconds, **asdict(lm.speed), "kernel": kernels.most_common(1)[0][0]}
    del lm
    gc.collect()
    return speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rungs", nargs="+", help="default: every rung that can be evaluated, the base first")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    args = parser.parse_args()
    folder = args.run / "checkpoints"
    rungs = args.rungs or [path.parent.name for path in sorted((args.run / "evaluations").glob("*/manifest.json"))]
    rungs.sort(key=lambda name: name != "base")

    rounds = [{name: measure(folder / name, args.questions) for name in rungs} for _ in range(args.rounds)]
    figures = {name: min((each[name] for each in rounds), key=lambda speed: speed["seconds"]) for name in rungs}
    for name in rungs:
        figures[name]["tokens_per_second"] = max(each[name]["tokens_per_second"] or 0.0 for each in rounds)
    print("| rung | s a question | to the base | tokens/s | to the base | bits/weight | MB | kernel |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    first = figures[rungs[0]]
    for name, speed in figures.items():
        size = read_manifest(folder / name).size
        stored = f"{size.bits_per_weight:.2f} | {size.bytes_on_disk / 1e6:.0f}" if size else " | "
        ratios = speed["seconds"] / first["seconds"], speed["tokens_per_second"] / first["tokens_per_second"]
        print(
            f"| {name} | {speed['seconds']:.3f} | {ratios[0]:.2f} | {speed['tokens_per_second']:.0f} | {ratios[1]:.2f} | "
            f"{stored} | {speed['kernel']} |"
        )
    libraries = {name: version(name) for name in ("torch", "transformers", "gptqmodel", "bitsandbytes")}
    print(f"\nKernels of {', '.join(f'{name} {number}' for name, number in libraries.items())}.")
    if args.json:
        options = f"--questions {args.questions} --rounds {args.rounds}"
        command = f"python benchmarks/speed/quantised_speed.py RUN {options} --json FILE"
        machine = f"{datetime.now(UTC):%Y-%m-%d}, {usable_cores()} cores of {cpu_name()}"
        content = {"command": command, "machine": machine, "versions": libraries, "rungs": figures}
        args.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
