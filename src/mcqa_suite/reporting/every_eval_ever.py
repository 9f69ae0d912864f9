"""Runs in the schema of Every Eval Ever (https://github.com/evaleval/every_eval_ever), version 0.3.0."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args
from uuid import UUID

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.masking import mask_of_secrets
from mcqa_suite.logs.metrics import is_accuracy, is_share
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.same_run import run_files
from mcqa_suite.reporting.every_eval_ever_samples import SCHEMA, result_id, sample_records, texts
from mcqa_suite.reporting.model_card.scores import HARNESSES, METRIC_TYPES, Scored, scores_of

COLLECTION = "mcqa-suite"  # the folder of its datastore
Relationship = Literal["first_party", "third_party", "collaborative", "other"]
ENGINES = {"hf": "transformers", "hf-prefix": "transformers", "vllm": "vllm"}
GENERATION = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_gen_toks": "max_tokens"}


def evaluation_files(
    run: Run, *, organization: str, relationship: Relationship, model: str | None, created: float, samples: bool
) -> dict[str, bytes]:
    """The log of a run and, with `samples`, a line of JSON for each sample, under their names in the project's datastore.

    These are data/mcqa-suite/DEVELOPER/MODEL/UUID.json and UUID_samples.jsonl. An evaluation has the same UUID each time.
    `organization` reports the scores, `relationship` is its relation to who made the model, `model` is the model's name on the
    hub (by default the run's). `created` are the seconds since 1970 at which the log is made.
    """
    scores = scores_of(run, None).scored
    log = _log(run, scores, organization, relationship, model, created)
    path = f"{_folder(log['model_info']['id'])}/{_uuid(log['evaluation_id'])}"
    lines = [_json(record) for record in sample_records(run, log, scores)] if samples else []
    if not lines:
        return {f"{path}.json": _json(log, indent=2)}
    content, name = b"".join(lines), f"{path}_samples.jsonl"
    details: dict[str, Any] = {"format": "jsonl", "file_path": name, "hash_algorithm": "sha256"}
    details |= {"checksum": hashlib.sha256(content).hexdigest(), "total_rows": len(lines)}
    return {f"{path}.json": _json(log | {"detailed_evaluation_results": details}, indent=2), name: content}


def _json(value: Any, indent: int | None = None) -> bytes:
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return f"{mask_of_secrets()(text)}\n".encode("utf-8", "backslashreplace")


def _folder(model: str) -> str:
    """Where the datastore keeps the logs of a model; one without a developer is of "unknown"."""
    developer, slash, name = model.partition("/")
    parts = (developer, name) if slash else ("unknown", model)
    return "/".join(["data", COLLECTION, *(re.sub(r"[^\w.-]+", "_", part).strip(".") or "_" for part in parts)])


def _uuid(text: str) -> UUID:
    return UUID(bytes=hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16], version=4)


def _log(
    run: Run, scores: Sequence[Scored], organization: str, relationship: str, model: str | None, created: float
) -> dict[str, Any]:
    """A result for each task and group of a run, with its 95 % interval."""
    if relationship not in get_args(Relationship):
        raise ConfigError(f"--relationship {relationship}: expected one of {', '.join(get_args(Relationship))}")
    results = run_files(run.path).files[0][1]
    config = results.get("config") or {}
    name = model or run.name
    date = str(int(results["date"])) if results.get("date") else None
    engine = _engine(results, config)
    library = next((key for key in HARNESSES if results.get(key)), "")
    developer, slash, _ = name.partition("/")
    log: dict[str, Any] = {
        "schema_version": SCHEMA,
        "evaluation_id": "/".join(filter(None, [COLLECTION, name, run.origin.checkpoint, date])),
        "evaluation_timestamp": date,
        "retrieved_timestamp": str(int(created)),
        "source_metadata": {
            "source_name": "mcqa-suite",
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": relationship,
        },
        "eval_library": {"name": HARNESSES.get(library, "unknown"), "version": str(results.get(library, "unknown"))},
        "model_info": {
            "name": run.name,
            "id": name,
            "developer": developer if slash else None,
            "inference_engine": engine,
            "additional_details": {
                "deployment_type": "self_deployed" if engine else "unknown",
                "model_availability": "open_weights" if engine else "unknown",
                **texts(
                    checkpoint=run.origin.checkpoint,
                    bits_per_weight=run.origin.bits_per_weight,
                    dtype=config.get("model_dtype"),
                    parent=run.origin.parents[0].name if run.origin.parents else None,
                ),
            },
        },
        "evaluation_results": [_result(scored, date) for scored in scores],
    }
    return {key: _without_none(value) for key, value in log.items() if value is not None}


def _engine(results: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str] | None:
    """What computed the model, where the log says it."""
    name = ENGINES.get(str(results.get("model_source") or config.get("model")))
    version = results.get("transformers_version") if name == "transformers" else None
    return {"name": name, **({"version": str(version)} if version else {})} if name else None


def _result(scored: Scored, date: str | None) -> dict[str, Any]:
    column, estimate = scored.own.column, scored.own.accuracy
    shots = "/".join(map(str, dict.fromkeys(column.shots)))
    uncertainty: dict[str, Any] = {"num_samples": estimate.n}
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        method = "Wilson, at the effective sample size" if is_share(column.metric) else "Student's t"
        ends = {"lower": estimate.low, "upper": estimate.high}
        uncertainty["confidence_interval"] = {**ends, "confidence_level": 0.95, "method": method}
    details = texts(
        not_valid=scored.own.failed_check or None,
        unread_share=scored.own.unread,
        questions_of_the_whole_set=scored.whole or None,
        chance=column.chance,
    )
    return {
        "evaluation_result_id": result_id(scored),
        "evaluation_name": column.title,
        "source_data": _source(scored),
        "evaluation_timestamp": date,
        "metric_config": _metric(scored),
        "score_details": {"score": estimate.value, "details": details or None, "uncertainty": uncertainty},
        "generation_config": _generation(scored, shots),
    }


def _source(scored: Scored) -> dict[str, Any]:
    name = scored.own.column.name
    if scored.data_set is None:
        return {"dataset_name": name, "source_type": "other"}
    details = texts(config=scored.config.get("dataset_name"))
    return {
        "dataset_name": name,
        "source_type": "hf_dataset",
        "hf_repo": scored.data_set,
        "hf_split": scored.config.get("test_split"),
        "samples_number": scored.own.accuracy.n,
        "additional_details": details or None,
    }


def _metric(scored: Scored) -> dict[str, Any]:
    """The metric; what is no share has no bounds that are known, so that no type of score is given."""
    column = scored.own.column
    kind = METRIC_TYPES.get(column.metric, column.metric)
    config: dict[str, Any] = {
        "metric_id": kind.replace("_", "-"),
        "metric_name": column.metric,
        "metric_kind": "accuracy" if is_accuracy(column.metric) else column.metric,
        "lower_is_better": not column.higher_is_better,
    }
    if is_share(column.metric):
        return config | {"metric_unit": "proportion", "score_type": "continuous", "min_score": 0.0, "max_score": 1.0}
    bounds = {"min_score": "-Infinity", "max_score": "Infinity"}
    return config | {"score_type": "continuous", **bounds, "additional_details": {"bounds_status": "unknown"}}


def _generation(scored: Scored, shots: str) -> dict[str, Any]:
    settings = scored.config.get("generation_kwargs") or {}
    arguments = {ours: settings[theirs] for theirs, ours in GENERATION.items() if settings.get(theirs) is not None}
    others = {key: value for key, value in settings.items() if key not in GENERATION}
    return {"generation_args": arguments or None, "additional_details": texts(num_fewshot=shots, **others)}


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
