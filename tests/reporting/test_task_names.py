"""Names of tasks for people."""

from __future__ import annotations

import re

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.reporting.task_names import code, readable


def all_names() -> set[str]:
    """Every task and group of the suite."""
    files = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "tasks").rglob("*.yaml")]
    return {name for text in files for name in re.findall(r"^(?:task|group): (\w+)$", text, re.MULTILINE)}


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("mcqa_arc_easy_cloze", "ARC-Easy, cloze"),
        ("mcqa_arc_easy", "ARC-Easy, letter"),
        ("mcqa_arc_cot", "ARC, chain of thought"),
        ("mcqa_mmlu_stem_high_school_physics_cot_n8", "MMLU-STEM: high school physics, chain of thought, 8 samples"),
        ("mcqa_gpqa_main_perm", "GPQA: main, letter, rotated options"),
        ("mcqa_gsm_symbolic_p1_final_answer", "GSM-Symbolic P1, final answer"),
        ("mcqa_gsm8k, strict", "GSM8K, strict"),
        ("mcqa_arc_grid_1_training_views", "ARC grids: 1 training, several views"),
        ("arc_easy", "arc_easy"),
        ("mcqa_of_mine_cloze", "mcqa_of_mine_cloze"),
    ],
)
def test_a_task_has_a_name_for_people(task, words):
    assert readable(task) == words
    assert code(task) == ("" if words == task else task)


def test_every_task_of_the_suite_has_a_readable_name_of_its_own():
    names = all_names()
    assert len(names) > 250
    words = {name: readable(name) for name in names}
    assert not [name for name, text in words.items() if "_" in text]
    assert len(set(words.values())) == len(names)
