"""The format of a task, from its YAML, and which tasks are asked with the chat template."""

from __future__ import annotations

import re

import pytest

from mcqa_suite.common.chat_template import DEFAULT, FORMATS, WITHOUT, ChatTemplate
from mcqa_suite.harness.task_formats import by_template, format_of, formats_of
from mcqa_suite.harness.tasks import listed

CONFIGS = listed()
TASKS = sorted(name for name, config in CONFIGS.items() if "group" not in config)
SCORES_LETTERS = r"mcqa_(mmlu_stem|gpqa)_\w*harness"  # as the built-in tasks do; the other built-in ones score texts


def expected(name: str) -> str:
    if re.search(r"_cot(_n8)?$", name) or re.match(r"mcqa_(gsm|symbolic|arc_grid)", name):
        return "written"
    if re.search(r"_(cloze|harness|2025_text)$", name) and not re.fullmatch(SCORES_LETTERS, name):
        return "cloze"
    return "letter"


def test_every_task_has_the_format_that_its_name_says():
    assert {name: format_of(CONFIGS[name]) for name in TASKS} == {name: expected(name) for name in TASKS}
    assert {expected(name) for name in TASKS} == set(FORMATS)


@pytest.mark.parametrize(
    ("config", "format"),
    [
        ({"task": "class of its own"}, "written"),
        ({"output_type": "multiple_choice", "doc_to_choice": ["A", "B"]}, "letter"),
        ({"output_type": "multiple_choice", "doc_to_choice": "{{['A', 'B', 'C']}}"}, "letter"),
        ({"output_type": "multiple_choice", "doc_to_choice": [" A", "(B)"]}, "letter"),
        ({"output_type": "multiple_choice", "doc_to_choice": ["yes", "no"]}, "cloze"),
        ({"output_type": "multiple_choice", "doc_to_choice": "{{choices.text}}"}, "cloze"),
        ({"output_type": "multiple_choice", "doc_to_choice": "{{[sol1, sol2]}}"}, "cloze"),
        ({"output_type": "multiple_choice"}, "cloze"),
        ({"output_type": "loglikelihood"}, "cloze"),
    ],
)
def test_other_tasks_have_a_format_too(config, format):
    assert format_of(config) == format


def test_the_formats_of_a_group_are_those_of_its_tasks():
    assert formats_of(["mcqa_suite_harness", "mcqa_epfl_cot"], CONFIGS) == ["letter", "cloze", "written"]
    assert formats_of(["mcqa_suite_cot"], CONFIGS) == ["written"]
    inline = {"group": "two", "task": [{"task": "mcqa_epfl", "num_fewshot": 2}, "mcqa_gsm8k"]}
    assert formats_of([inline], CONFIGS) == ["letter", "written"]


def test_a_group_that_is_asked_in_two_ways_gives_way_to_its_members():
    names = ["mcqa_suite_harness", "mcqa_epfl_cot", "mcqa_arc"]
    assert by_template(names, WITHOUT, CONFIGS) == {False: names}
    assert by_template(names, DEFAULT, CONFIGS) == {False: ["mcqa_suite_harness", "mcqa_arc"], True: ["mcqa_epfl_cot"]}
    assert by_template(names[:1], ChatTemplate(letter=True, cloze=False), CONFIGS) == {
        True: ["mcqa_mmlu_stem_harness", "mcqa_gpqa_harness"],
        False: ["mcqa_arc_harness", "mcqa_openbookqa_harness", "mcqa_sciq_harness"],
    }
    assert by_template([], DEFAULT, CONFIGS) == {}
