"""Run the process of a step, or one process for all evaluations; copy its output to a log and show its progress."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import LifoQueue
from subprocess import PIPE
from typing import IO, Any

from mcqa_suite.common.errors import StageError
from mcqa_suite.common.masking import masked
from mcqa_suite.common.system_errors import explain_output, killed_by

WORKER = ("-m", "mcqa_suite.evaluation.worker")
TQDM = re.compile(r"\d%\|")  # " 45%|####5     |"
# GPTQModel's bar counts layers from 0: "Quantizing layer 1 of 2 ..." is the second of three
GPTQ_LAYER = re.compile(r"Quantizing layer (\d+) of (\d+) ")
# any of GPTQModel's bars, most of them of an inner loop: "[0 of 128] ...| 0:00:00 / 0:00:00 [0/128] 0.0%"
GPTQ_BAR = re.compile(r"\| \d+:\d\d:\d|\d\.\d%\s*$")
SECONDS_BETWEEN_LINES = 60.0  # of progress, where stderr is not a terminal
# the end of a traceback, "ValueError: ...", or a script's own "sft.py: ..." and "mcqa: ..."
ERROR_LINE = re.compile(r"^(?:[\w.]*(?:Error|Exception|Interrupt|Exit)|[\w.]+\.py|mcqa)\b.*: .*")
DISK_FULL = re.compile(r"No space left on device|[Dd]isk quota exceeded|os error 28\b")
KILLED = re.compile(r"Signal (\d+) \(SIG\w+\) received by PID")  # torchrun's words for one of several processes
LINE_END = re.compile(rb"(?<=[\r\n])")
TAIL = 1 << 16  # bytes of output that are searched for an error; a longer line goes to the log in parts
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads make a small model ten times slower on a busy machine
    "TORCHDYNAMO_DISABLE": "1",  # stages are short: compiling costs minutes and saves seconds
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
}


def run_process(command: Sequence[str], log: Path, name: str, label: str, environment: Mapping[str, str]) -> None:
    """Run `command` to its end; StageError if it fails."""
    env = _environment_of(environment)
    with (
        _open(log) as stream,
        subprocess.Popen(  # noqa: S603 - a step's command
            command, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=subprocess.STDOUT, env=env
        ) as child,
    ):
        try:
            assert child.stdout is not None
            output = _copy_output(child.stdout, stream, label)
            code = child.wait()
        except BaseException:
            child.terminate()
            raise
    _raise_for(code, output, name, log)


class EvaluationWorker:
    """Starts `mcqa_suite.evaluation.worker` for the first request and after it died; handles one request at a time."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def evaluate(
        self, request: Mapping[str, Any], log: Path, name: str, label: str, environment: Mapping[str, str]
    ) -> None:
        """Evaluate one checkpoint and write its output to `log`; StageError if it fails or the process dies."""
        with self._busy, _open(log) as stream:
            if self._process is None or self._process.poll() is not None:
                self.close()
                pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, "bufsize": 0}
                command, env = [sys.executable, *WORKER], _environment_of(environment)
                self._process = subprocess.Popen(command, env=env, **pipes)  # type: ignore[call-overload] # noqa: S603
            process: Any = self._process
            try:
                with suppress(BrokenPipeError):  # it died: there will be no answer
                    process.stdin.write(json.dumps(request).encode() + b"\n")
                output = _copy_output(process.stderr, stream, label, process.stdout)
                answer = process.stdout.readline()
                code = json.loads(answer)["exit_code"] if answer else process.wait() or 1
            except BaseException:
                self.close()
                raise
        _raise_for(code, output, name, log)

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process:
            with self._process as process:
                process.kill()
        self._process = None


class EvaluationWorkers:
    """Workers for `n` evaluations at the same time; a free one that has run before is taken first."""

    def __init__(self, n: int) -> None:
        self._all = [EvaluationWorker() for _ in range(n)]
        self._free = LifoQueue[EvaluationWorker]()
        for worker in self._all:
            self._free.put(worker)

    def evaluate(
        self, request: Mapping[str, Any], log: Path, name: str, label: str, environment: Mapping[str, str]
    ) -> None:
        """As `EvaluationWorker.evaluate`."""
        worker = self._free.get()
        try:
            worker.evaluate(request, log, name, label, environment)
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """End their processes."""
        for worker in self._all:
            worker.close()


