"""Other readers of answers: the filters of the harness's own tasks, as its YAMLs configure them, and math-verify."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.resources import files
from pathlib import Path
from typing import Any

from mcqa_suite.extract import gold_number
from mcqa_suite.logs.responses import Answer, ReadResponse
from mcqa_suite.questions.question import LETTERS

FLAN = "mmlu/flan_cot_zeroshot/_mmlu_flan_cot_zeroshot_template_yaml"
# Kind of answer -> name of the reader, YAML below the harness's tasks, name of the filter in it
FILTERS = {
    "mcq": (
        ("lm-eval mmlu_pro", "mmlu_pro/_default_template_yaml", "custom-extract"),
        ("lm-eval mmlu flan strict", FLAN, "strict-match"),
        ("lm-eval mmlu flan flexible", FLAN, "flexible-extract"),
    ),
    "numeric": (
        ("lm-eval gsm8k strict", "gsm8k/gsm8k.yaml", "strict-match"),
        ("lm-eval gsm8k flexible", "gsm8k/gsm8k.yaml", "flexible-extract"),
    ),
}
ByReader = dict[str, dict[str, Answer]]  # name of a reader -> id of a response -> answer


def read_by_lm_eval(responses: Sequence[ReadResponse]) -> ByReader:
    """The answers of the harness's filters, each for the kind of answer that it is written for."""
    answers: ByReader = {}
    for kind, filters in FILTERS.items():
        if of_kind := [response for response in responses if response.kind == kind]:
            answers |= {name: _filtered(of_kind, path, filter_name) for name, path, filter_name in filters}
    return answers


def _filtered(responses: Sequence[ReadResponse], path: str, filter_name: str) -> dict[str, Answer]:
    from lm_eval.api.registry import get_filter
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(Path(str(files("lm_eval") / "tasks" / path)), resolve_func=False)
    [steps] = [item["filter"] for item in config["filter_list"] if item["name"] == filter_name]
    values: Any = [[response.text] for response in responses]
    docs = [{"choices": response.choices} for response in responses]
    for step in steps:
        settings = {key: value for key, value in step.items() if key != "function"}
        values = get_filter(step["function"])(**settings).apply(values, docs)
    ignored = config["metric_list"][0].get("regexes_to_ignore", [])  # what the task's exact_match strips
    answers = {}
    for response, value in zip(responses, values, strict=True):
        for pattern in ignored:
            value = re.sub(pattern, "", value)
        answers[response.id] = _answer(response, value)
    return answers


def _answer(response: ReadResponse, value: str) -> Answer:
    """A letter or a number; None for other text, such as "[invalid]"."""
    if response.kind == "mcq":
        bare = value.strip(string.punctuation + string.whitespace).upper()
        return bare if len(bare) == 1 and bare in LETTERS[: len(response.choices)] else None
    try:
        return gold_number(value)
    except ValueError:
        return None


def read_by_math_verify(responses: Sequence[ReadResponse]) -> ByReader:
    """The answers of math-verify: option letters as strings, numbers as LaTeX or plain expressions with a real value."""
    import math_verify

    numeric = [math_verify.LatexExtractionConfig(), math_verify.ExprExtractionConfig()]
    answers: dict[str, Answer] = {}
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # it prints its failures
        for response in responses:
            letters = tuple(LETTERS[: len(response.choices)])
            configs = numeric if response.kind == "numeric" else [math_verify.StringExtractionConfig(strings=letters)]
            values = math_verify.parse(response.text, configs, fallback_mode="no_fallback")
            answers[response.id] = _answer(response, _text(values[0])) if values else None
    return {"math-verify": answers}


def _text(value: Any) -> str:
    """A value of SymPy as text, "" for one that is no real number."""
    if isinstance(value, str):
        return value
    if not (getattr(value, "is_number", False) and value.is_real):
        return ""
    try:
        return str(value if value.is_Rational else value.evalf(15))
    except (ValueError, OverflowError):  # more digits than Python writes
        return ""
