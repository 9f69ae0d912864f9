"""Locks: one run in a folder, one process that writes a checkpoint, and none left by a process that was killed."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.locks import lock_of, run_lock, write_lock

HOLDS = """
import sys, time
from pathlib import Path
from mcqa_suite.common.locks import run_lock, write_lock
lock = write_lock(Path(sys.argv[1]))
with run_lock(Path(sys.argv[2])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_two_runs_do_not_share_a_folder(tmp_path):
    second = run_lock(tmp_path / "run")
    with run_lock(tmp_path / "run"), pytest.raises(ConfigError, match="another run uses this folder; wait"), second:
        pass
    with run_lock(tmp_path / "run"):
        pass


def test_a_run_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match=r"cannot be written: .*choose another --output"),
        run_lock(tmp_path / "file" / "run"),
    ):
        pass


def test_a_disk_error_inside_the_block_is_one_line_and_other_errors_pass(tmp_path):
    full = pytest.raises(ConfigError, match=r"run: No space left on device; make room, then rerun to resume")
    with full, run_lock(tmp_path / "run"), open("/dev/full", "wb", buffering=0) as stream:
        stream.write(b"x")
    with pytest.raises(FileNotFoundError), run_lock(tmp_path / "run"):
        (tmp_path / "missing").read_text()
    (tmp_path / "run/logs").write_text("")
    in_the_way = pytest.raises(ConfigError, match="run/logs: File exists; something else has this name; move it away")
    with in_the_way, run_lock(tmp_path / "run"):
        (tmp_path / "run/logs").mkdir()
    removed = pytest.raises(ConfigError, match=r"run/rung\.json: was removed during the run; rerun to make it again")
    with removed, run_lock(tmp_path / "run"):
        (tmp_path / "run/rung.json").read_text()


def test_a_link_and_what_it_names_have_one_lock(tmp_path):
    (tmp_path / "disk/sft").mkdir(parents=True)
    (tmp_path / "sft").symlink_to("disk/sft")
    assert lock_of(tmp_path / "sft").lock_file == lock_of(tmp_path / "disk/.sft.partial").lock_file


def test_a_second_writer_waits_also_for_the_partial_folder(tmp_path, capsys):
    order = []

    def second() -> None:
        with write_lock(tmp_path / ".sft.partial"):
            order.append("second")

    thread = threading.Thread(target=second)
    with write_lock(tmp_path / "sft"):
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert "waiting for another process that writes it" in capsys.readouterr().err


def test_the_locks_of_a_killed_process_are_free(tmp_path):
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "sft"), str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(ConfigError), run_lock(tmp_path / "run"):
            pass
        process.kill()
    with run_lock(tmp_path / "run"), write_lock(tmp_path / "sft"):
        pass
