"""The process that evaluates one checkpoint after another: a stand-in for its protocol, the real one for its results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers.waiting import eventually

from mcqa_suite.common.errors import StageError
from mcqa_suite.common.locks import write_lock
from mcqa_suite.ladder import process as module
from mcqa_suite.ladder.process import EvaluationWorker

# Prints its request, with its process, and does what it says.
STAND_IN = """
import json, os, sys
for line in sys.stdin:
    request = json.loads(line)
    print(os.getpid(), request["word"], os.environ["OMP_NUM_THREADS"], " 50%|#  | 1/2", file=sys.stderr)
    if request["word"] == "die":
        os.kill(os.getpid(), 9)
    if request["word"] == "fail":
        print("mcqa: no such checkpoint", file=sys.stderr)
    print(json.dumps({"exit_code": 2 * (request["word"] == "fail")}), flush=True)
"""
DRIVER = """
import json, sys
from pathlib import Path
from mcqa_suite.ladder.process import EvaluationWorker
EvaluationWorker().evaluate(json.loads(sys.argv[1]), Path(sys.argv[2]), "base", "", {"OMP_NUM_THREADS": "1"})
"""


class Worker:
    """A worker whose requests and logs are short."""

    def __init__(self, folder: Path) -> None:
        self.worker, self.folder = EvaluationWorker(), folder

    def evaluate(self, word: str) -> list[str]:
        """What the process printed."""
        log = self.folder / "logs" / f"{word}.log"
        self.worker.evaluate({"word": word}, log, word, "label", {"OMP_NUM_THREADS": "3"})
        return log.read_text().split()


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setattr(module, "WORKER", (str(tmp_path / "stand_in.py"),))
    worker = Worker(tmp_path)
    yield worker
    worker.worker.close()


def test_every_request_goes_to_one_process_and_has_a_log_of_its_own(worker):
    first, second = worker.evaluate("one"), worker.evaluate("two")
    assert (first[1:3], second[1:3]) == (["one", "3"], ["two", "3"])
    assert first[0] == second[0]


def test_a_failed_request_is_one_line_and_the_process_stays(worker, tmp_path):
    (pid, *_) = worker.evaluate("one")
    log = tmp_path / "logs/fail.log"
    with pytest.raises(StageError) as failed:
        worker.evaluate("fail")
    assert str(failed.value) == f"stage 'fail' failed: mcqa: no such checkpoint (log: {log})"
    assert worker.evaluate("two")[0] == pid


def test_a_process_that_dies_fails_its_request_and_is_replaced_by_the_next(worker):
    (pid, *_) = worker.evaluate("one")
    with pytest.raises(StageError, match="stage 'die' failed: killed by signal 9"):
        worker.evaluate("die")
    assert worker.evaluate("two")[0] != pid


def test_a_process_that_died_between_two_requests_is_replaced(worker):
    (pid, *_) = worker.evaluate("one")
    os.kill(int(pid), signal.SIGKILL)
    psutil.wait_procs([psutil.Process(int(pid))], timeout=10)
    assert worker.evaluate("two")[0] != pid


def request(checkpoint: Path, output: Path, limit: int) -> dict[str, Any]:
    plan = [{"tasks": ["mcqa_epfl"], "limit": limit}]
    return {"checkpoint": str(checkpoint), "output": str(output), "plan": plan, "dtype": "float32", "batch_size": 4}


def samples(folder: Path) -> str:
    (path,) = folder.rglob("samples_*.jsonl")
    return path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_second_evaluation_of_a_process_is_that_of_a_process_of_its_own(tmp_path, tiny_checkpoint):
    worker, log = EvaluationWorker(), tmp_path / "log"
    for name in ("first", "second"):
        worker.evaluate(request(tiny_checkpoint, tmp_path / name, 8), log, name, "", {})
    with pytest.raises(StageError, match=r"stage 'third' failed: mcqa: .*missing"):
        worker.evaluate(request(tmp_path / "missing", tmp_path / "third", 8), log, "third", "", {})
    worker.close()
    texts = request(tiny_checkpoint, tmp_path / "own", 8)
    texts["plan"] = json.dumps(texts["plan"])
    flags = [word for key, value in texts.items() for word in (f"--{key}", str(value))]
    subprocess.run([sys.executable, "-m", "mcqa_suite.evaluation.evaluate_checkpoint", *flags], check=True)
    assert samples(tmp_path / "first") == samples(tmp_path / "second") == samples(tmp_path / "own")


@pytest.mark.slow
def test_an_evaluation_ends_with_the_process_that_asked_for_it(tmp_path, tiny_checkpoint):
    arguments = [json.dumps(request(tiny_checkpoint, tmp_path / "out", 1000)), str(tmp_path / "log")]
    with subprocess.Popen([sys.executable, "-c", DRIVER, *arguments]) as driver:
        log = tmp_path / "log"
        eventually(lambda: log.exists() and "%|" in log.read_text())  # the harness's bar
        (worker,) = psutil.Process(driver.pid).children()
        driver.kill()
    assert psutil.wait_procs([worker], timeout=10)[1] == []
    with write_lock(tmp_path / "out"):
        pass
