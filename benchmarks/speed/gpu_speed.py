"""Seconds of scored options and of written answers on a GPU: `hf-prefix`, stock `hf`, and vLLM where it is installed.

    mcqa import-gguf smollm2-135m-instruct -o runs/smollm2     # for its tokenizer; no weights are read
    python benchmarks/speed/gpu_speed.py --tokenizer runs/smollm2 [--questions 400] [--turns 3]

*Not run* on a GPU so far; `--shape tiny --device cpu` tries the script. The model has random weights in the shape of Llama 3.2
1B, in bfloat16, and never ends an answer, so that each is as long as it may be. Each backend answers the same requests in a
process of its own, in turns; loading, imports and a first pass are left out. Memory is the most that torch held on the GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from eval_measure import save_random

BACKENDS = {"hf": "64", "hf-prefix": "1", "vllm": "auto"}  # and the batch size of each
# Name, task, shots, tokens of an answer (None: options are scored)
WORKS = (
    ("0-shot cloze, ARC-Easy", "mcqa_arc_easy_cloze", 0, None),
    ("5-shot letter, MMLU biology", "mcqa_mmlu_stem_high_school_biology", 5, None),
    ("0-shot written, ARC-Easy, 128 tokens", "mcqa_arc_easy_cot", 0, 128),
)


def language_model(job: dict[str, Any]) -> Any:
    if job["backend"] == "vllm":
        from lm_eval.models.vllm_causallms import VLLM

        return VLLM(job["checkpoint"], dtype="bfloat16", max_model_len=4096, gpu_memory_utilization=0.5)
    from lm_eval.models.huggingface import HFLM

    from mcqa_suite.backend.prefix.model import PrefixLM

    kind = PrefixLM if job["backend"] == "hf-prefix" else HFLM
    return kind(job["checkpoint"], device=job["device"], dtype="bfloat16", batch_size=BACKENDS[job["backend"]])


def child(job: dict[str, Any]) -> None:
    """Answer a work's requests; write the seconds, the tokens that were computed where they are counted, and the memory."""
    import torch

    from mcqa_suite.harness.tasks import load, manager

    lm = language_model(job)
    (task,) = load([job["task"]], manager())
    task.set_config("num_fewshot", job["shots"])
    task.set_fewshot_seed(0)
    if job["tokens"]:
        task.config.generation_kwargs |= {"max_gen_toks": job["tokens"], "until": ["no such stop"]}
    task.build_all_requests(limit=job["questions"])
    method = getattr(lm, task.instances[0].request_type)
    method(task.instances[:4], disable_tqdm=True)
    before = lm.forward.computed if hasattr(lm, "forward") else 0
    start = time.perf_counter()
    method(task.instances, disable_tqdm=True)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        memory = torch.cuda.max_memory_allocated()
    else:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures = {"seconds": time.perf_counter() - start, "gb": memory / 1e9}
    figures["computed"] = (lm.forward.computed if hasattr(lm, "forward") else 0) - before
    Path(job["out"]).write_text(json.dumps(figures), encoding="utf-8")


def measure(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    job |= {"out": str(folder / "out.json")}
    done = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps(job)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{job['backend']} failed\n{done.stderr[-2000:]}")
    return dict(json.loads((folder / "out.json").read_text(encoding="utf-8")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--shape", choices=("1B", "tiny"), default="1B")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args.child)
    if not args.tokenizer:
        parser.error("--tokenizer is missing")
    backends = [name for name in BACKENDS if name != "vllm" or importlib.util.find_spec("vllm")]
    print("| work | backend | s, median (range) | times as fast as hf | tokens computed | memory GB |")
    print("|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        checkpoint = str(save_random(folder, args.shape, args.tokenizer, "bfloat16"))
        for name, task, shots, tokens in WORKS:
            job = {
                "checkpoint": checkpoint,
                "task": task,
                "shots": shots,
                "tokens": tokens,
                "questions": args.questions,
                "device": args.device,
            }
            turns = [{each: measure(folder, job | {"backend": each}) for each in backends} for _ in range(args.turns)]
            for each in backends:
                seconds = [turn[each]["seconds"] for turn in turns]
                ratio = statistics.median(turn["hf"]["seconds"] / turn[each]["seconds"] for turn in turns)
                spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
                last = turns[0][each]
                cells = [name, each, spread, f"{ratio:.2f}", f"{last['computed']:,}" if last["computed"] else ""]
                print(f"| {' | '.join(cells)} | {last['gb']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
