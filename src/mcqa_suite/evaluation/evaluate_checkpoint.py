"""Evaluate one checkpoint on a plan of tasks; the ladder starts this as a process.

python -m mcqa_suite.evaluation.evaluate_checkpoint --checkpoint DIR --output DIR --plan '[{"tasks": [...]}]'

An adapter is evaluated on `--base`, which must be its recorded parent. The chat template is applied if the entry says so, else
if the manifest does. Writes the files of `lm_eval --log_samples`, one folder for each entry of the plan, and `rung.json` with
speed, memory, the fingerprint of what each task read, and skipped entries. Under `accelerate launch` or `torchrun` the
processes share the work, and the main process writes.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.backend import loglik_cache, prefix, processes
from mcqa_suite.backend.loading import check_checkpoint
from mcqa_suite.common.checkpoints import chat_template_of, contradiction, has_chat_template, use_chat_template
from mcqa_suite.common.config import STRICT, parse
from mcqa_suite.common.errors import CheckpointError, DatasetError, McqaError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.manifest import TaskData
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.evaluation.saving import check_saved
from mcqa_suite.harness.fingerprint import fingerprints
from mcqa_suite.harness.tasks import leaves_of, load, manager


@dataclass(frozen=True, config=STRICT)
class Evaluation:
    """Tasks that run in one call of the harness: an entry of a plan.

    An `optional` entry whose data cannot be loaded is skipped and reported. If `apply_chat_template` is None, the checkpoint's
    manifest decides.
    """

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    limit: Annotated[float, Field(gt=0)] | None = None
    num_fewshot: int | None = None
    gen_kwargs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    apply_chat_template: bool | None = None
    optional: bool = False


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
    """Run every entry of `plan` (the fields of an `Evaluation`) with one model. May be called repeatedly in one process.

    `base` is the parent of an adapter.
    """
    entries = [_as_trained(entry, checkpoint, f"plan[{number}]") for number, entry in enumerate(plan)]
    check_checkpoint(checkpoint, base)
    start, output = time.perf_counter(), output.absolute()
    lm = load_model(checkpoint, dtype=dtype, batch_size=batch_size, base=base)
    skipped, read = [], list[TaskData]()
    for number, entry in enumerate(entries):
        try:
            read += run_entry(lm, number, entry, output / f"{number}", Path(checkpoint).name, seed)
        except DatasetError as error:
            if not entry.optional:
                raise
            if processes.is_main():
                print(f"skipped: {error}", file=sys.stderr)
            skipped.append({"tasks": entry.tasks, "reason": str(error)})
    processes.gathered(None)  # a barrier, so that all processes measure at the same time
    measured = processes.gathered((tokens_per_second(lm), peak_memory_mb()))
    record = {
        "tokens_per_second": sum(speed for speed, _ in measured),
        "peak_memory_mb": max(peak for _, peak in measured),
        "seconds": time.perf_counter() - start,
        "skipped": skipped,
        "tasks": [asdict(task) for task in read],
        "prefix_sharing": lm.sharing(),
        "processes": len(measured),
    }
    if processes.is_main():
        output.mkdir(parents=True, exist_ok=True)
        (output / "rung.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _as_trained(entry: dict[str, Any], checkpoint: str, where: str) -> Evaluation:
    """Parse an entry; if it does not set `apply_chat_template`, set it as the checkpoint's manifest records."""
    evaluation, folder, key = parse(Evaluation, entry, where), Path(checkpoint), f"{where}: apply_chat_template"
    available = not folder.is_dir() or has_chat_template(folder)
    setting, recorded = evaluation.apply_chat_template, chat_template_of(folder)
    chat = use_chat_template(folder.name, setting, recorded, key=key, available=available)
    if (line := contradiction(folder.name, setting, recorded, key=key)) and processes.is_main():
        print(f"mcqa: warning: {line}", file=sys.stderr)
    return replace(evaluation, apply_chat_template=chat)


def load_model(checkpoint: str, *, dtype: str, batch_size: int, base: str | None = None) -> Any:
    """Load a checkpoint (with `base`, an adapter on it) as `hf-prefix`, with log-softmax in float32."""
    import torch

    from mcqa_suite.backend.prefix.model import PrefixLM
    from mcqa_suite.backend.shared_model import shared

    settings: dict[str, Any] = {"dtype": dtype, "batch_size": batch_size, "use_safetensors": True}
    settings |= {"device": "cuda" if torch.cuda.is_available() else "cpu"}
    # The harness's logits_cache is wrong for two requests with equal tokens but different boundaries.
    settings |= {"logits_cache": False}
    settings |= {"peft": checkpoint, "tokenizer": checkpoint} if base else {}
    try:
        return shared(PrefixLM)(base or checkpoint, **settings)
    except (OSError, ValueError) as error:
        raise explain(error, checkpoint) or CheckpointError(f"{checkpoint}: {error}") from error


def run_entry(lm: Any, number: int, entry: Evaluation, output: Path, name: str, seed: int) -> list[TaskData]:
    """Call the harness once and write its results and samples to `output`; return what the tasks read."""
    from lm_eval import simple_evaluate

    tasks, chat = manager(entry.metadata), bool(entry.apply_chat_template)
    try:
        loaded = load(entry.tasks, tasks)
        read = fingerprints(number, entry.tasks, leaves_of(loaded), entry.num_fewshot)
        results = simple_evaluate(
            model=lm,
            tasks=loaded,
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
    return read


def save(results: dict[str, Any], output: Path, name: str, chat_template: str | None) -> None:
    """Write results and samples as `lm_eval --log_samples` does. Raises McqaError if the files are incomplete."""
    from lm_eval.loggers import EvaluationTracker

    samples = results.pop("samples")
    output.mkdir(parents=True, exist_ok=True)
    tracker = EvaluationTracker(output_path=str(output / "results.json"))
    tracker.general_config_tracker.log_experiment_args(
        model_source=prefix.NAME,
        model_args={"pretrained": name},
        system_instruction=None,
        chat_template=chat_template,
        fewshot_as_multiturn=chat_template
        is not None,  # simple_evaluate's default, as the harness's own command line logs it
    )
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)
    check_saved(output, {task: len(rows) for task, rows in samples.items()})


def tokens_per_second(lm: Any, rows: int = 8, length: int = 128, repeats: int = 5) -> float:
    """Prompt tokens per second: the best of `repeats` forward passes over rows x length tokens, after one to warm up."""
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


def peak_memory_mb() -> float:
    """The peak memory of this process's tensors on its GPU, or without a GPU its peak resident size."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    with suppress(OSError):
        if peak := re.search(
            r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE
        ):
            return int(peak[1]) / 2**10
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 2**10)


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
