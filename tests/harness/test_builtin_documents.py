"""What tasks/README.md and docs/measurements.md say about the built-in tasks is what the tasks and the measurements say."""

from __future__ import annotations

import json
import pkgutil
import re
from importlib import resources

import pytest
import yaml
from helpers.locations import REPOSITORY
from lm_eval.utils import apply_template

from mcqa_suite.harness.tasks import listed

SECTION = (REPOSITORY / "tasks" / "README.md").read_text(encoding="utf-8").split("## Beside the built-in tasks")[1]
SECTION = SECTION.split("\n## ")[0]
PROMPTS = dict(re.findall(r"^(\w+) +(\".*)$", SECTION.split("```")[1], re.MULTILINE))
RESULT = (REPOSITORY / "benchmarks" / "results" / "builtin_parity.md").read_text(encoding="utf-8")
MEASUREMENTS = (REPOSITORY / "docs" / "measurements.md").read_text(encoding="utf-8")

TEXTS = ["a", "b", "c", "d"]
OURS = {"id": "x/1", "stem": "Q", "choices": TEXTS, "gold": [0], "subject": "", "rationale": "", "question": "Q"}
LABELLED = {"question": "Q", "question_stem": "Q", "choices": {"text": TEXTS, "label": list("ABCD")}}
SCIQ = {"distractor1": "a", "distractor2": "b", "distractor3": "c", "correct_answer": "d", "support": " SUPPORT"}
GPQA = {"Question": "Q", **{f"choice{number}": text for number, text in enumerate(TEXTS, start=1)}}
BUILTIN = {
    "mmlu_anatomy": ("mmlu/default", {"question": " Q ", "choices": TEXTS}),
    "mmlu_anatomy_continuation": ("mmlu/continuation", {"question": " Q ", "choices": TEXTS}),
    "arc_easy": ("arc", LABELLED),
    "openbookqa": ("openbookqa", LABELLED),
    "sciq": ("sciq", {"question": "Q", **SCIQ}),
    "gpqa_main_zeroshot": ("gpqa/zeroshot", GPQA),
    "gsm8k_cot": ("gsm8k", {"question": "Q"}),
}


def shown(prompt, choices=None):
    return json.dumps(prompt) + (f" + {json.dumps(' ' + choices[0])}" if choices else "")


def test_the_prompts_of_both_sides_are_shown():
    ours = {name for name in PROMPTS if name.startswith("mcqa_")}
    assert ours <= listed().keys()
    assert PROMPTS.keys() - ours == BUILTIN.keys()


@pytest.mark.parametrize("name", [name for name in PROMPTS if name.startswith("mcqa_")])
def test_our_prompts_are_those_of_the_tasks(name):
    config = listed()[name]
    prompt = pkgutil.resolve_name(config["doc_to_text"])(OURS)
    options = config.get("doc_to_choice")
    choices = OURS.get(options) or pkgutil.resolve_name(options)(OURS) if options else None
    assert PROMPTS[name] == shown(prompt, choices)


@pytest.mark.parametrize("name", BUILTIN)
def test_the_built_in_prompts_are_those_of_the_installed_harness(name):
    folder, row = BUILTIN[name]
    config = read(name, folder)
    text, options = config["doc_to_text"], config.get("doc_to_choice")
    prompt = config.get("description", "") + (row.get(text) or apply_template(text, row))
    if isinstance(options, str):
        options = yaml.safe_load(apply_template(options, row))
    assert PROMPTS[name] == shown(prompt, options)


def read(name, folder):
    """A built-in YAML with what it includes."""
    folder = resources.files("lm_eval") / "tasks" / folder
    for path in folder.iterdir():
        if path.name.endswith(".yaml"):
            config = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
            if config.get("task") == name:
                base = folder / config["include"] if "include" in config else None
                return {
                    **(yaml.load(base.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) if base else {}),
                    **config,
                }
    raise AssertionError(name)


def test_the_figures_are_those_of_the_result():
    rows = [line for line in SECTION.splitlines() if re.match(r"\| [a-z_]+ \| `mcqa_\w+` \| \d+ \|", line)]
    assert len(rows) >= 5
    assert [row for row in rows if row not in RESULT] == []


def test_nothing_differed_and_the_number_of_documents_is_the_measured_one():
    totals = re.findall(
        r"^In all: (\d+) documents, (\d+) (?:differ|tasks or groups that differ)\.$", RESULT, re.MULTILINE
    )
    assert len(totals) == 3  # prompts, scores of the tiny model, scores of the real one
    assert {differ for _, differ in totals} == {"0"}
    (prompts, _), (scores, _), (real, _) = totals
    assert prompts == scores
    sentence = next(line for line in MEASUREMENTS.splitlines() if "builtin_parity.md" in line)
    assert re.findall(r"[\d,]{3,}", MEASUREMENTS.split("## Tasks and comparison")[1])[0] == f"{int(prompts):,}", (
        sentence
    )
    assert f"{int(real):,} questions that a real model" in " ".join(MEASUREMENTS.split())
