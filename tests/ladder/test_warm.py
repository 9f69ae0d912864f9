"""Stages in forks of a server: what they see, say and leave is what a process of their own would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.locks import locked
from mcqa_suite.ladder import warm

DRIVER = """
import sys
from pathlib import Path
from mcqa_suite import warm
from mcqa_suite.common.errors import McqaError

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    warm.LIBRARIES = tuple(sys.argv[2].split(","))
    for number in range(2):
        try:
            command = [str(folder / "stage.py"), "one", "two"]
            warm.run_warm(command, folder / f"{number}.log", "stage", "label", {"WORD": "said"})
        except McqaError as error:
            print(error)
"""
STAGE = """
import os, sys, threading
import beside
print(beside.WORD, sys.argv[1:], os.environ["WORD"], "here before" if "known" in sys.modules else "new", flush=True)
"""
FAILING = "import sys\nprint('stage.py: no such thing: choose another', file=sys.stderr)\nsys.exit(2)\n"
THREADED = """
import os, threading, time
if "MCQA_PRELOAD" in os.environ:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    open(os.path.join(os.path.dirname(__file__), "started"), "a").write("once\\n")
"""
LOCKING = """
import sys
from pathlib import Path
from mcqa_suite import warm
from mcqa_suite.common.locks import locked

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    warm.LIBRARIES = ()
    with locked(folder) as lock:
        warm.run_warm([str(folder / "stage.py")], folder / "log", "stage", "label", {}, (lock,))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stages are forked on Linux alone")


def stages(folder: Path, stage: str, library: str) -> str:
    (folder / "beside.py").write_text("WORD = 'from beside the script'\n", encoding="utf-8")
    (folder / "known.py").write_text(library, encoding="utf-8")
    (folder / "stage.py").write_text(stage, encoding="utf-8")
    (folder / "driver.py").write_text(DRIVER, encoding="utf-8")
    command = [sys.executable, str(folder / "driver.py"), str(folder), "known,no_such_library"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_fork_has_its_arguments_its_environment_and_the_libraries(tmp_path):
    assert stages(tmp_path, STAGE, "print('a banner that nobody asked for')") == ""
    expected = "from beside the script ['one', 'two'] said here before\n"
    assert [(tmp_path / f"{n}.log").read_text(encoding="utf-8") for n in range(2)] == [expected] * 2


def test_a_stage_that_fails_is_told_of_in_its_own_words(tmp_path):
    line = f"stage 'stage' failed: stage.py: no such thing: choose another (log: {tmp_path}/"
    assert stages(tmp_path, FAILING, "") == f"{line}0.log)\n{line}1.log)\n"


def test_a_library_that_starts_a_thread_is_never_forked(tmp_path):
    assert stages(tmp_path, STAGE, THREADED) == ""
    assert [(tmp_path / f"{n}.log").read_text(encoding="utf-8").split()[-1] for n in range(2)] == ["new"] * 2
    assert (tmp_path / "started").read_text(encoding="utf-8") == "once\n"  # and not tried again


def test_the_variable_and_a_gpu_switch_it_off(monkeypatch, tmp_path):
    monkeypatch.setattr(warm, "GPUS", (str(tmp_path / "gpu*"),))
    assert warm.possible()
    (tmp_path / "gpu0").touch()
    assert not warm.possible()
    monkeypatch.setattr(warm, "GPUS", ())
    monkeypatch.setenv(warm.VARIABLE, "off")
    assert not warm.possible()


def test_a_fork_holds_the_lock_that_it_is_handed(tmp_path):
    (tmp_path / "stage.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n", encoding="utf-8")
    (tmp_path / "driver.py").write_text(LOCKING, encoding="utf-8")
    driver = subprocess.Popen([sys.executable, str(tmp_path / "driver.py"), str(tmp_path)], start_new_session=True)
    try:
        log = tmp_path / "log"
        deadline = time.monotonic() + 60
        while not log.is_file() or not log.read_text(encoding="utf-8"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        driver.kill()
        driver.wait()
        with pytest.raises(ConfigError, match="at work there"), locked(tmp_path):
            pass
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
