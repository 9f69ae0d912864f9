"""Evaluate one checkpoint with a plan of tasks; the ladder starts this as a process.

python -m mcqa_suite.evaluation.evaluate_checkpoint --checkpoint DIR --output DIR --plan '[{"tasks": [...]}]'

An adapter is evaluated on `--base`, which must be its recorded parent; every checkpoint with the chat template that its
manifest records. Writes what `lm_eval --log_samples` writes, one folder for each entry of the plan, and `rung.json`: speed,
memory, skipped entries. Under `accelerate launch` or `torchrun` the processes share the work, and the main one writes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from mcqa_suite.backend import loglik_cache, prefix, processes
from mcqa_suite.backend.checkpoint_settings import check_checkpoint, followed
from mcqa_suite.backend.quantised import load_quantised
from mcqa_suite.common.config import check_keys
from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError, McqaError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.evaluation.memory import peak_memory_mb
from mcqa_suite.evaluation.plan import Evaluation
from mcqa_suite.evaluation.saving import check_saved
from mcqa_suite.harness.tasks import load, manager

PLAN_KEYS = {field.name for field in fields(Evaluation)}


def evaluate(
    checkpoint: str,
    plan: list[dict[str, Any]],
    output: Path,
    *,
    dtype: str,
    batch_size: int,
    seed: int = 0,
    base: str | None = None,
) -> None:
    """Runs every entry of `plan`; an entry marked `optional` whose data cannot be had is skipped with its reason."""
    for number, entry in enumerate(plan):
        check_keys(entry, PLAN_KEYS, f"plan[{number}]")
    check_checkpoint(checkpoint, base)
    plan = [followed(entry, checkpoint, f"plan[{number}]") for number, entry in enumerate(plan)]
    start = time.perf_counter()
    lm = load_model(checkpoint, dtype=dtype, batch_size=batch_size, base=base)
    skipped = []
    for number, entry in enumerate(plan):
        try:
            run_entry(lm, entry, output / f"{number}", Path(checkpoint).name, seed)
        except DatasetError as error:
            if not entry.get("optional"):
                raise
            if processes.is_main():
                print(f"skipped: {error}", file=sys.stderr)
            skipped.append({"tasks": entry["tasks"], "reason": str(error)})
    processes.gathered(None)  # so that all measure at the same time
    measured = processes.gathered((tokens_per_second(lm), peak_memory_mb()))
    record = {
        "tokens_per_second": sum(speed for speed, _ in measured),
        "peak_memory_mb": max(peak for _, peak in measured),
        "seconds": time.perf_counter() - start,
        "skipped": skipped,
        "prefix_sharing": lm.sharing(),
        "processes": len(measured),
    }
    if not processes.is_main():
        return
    output.mkdir(parents=True, exist_ok=True)
    (output / "rung.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_model(checkpoint: str, *, dtype: str, batch_size: int, base: str | None = None) -> Any:
    """The harness's `hf` model, its shared tokens scored once where that is exact; log-softmax in float32.

    With `base` the checkpoint is an adapter, which is put on it.
    """
    import torch

    from mcqa_suite.backend.prefix.model import PrefixLM
    from mcqa_suite.backend.shared_model import shared

    backend = shared(PrefixLM)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # logits_cache gives a wrong value to one of two requests with the same tokens split differently.
    settings: dict[str, Any] = {
        "dtype": dtype,
        "softmax_dtype": "float32",
        "batch_size": batch_size,
        "logits_cache": False,
        "use_safetensors": True,
    }
    try:
        if base is not None:
            return backend(base, peft=checkpoint, tokenizer=checkpoint, device=device, **settings)
        if device == "cpu" and (model := load_quantised(checkpoint, dtype)) is not None:
            return backend(model, tokenizer=checkpoint, content=checkpoint, **settings)
        return backend(checkpoint, device=device, **settings)
    except (OSError, ValueError) as error:
        raise explain(error, checkpoint) or CheckpointError(f"{checkpoint}: {error}") from error


def run_entry(lm: Any, entry: dict[str, Any], output: Path, name: str, seed: int) -> None:
    """One call of the harness, its results and samples written under `output`."""
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker

    tasks = manager(entry.get("metadata"))
    if entry.get("apply_chat_template") and not getattr(lm.tokenizer, "chat_template", None):
        raise ConfigError(
            f"{name}: the tokenizer has no chat template; set apply_chat_template: false, or add a template"
        )
    results = simple_evaluate(
        model=lm,
        tasks=load(entry["tasks"], tasks),
        task_manager=tasks,
        num_fewshot=entry.get("num_fewshot"),
        limit=entry.get("limit"),
        gen_kwargs=entry.get("gen_kwargs"),
        apply_chat_template=bool(entry.get("apply_chat_template")),
        bootstrap_iters=0,  # intervals are taken from the samples
        log_samples=True,
        random_seed=seed,
        numpy_random_seed=seed,
        torch_random_seed=seed,
        fewshot_random_seed=seed,
    )
    if not processes.is_main():
        return
    samples = results.pop("samples")
    output.mkdir(parents=True, exist_ok=True)
    tracker = EvaluationTracker(output_path=str(output / "results.json"))
    tracker.general_config_tracker.log_experiment_args(
        model_source=prefix.NAME,
        model_args={"pretrained": name},
        system_instruction=None,
        chat_template=lm.chat_template(True) if entry.get("apply_chat_template") else None,
        fewshot_as_multiturn=False,
    )
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)
    check_saved(output, {task: len(rows) for task, rows in samples.items()})


def tokens_per_second(lm: Any, rows: int = 8, length: int = 128, repeats: int = 5) -> float:
    """Prompt tokens that the model reads in a second: the best of `repeats` forward passes over rows x length tokens."""
    import torch

    length = min(length, int(lm.max_length))
    tokens = torch.arange(rows * length, device=lm.device).reshape(rows, length) % int(lm.vocab_size)
    best = float("inf")
    with torch.no_grad():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            lm.model(tokens)
            if lm.device.type == "cuda":
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - start)
    return rows * length / best


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Evaluate one checkpoint on a plan of tasks.")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--base", help="the checkpoint's recorded parent, where the checkpoint is an adapter")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--plan", required=True, type=json.loads, help="JSON list of {tasks, limit, ...}")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    processes.hush()
    loglik_cache.switch_on()
    stay_offline_if_cut_off()  # before anything imports huggingface_hub
    try:
        lock = write_lock(args.output) if processes.is_main() else nullcontext()
        with processes.failing_once(), lock:
            evaluate(
                args.checkpoint,
                args.plan,
                args.output.resolve(),
                dtype=args.dtype,
                batch_size=args.batch_size,
                seed=args.seed,
                base=args.base,
            )
    except McqaError as error:
        print(f"mcqa: {error}", file=sys.stderr)
        return 2
    processes.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main())
