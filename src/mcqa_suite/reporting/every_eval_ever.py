"""Runs in the schema of Every Eval Ever (https://github.com/evaleval/every_eval_ever), version 0.3.0."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.logs.metrics import is_accuracy, is_share
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.same_run import run_files
from mcqa_suite.reporting.model_card.scores import HARNESSES, METRIC_TYPES, Scored, scores_of

SCHEMA = "0.3.0"
Relationship = Literal["first_party", "third_party", "collaborative", "other"]
ENGINES = {"hf": "transformers", "hf-prefix": "transformers", "vllm": "vllm"}
GENERATION = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_gen_toks": "max_tokens"}


def evaluation_log(
    run: Run, *, organization: str, relationship: Relationship, model: str | None, created: float
) -> dict[str, Any]:
    """One log of the schema: a result for each task and group of a run, with its 95 % interval.

    `organization` reports the scores, `relationship` is its relation to who made the model, `model` is the model's name on the
    hub (by default the run's). `created` are the seconds since 1970 at which the log is made.
    """
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
        "evaluation_id": "/".join(["mcqa-suite", name, run.origin.checkpoint or date or "undated"]),
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
                **_texts(
                    checkpoint=run.origin.checkpoint,
                    bits_per_weight=run.origin.bits_per_weight,
                    dtype=config.get("model_dtype"),
                    parent=run.origin.parents[0].name if run.origin.parents else None,
                ),
            },
        },
        "evaluation_results": [_result(scored, date) for scored in scores_of(run, None).scored],
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
    details = _texts(
        not_valid=scored.own.failed_check or None,
        unread_share=scored.own.unread,
        questions_of_the_whole_set=scored.whole or None,
        chance=column.chance,
    )
    return {
        "evaluation_result_id": f"{column.name}/{column.filter}/{column.metric}",
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
    details = _texts(config=scored.config.get("dataset_name"))
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
    return {"generation_args": arguments or None, "additional_details": _texts(num_fewshot=shots, **others)}


def _texts(**values: Any) -> dict[str, str]:
    """The values that are given, as the texts that the schema asks for."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
        if value is not None
    }


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
