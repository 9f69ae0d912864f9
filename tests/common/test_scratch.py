"""Temporary files of a command are in a folder of its own, which the next command deletes where it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A command that leaves a temporary file and waits.
PROGRAM = """
import sys, tempfile
from pathlib import Path
from mcqa_suite.cli import main as module

def work(words):
    (Path(tempfile.mkdtemp()) / "file").touch()
    print(tempfile.gettempdir(), flush=True)
    return len(sys.stdin.read())

module.run_command = work
sys.exit(module.main())
"""


@pytest.fixture
def start(tmp_path):
    """Starts the command with TMPDIR set to a folder `tmp`."""
    (tmp_path / "tmp").mkdir()

    def started(*words: str) -> subprocess.Popen[bytes]:
        env, pipe = os.environ | {"TMPDIR": str(tmp_path / "tmp")}, subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", PROGRAM, *words], env=env, stdin=pipe, stdout=pipe, stderr=pipe)

    return started


@pytest.mark.parametrize("words", [["eval"], ["--debug", "table", "run"]])
def test_nothing_stays_of_a_command(start, tmp_path, words):
    process = start(*words)
    output, error = process.communicate(b"ab")
    assert process.returncode == 2
    assert Path(output.decode().strip()).parent == tmp_path / "tmp"
    assert error == b""
    assert not list((tmp_path / "tmp").iterdir())


def test_the_next_command_deletes_what_a_killed_one_left_and_nothing_else(start, tmp_path):
    killed, running = start("eval"), start("eval")
    used = [Path(process.stdout.readline().decode().strip()) for process in (killed, running)]
    killed.kill()
    killed.communicate()
    other = {"mcqa-0123456789", "mcqa-0123456789.lock", "mcqa-table.lock"}  # not of a command
    for name in other:
        (tmp_path / "tmp" / name).mkdir()
    assert used[0].exists()
    start("eval").communicate()
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == other | {used[1].name, f"{used[1].name}.lock"}
    running.communicate()
    assert running.returncode == 0
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == other


def test_a_run_uses_the_folder_of_its_ladder(start, tmp_path):
    assert start("run").communicate()[0].decode().strip() == str(tmp_path / "tmp")
