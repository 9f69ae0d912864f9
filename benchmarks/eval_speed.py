"""CPU seconds of `hf-prefix` beside the stock `hf` backend, on the suite's own prompts.

    python benchmarks/eval_speed.py                                   # the table: 30 M and 135 M, 32 documents a row
    python benchmarks/eval_speed.py --documents 8 --models 30M        # quick
    python benchmarks/eval_speed.py --parts argmax bf16 linear overhead

Models are Llamas from configuration with random weights and a vocabulary of 49,152, as the 135 M of SmolLM has: of 30 M
parameters two thirds are then embeddings, and reading only the rows needed saves as much as sharing. The tokenizer is a
byte-level BPE of 16,000 tokens trained on the mirrored data sets. Each backend works on the same requests in a process of
its own, one thread, one after the other; the stock one at the batch size of --batch-sizes that was fastest on a quarter of
them with the first model. Needs the mirror of public data sets.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "MCQA_CACHE": "off"}
BASE = Path(__file__).resolve().parents[1] / "training" / "base"
VOCABULARY = 49_152
SIZES = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "heads": (2, 1)},
    "30M": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 6, "heads": (6, 2)},
    "135M": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "heads": (9, 3)},
}


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


def requests(task: str, shots: int | None, documents: int | None) -> list[Any]:
    """The harness's instances of a task, `documents` of them spread evenly over it (None: all)."""
    from mcqa_suite.harness.tasks import load, manager, near_data

    built: list[Any] = []
    with near_data():
        for found in load([task], manager()):
            for each in [found] if hasattr(found, "build_all_requests") else found.get_all_tasks():
                if shots is not None:
                    each.set_config("num_fewshot", shots)
                each.set_fewshot_seed(0)
                total = len(each.eval_docs)
                some = None if documents is None else [i * total // documents for i in range(min(documents, total))]
                each.build_all_requests(samples=some)
                built += each.instances
    return [(one.request_type, one.args, one.task_name, one.doc_id, one.idx) for one in built]


def texts() -> Iterator[str]:
    import datasets

    from mcqa_suite.harness.tasks import near_data

    with near_data():
        for path, name, columns in (
            ("allenai/ai2_arc", "ARC-Easy", ("question",)),
            ("openai/gsm8k", "main", ("question", "answer")),
        ):
            for row in datasets.load_dataset(path, name, split="train"):
                yield from (row[column] for column in columns)
        for subject in ("high_school_biology", "college_physics", "computer_security"):
            yield from datasets.load_dataset("cais/mmlu", subject, split="test")["question"]


def save_models(folder: Path, names: list[str]) -> None:
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts(), vocab_size=16_000, special_tokens=["<eos>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token="<eos>", pad_token="<eos>")
    for name in names:
        size = dict(SIZES[name])
        heads, shared = size.pop("heads")
        torch.manual_seed(0)
        config = LlamaConfig(
            **size,
            vocab_size=VOCABULARY,
            num_attention_heads=heads,
            num_key_value_heads=shared,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
        )
        LlamaForCausalLM(config).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def language_model(backend: str, checkpoint: str, batch_size: int, dtype: str) -> Any:
    from lm_eval.models.huggingface import HFLM

    from mcqa_suite.harness.prefix.model import PrefixLM

    kind = PrefixLM if backend == "hf-prefix" else HFLM
    return kind(checkpoint, device="cpu", dtype=dtype, batch_size=batch_size, softmax_dtype="float32")


def answer(lm: Any, asked: list[Any], new_tokens: int | None) -> list[Any]:
    from lm_eval.api.instance import Instance

    instances = []
    for kind, args, task, doc_id, index in asked:
        if new_tokens:
            args = (args[0], {**args[1], "until": ["no such stop"], "max_gen_toks": new_tokens})
        instances.append(Instance(kind, {}, args, index, (task, doc_id, 1)))
    return list(getattr(lm, asked[0][0])(instances, disable_tqdm=True))


def child(job: dict[str, Any]) -> None:
    """Measures one backend on pickled requests; writes its answers and figures."""
    import torch

    torch.set_num_threads(1)
    asked = pickle.loads(Path(job["requests"]).read_bytes())
    lm = language_model(job["backend"], job["checkpoint"], job["batch_size"], job.get("dtype", "float32"))
    if job["backend"] == "hf-prefix" and not lm.shares:
        sys.exit(f"hf-prefix refused: {lm.record.refusal}")
    answer(lm, asked[:4], 2 if job["new_tokens"] else None)
    before = tokens(lm)
    start = time.process_time()
    answers = answer(lm, asked, job["new_tokens"])
    seconds = time.process_time() - start
    after = tokens(lm)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"seconds": seconds, "peak_mb": peak, "answers": answers, "computed": after[0] - before[0]}
    Path(job["out"]).write_text(json.dumps(found | {"unique": after[1] - before[1]}), encoding="utf-8")


def tokens(lm: Any) -> tuple[int, int]:
    return (lm.forward.computed, lm.scorer.nodes) if hasattr(lm, "forward") else (0, 0)


def measure(folder: Path, asked: list[Any], **job: Any) -> dict[str, Any]:
    (folder / "requests.pkl").write_bytes(pickle.dumps(asked))
    job |= {"requests": str(folder / "requests.pkl"), "out": str(folder / "out.json")}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--child", json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"eval_speed: {job['backend']} failed\n{done.stderr[-2000:]}")
    return dict(json.loads((folder / "out.json").read_text(encoding="utf-8")))


def fastest(folder: Path, few: list[Any], batch_sizes: list[int], common: dict[str, Any]) -> int:
    """The batch size at which the stock backend needs the fewest CPU seconds."""
    if len(batch_sizes) == 1:
        return batch_sizes[0]
    return min(batch_sizes, key=lambda size: measure(folder, few, backend="hf", batch_size=size, **common)["seconds"])


def argmax_changes(asked: list[Any], ours: list[Any], stock: list[Any]) -> int:
    """Documents whose best option differs."""
    best: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for (_, _, task, doc_id, _), mine, theirs in zip(asked, ours, stock, strict=True):
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
    best: dict[Work, int] = {}  # found on the first model
    for name in models:
        for work in works:
            asked = requests(work.task, work.shots, documents // 4 if work.new_tokens else documents)
            common = {"checkpoint": str(folder / name), "new_tokens": work.new_tokens}
            few = asked[: max(4, len(asked) // 4)]
            size = best.setdefault(work, 0) or fastest(folder, few, batch_sizes, common)
            best[work] = size
            stock = measure(folder, asked, backend="hf", batch_size=size, **common)
            ours = measure(folder, asked, backend="hf-prefix", batch_size=size, **common)
            ratio, bar = stock["seconds"] / ours["seconds"], work.bars[0 if name == "135M" else 1]
            cells = [work.name, name, str(len({row[3] for row in asked})), f"{stock['seconds']:.1f} ({size})"]
            cells += [f"{ours['seconds']:.1f}", f"{ratio:.2f}", f"{bar:g}"]
            if work.new_tokens:
                same = sum(a == b for a, b in zip(stock["answers"], ours["answers"], strict=True))
                cells += ["-", f"{same} of {len(asked)} texts identical", "-"]
            else:
                cells += [
                    f"{ours['computed'] / ours['unique']:.3f}",
                    f"{max(differences(ours['answers'], stock['answers'])):.1e}",
                ]
                cells += [str(argmax_changes(asked, ours["answers"], stock["answers"]))]
            print(f"| {' | '.join(cells)} | {ours['peak_mb'] / stock['peak_mb']:.2f} |", flush=True)


def argmax(folder: Path, args: argparse.Namespace) -> None:
    """Both backends on every document of MMLU-STEM and ARC with the embedded base."""
    print("\nThe embedded base, every document, 0 shots, both backends (float32):\n")
    print(
        "| task | documents | requests | max difference | greedy flags that differ | argmax changes | CPU s, stock / ours |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for task in ("mcqa_mmlu_stem", "mcqa_arc", "mcqa_arc_cloze"):
        asked = requests(task, None, args.argmax_documents)
        common = {"checkpoint": str(BASE), "batch_size": 8, "new_tokens": None}
        stock, ours = (measure(folder, asked, backend=backend, **common) for backend in ("hf", "hf-prefix"))
        flags = sum(a[1] != b[1] for a, b in zip(stock["answers"], ours["answers"], strict=True))
        print(
            f"| {task} | {len({(row[2], row[3]) for row in asked})} | {len(asked)} |"
            f" {max(differences(ours['answers'], stock['answers'])):.1e} | {flags} |"
            f" {argmax_changes(asked, ours['answers'], stock['answers'])} |"
            f" {stock['seconds']:.0f} / {ours['seconds']:.0f} |",
            flush=True,
        )


def bf16(folder: Path, args: argparse.Namespace) -> None:
    """Differences of log-likelihoods in bf16: ours to stock, beside stock to stock at another batch size."""
    print("\nbf16, 30M, differences of log-likelihoods (softmax in float32 everywhere):\n")
    print("| work | documents | pair | mean | max | argmax changes |\n|---|---:|---|---:|---:|---:|")
    for work in (WORKS[0], WORKS[1]):
        asked = requests(work.task, work.shots, args.bf16_documents)
        common = {"checkpoint": str(folder / "30M"), "new_tokens": None, "dtype": "bfloat16"}
        one, eight = (measure(folder, asked, backend="hf", batch_size=size, **common)["answers"] for size in (1, 8))
        ours = measure(folder, asked, backend="hf-prefix", batch_size=8, **common)["answers"]
        for name, left, right in (
            ("stock at 1 and 8 rows", one, eight),
            ("hf-prefix and stock at 1", ours, one),
            ("hf-prefix and stock at 8", ours, eight),
        ):
            away = differences(left, right)
            print(
                f"| {work.name} | {args.bf16_documents} | {name} | {sum(away) / len(away):.2e} | {max(away):.2e} |"
                f" {argmax_changes(asked, left, right)} |",
                flush=True,
            )


def linear(folder: Path, args: argparse.Namespace) -> None:
    """CPU seconds and peak memory against the number of questions, up to the size of MMLU."""
    print("\nhf-prefix, the embedded base, 0-shot letter, MMLU-STEM's questions in numbered variants:\n")
    print("| questions | CPU s | ms a question | peak MB | tokens computed / unique |\n|---:|---:|---:|---:|---:|")
    asked = requests("mcqa_mmlu_stem", None, None)
    for questions in (1_755, 3_510, 7_021, 14_042):
        many = []
        for number in range(4 * questions):
            kind, (context, option), task, doc_id, index = asked[number % len(asked)]
            around = number // len(asked)
            marked = context if not around else context.removesuffix("Answer:") + f"({around}) Answer:"
            many.append((kind, (marked, option), task, doc_id + 10_000 * around, index))
        found = measure(folder, many, backend="hf-prefix", checkpoint=str(BASE), batch_size=1, new_tokens=None)
        print(
            f"| {questions} | {found['seconds']:.1f} | {1000 * found['seconds'] / questions:.2f} | {found['peak_mb']:.0f} |"
            f" {found['computed'] / found['unique']:.3f} |",
            flush=True,
        )


OVERHEAD = """
import json, sys, time
start = time.process_time()
import torch
torch.set_num_threads(1)
from lm_eval import simple_evaluate
from mcqa_suite.harness.prefix.model import PrefixLM
from mcqa_suite.harness.rung import run_entry
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
import mcqa_suite.harness.prefix.scorer as scorer, mcqa_suite.harness.prefix.model as model
timed(model.Forward, "__call__", "model")
timed(scorer.Scorer, "_gather", "model")
timed(model, "encode_pairs", "tokens")
begin = time.process_time()
lm = PrefixLM(sys.argv[1], device="cpu", dtype="float32")
load, spent["model"] = time.process_time() - begin, 0.0
begin = time.process_time()
run_entry(lm, {"tasks": ["mcqa_mmlu_stem"], "limit": json.loads(sys.argv[3])}, Path(sys.argv[2]), "30M", 0)
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
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child)
        return
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
