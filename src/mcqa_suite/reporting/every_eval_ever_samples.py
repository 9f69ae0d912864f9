"""The samples of a run in the instance-level schema of Every Eval Ever, version 0.3.0: a record for each sample and result."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.rows import Sample, read_extraction, read_rows
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.questions.question import option_label
from mcqa_suite.reporting.model_card.scores import Scored

SCHEMA = "0.3.0"


def sample_records(run: Run, log: Mapping[str, Any], scores: Sequence[Scored]) -> Iterator[dict[str, Any]]:
    """A record for each sample of each result in `log`, the run's evaluation log.

    Samples without an answer of a server are left out, as they are of the scores; so are those of GPQA, whose authors ask that
    its questions are not put online. DatasetError for a log that cannot be read.
    """
    shared = {
        "schema_version": SCHEMA,
        "evaluation_id": log["evaluation_id"],
        "model_id": log["model_info"]["id"],
    }
    for scored in scores:
        column = scored.own.column
        result = {"evaluation_name": column.title, "evaluation_result_id": result_id(scored)}
        for task in column.of(run):
            if "gpqa" not in task.task.lower():
                yield from ({**shared, **result, **record} for record in _records(task, column.metric))


def result_id(scored: Scored) -> str:
    """What ties a sample to its result."""
    column = scored.own.column
    return f"{column.name}/{column.filter}/{column.metric}"


def texts(**values: Any) -> dict[str, str]:
    """The values that are given, as the texts that the schema asks for."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
        if value is not None
    }


def _records(task: TaskRun, metric: str) -> Iterator[dict[str, Any]]:
    """The records of one task; a document without a number for the metric has none."""
    chosen = dict(zip(task.samples.doc_id.tolist(), task.samples.pick(metric).tolist(), strict=True))
    gold = dict(zip(task.samples.doc_id.tolist(), task.samples.gold.tolist(), strict=True))
    for sample in read_rows(task.log):
        if sample.filter != task.filter:
            continue
        try:
            score = sample.score(metric) if metric in sample.row else None
            if score is not None and math.isfinite(score):
                yield _record(task, sample, metric, score, chosen[sample.doc_id], gold[sample.doc_id])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DatasetError(
                f"{task.log}:{sample.line}: not a sample of lm_eval ({error}); run the task again"
            ) from error


def _record(
    task: TaskRun, sample: Sample, metric: str, score: float, chosen: int, gold: Sequence[bool]
) -> dict[str, Any]:
    scored_options = task.samples.loglikelihoods is not None
    choices = _choices(task, sample)
    if scored_options:
        output = [choices[chosen]]
        method = "the option with the largest log-likelihood" + " per character" * (metric == "acc_norm")
        attribution = [_attribution(option_label(chosen), method)]
    else:
        output = [str(text) for text in sample.responses]
        attribution = list(_read_answers(sample))
    raw = sample.stem if sample.stem is not None else sample.context
    right = [text for text, is_right in zip(choices, gold, strict=False) if is_right] or [str(sample.target)]
    identity = next((sample.doc[key] for key in ("id", "task_id") if sample.doc.get(key) is not None), sample.doc_id)
    doc_hash, prompt_hash, _ = sample.hashes
    return {
        "sample_id": str(identity),
        "sample_hash": _hash({"raw": raw, "reference": right}),
        "interaction_type": "single_turn",
        "input": {"raw": raw, "formatted": sample.context or None, "reference": right, "choices": choices or None},
        "output": {"raw": output},
        "answer_attribution": attribution,
        "evaluation": {"score": score, "is_correct": score == 1},
        "metadata": texts(
            task=task.task,
            doc_id=sample.doc_id,
            doc_hash=doc_hash,
            prompt_hash=prompt_hash,
            loglikelihoods=sample.loglikelihoods if scored_options else None,
        ),
    }


def _choices(task: TaskRun, sample: Sample) -> list[str]:
    """The texts of the options; empty for a question without."""
    if task.samples.loglikelihoods is not None:
        return sample.option_texts(len(sample.loglikelihoods))
    choices = sample.doc.get("choices")
    return [str(text) for text in choices] if isinstance(choices, list) else []


def _read_answers(sample: Sample) -> Iterator[dict[str, Any]]:
    """The answer of each response and the rule that read it, by this suite's filters; none where nothing could be read."""
    for value, answer in zip(sample.filtered, sample.answers, strict=True):
        if answer is not None:
            extraction = read_extraction(value)
            text = answer if isinstance(answer, str) else json.dumps(answer)
            yield _attribution(text, (extraction and extraction.rule) or sample.filter)


def _attribution(value: str, method: str) -> dict[str, Any]:
    return {
        "turn_idx": 0,
        "source": "output.raw",
        "extracted_value": value,
        "extraction_method": method,
        "is_terminal": True,
    }


def _hash(value: Any) -> str:
    """As Every Eval Ever's own converters compute `sample_hash`."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
