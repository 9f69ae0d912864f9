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
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcqa_suite.backend import loglik_cache, prefix, processes
from mcqa_suite.backend.loading import check_checkpoint
from mcqa_suite.common.checkpoints import chat_template_of, has_chat_template, use_chat_template
from mcqa_suite.common.config import parse
from mcqa_suite.common.errors import CheckpointError, DatasetError, McqaError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.evaluation.memory import peak_memory_mb
from mcqa_suite.evaluation.plan import Evaluation
from mcqa_suite.evaluation.saving import check_saved
from mcqa_suite.harness.tasks import load, manager


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
    """Run every entry of `plan`, an `Evaluation` each, with one model; may be called again and again in one process.

    `base` is the parent of an adapter. An `optional` entry whose data cannot be loaded is skipped with its reason.
    """
    entries = [_as_trained(entry, checkpoint, f"plan[{number}]") for number, entry in enumerate(plan)]
    check_checkpoint(checkpoint, base)
    start, output = time.perf_counter(), output.absolute()
    lm = load_model(checkpoint, dtype=dtype, batch_size=batch_size, base=base)
    skipped = []
    for number, entry in enumerate(entries):
        try:
            run_entry(lm, entry, output / f"{number}", Path(checkpoint).name, seed)
        except DatasetError as error:
            if not entry.optional:
                raise
            if processes.is_main():
                print(f"skipped: {error}", file=sys.stderr)
            skipped.append({"tasks": entry.tasks, "reason": str(error)})
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
    if processes.is_main():
        output.mkdir(parents=True, exist_ok=True)
        (output / "rung.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _as_trained(entry: dict[str, Any], checkpoint: str, where: str) -> Evaluation:
    """The entry with `apply_chat_template` as it says, else as the checkpoint was trained."""
    evaluation, folder, key = parse(Evaluation, entry, where), Path(checkpoint), f"{where}: apply_chat_template"
    available = not folder.is_dir() or has_chat_template(folder)
    setting, trained = evaluation.apply_chat_template, chat_template_of(folder)
    chat = use_chat_template(folder.name, setting, trained, key=key, available=available)
    return replace(evaluation, apply_chat_template=chat)


def load_model(checkpoint: str, *, dtype: str, batch_size: int, base: str | None = None) -> Any:
    """The harness's `hf` model, its shared tokens scored once where that is exact; log-softmax in float32.

    With `base` the checkpoint is an adapter on it.
    """
    import torch

    from mcqa_suite.backend.prefix.model import PrefixLM
    from mcqa_suite.backend.shared_model import shared

    settings: dict[str, Any] = {"dtype": dtype, "batch_size": batch_size, "use_safetensors": True}
    settings |= {"device": "cuda" if torch.cuda.is_available() else "cpu"}
    settings |= {"logits_cache": False}  # wrong for two requests with the same tokens split in two places
    settings |= {"peft": checkpoint, "tokenizer": checkpoint} if base else {}
    try:
        return shared(PrefixLM)(base or checkpoint, **settings)
    except (OSError, ValueError) as error:
        raise explain(error, checkpoint) or CheckpointError(f"{checkpoint}: {error}") from error


def run_entry(lm: Any, entry: Evaluation, output: Path, name: str, seed: int) -> None:
    """Call the harness once; write its results and samples to `output`."""
    from lm_eval import simple_evaluate

    tasks, chat = manager(entry.metadata), bool(entry.apply_chat_template)
    try:
        results = simple_evaluate(
            model=lm,
            tasks=load(entry.tasks, tasks),
            task_manager=tasks,
            num_fewshot=entry.num_fewshot,
            limit=entry.limit,
            gen_kwargs=entry.gen_kwargs,
            apply_chat_template=chat,
            bootstrap_iters=0,  # intervals are computed from the samples
            log_samples=True,
            random_seed=seed,
            numpy_random_seed=seed,
            torch_random_seed=seed,
            fewshot_random_seed=seed,
        )
    except ValueError as error:
        if explained := explain(error, name):
            raise explained from error
        raise
    if processes.is_main():
        save(results, output, name, lm.chat_template(True) if chat else None)


def save(results: dict[str, Any], output: Path, name: str, chat_template: str | None) -> None:
    """Write results and samples as `lm_eval --log_samples` does; McqaError where they are not complete on the disk."""
    from lm_eval.loggers import EvaluationTracker

    samples = results.pop("samples")
    output.mkdir(parents=True, exist_ok=True)
    tracker = EvaluationTracker(output_path=str(output / "results.json"))
    tracker.general_config_tracker.log_experiment_args(
        model_source=prefix.NAME,
        model_args={"pretrained": name},
        system_instruction=None,
        chat_template=chat_template,
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
    loglik_cache.switch_on()
    stay_offline_if_cut_off()  # before anything imports huggingface_hub
    try:
        lock = write_lock(args.output) if processes.is_main() else nullcontext()
        with processes.one_run(), lock:
            evaluate(**vars(args))
    except McqaError as error:
        print(f"mcqa: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
