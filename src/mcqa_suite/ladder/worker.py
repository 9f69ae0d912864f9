"""Evaluate all checkpoints in one process, which imports torch and the harness once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any

from mcqa_suite.ladder.process import copy_output, environment_of, raise_for

WORKER = ("-m", "mcqa_suite.evaluation.worker")


class EvaluationWorker:
    """Starts `mcqa_suite.evaluation.worker` for the first request and after it died; handles one request at a time."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def evaluate(
        self, request: Mapping[str, Any], log: Path, name: str, label: str, environment: Mapping[str, str]
    ) -> None:
        """Evaluate one checkpoint and write its output to `log`; StageError if it fails or the process dies."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with self._busy, log.open("wb", buffering=0) as stream:
            if self._process is None or self._process.poll() is not None:
                self.close()
                pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, "bufsize": 0}
                command, env = [sys.executable, *WORKER], environment_of(environment)
                self._process = subprocess.Popen(command, env=env, **pipes)  # type: ignore[call-overload] # noqa: S603
            process: Any = self._process
            try:
                with suppress(BrokenPipeError):  # it died: there will be no answer
                    process.stdin.write(json.dumps(request).encode() + b"\n")
                output = copy_output(process.stderr, stream, label, process.stdout)
                answer = process.stdout.readline()
                code = json.loads(answer)["exit_code"] if answer else process.wait() or 1
            except BaseException:
                self.close()
                raise
        raise_for(code, output, name, log)

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process:
            with self._process as process:
                process.kill()
        self._process = None
