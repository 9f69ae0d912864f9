"""docs/asked.md shows every task as the harness asks it: prompts, what is scored, and versions."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from helpers.locations import MMLU_SUBJECTS, REPOSITORY

from mcqa_suite.evaluation.show import examples
from mcqa_suite.harness.tasks import listed

PAGE = REPOSITORY / "docs" / "asked.md"
BLOCK = re.compile(r"^```text (mcqa_\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(mcqa_[\w<>,]+)` \| ([\d.]+) \| ", re.MULTILINE)
RULE = "Lay the grid three times beside and below itself; the rows of the copies in the middle are mirrored."
SOME = {"subject": MMLU_SUBJECTS}


@pytest.fixture
def in_hub(made_up_hub, monkeypatch):
    """The rows of what is not bundled are made up: their licence or gate forbids to print one, or asks for more than a name."""
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))
    monkeypatch.delenv("MCQA_EPFL_FILE", raising=False)


@pytest.fixture
def rules(tmp_path):
    """The log of a `_describe` task with a rule for the first task."""
    row = {"doc_id": 0, "doc": {"task_id": "00576224"}, "resps": [[RULE]], "filtered_resps": [RULE], "target": ""}
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


def block(task: str, rules: Path) -> str:
    """The task's first question as `mcqa check --show` prints it; of many examples, only the first."""
    [example] = examples([task], {"rules": str(rules)} if task.endswith("_apply") else {})
    lines = str(example).split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("    Q: ")]
    if example.shots > 1:
        lines[starts[1] : starts[-1]] = [f"    [{example.shots - 1} more examples]", ""]
    return "\n".join(lines) + "\n"


@pytest.mark.usefixtures("in_hub")
@pytest.mark.slow
def test_every_block_is_what_the_task_asks(rules):
    page = PAGE.read_text(encoding="utf-8")
    blocks = dict(BLOCK.findall(page))
    assert len(blocks) > 20
    now = {task: block(task, rules) for task in blocks}
    if os.environ.get("MCQA_REWRITE_GOLDEN"):
        PAGE.write_text(BLOCK.sub(lambda match: f"```text {match[1]}\n{now[match[1]]}```", page), encoding="utf-8")
    assert blocks == now


def names(pattern: str) -> list[str]:
    """The tasks of a row: `mcqa_arc_<easy,challenge>_cot` stands for two, `<subject>` for the subjects of MMLU-STEM."""
    match = re.search(r"<([^>]+)>", pattern)
    if not match:
        return [pattern]
    values = SOME.get(match[1]) or match[1].split(",")
    return [name for value in values for name in names(pattern.replace(match[0], value))]


def test_every_task_is_in_the_table_once_with_its_version():
    rows = [(name, version) for pattern, version in ROW.findall(PAGE.read_text()) for name in names(pattern)]
    tasks = {name: str(config["metadata"]["version"]) for name, config in listed().items() if "group" not in config}
    assert sorted(rows) == sorted(tasks.items())