def _open(log: Path) -> IO[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    at_once = getattr(os, "O_NONBLOCK", 0)  # a pipe without a reader is an error, not a wait for ever
    return open(log, "wb", buffering=0, opener=lambda path, flags: os.open(path, flags | at_once, 0o666))


def _environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """A step's environment: `environment` wins over this process's own, which wins over `ENVIRONMENT`."""
    return {**ENVIRONMENT, **os.environ, **environment}


def _raise_for(code: int, output: str, name: str, log: Path) -> None:
    """StageError with the last error line of the output, for an exit code that is not 0."""
    if code and DISK_FULL.search(output):
        raise StageError(
            f"stage {name!r} failed: disk full ({last_error(output)}); make room for {log.parent.parent}, then rerun to "
            f"resume (log: {log})"
        )
    if code:
        line = last_error(output)
        reason = explain_output(line) or line or f"exit code {code}"
        if (killed := KILLED.search(output)) or code < 0:
            reason = killed_by(int(killed[1]) if killed else -code)
        raise StageError(f"stage {name!r} failed: {reason} (log: {log})")


def _copy_output(output: IO[bytes], log: IO[bytes], label: str, answers: IO[bytes] | None = None) -> str:
    """Copy `output` to the log without secrets, and show its latest progress after `label` on stderr; return its end.

    Return when `output` ends, or when it is read and `answers` has a line. A terminal shows one bar that is redrawn, a file a
    line every `SECONDS_BETWEEN_LINES`. If the log's disk is full, output is lost and the step goes on.
    """
    terminal = sys.stderr.isatty()
    pending, last, tail = b"", time.monotonic(), b""
    sources = [output, answers] if answers else [output]
    while output in select.select(sources, [], [])[0] and (block := os.read(output.fileno(), TAIL)):
        tail = (tail + block)[-TAIL:]
        *lines, pending = LINE_END.split(pending + block)
        if len(pending) > TAIL:
            lines, pending = [*lines, pending], b""
        _log(b"".join(lines), log)
        progress = [text for line in lines if (text := progress_of(line.decode(errors="replace")))]
        if progress and (terminal or time.monotonic() - last > SECONDS_BETWEEN_LINES):
            _draw(f"{label}  {progress[-1]}", terminal)
            last = time.monotonic()
    _log(pending, log)
    if terminal:
        _draw("", terminal)
    return tail.decode(errors="replace")


def _log(output: bytes, log: IO[bytes]) -> None:
    with suppress(OSError):
        log.write(masked(output.decode(errors="surrogateescape")).encode(errors="surrogateescape"))


def progress_of(line: str) -> str:
    """The progress that a line of output shows: tqdm's bar, or GPTQModel's layers; "" for any other line."""
    if layer := GPTQ_LAYER.search(line):
        return f"{layer[1]} of {int(layer[2]) + 1} layers quantised"
    return line.strip() if TQDM.search(line) else ""


def _draw(text: str, terminal: bool) -> None:
    """Show a line of progress; on a terminal it is cut to the width, so that the next one can replace it."""
    with suppress(OSError):  # the terminal is gone, and the step goes on
        if terminal:
            width = os.get_terminal_size(sys.stderr.fileno()).columns
            sys.stderr.write(f"\r{text[: width - 1]:{width - 1}}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def last_error(text: str) -> str:
    """The last line that names an error, or else the last line that is not a progress bar."""
    lines = [line.strip() for line in re.split(r"[\r\n]", text)]
    lines = [line for line in lines if line and not TQDM.search(line) and not GPTQ_BAR.search(line)]
    return next((line for line in reversed(lines) if ERROR_LINE.match(line)), lines[-1] if lines else "")
