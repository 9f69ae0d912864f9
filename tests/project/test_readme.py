"""Every command of the README runs, prints what the README shows, and its Python does what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

import pytest
import yaml
from helpers.locations import PATH, REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README.replace("\\\n", ""), re.MULTILINE | re.DOTALL)
NOT_RUN = {
    "pip install": "the installation is that of `make test`, and tests/project/test_light_install.py has the light one",
    "mcqa run training/configs/demo.yaml": "is `make demo`, ten minutes; tests/ladder/test_smoke.py runs it with --smoke",
}
WRITES_THE_MODELS = ("import-gguf", "gptq.py")
NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?")


def commands(language, block):
    """The commands of a block, and what is shown of their output."""
    if language == "yaml":
        return [(step["run"], "") for step in yaml.safe_load(block)]
    if "$ " not in block:
        return [(line.split("  #")[0].strip(), "") for line in block.splitlines()]
    return [tuple(part.split("\n", 1)) for part in block.split("$ ")[1:]]


SHOWN = [pair for language, block in BLOCKS if language in ("", "yaml") for pair in commands(language, block)]
RUN = sorted(
    (pair for pair in SHOWN if not pair[0].startswith(tuple(NOT_RUN))),
    key=lambda pair: not any(word in pair[0] for word in WRITES_THE_MODELS),
)


def masked(text):
    """Without numbers and the lengths of columns, which another processor may change a little."""
    return re.sub(r"[ -]+", " ", NUMBER.sub("#", text))


def test_what_is_not_run_is_in_the_readme():
    for start in NOT_RUN:
        assert any(command.startswith(start) for command, _ in SHOWN), start


def test_lines_are_few_and_short():
    lines = README.splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120 and not line.startswith(("!", "|"))] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with what a reader has: the files of the repository, and questions."""
    path = tmp_path_factory.mktemp("readme")
    for name in ("training", "tasks", "docs", "results"):
        (path / name).symlink_to(REPOSITORY / name)
    row = re.search(r'`(\{"question".*\})`', README)
    assert row
    (path / "exam.jsonl").write_text(row[1] + "\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_every_command_runs_and_prints_what_is_shown(folder):
    environment = {**os.environ, "PATH": PATH, "COLUMNS": "120"}
    for command, shown in RUN:
        done = subprocess.run(shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True)
        printed = masked(done.stdout + done.stderr)
        assert done.returncode == ("--max-drop" in command), f"{command}\n{done.stderr}"  # the gate fails
        for part in masked(shown).split("...\n"):
            assert part.strip() in printed, f"{command}\n{part}\n{printed}"


@pytest.mark.slow
def test_the_python_of_the_readme_runs(folder, monkeypatch):
    [code] = [text for language, text in BLOCKS if language == "python"]
    monkeypatch.chdir(folder)
    exec(code, {})
