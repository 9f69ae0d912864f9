"""A stage's process: its output goes to a log, its progress bars also to the terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from mcqa_suite.common.errors import StageError

# " 45%|####5     |" as tqdm draws it, or "... [3/3] 100.0%" as GPTQModel does
BAR = re.compile(rb"\d%\||\d\.\d%\s*$")
SECONDS_BETWEEN_LINES = 15.0  # of progress, where there is no terminal to draw over
# "ValueError: ..." ending a traceback, or a script's own "sft.py: ..." and "mcqa: ..."
ERROR_LINE = re.compile(r"^(?:[\w.]*(?:Error|Exception|Interrupt|Exit)|[\w.]+\.py|mcqa)\b.*: .*")
NO_ROOM = re.compile(r"No space left on device|[Dd]isk quota exceeded|os error 28\b")
KEPT = 1 << 16  # bytes: the end of what a stage said, for its error, where the log itself finds no room
# Stages are short and their shapes vary: compiling for them costs minutes and saves seconds.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads make a small model ten times slower on a busy machine
    "TORCHDYNAMO_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
}


def run_process(
    command: Sequence[str], log: Path, name: str, label: str, environment: Mapping[str, str], keep: Sequence[int] = ()
) -> None:
    """Runs `command` to its end; StageError if it fails. The file descriptors in `keep` stay open in it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    env = environment_of(environment)
    with (
        log.open("wb", buffering=0) as stream,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, pass_fds=keep) as child,  # noqa: S603
    ):
        try:
            assert child.stdout is not None
            end = copy(child.stdout, stream, label).decode(errors="replace")
            code = child.wait()
        except BaseException:
            child.terminate()
            raise
    raise_for(code, end, name, log)


def environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """A stage's environment: `environment` wins over this process's own, which wins over `ENVIRONMENT`."""
    return {**ENVIRONMENT, **os.environ, **environment}


def raise_for(code: int, said: str, name: str, log: Path) -> None:
    """StageError with the stage, the log and the last error line of what it said, for an exit code that is not 0."""
    if code and NO_ROOM.search(said):
        raise StageError(
            f"stage {name!r} failed: no room on the disk ({last_error(said)}); make room for {log.parent.parent}, and the same "
            f"command goes on where it stopped (log: {log})"
        )
    if code:
        how = f"killed by signal {-code}" if code < 0 else last_error(said) or f"exit code {code}"
        raise StageError(f"stage {name!r} failed: {how} (log: {log})")


def copy(source: IO[bytes], log: IO[bytes], label: str) -> bytes:
    """Everything to the log; the newest progress bar, with the stage's label before it, to stderr as well. Returns the end of it.

    A bar is drawn over the one before on a terminal; elsewhere one line is written now and then. A log that finds no room on the
    disk has a gap: it is no reason to stop a stage that may work elsewhere.
    """
    terminal = sys.stderr.isatty()
    pending, last, end = b"", time.monotonic(), b""
    while block := os.read(source.fileno(), 1 << 16):
        with suppress(OSError):
            log.write(block)
        end = (end + block)[-KEPT:]
        *pieces, pending = re.split(rb"[\r\n]", pending + block)
        bars = [piece for piece in pieces if BAR.search(piece)]
        if bars and (terminal or time.monotonic() - last > SECONDS_BETWEEN_LINES):
            _draw(f"{label}  {bars[-1].decode(errors='replace').strip()}", terminal)
            last = time.monotonic()
    if terminal:
        _draw("", terminal)
    return end


def _draw(text: str, terminal: bool) -> None:
    """Never wider than the terminal, so that the next bar can be drawn over it."""
    if terminal:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        sys.stderr.write(f"\r\x1b[2K{text[: width - 1]}")
    else:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def last_error(text: str) -> str:
    """The last line of a log that names an error, else its last line."""
    lines = [line.strip() for line in re.split(r"[\r\n]", text)]
    written = [line for line in lines if line and not BAR.search(line.encode())]
    return next((line for line in reversed(written) if ERROR_LINE.match(line)), written[-1] if written else "")
