"""Prompts, options and targets: the `doc_to_text`, `doc_to_choice` and `doc_to_target` of task YAMLs.

They are functions because the harness reads a Jinja prompt of digits as an index, and `[[0, 1]]` as a list.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml

from mcqa_suite import grids
from mcqa_suite.harness.docs import as_question
from mcqa_suite.logs.scoring import Doc
from mcqa_suite.questions import prompts
from mcqa_suite.questions.gsm8k import without_calculations


def letter_text(doc: Doc) -> str:
    return prompts.letter(as_question(doc))


def letter_choices(doc: Doc) -> list[str]:
    return as_question(doc).letters


def cloze_text(doc: Doc) -> str:
    return prompts.cloze(as_question(doc))


def epfl_2025_text(doc: Doc) -> str:
    return prompts.epfl_2025(as_question(doc))


def labelled_choices(doc: Doc) -> list[str]:
    """Each option after its letter: "A. the option"."""
    return prompts.options(as_question(doc)).split("\n")


def gold_index(doc: Doc) -> int:
    """Index of the (first) right option."""
    return int(doc["gold"][0])


def cot_text(doc: Doc) -> str:
    return prompts.cot(as_question(doc))


def cot_target(doc: Doc) -> str:
    return prompts.cot_solution(as_question(doc))


def math_text(doc: Doc) -> str:
    return prompts.math(doc["question"])


def math_target(doc: Doc) -> str:
    return prompts.math_solution(without_calculations(doc["solution"]), doc["gold"])


def final_answer_text(doc: Doc) -> str:
    return prompts.final_answer(doc["question"])


def final_answer_target(doc: Doc) -> str:
    return prompts.final_answer_solution(without_calculations(doc["solution"]), doc["gold"])


@cache
def math_fewshot() -> list[Doc]:
    """The eight worked examples of Wei et al. (arXiv 2201.11903), read from the harness's own gsm8k_cot task."""
    path = resources.files("lm_eval") / "tasks" / "gsm8k" / "gsm8k-cot.yaml"
    # BaseLoader builds plain strings, whatever tags the file has.
    samples = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)["fewshot_config"]["samples"]  # noqa: S506
    docs = []
    for number, sample in enumerate(samples):
        solution, _, answer = sample["target"].rpartition(" The answer is ")
        doc = {"question": sample["question"], "solution": solution, "gold": answer.rstrip(".")}
        docs.append({"id": f"wei2022/{number}", **doc})
    return docs


def grid_target(doc: Doc) -> str:
    """The output in the form of the prompt's grids."""
    return grids.encoder(doc["encoder"]).encode(doc["output"])
