"""Which words of a question moved an option, for the models of one run or two."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError
from mcqa_suite.common.extras import require
from mcqa_suite.logs.main_metric import main_metrics
from mcqa_suite.logs.named_runs import named_path
from mcqa_suite.logs.packing import document_hash, without_arguments
from mcqa_suite.logs.rows import Sample, read_rows
from mcqa_suite.logs.runs import Run, TaskRun, read_run
from mcqa_suite.logs.settings import DTYPE
from mcqa_suite.questions.question import index_of_label, option_label

if TYPE_CHECKING:
    from mcqa_suite.reporting.explanation import Explanation, ModelWords

# The largest difference of a log-likelihood to the logged one: on other hardware, and in 16 bits.
CLOSE, CLOSE_IN_16_BITS = 0.05, 0.5


@dataclass(frozen=True, eq=False)
class _Logged:
    """A scored document of a run: the prompt, what was scored after it, and how the model chose."""

    run: Run
    task: TaskRun
    sample: Sample
    continuations: tuple[str, ...]
    chosen: int

    @property
    def where(self) -> str:
        return f"{self.run.path}: {self.task.task}, document {self.sample.doc_id}"


def explain(
    run: str | Path,
    *,
    checkpoint: str | Path,
    doc: str | int,
    task: str | None = None,
    compare: str | Path | None = None,
    compare_checkpoint: str | Path | None = None,
    option: str | None = None,
    method: str = "leave-one-out",
) -> Explanation:
    """Explain an option of one document, by default the one that the model of `run` chose.

    `doc` is the document's number in the log or its own id; `task` is needed where the run has several. `compare` is another run,
    in which the document has the same prompt, and `compare_checkpoint` its model. `method` is leave-one-out or gradient.
    Raises McqaError where a checkpoint is not the model of its run, or a log was changed.
    """
    if (compare is None) != (compare_checkpoint is None):
        raise ConfigError("--compare and --compare-checkpoint: give both, or none")
    first = _logged(str(run), str(doc), task)
    number = first.chosen if option is None else index_of_label(option.strip().upper())
    if not 0 <= number < len(first.continuations):
        last = option_label(len(first.continuations) - 1)
        raise ConfigError(f"--option {option}: {first.where} has the options A to {last}")
    pairs = [(first, str(checkpoint))]
    if compare is not None:
        second = _logged(str(compare), str(first.sample.doc_id), first.task.task)
        _check_same(first, second)
        pairs.append((second, str(compare_checkpoint)))
    require("mcqa explain", "eval", "explain")
    from mcqa_suite.evaluation.ask.explained import METHODS
    from mcqa_suite.reporting.explanation import Explanation

    if method not in METHODS:
        raise ConfigError(f"--method {method}: expected one of {', '.join(METHODS)}")
    words = tuple(_words(logged, name, number, method) for logged, name in pairs)
    doc_hash, prompt_hash, _ = first.sample.hashes
    texts = tuple(text.strip() for text in first.continuations)
    task_name, doc_id = first.task.task, first.sample.doc_id
    return Explanation(task_name, doc_id, doc_hash, prompt_hash, method, texts, number, words)


def _logged(text: str, doc: str, task: str | None) -> _Logged:
    """The document of a run; DatasetError where it cannot be explained."""
    name, path = named_path(text)
    run = read_run(path, name=name)
    scored = {each.task: each for each in run.tasks.values() if each.samples.loglikelihoods is not None}
    if not scored:
        raise DatasetError(f"{path}: no options are scored in it, only text is written; explain a letter or cloze task")
    if task is None and len(scored) > 1:
        raise ConfigError(f"{path}: give --task, one of {', '.join(scored)}")
    if (own := next(iter(scored.values())) if task is None else scored.get(task)) is None:
        raise ConfigError(f"--task {task}: no task of {path} whose options are scored; give one of {', '.join(scored)}")
    sample = next((row for row in read_rows(own.log) if doc in (str(row.doc_id), row.doc.get("id"))), None)
    if sample is None:
        ids = own.samples.doc_id
        raise DatasetError(
            f"{path}: {own.task} has no document {doc}; give a number from {ids.min()} to {ids.max()}, or an id"
        )
    metric = main_metrics(run).get((own.task, own.filter), "")
    chosen = int(own.samples.pick(metric)[np.flatnonzero(own.samples.doc_id == sample.doc_id)[0]])
    logged = _Logged(run, own, sample, tuple(text for _, text in sample.requests()), chosen)
    _check_log(logged)
    return logged


def _check_log(logged: _Logged) -> None:
    """DatasetError for a row whose document or prompt is not that of its hashes, or is not in the log."""
    sample = logged.sample
    if without_arguments(sample.row) or not sample.context:
        raise DatasetError(f"{logged.where}: the log has no prompts, as in a packed run; give the run itself")
    doc_hash, prompt_hash, _ = sample.hashes
    own = document_hash(sample.doc), hashlib.sha256(sample.context.encode("utf-8", "surrogatepass")).hexdigest()
    for what, hashed, value in zip(("document", "prompt"), (doc_hash, prompt_hash), own, strict=True):
        if hashed != value:
            raise DatasetError(
                f"{logged.where}: the {what} is not the one that was evaluated (its hash differs); run it again"
            )
    if len({prompt for prompt, _ in sample.requests()}) > 1:
        raise DatasetError(f"{logged.where}: its options have prompts of their own, so that none can be explained")


def _check_same(first: _Logged, second: _Logged) -> None:
    """DatasetError where two runs asked something else."""
    pairs = zip(
        (*first.sample.hashes[:2], first.continuations), (*second.sample.hashes[:2], second.continuations), strict=True
    )
    for what, (own, other) in zip(("document", "prompt", "options"), pairs, strict=True):
        if own != other:
            raise DatasetError(f"{second.where}: another {what} than in {first.run.path}; explain each alone")


def _words(logged: _Logged, checkpoint: str, option: int, method: str) -> ModelWords:
    """The words of one model, after a check that it is the one that was evaluated."""
    from mcqa_suite.evaluation.ask.explained import model_words
    from mcqa_suite.evaluation.ask.model import load

    model = load(checkpoint, logged.task.settings[DTYPE] or "auto")
    content = logged.run.weights["content"]
    if content and model.content and content != model.content:
        raise CheckpointError(
            f"{checkpoint}: not the model of {logged.run.path} (content {model.content[:12]}, the run's is {content[:12]}); "
            "give the checkpoint that was evaluated"
        )
    words, values = model_words(model, logged.sample.context, logged.continuations, option, logged.chosen, method)
    _check_scores(logged, checkpoint, values, CLOSE if "32" in str(model.lm.model.dtype) else CLOSE_IN_16_BITS)
    return replace(words, name=logged.run.name)


def _check_scores(logged: _Logged, checkpoint: str, values: Sequence[float], most: float) -> None:
    """CheckpointError where the model's log-likelihoods are not those of the run."""
    for index, (value, own) in enumerate(zip(values, logged.sample.loglikelihoods, strict=True)):
        if not abs(value - own) <= most:
            raise CheckpointError(
                f"{checkpoint}: gives option {option_label(index)} a log-likelihood of {value:.3f}, and {logged.run.path} has "
                f"{own:.3f}: another model, dtype or tokenizer; give the checkpoint that was evaluated"
            )
