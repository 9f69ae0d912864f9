"""Names of this suite's tasks for people: `mcqa_arc_easy_cloze` is "ARC-Easy, cloze". Other names stay as they are."""

from __future__ import annotations

import re

PREFIX = "mcqa_"
# The ends of task names, the longest first; a benchmark without one is asked for a letter.
FORMATS = {
    "final_answer_n8": "final answer, 8 samples",
    "final_answer": "final answer",
    "cot_n8": "chain of thought, 8 samples",
    "n8": "8 samples",
    "cot": "chain of thought",
    "cloze": "cloze",
    "perm": "letter, rotated options",
    "harness": "as in the harness",
    "apply": "apply the rule",
    "describe": "describe the rule",
    "views": "several views",
    "text": "letter and text",
}
# Benchmarks, the longest name first among those that begin alike; what follows is a part of the benchmark.
BENCHMARKS = {
    "suite": "Whole suite",
    "mmlu_stem": "MMLU-STEM",
    "arc_easy": "ARC-Easy",
    "arc_challenge": "ARC-Challenge",
    "arc_grid": "ARC grids",
    "arc": "ARC",
    "gpqa": "GPQA",
    "gsm8k": "GSM8K",
    "gsm_symbolic": "GSM-Symbolic",
    "symbolic_local": "Symbolic problems",
    "openbookqa": "OpenBookQA",
    "sciq": "SciQ",
    "aqua_rat": "AQuA-RAT",
    "epfl_2025": "EPFL questions of 2025",
    "epfl": "EPFL questions",
}
WRITTEN = ("gsm8k", "gsm_symbolic", "symbolic_local", "arc_grid")  # never asked for a letter


def readable(title: str) -> str:
    """The name of a task or group for people; what follows a comma, such as a filter, is kept."""
    name, comma, rest = title.partition(", ")
    body, words = name.removeprefix(PREFIX), ""
    benchmark = next((key for key in BENCHMARKS if re.match(rf"{key}(_|$)", body)), None)
    if benchmark is None or not name.startswith(PREFIX):
        return title
    body = body.removeprefix(benchmark)
    if end := next((key for key in FORMATS if body.endswith(f"_{key}")), None):
        body, words = body.removesuffix(f"_{end}"), FORMATS[end]
    elif benchmark not in WRITTEN:
        words = "letter"
    parts = [BENCHMARKS[benchmark] + _part(body), *filter(None, [words])]
    return ", ".join(parts) + comma + rest


def _part(body: str) -> str:
    """A part of a benchmark: "_high_school_physics" is ": high school physics", "_p1" is " P1"."""
    text = body.strip("_").replace("_", " ")
    return f" {text.upper()}" if re.fullmatch(r"p\d", text) else f": {text}" * bool(text)


def code(title: str) -> str:
    """What stands beneath a readable name: the task's own name, "" where that is what people read."""
    return "" if readable(title) == title else title
