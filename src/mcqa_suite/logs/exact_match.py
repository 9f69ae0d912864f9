"""Whether a logged `exact_match` is what the harness's own rule gives for the answer and the target in the same row.

The rule is computed where the results file says all of it: a task scored by the harness's metric itself, with options that are
known here. Patterns of a stranger's file are not run as regular expressions, which may take for ever: those of GSM8K, the task
that has them most often, are written out.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

from mcqa_suite.logs.rows import Sample

Text = Callable[[str], str]
METRIC = "exact_match"
OF_THE_TASK = {"metric", "aggregation", "higher_is_better", "hf_evaluate"}  # keys that change no score
# What each pattern of `regexes_to_ignore` removes from a text.
PATTERNS: dict[str, Text] = {
    ",": lambda text: text.replace(",", ""),
    "\\$": lambda text: text.replace("$", ""),
    "(?s).*#### ": lambda text: text.rpartition("#### ")[2],
    "\\.$": lambda text: text[:-1] if text.endswith(".") else text[:-2] + "\n" if text.endswith(".\n") else text,
}
FLAGS: dict[str, Text] = {  # in the order in which the harness applies them
    "ignore_case": str.lower,
    "ignore_punctuation": lambda text: text.translate(str.maketrans("", "", string.punctuation)),
    "ignore_numbers": lambda text: text.translate(str.maketrans("", "", string.digits)),
}


def rule_of(config: Mapping[str, Any]) -> list[Text] | None:
    """What the harness does to answer and target before it compares them; None where the file does not say all of it."""
    if config.get("output_type") != "generate_until" or config.get("process_results") or config.get("doc_to_choice"):
        return None
    listed = config.get("metric_list")
    metrics = [metric for metric in listed if isinstance(metric, dict)] if isinstance(listed, list) else []
    options = next((metric for metric in metrics if metric.get("metric") == METRIC), None)
    if options is None or options.keys() - OF_THE_TASK - FLAGS.keys() - {"regexes_to_ignore"}:
        return None
    patterns = options.get("regexes_to_ignore") or []
    if not isinstance(patterns, list) or not all(isinstance(text, str) and text in PATTERNS for text in patterns):
        return None
    return [PATTERNS[text] for text in patterns] + [change for name, change in FLAGS.items() if options.get(name)]


def agrees(sample: Sample, rule: list[Text]) -> bool | None:
    """Whether the row's exact_match is right by the rule; None where it cannot be computed.

    A target that is logged as a list may be several right ones, of which nothing says where each begins.
    """
    score, answers, target = sample.row.get(METRIC), sample.filtered, sample.target
    answer = answers[0] if len(answers) == 1 else None
    if not (isinstance(answer, str) and isinstance(target, str) and score in (0, 1)) or target.startswith("["):
        return None
    for change in rule:
        answer, target = change(answer), change(target)
    return bool((answer.rstrip("\0") == target.rstrip("\0")) == (score == 1))
