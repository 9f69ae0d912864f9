"""The documents agree with the code: file map, commands, links, benchmarks."""

from __future__ import annotations

import re

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.cli.main import COMMANDS
from mcqa_suite.harness.tasks import manager

MAP = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Where things are")[1].split("```")[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "tasks/**/*.md", "training/**/*.md", "benchmarks/*.md", "results/README.md")
    for path in REPOSITORY.glob(pattern)
)
MADE_WITH_THE_SITE = {"demo-report.html"}
TASKS = (REPOSITORY / "tasks" / "README.md").read_text(encoding="utf-8")


def test_every_benchmark_is_in_the_task_table():
    named = set(re.findall(r"`(mcqa_[a-z0-9_]+)`", TASKS))
    index = manager().task_index
    tops = {
        name
        for name in index
        if not re.search(r"_(cloze|cot|perm|n8|harness|views|describe|apply)$", name) and "mmlu_stem_" not in name
    }
    grids = {f"mcqa_arc_grid_{release}_{split}" for release in (1, 2) for split in ("training", "evaluation")}
    assert tops - grids <= named | {f"{name}{suffix}" for name in named for suffix in ("_cloze", "_cot")}
    unknown = {name for name in named if name not in index}
    assert not unknown


def test_the_file_map_names_what_exists():
    inside = ""
    for line in MAP.strip().splitlines():
        names = [word for word in line.split("  ")[0 if not line.startswith("  ") else 1].split() if word]
        if not line.startswith("  "):
            inside = names[0]
        for name in names:
            path = REPOSITORY / (name if not line.startswith("  ") else f"{inside}{name}")
            assert path.exists(), path


def test_every_command_is_in_the_documentation():
    text = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"mcqa {name}" not in text] == []


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_files_that_are_linked_exist(file):
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", file.read_text(encoding="utf-8")):
        assert (file.parent / link).exists() or link in MADE_WITH_THE_SITE, link


def test_the_benchmarks_readme_names_every_script_and_every_figure():
    folder = REPOSITORY / "benchmarks"
    text = (folder / "README.md").read_text(encoding="utf-8")
    files = [*folder.glob("*/*.py"), *(folder / "results").glob("*.md")]
    assert files
    assert [file.name for file in files if f"`{file.name}`" not in text] == []
