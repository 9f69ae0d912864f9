"""A stage's process: its output goes to a log, its progress bars also to the terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from mcqa_suite.errors import StageError

# " 45%|####5     |" as tqdm draws it, or the blocks of other progress bars
BAR = re.compile(rb"\d%\||[\xe2]\x96[\x88\x91]")
# "ValueError: ..." ending a traceback, or a script's own "sft.py: ..." and "mcqa: ..."
ERROR_LINE = re.compile(r"^(?:[\w.]*(?:Error|Exception|Interrupt|Exit)|[\w.]+\.py|mcqa)\b.*: .*")
# Stages are short and their shapes vary: compiling for them costs minutes and saves seconds.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads make a small model ten times slower on a busy machine
    "TORCHDYNAMO_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
}


def run_process(command: Sequence[str], log: Path, name: str, label: str, environment: Mapping[str, str]) -> None:
    """Runs `command` to its end; StageError with the stage, the log and the last error line if it fails.

    `environment` wins over the process's own, which wins over `ENVIRONMENT`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**ENVIRONMENT, **os.environ, **environment}
    with (
        log.open("wb") as stream,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env) as child,  # noqa: S603
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
    """Everything to the log; progress bars, with the stage's label before them, to stderr as well."""
    shown = False
    pending = b""
    while block := os.read(source.fileno(), 1 << 16):
        log.write(block)
        log.flush()
        *pieces, pending = re.split(rb"[\r\n]", pending + block)
        bars = [piece for piece in pieces if BAR.search(piece)]
        if bars:
            shown = True
            _draw(f"{label}  {bars[-1].decode(errors='replace').strip()}")
    if shown:
        _draw("")


def _draw(text: str) -> None:
    """Over the line that was there, where it is a terminal; never wider than the terminal."""
    if sys.stderr.isatty():
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        sys.stderr.write(f"\r\x1b[2K{text[: width - 1]}")
    elif text:
        sys.stderr.write(text + "\n")
    sys.stderr.flush()


def last_error(log: Path) -> str:
    """The last line of a log that names an error, else its last line."""
    lines = [line.strip() for line in re.split(r"[\r\n]", log.read_text(encoding="utf-8", errors="replace"))]
    written = [line for line in lines if line and not BAR.search(line.encode())]
    return next((line for line in reversed(written) if ERROR_LINE.match(line)), written[-1] if written else "")
