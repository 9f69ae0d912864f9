"""A reader that goes away, a closed stream or a full disk behind standard output does not end the work of a command."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# A command that prints much, on stderr too, does its work, and prints again.
PROGRAM = """
import sys
from pathlib import Path
from mcqa_suite.cli import main as module

def work(words):
    for number in range(20000):
        print("a line", number)
    print("\\N{PLUS-MINUS SIGN} and \\udcff", flush=True)
    print("about it", file=sys.stderr)
    Path(words[0]).write_text("done")
    if words[1:]:
        raise KeyboardInterrupt
    return 0

module.run_command = work
sys.exit(module.main())
"""


def start(folder: Path, *words: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, str(folder / "file"), *words]
    return subprocess.Popen(command, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options)


def test_a_reader_that_goes_away_does_not_end_the_work(tmp_path):
    with start(tmp_path) as process:
        assert process.stdout.readline() == b"a line 0\n"
        process.stdout.close()
        assert process.stderr.read() == b"about it\n"
        assert process.wait() == 0
    assert (tmp_path / "file").read_text() == "done"


@pytest.mark.parametrize("closed", [(2,), (1, 2), (0, 1, 2)])
def test_closed_streams_do_not_end_the_work_and_no_file_takes_their_place(tmp_path, closed):
    process = start(tmp_path, preexec_fn=lambda: [os.close(descriptor) for descriptor in closed])
    process.communicate()
    assert process.returncode == 0
    assert (tmp_path / "file").read_text() == "done"


def test_output_that_cannot_be_written_is_one_line_and_exit_code_2_after_the_work(tmp_path):
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    with (tmp_path / "output").open("wb") as output:
        process = start(tmp_path, stdout=output, preexec_fn=small_files)
        error = process.communicate()[1].decode()
    assert error == "about it\nmcqa: standard output: File too large; what is printed is incomplete\n"
    assert process.returncode == 2
    assert (tmp_path / "file").read_text() == "done"


def test_a_terminal_that_is_gone_does_not_end_the_work(tmp_path):
    ours, terminal = os.openpty()
    ignored = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    process = start(tmp_path, stdout=terminal, stderr=terminal, **ignored)
    os.close(terminal)
    os.close(ours)
    assert process.wait() == 0
    assert (tmp_path / "file").read_text() == "done"


def test_output_that_is_read_is_whole(tmp_path):
    output, error = start(tmp_path).communicate()
    assert output.decode() == "".join(f"a line {n}\n" for n in range(20000)) + "± and \\udcff\n"
    assert error == b"about it\n"


def test_python_is_started_again_without_what_libraries_do_not_work_with(tmp_path):
    program = (
        "import sys; from mcqa_suite.cli import main as m; "
        "m.run_command = lambda words: print(sys.flags.optimize, sys.warnoptions, words); m.main()"
    )
    env = os.environ | {"PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, "-c", program, "a b"], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "0 [] ['a b']\n"
    ignoring = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONWARNINGS": "ignore"}, capture_output=True, check=True
    )
    assert ignoring.stdout == b"0 ['ignore'] []\n"
