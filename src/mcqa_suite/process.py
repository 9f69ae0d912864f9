"""A stage's process: its output goes to a log, its progress bars also to the terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from mcqa_suite.errors import StageError

# " 45%|####5     |" as tqdm draws it, or "... [3/3] 100.0%" as GPTQModel does
BAR = re.compile(rb"\d%\||\d\.\d%\s*$")
SECONDS_BETWEEN_LINES = 15.0  # of progress, where there is no terminal to draw over
# "ValueError: ..." ending a traceback, or a script's own "sft.py: ..." and "mcqa: ..."
ERROR_LINE = re.compile(r"^(?:[\w.]*(?:Error|Exception|Interrupt|Exit)|[\w.]+\.py|mcqa)\b.*: .*")
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
    """Runs `command` to its end; StageError with the stage, the log and the last error line if it fails.

    `environment` wins over the process's own, which wins over `ENVIRONMENT`. The file descriptors in `keep` stay open in it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**ENVIRONMENT, **os.environ, **environment}
    with (
        log.open("wb") as stream,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, pass_fds=keep) as child,  # noqa: S603
    ):
        try:
            assert child.stdout is not None
            copy(child.stdout, stream, label)
            code = child.wait()
        except BaseException:
            child.terminate()
            raise
    if code:
        how = f"killed by signal {-code}" if code < 0 else last_error(log) or f"exit code {code}"
        raise StageError(f"stage {name!r} failed: {how} (log: {log})")


def copy(source: IO[bytes], log: IO[bytes], label: str) -> None:
    """Everything to the log; the newest progress bar, with the stage's label before it, to stderr as well.

    A bar is drawn over the one before on a terminal; elsewhere one line is written now and then.
    """
    terminal = sys.stderr.isatty()
    pending, last = b"", time.monotonic()
    while block := os.read(source.fileno(), 1 << 16):
        log.write(block)
        log.flush()
        *pieces, pending = re.split(rb"[\r\n]", pending + block)
        bars = [piece for piece in pieces if BAR.search(piece)]
        if bars and (terminal or time.monotonic() - last > SECONDS_BETWEEN_LINES):
            _draw(f"{label}  {bars[-1].decode(errors='replace').strip()}", terminal)
            last = time.monotonic()
    if terminal:
        _draw("", terminal)


def _draw(text: str, terminal: bool) -> None:
    """Never wider than the terminal, so that the next bar can be drawn over it."""
    if terminal:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        sys.stderr.write(f"\r\x1b[2K{text[: width - 1]}")
    else:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def last_error(log: Path) -> str:
    """The last line of a log that names an error, else its last line."""
    lines = [line.strip() for line in re.split(r"[\r\n]", log.read_text(encoding="utf-8", errors="replace"))]
    written = [line for line in lines if line and not BAR.search(line.encode())]
    return next((line for line in reversed(written) if ERROR_LINE.match(line)), written[-1] if written else "")
