"""CPU seconds of written answers with `hf-prefix` and with the stock `hf` backend, on SmolLM2-135M-Instruct.

    python benchmarks/speed/written_speed.py [--questions 200] [--turns 3] [--continuous 16]

Both backends answer the same prompts (0-shot, chat template) in separate processes with one thread, in turns; loading and
imports are left out. The stock backend has the batch size that is fastest on an eighth of the questions. A row-step is one
more token of one row: stock computes one for every row of a batch until the longest is complete; needed are those of the
rows that are not. The bar is 1.1, or 0.8 times the ratio of row-steps where that is more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MODEL = "smollm2-135m-instruct"
BATCH_SIZES = (8, 16, 32, 64)


@dataclass(frozen=True)
class Work:
    """One row of the table: a task, the tokens of an answer at most, and what share of --questions it is asked."""

    name: str
    task: str
    tokens: int
    share: float = 1.0
    bar: float = 1.1


WORKS = [
    Work("ARC-Easy, 128 tokens", "mcqa_arc_easy_cot", 128),
    Work("ARC-Easy, 512 tokens", "mcqa_arc_easy_cot", 512),
    Work("GSM8K, 256 tokens", "mcqa_gsm8k", 256, share=0.5),
    Work("ARC-Easy, eight samples, 128 tokens", "mcqa_arc_easy_cot_n8", 128, share=0.125, bar=3.0),
]


def child(job: dict[str, Any]) -> None:
    """Answer a work's questions with one backend; write seconds, memory, texts and row-steps."""
    import torch
    from lm_eval.models.huggingface import HFLM

    from mcqa_suite.backend.prefix.model import PrefixLM
    from mcqa_suite.harness.tasks import load, manager

    torch.set_num_threads(1)
    kind = PrefixLM if job["backend"] == "hf-prefix" else HFLM
    lm = kind(job["checkpoint"], device="cpu", dtype="float32", batch_size=job["batch_size"])
    steps = [0]
    original = lm.model.generate

    def counting(*args: Any, **settings: Any) -> Any:
        tokens = original(*args, **settings)
        steps[0] += tokens.shape[0] * (tokens.shape[1] - settings["input_ids"].shape[1])
        return tokens

    lm.model.generate = counting
    requests = []
    for task in load([job["task"]], manager()):
        task.config.generation_kwargs["max_gen_toks"] = job["tokens"]
        task.build_all_requests(
            limit=job["questions"],
            apply_chat_template=True,
            chat_template=lm.apply_chat_template,
            tokenizer_name=lm.tokenizer_name,
        )
        requests += [request for request in task.instances for _ in range(request.repeats)]
    torch.manual_seed(0)
    start = time.process_time()
    if job["backend"] == "continuous":
        texts = continuous(lm, [request.args[0] for request in requests], job["tokens"])
    else:
        texts = lm.generate_until(requests, disable_tqdm=True)
    seconds = time.process_time() - start
    needed = lm.record.generated_tokens if job["backend"] == "hf-prefix" else 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": seconds, "peak_mb": peak, "texts": texts, "steps": needed or steps[0]}
    Path(job["out"]).write_text(json.dumps(figures), encoding="utf-8")


def continuous(lm: Any, prompts: list[str], tokens: int) -> list[str]:
    """Answers by transformers' continuous batching."""
    from transformers import GenerationConfig

    end = lm.tokenizer.eos_token_id
    config = GenerationConfig(max_new_tokens=tokens, do_sample=False, eos_token_id=end, pad_token_id=end)
    inputs = [lm.tok_encode(prompt, add_special_tokens=False) for prompt in prompts]
    outputs = lm.model.generate_batch(inputs=inputs, generation_config=config)
    return [lm.tok_decode(each.generated_tokens) for each in outputs.values()]


def measure(folder: Path, work: Work, backend: str, batch_size: int, questions: int) -> dict[str, Any]:
    out = folder / "out.json"
    job = {**asdict(work), "backend": backend, "batch_size": batch_size, "questions": questions}
    job |= {"checkpoint": str(folder / "model"), "out": str(out)}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "MCQA_CACHE": "off"}
    command = [sys.executable, __file__, "--child", json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{backend} failed\n{done.stderr[-2000:]}")
    return dict(json.loads(out.read_text(encoding="utf-8")))


def row(folder: Path, work: Work, args: argparse.Namespace) -> str:
    questions = max(4, round(args.questions * work.share))
    few = max(4, questions // 8)
    size = min(BATCH_SIZES, key=lambda each: measure(folder, work, "hf", each, few)["seconds"])
    turns = [
        (measure(folder, work, "hf", size, questions), measure(folder, work, "hf-prefix", 1, questions))
        for _ in range(args.turns)
    ]
    stock, ours = turns[0]
    ratios = [a["seconds"] / b["seconds"] for a, b in turns]
    steps = stock["steps"] / ours["steps"]
    same = sum(a == b for a, b in zip(stock["texts"], ours["texts"], strict=True))
    seconds = [statistics.median(turn[side]["seconds"] for turn in turns) for side in (0, 1)]
    cells = [
        work.name,
        questions,
        f"{seconds[0]:.0f} ({size})",
        f"{seconds[1]:.0f}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f"{stock['steps']:,} / {ours['steps']:,} = {steps:.2f}",
        f"{max(work.bar, 0.8 * steps):.2f}",
        f"{same} of {len(ours['texts'])}",
        f"{ours['peak_mb'] / stock['peak_mb']:.2f}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def library_row(folder: Path, work: Work, questions: int) -> str:
    """The same questions by transformers' continuous batching, by its `generate`, and by us."""
    seconds = [measure(folder, work, way, 8, questions)["seconds"] for way in ("continuous", "hf", "hf-prefix")]
    named = ", ".join(f"{each:.0f} s" for each in seconds)
    return f"{questions} questions of {work.name} by transformers' continuous batching, stock at 8 rows, and ours: {named}."


HEAD = """| work | questions | stock s (batch) | ours s | ratio (range) | row-steps, stock / needed | bar | same text | memory |
|---|---:|---:|---:|---:|---:|---:|---:|---:|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--works", nargs="+", default=[work.name for work in WORKS])
    parser.add_argument("--continuous", type=int, default=0, help="questions for transformers' continuous batching too")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args.child)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        command = [sys.executable, "-m", "mcqa_suite.cli.main", "import-gguf", MODEL, "-o", str(folder / "model")]
        subprocess.run(command, check=True, stdout=sys.stderr)
        print(HEAD)
        for work in WORKS:
            if work.name in args.works:
                print(row(folder, work, args), flush=True)
        if args.continuous:
            print(f"\n{library_row(folder, WORKS[0], args.continuous)}")


if __name__ == "__main__":
    main()
