"""One process that evaluates one checkpoint after another, so that torch and the harness are imported once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from mcqa_suite.ladder.process import copy, environment_of, raise_for

WORKER = ("-m", "mcqa_suite.evaluation.worker")
SECONDS_TO_END = 10.0


class EvaluationWorker:
    """Start `mcqa_suite.evaluation.worker` with the first request, and again where it died; one request at a time."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._answers: IO[bytes] | None = None

    def evaluate(
        self, request: Mapping[str, Any], log: Path, name: str, label: str, environment: Mapping[str, str]
    ) -> None:
        """Evaluate one checkpoint, its output in `log`; StageError where it fails or the process dies."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with self._busy, log.open("wb", buffering=0) as stream:
            try:
                child, answers = self._started(environment)
                with suppress(BrokenPipeError):  # it died: the missing answer shows it
                    child.stdin.write(json.dumps(request).encode() + b"\n")  # type: ignore[union-attr]
                    child.stdin.flush()  # type: ignore[union-attr]
                end = copy(child.stdout, stream, label, answers)  # type: ignore[arg-type]
                answer = answers.readline()
                code = json.loads(answer)["exit_code"] if answer else child.wait() or 1
            except BaseException:
                self.close()
                raise
        raise_for(code, end, name, log)

    def _started(self, environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        if self._child is None or self._answers is None or self._child.poll() is not None:
            self.close()
            read, write = os.pipe()
            self._answers = os.fdopen(read, "rb", buffering=0)
            try:
                self._child = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, *WORKER, str(write)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=environment_of(environment),
                    pass_fds=(write,),
                )
            finally:
                os.close(write)
        return self._child, self._answers

    def close(self) -> None:
        """End the process, if there is one."""
        child, answers, self._child, self._answers = self._child, self._answers, None, None
        if child is None or answers is None:
            return
        child.terminate()
        try:
            child.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for pipe in (child.stdin, child.stdout, answers):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
