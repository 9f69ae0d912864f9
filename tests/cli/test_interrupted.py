"""Ctrl-C, which reaches every process of a command, prints one line and leaves nothing; a killed command's files go later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.two_rungs import RECIPE
from helpers.waiting import eventually

LINE = "mcqa: interrupted; rerun to resume"
# `mcqa` with the training scripts of a folder.
PROGRAM = """
import os, sys
from pathlib import Path
import mcqa_suite.ladder.stages as stages
from mcqa_suite.cli.main import main
stages.training_dir = lambda: Path(os.environ["SCRIPTS"])
sys.exit(main())
"""
WAITING = """
import sys, tempfile, time
from pathlib import Path
(Path(tempfile.mkdtemp(prefix="gptqmodel_")) / "file").touch()
print("waiting", flush=True)
time.sleep(600)
"""


def obey_ctrl_c() -> None:
    """As on a terminal, also where the tests run in the background of a shell, which ignores the signal there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """`mcqa` with `words`, in a session of its own; what it prints is in files of `folder`."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.temporary, self.output, self.errors = folder / "tmp", folder / "output.txt", folder / "errors.txt"
        self.temporary.mkdir(exist_ok=True)
        env = os.environ | {"TMPDIR": str(self.temporary), "SCRIPTS": str(folder), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", PROGRAM, *words]
        with self.output.open("wb") as output, self.errors.open("wb") as errors:
            streams = {"stdout": output, "stderr": errors}
            self.process = subprocess.Popen(command, env=env, **streams, start_new_session=True, preexec_fn=obey_ctrl_c)

    def shows(self, text: str, file: Path) -> bool:
        assert self.process.poll() is None, self.errors.read_text()
        return file.is_file() and text in file.read_text()

    def end(self, number: signal.Signals) -> int:
        """Send a signal to the whole group; the exit code."""
        os.killpg(self.process.pid, number)
        return self.process.wait(60)

    @property
    def left(self) -> list[str]:
        return [path.name for path in self.temporary.iterdir()]


def generating(folder: Path, checkpoint: Path) -> Command:
    """`mcqa eval` while it writes long answers."""
    words = ["--tasks", "mcqa_epfl_cot", "--limit", "100", "--gen_kwargs", "max_gen_toks=900"]
    command = Command(
        folder, "eval", "--model_args", f"pretrained={checkpoint}", *words, "--output_path", str(folder / "o")
    )
    eventually(lambda: command.shows("Running generate_until requests", command.errors))
    return command


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_on_a_run_is_one_line(tmp_path, tiny_checkpoint, jobs):
    (tmp_path / "gptq.py").write_text(WAITING)
    (tmp_path / "check.py").write_text("")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(base=tiny_checkpoint, output="unused"))
    command = Command(tmp_path, "run", str(recipe), "--output", str(tmp_path / "run"), "--jobs", jobs)
    eventually(lambda: command.shows("waiting", tmp_path / "run/logs/g8.log"))
    assert command.end(signal.SIGINT) == 130
    assert [line for line in command.errors.read_text().splitlines() if "_pytree" not in line] == [LINE]
    assert command.left == []


@pytest.mark.slow
def test_ctrl_c_on_an_evaluation_is_one_line(tmp_path, tiny_checkpoint):
    command = generating(tmp_path, tiny_checkpoint)
    before = len(command.errors.read_text().splitlines())
    assert command.end(signal.SIGINT) == 130
    lines = command.errors.read_text().splitlines()[before:]
    assert [line for line in lines if line and "Running generate_until requests:" not in line] == [LINE]
    assert command.left == []


@pytest.mark.slow
def test_the_files_of_a_killed_evaluation_are_deleted_by_the_next_command(tmp_path, tiny_checkpoint):
    killed = generating(tmp_path, tiny_checkpoint)
    assert killed.end(signal.SIGKILL) == -9
    assert killed.left
    other = Command(tmp_path, "tasks")
    assert other.process.wait(60) == 0
    assert other.left == []
