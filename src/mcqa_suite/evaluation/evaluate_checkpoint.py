"""Evaluate one checkpoint on a plan of tasks; the ladder starts this as a process.

python -m mcqa_suite.evaluation.evaluate_checkpoint --checkpoint DIR --output DIR --plan '[{"tasks": [...]}]'

An adapter is evaluated on `--base`, which must be its recorded parent. The chat template is applied as the entry says, else as
the manifest does. Writes the files of `lm_eval --log_samples`, one folder for each entry of the plan, and `rung.json` with speed,
memory, the fingerprint of what each task read, and skipped entries. Under `accelerate launch` or `torchrun` the processes share
the work, and the main process writes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.backend import loglik_cache, prefix, processes
from mcqa_suite.backend.loading import check_checkpoint
from mcqa_suite.backend.memory import peak_memory_mb
from mcqa_suite.backend.pretrained import said
from mcqa_suite.common.chat_template import WITHOUT, ChatTemplate, ChatTemplateSetting
from mcqa_suite.common.checkpoints import chat_template_of, check_available, has_chat_template
from mcqa_suite.common.config import STRICT, parse
from mcqa_suite.common.errors import DatasetError, exit_code
from mcqa_suite.common.files import write_file
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.manifest import TaskData
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.evaluation.generation_settings import check_generation
from mcqa_suite.evaluation.group_settings import with_group_settings
from mcqa_suite.evaluation.saving import check_saved
from mcqa_suite.harness.fingerprint import fingerprints
from mcqa_suite.harness.task_formats import by_template, formats_of
from mcqa_suite.harness.tasks import leaves_of, listed, load, manager


@dataclass(frozen=True, config=STRICT)
class Evaluation:
    """Tasks with the same settings: an entry of a plan.

    An `optional` entry whose data cannot be loaded is skipped and reported. Where `apply_chat_template` says nothing, the
    checkpoint's manifest decides. `rungs` names the rungs and sweeps of a recipe that the entry is for (None: all of them).
    """

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    limit: Annotated[float, Field(gt=0)] | None = None
    num_fewshot: Annotated[int, Field(ge=0)] | None = None
    gen_kwargs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    apply_chat_template: ChatTemplateSetting = None
    optional: bool = False
    rungs: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    def __post_init__(self) -> None:
        try:
            check_generation(self.gen_kwargs)
        except ValueError as error:
            raise ValueError(f"gen_kwargs: {error}") from None


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
    entries = [_with_template(entry, checkpoint, f"plan[{number}]") for number, entry in enumerate(plan)]
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
    measured = processes.gathered((lm.speed.tokens_per_second or 0.0, peak_memory_mb()))
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
        write_file(output / "rung.json", json.dumps(record, indent=2) + "\n")


def _with_template(entry: dict[str, Any], checkpoint: str, where: str) -> Evaluation:
    """Parse an entry; what it does not say of the chat template is as the checkpoint's manifest records, else without it."""
    evaluation, folder = parse(Evaluation, entry, where), Path(checkpoint)
    chat = (evaluation.apply_chat_template or ChatTemplate()).over(chat_template_of(folder)).over(WITHOUT)
    available = not folder.is_dir() or has_chat_template(folder)
    used = chat.among(formats_of(evaluation.tasks, listed()))
    check_available(folder.name, used, key=f"{where}: apply_chat_template", available=available)
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
    with said(base or checkpoint):
        return shared(PrefixLM)(base or checkpoint, **settings)


def run_entry(lm: Any, number: int, entry: Evaluation, output: Path, name: str, seed: int) -> list[TaskData]:
    """Write the results and samples of an entry to `output`; return what its tasks read.

    The harness applies the chat template to all tasks of a call or to none, so there is a call for each way of asking.
    """
    tasks = manager(entry.metadata)
    parts = by_template(entry.tasks, entry.apply_chat_template or WITHOUT, listed())
    loaded = {chat: load(names, tasks) for chat, names in parts.items()}
    leaves = leaves_of([task for part in loaded.values() for task in part])
    read = fingerprints(number, entry.tasks, leaves, entry.num_fewshot)
    saved: dict[str, int] = {}
    for chat, part in loaded.items():
        results = _call(lm, part, tasks, entry, name, seed, chat)
        if processes.is_main():
            saved |= save(results, output, name, lm.chat_template(True) if chat else None)
    if processes.is_main():
        check_saved(output, saved, calls=len(loaded))
    return read


def _call(lm: Any, loaded: list[Any], tasks: Any, entry: Evaluation, name: str, seed: int, chat: bool) -> Any:
    from lm_eval import simple_evaluate

    try:
        with with_group_settings():
            return simple_evaluate(
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


def save(results: dict[str, Any], output: Path, name: str, chat_template: str | None) -> dict[str, int]:
    """Write results and samples as `lm_eval --log_samples` does; return the number of samples of each task."""
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
    return {task: len(rows) for task, rows in samples.items()}


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

    def run() -> None:
        lock = write_lock(args.output) if processes.is_main() else nullcontext()
        with processes.one_run(), lock:
            evaluate(**vars(args))

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
