"""Logs of Inspect (`inspect_ai`), `.eval` or `.json`, as the results and the sample rows that lm_eval would have written.

The rest of the package reads them like the harness's. Inspect's own reader opens them (extra: inspect).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.extras import require
from mcqa_suite.common.files import opened
from mcqa_suite.logs.inspect_rows import Row, rows_of

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSpec

ENDING = ".eval"
JSON_START = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:\s*"')  # Inspect fixes the order of the keys
UNUSED = {"events", "events_data", "store", "attachments", "timelines", "model_usage", "role_usage"}  # of a sample
# Settings of a request that change how it is sent, or how chance falls, and not what is asked.
SENDING = {
    *("max_retries", "timeout", "attempt_timeout", "max_connections", "adaptive_connections", "cache", "cache_prompt"),
    *("batch", "extra_headers", "seed", "logprobs", "top_logprobs", "prompt_logprobs"),
}


def is_inspect_log(path: Path) -> bool:
    """Whether a file is a log of Inspect, by its ending or, for `.json`, its first bytes."""
    if path.suffix == ENDING:
        return True
    if path.suffix == ".json" and not path.name.startswith("results_"):
        with suppress(OSError), opened(path) as stream:
            return JSON_START.match(stream.read(200)) is not None
    return False


def inspect_results(path: Path) -> dict[str, Any]:
    """The content of the results file of an evaluation, from the header of its log."""
    log = _read(path, header_only=True)
    spec, task = log.eval, log.eval.task
    epochs = spec.config.epochs or 1
    questions = len(spec.dataset.sample_ids or ()) or (log.results.total_samples // epochs if log.results else 0)
    return {
        "configs": {task: _config(log, epochs)},
        "results": {task: dict(_accuracies(log))},
        "n-samples": {task: {"effective": questions}} if questions else {},
        "versions": {task: spec.task_version},
        "model_name": spec.model,
        "config": {"model": spec.model, "model_args": _model_arguments(spec), "limit": spec.config.limit},
        "inspect_ai_version": spec.packages.get("inspect_ai", "unknown"),
        "inspect_arguments": spec.task_args_passed,
        "git_hash": spec.revision and spec.revision.commit,
        "date": datetime.fromisoformat(spec.created).timestamp(),
        "remarks": dict(_remarks(log, epochs)),
    }


def inspect_rows(path: Path) -> Iterator[Row]:
    """A row for each question under each scorer, in the harness's form; the epochs of a question are its responses.

    DatasetError for a log without samples or without scores.
    """
    log = _read(path, header_only=False)
    if not log.samples:
        raise DatasetError(f"{path}: holds no sample; evaluate again, with samples in the log (log_samples)")
    if not any(sample.scores for sample in log.samples) and not all(sample.error for sample in log.samples):
        raise DatasetError(f"{path}: holds no score; run: inspect score {path.name}")
    return rows_of(log)


def _read(path: Path, *, header_only: bool) -> EvalLog:
    require(str(path), "inspect")
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(str(path), header_only=header_only, exclude_fields=None if header_only else UNUSED)
    except Exception as error:  # of zip, JSON and validation: its reader has no error of its own
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise DatasetError(
            f"{path}: Inspect cannot read this log ({reason}); was it cut off? Copy it again, or evaluate again"
        ) from error


def _model_arguments(spec: EvalSpec) -> dict[str, Any]:
    """The arguments of the model; the folder of a local one, which may have a manifest, under the harness's name."""
    name = spec.model.partition("/")[2]  # hf//models/sft
    folder = spec.model_args.get("model_path") or (name if name.startswith("/") else None)
    return {**spec.model_args, **({"pretrained": folder} if folder else {})}


def _config(log: EvalLog, epochs: int) -> dict[str, Any]:
    """How the task was asked and scored, under the harness's names."""
    spec, plan = log.eval, log.plan
    settings = spec.model_generate_config.model_dump(exclude_none=True) | plan.config.model_dump(exclude_none=True)
    dataset = f"{spec.dataset.name or 'unnamed'}{' (shuffled)' if spec.dataset.shuffled else ''}"
    return {
        "output_type": "generate_until",
        "generation_kwargs": {name: value for name, value in settings.items() if name not in SENDING},
        "repeats": epochs,
        "filter_list": [{"name": name, "filter": parameters} for name, parameters in _scorers(log).items()],
        "solver": [{step.solver: step.params} for step in plan.steps],
        "inspect_data": " ".join([dataset, *(f"{name}={value}" for name, value in spec.task_args.items())]),
    }


def _scorers(log: EvalLog) -> dict[str, dict[str, Any]]:
    """Name of each scorer -> its function and arguments. A scorer of several values has a score of another name for each."""
    if log.results and log.results.scores:
        scores = [(name, score) for score in log.results.scores for name in (score.scorer, score.name)]
        return {name: {"scorer": score.scorer, **score.params} for name, score in scores}
    return {scorer.name: {"scorer": scorer.name, **(scorer.options or {})} for scorer in log.eval.scorers or ()}


def _accuracies(log: EvalLog) -> Iterator[tuple[str, float]]:
    """`acc,SCORER` and the mean that Inspect computed, where it is one over epochs and of its usual values."""
    for score in log.results.scores if log.results else ():
        metric = score.metrics.get("accuracy") or score.metrics.get("mean")
        if metric and score.reducer in (None, "mean") and not metric.params:
            yield f"acc,{score.name}", metric.value


def _remarks(log: EvalLog, epochs: int) -> Iterator[tuple[str, str]]:
    """What to doubt in the whole log: condition and detail."""
    if log.status != "success":
        reason = f" ({log.error.message.splitlines()[0][:120]})" if log.error and log.error.message else ""
        yield "not finished", f"its status is {log.status}{reason}"
    if epochs > 1 and log.results and (failed := log.results.total_samples - log.results.completed_samples):
        detail = f"{failed} of {log.results.total_samples} answers failed; the mean of a question is over the others"
        yield "epochs failed", detail
