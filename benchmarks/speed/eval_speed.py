"""CPU seconds of `hf-prefix` and of the stock `hf` backend on the suite's own prompts.

    python benchmarks/speed/eval_speed.py                                   # the table: 30 M and 135 M, 32 documents a row
    python benchmarks/speed/eval_speed.py --documents 8 --models 30M        # quick
    python benchmarks/speed/eval_speed.py --parts argmax bf16 linear overhead

The models are Llamas with random weights and a vocabulary of 49,152, like SmolLM's 135 M. Two thirds of the 30 M parameters
are then embeddings, so reading only the needed rows saves as much as sharing does. The tokenizer is a byte-level BPE of
16,000 tokens, trained on the mirrored data sets. Each backend answers the same requests in a separate process with one
thread. The stock backend uses the batch size of --batch-sizes that is fastest on a quarter of the requests with the first
model. Needs the mirror of public data sets.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval_measure import SIZES, measure, requests, save_models

BASE = Path(__file__).resolve().parents[2] / "tests" / "toy" / "base"


@dataclass(frozen=True)
class Work:
    """One row of the table: `bars` are the ratios to reach, for 135 M and 30 M."""

    name: str
    task: str
    shots: int
    bars: tuple[float, float]
    new_tokens: int | None = None


WORKS = [
    Work("5-shot letter", "mcqa_mmlu_stem_high_school_biology", 5, (6.5, 12)),
    Work("5-shot cloze", "mcqa_arc_easy_cloze", 5, (15, 22)),
    Work("0-shot cloze", "mcqa_arc_easy_cloze", 0, (3, 4.5)),
    Work("0-shot letter", "mcqa_mmlu_stem_high_school_biology", 0, (1.1, 1.3)),
    Work("8-shot cot, 64 new tokens", "mcqa_gsm8k", 8, (1.6, 1.6), new_tokens=64),
]


def fastest(folder: Path, few: list[Any], batch_sizes: list[int], common: dict[str, Any]) -> int:
    """The batch size at which the stock backend needs the fewest CPU seconds."""
    if len(batch_sizes) == 1:
        return batch_sizes[0]
    return min(batch_sizes, key=lambda size: measure(folder, few, backend="hf", batch_size=size, **common)["seconds"])


def argmax_changes(items: list[Any], ours: list[Any], stock: list[Any]) -> int:
    """Documents whose best option differs."""
    best: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for (_, _, task, doc_id, _), mine, theirs in zip(items, ours, stock, strict=True):
        best.setdefault((task, doc_id), []).append((mine[0], theirs[0]))
    pairs = ([list(side) for side in zip(*scores, strict=True)] for scores in best.values())
    return sum(mine.index(max(mine)) != theirs.index(max(theirs)) for mine, theirs in pairs)


def differences(ours: list[Any], stock: list[Any]) -> list[float]:
    return [abs(mine[0] - theirs[0]) for mine, theirs in zip(ours, stock, strict=True)]


def table(folder: Path, models: list[str], works: list[Work], documents: int, batch_sizes: list[int]) -> None:
    print(
        "| work | model | documents | stock s (batch) | hf-prefix s | ratio | bar | computed / unique tokens | ", end=""
    )
    print(
        "max difference | argmax changes | peak memory ratio |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    best: dict[Work, int] = {}  # measured with the first model
    for name in models:
        for work in works:
            items = requests(work.task, work.shots, documents // 4 if work.new_tokens else documents)
            common = {"checkpoint": str(folder / name), "new_tokens": work.new_tokens}
            few = items[: max(4, len(items) // 4)]
            size = best.setdefault(work, 0) or fastest(folder, few, batch_sizes, common)
            best[work] = size
            stock = measure(folder, items, backend="hf", batch_size=size, **common)
            ours = measure(folder, items, backend="hf-prefix", batch_size=size, **common)
            ratio, bar = stock["seconds"] / ours["seconds"], work.bars[0 if name == "135M" else 1]
            cells = [work.name, name, str(len({row[3] for row in items})), f"{stock['seconds']:.1f} ({size})"]
            cells += [f"{ours['seconds']:.1f}", f"{ratio:.2f}", f"{bar:g}"]
            if work.new_tokens:
                same = sum(a == b for a, b in zip(stock["answers"], ours["answers"], strict=True))
                cells += ["-", f"{same} of {len(items)} texts identical", "-"]
            else:
                cells += [
                    f"{ours['computed'] / ours['unique']:.3f}",
                    f"{max(differences(ours['answers'], stock['answers'])):.1e}",
                ]
                cells += [str(argmax_changes(items, ours["answers"], stock["answers"]))]
            print(f"| {' | '.join(cells)} | {ours['peak_mb'] / stock['peak_mb']:.2f} |", flush=True)


def argmax(folder: Path, args: argparse.Namespace) -> None:
    """Both backends on every document of MMLU-STEM and ARC with the tests' toy."""
    print("\nThe tests' toy, every document, 0 shots, both backends (float32):\n")
    print(
        "| task | documents | requests | max difference | greedy flags that differ | argmax changes | CPU s, stock / ours |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for task in ("mcqa_mmlu_stem", "mcqa_arc", "mcqa_arc_cloze"):
        items = requests(task, None, args.argmax_documents)
        common = {"checkpoint": str(BASE), "batch_size": 8, "new_tokens": None}
        stock, ours = (measure(folder, items, backend=backend, **common) for backend in ("hf", "hf-prefix"))
        flags = sum(a[1] != b[1] for a, b in zip(stock["answers"], ours["answers"], strict=True))
        print(
            f"| {task} | {len({(row[2], row[3]) for row in items})} | {len(items)} |"
            f" {max(differences(ours['answers'], stock['answers'])):.1e} | {flags} |"
            f" {argmax_changes(items, ours['answers'], stock['answers'])} |"
            f" {stock['seconds']:.0f} / {ours['seconds']:.0f} |",
            flush=True,
        )


def bf16(folder: Path, args: argparse.Namespace) -> None:
    """Differences of log-likelihoods in bf16: ours to stock, beside stock to stock, and each to stock in float32."""
    print("\nbf16, 30M, differences of log-likelihoods (softmax in float32 everywhere):\n")
    print("| work | documents | pair | mean | max | argmax changes |\n|---|---:|---|---:|---:|---:|")
    for work in (WORKS[0], WORKS[1]):
        items = requests(work.task, work.shots, args.bf16_documents)
        common = {"checkpoint": str(folder / "30M"), "new_tokens": None, "dtype": "bfloat16"}
        single, eight = (measure(folder, items, backend="hf", batch_size=size, **common)["answers"] for size in (1, 8))
        ours = measure(folder, items, backend="hf-prefix", batch_size=8, **common)["answers"]
        exact = measure(folder, items, backend="hf", batch_size=8, **common | {"dtype": "float32"})["answers"]
        for name, left, right in (
            ("stock at 1 and 8 rows", single, eight),
            ("hf-prefix and stock at 1", ours, single),
            ("hf-prefix and stock at 8", ours, eight),
            ("stock at 1 and float32", single, exact),
            ("stock at 8 and float32", eight, exact),
            ("hf-prefix and float32", ours, exact),
        ):
            away = differences(left, right)
            print(
                f"| {work.name} | {args.bf16_documents} | {name} | {sum(away) / len(away):.2e} | {max(away):.2e} |"
                f" {argmax_changes(items, left, right)} |",
                flush=True,
            )


def linear(folder: Path, args: argparse.Namespace) -> None:
    """CPU seconds and peak memory against the number of questions, up to the size of MMLU."""
    print("\nhf-prefix, the tests' toy, 0-shot letter, MMLU-STEM's questions in numbered variants:\n")
    print("| questions | CPU s | ms a question | peak MB | tokens computed / unique |\n|---:|---:|---:|---:|---:|")
    items = requests("mcqa_mmlu_stem", None, None)
    options, total = 4, len(items) // 4
    for questions in (1_755, 3_510, 7_021, 14_042):
        many = []
        for number in range(questions):
            # spread over all subjects, whose prompts differ in length
            around, source = divmod(number, total) if questions > total else (0, number * total // questions)
            for kind, (context, option), task, doc_id, index in items[options * source : options * (source + 1)]:
                # in front, so that nothing after it is shared
                marked = f"({around}) {context}" if around else context
                many.append((kind, (marked, option), task, doc_id + 10_000 * around, index))
        figures = measure(folder, many, backend="hf-prefix", checkpoint=str(BASE), batch_size=1, new_tokens=None)
        print(
            f"| {questions} | {figures['seconds']:.1f} | {1000 * figures['seconds'] / questions:.2f} | {figures['peak_mb']:.0f} |"
            f" {figures['computed'] / figures['unique']:.3f} |",
            flush=True,
        )


OVERHEAD = """
import json, sys, time
start = time.process_time()
import torch
torch.set_num_threads(1)
from lm_eval import simple_evaluate
from mcqa_suite.backend.prefix.model import PrefixLM
from mcqa_suite.evaluation.evaluate_checkpoint import run_entry
from mcqa_suite.evaluation.evaluate_checkpoint import Evaluation
from pathlib import Path
imports = time.process_time() - start
spent = {"model": 0.0, "tokens": 0.0}
def timed(owner, name, part):
    inner = getattr(owner, name)
    def outer(*args, **kwargs):
        begin = time.process_time()
        try:
            return inner(*args, **kwargs)
        finally:
            spent[part] += time.process_time() - begin
    setattr(owner, name, outer)
import mcqa_suite.backend.prefix.scorer as scorer, mcqa_suite.backend.prefix.model as model
timed(model.Forward, "__call__", "model")
timed(scorer.Scorer, "_gather", "model")
timed(model, "encode_pairs", "tokens")
begin = time.process_time()
lm = PrefixLM(sys.argv[1], device="cpu", dtype="float32")
load, spent["model"] = time.process_time() - begin, 0.0
begin = time.process_time()
run_entry(lm, 0, Evaluation(("mcqa_mmlu_stem",), limit=json.loads(sys.argv[3])), Path(sys.argv[2]), "30M", 0)
print(json.dumps({"imports": imports, "load": load, "run": time.process_time() - begin} | spent))
"""


def overhead(folder: Path, args: argparse.Namespace) -> None:
    """CPU seconds outside the model of a whole MMLU-STEM run with the 30 M model, 0 shots."""
    command = [
        sys.executable,
        "-c",
        OVERHEAD,
        str(folder / "30M"),
        str(folder / "run"),
        json.dumps(args.overhead_limit),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    spent = json.loads(done.stdout.splitlines()[-1])
    rest = spent["run"] - spent["model"]
    of = "all 3,153 questions" if args.overhead_limit is None else f"{args.overhead_limit} questions a subject"
    print(f"\nMMLU-STEM, 0-shot letter, 30M, {of}, CPU seconds:\n\n| part | s |\n|---|---:|")
    print(f"| forward passes and log-softmax | {spent['model']:.1f} |\n| tokenisation | {spent['tokens']:.1f} |")
    print(f"| requests, tree, metrics, writing | {rest - spent['tokens']:.1f} |")
    print(f"| outside the model, of the run's {spent['run']:.1f} s | {100 * rest / spent['run']:.1f} % (bar 15 %) |")
    print(
        f"| imports / loading and self-test, once a process | {spent['imports']:.1f} / {spent['load']:.1f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=32)
    parser.add_argument("--models", nargs="+", default=["30M", "135M"], choices=list(SIZES))
    parser.add_argument("--works", nargs="+", type=int, default=list(range(len(WORKS))), help="rows, by number")
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[1, 4, 16], help="of the stock backend")
    parser.add_argument("--parts", nargs="+", default=["table"], choices=list(PARTS))
    parser.add_argument("--argmax-documents", type=int, help="a task of argmax; default: all")
    parser.add_argument("--bf16-documents", type=int, default=16)
    parser.add_argument("--overhead-limit", type=int, help="questions a subject; default: all")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_models(folder, sorted({*args.models, "30M"}))
        for part in args.parts:
            PARTS[part](folder, args)


PARTS: dict[str, Any] = {
    "table": lambda folder, args: table(
        folder, args.models, [WORKS[row] for row in args.works], args.documents, args.batch_sizes
    ),
    "argmax": argmax,
    "bf16": bf16,
    "linear": linear,
    "overhead": overhead,
}

if __name__ == "__main__":
    main()
