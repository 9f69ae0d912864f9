"""The guides in docs/howto show what their commands print, and their recipe can be read."""

from __future__ import annotations

import doctest
import json
import re
import shlex

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.cli.main import main
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.ladder.outputs import save_leaderboard
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.steps import LadderResult, RungResult

GUIDES = sorted((REPOSITORY / "docs" / "howto").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTINUED = "\\\n"  # the end of a line of a command that goes on
BLOCKS = [
    (language, text.replace(CONTINUED, ""))
    for guide in GUIDES
    for language, text in BLOCK.findall(guide.read_text(encoding="utf-8"))
]
LOGS = ("docs/demo", "results/runs")  # in the repository
COMMANDS = [
    text for _, text in BLOCKS if text.startswith("$ mcqa") and any(logs in text.split("\n")[0] for logs in LOGS)
]
CUT = "..."  # a line of a page that stands for lines of the output


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.split("\n")[0][:100])
def test_a_command_prints_what_the_page_shows(block, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    command, _, shown = block.partition("\n")
    main(shlex.split(command)[2:])
    printed = "".join(capsys.readouterr())
    at = 0
    for part in re.split(rf"^{re.escape(CUT)}$\n?", shown, flags=re.MULTILINE):
        assert part in printed[at:]
        at = printed.index(part, at) + len(part)


def test_there_are_commands():
    assert len(COMMANDS) > 3


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_python_prints_what_the_page_shows(guide, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    code = "\n".join(
        text for language, text in BLOCK.findall(guide.read_text(encoding="utf-8")) if language == "python"
    )
    examples = doctest.DocTestParser().get_doctest(code, {}, guide.name, str(guide), 0)
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_the_table_of_the_run_is_that_of_its_logs(tmp_path):
    demo = REPOSITORY / "docs" / "demo"
    rungs = [
        RungResult(name, demo / "checkpoints" / name, read_manifest(demo / "checkpoints" / name), folder, record)
        for name in ("base", "sft", "gptq8", "gptq4", "gptq2")
        for folder in [demo / "evaluations" / name]
        for record in [json.loads((folder / "rung.json").read_text(encoding="utf-8"))]
    ]
    recipe = read_recipe(REPOSITORY / "training" / "configs" / "demo.yaml")
    table, _ = save_leaderboard(LadderResult(recipe, tmp_path, tuple(rungs), seconds=0.0))
    rows = "\n".join(line for line in table.splitlines() if line.startswith("|"))
    assert rows in (REPOSITORY / "docs" / "howto" / "train.md").read_text(encoding="utf-8")


def test_the_recipe_of_the_guide_can_be_read(tmp_path):
    [recipe] = [text for language, text in BLOCKS if language == "yaml" and text.startswith("name:")]
    path = tmp_path / "mine.yaml"
    path.write_text(recipe, encoding="utf-8")
    assert [stage.name for stage in read_recipe(path).stages] == ["sft", "gptq4"]
