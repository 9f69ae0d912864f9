"""Give hostile files to whole commands: each may end in one line and exit code 2, and nothing else may happen.

    python benchmarks/robustness/fuzz_commands.py --seconds 600 [--only vote table] [--keep FOLDER] [--seed 1]

A command gets a valid file, or a server's answer, in which values are replaced (by null, lists, half surrogates, escape
sequences, formulas, huge and odd numbers), bytes are changed as in fuzz.py, or which is a FIFO, a link to a device, a folder or
a link to nothing. A finding is a traceback, more than 10 seconds of CPU time, a minute of waiting, more than 4 GB of memory, raw
control text on stdout or stderr, a question on standard input, a marker that a file made, a connection to another address than
the server's, or a marked key of the environment in the output or in any file.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fuzz import HOSTILE, Hang, changed_bytes, changed_values
from fuzz_command_lines import ANSWER, SERVER, CommandLine, command_lines, write_folder
from fuzz_targets import whole
from helpers.model_server import Reply, serving

from mcqa_suite.cli.main import main as mcqa
from mcqa_suite.common import http
from mcqa_suite.common.foreign_text import UNPRINTABLE

MOST_SECONDS = 10.0  # of CPU
MOST_WAITING = 60.0  # seconds of the clock
MOST_MEMORY = 4 << 30  # beyond what the process takes at its start
KEY, MARKER = "marked-key-5f1c8e", "MARKER"
NAMES = [
    "\x1b]0;owned\x07\x1b[2K",
    "\u202eabc",
    "x\ud800",
    "=1+1",
    "@SUM(1)",
    "a\n\n| b |",
    "```\n<img src=x>",
    KEY,
    "../../x",
]
NUMBERS: list[Any] = [10**400, -1, 5, 1e308, float("nan"), float("inf"), 99999999999, True, 0.5, -0.0]
NESTED: Any = []
for _ in range(200):
    NESTED = [NESTED]
VALUES = [None, [], {}, [None], {"a": None}, "", "x" * 300, [[]], [[1, 2], [3]], NESTED, *NAMES, *NUMBERS]
CODE = b"a: !!python/object/apply:os.system ['touch MARKER']\n"
KINDS = ("fifo", "device", "folder", "dangling")


@dataclass
class Outcome:
    inputs: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)
    last: str = ""  # what the last command printed


class Asked:
    """Stands for standard input, and records that it was read."""

    def __init__(self) -> None:
        self.times = 0

    def read(self, *_: Any) -> str:
        self.times += 1
        return "y\n"

    readline = read

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        raise OSError("no file")


@contextmanager
def watched(server: str, connections: list[str]) -> Iterator[Asked]:
    """Interrupt after MOST_SECONDS or MOST_WAITING; refuse and record connections but those to the server."""

    def stop(*_: Any) -> None:
        raise Hang

    def refuse(own: Any, address: Any) -> Any:
        if isinstance(address, tuple) and list(map(str, address[:2])) == urlsplit(server).netloc.split(":"):
            return original(own, address)
        connections.append(str(address))
        raise ConnectionRefusedError

    timers = {signal.ITIMER_PROF: (signal.SIGPROF, MOST_SECONDS), signal.ITIMER_REAL: (signal.SIGALRM, MOST_WAITING)}
    for timer, (number, seconds) in timers.items():
        signal.signal(number, stop)
        signal.setitimer(timer, seconds)
    original, socket.socket.connect = socket.socket.connect, refuse  # type: ignore[method-assign]
    stdin, sys.stdin = sys.stdin, Asked()  # type: ignore[assignment]
    try:
        yield sys.stdin  # type: ignore[misc]
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)
        socket.socket.connect, sys.stdin = original, stdin  # type: ignore[method-assign]


@dataclass
class Setting:
    """The folder that each command gets a copy of, and a server with the content of the file that stands for it."""

    home: Path
    url: str = ""
    answer: bytes = b""


def run_command(line: CommandLine, content: bytes | str, setting: Setting, outcome: Outcome) -> str | None:
    """Run a command with its file in a new copy of the folder, and count what came of it; return the finding."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(setting.home, Path(scratch) / "here")
        os.chdir(Path(scratch) / "here")
        try:
            return _finding(line, content, setting, outcome)
        finally:
            os.chdir(before)


def _finding(line: CommandLine, content: bytes | str, setting: Setting, outcome: Outcome) -> str | None:
    path = Path(line.file)
    path.unlink(missing_ok=True)
    setting.answer = whole(ANSWER)
    if line.file == SERVER:
        setting.answer = content if isinstance(content, bytes) else b""
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        {"fifo": lambda: os.mkfifo(path), "folder": path.mkdir, "device": lambda: path.symlink_to("/dev/zero"),
         "dangling": lambda: path.symlink_to("nothing")}[content]()  # fmt: skip
    out, err, connections, start = io.StringIO(), io.StringIO(), list[str](), time.process_time()
    finding, code, words = None, 0, line.words.replace(SERVER, setting.url).split()
    try:
        with watched(setting.url, connections) as stdin, redirect_stdout(out), redirect_stderr(err):
            code = mcqa(words)
    except SystemExit as error:
        code = int(error.code or 0)
    except (Hang, Exception) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "mcqa_suite" in f.filename]
        finding = (
            f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].name}" if frames else repr(error)
        )
    printed = out.getvalue() + err.getvalue()
    written = [
        file.read_bytes() for file in Path().rglob("*") if file.is_file() and not file.is_symlink() and file != path
    ]
    outcome.inputs, outcome.codes[code] = outcome.inputs + 1, outcome.codes[code] + 1
    outcome.slowest, outcome.last = max(outcome.slowest, time.process_time() - start), printed
    if sign := UNPRINTABLE.search(printed.replace("\r", "").replace("\x1b[A", "")):
        finding = finding or f"raw control text {sign[0]!r}"
    if KEY in printed or any(KEY.encode() in text for text in written):
        finding = finding or "a marked key"
    if Path(MARKER).exists():
        finding = finding or "a marker"
    if code not in (0, 1, 2):
        finding = finding or f"exit code {code}"
    if "Traceback (most recent call last)" in printed:
        finding = finding or "a traceback in the output"
    if stdin.times:
        finding = finding or "a question on standard input"
    return finding or (f"a connection to {connections[0]}" if connections else None)


def check_valid(line: CommandLine, setting: Setting) -> None:
    """Run a command with its valid file, which also imports what it needs; SystemExit where it is refused."""
    outcome = Outcome()
    finding = run_command(line, line.valid, setting, outcome)
    if finding or not outcome.codes[0]:
        sys.exit(f"{line.title}: the valid file gives {finding or dict(outcome.codes)}: {outcome.last[-500:]}")


def contents(valid: bytes, draw: random.Random) -> bytes | str:
    if draw.random() < 0.05:
        return draw.choice(KINDS)
    content = changed_values(valid, draw, draw.choices(VALUES, k=draw.randint(1, 3)))
    if draw.random() < 0.3:
        changes = [
            (
                draw.choice(["flip", "cut", "line", "hostile"]),
                draw.random(),
                draw.random(),
                draw.choice([*HOSTILE, CODE]),
            )
        ]
        content = changed_bytes(content, changes)
    return content


def fuzz(line: CommandLine, setting: Setting, seconds: float, draw: random.Random, keep: Path | None) -> Outcome:
    """Run a command with changed files until the time is up."""
    outcome = Outcome()
    check_valid(line, setting)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        content = contents(line.valid, draw)
        finding = run_command(line, content, setting, outcome)
        if finding and finding not in outcome.findings:
            outcome.findings[finding] = outcome.last
            if keep:
                name = "".join(sign if sign.isalnum() else "_" for sign in f"{line.title}-{finding}")[:100]
                (keep / name).write_bytes(content if isinstance(content, bytes) else content.encode())
                (keep / f"{name}.printed").write_text(outcome.last, encoding="utf-8", errors="replace")
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--only", nargs="+", default=[], help="parts of the names of commands")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    parser.add_argument("--keep", type=Path, help="a folder for an input of every finding")
    args = parser.parse_args()
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    os.environ |= {"OPENAI_API_KEY": KEY, "HF_TOKEN": f"{KEY}-2", "HF_HUB_OFFLINE": "1", "MCQA_CACHE": "off"}
    http.LONGEST_WAIT = 0.0  # between two tries
    outcomes, setting = {}, Setting(Path())
    with tempfile.TemporaryDirectory() as folder, serving(lambda _: Reply(setting.answer)) as served:
        setting.home, setting.url, before = Path(folder), served.url, Path.cwd()
        os.chdir(folder)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            write_folder(Path())
        chosen = [
            line for line in command_lines(Path()) if not args.only or any(word in line.title for word in args.only)
        ]
        os.chdir(before)
        used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + MOST_MEMORY, used + MOST_MEMORY))
        print(
            "| command | inputs | exit code 0 | 1 | 2 | slowest (s of CPU) | findings |\n|---|---:|---:|---:|---:|---:|---:|"
        )
        total = sum(line.weight for line in chosen)
        for line in chosen:
            draw = random.Random(f"{line.title}{args.seed}")
            outcome = outcomes[line.title] = fuzz(line, setting, args.seconds * line.weight / total, draw, args.keep)
            codes = " | ".join(str(outcome.codes[code]) for code in (0, 1, 2))
            row = f"{outcome.inputs} | {codes} | {outcome.slowest:.1f} | {len(outcome.findings)}"
            print(f"| {line.title} | {row} |", flush=True)
    print(f"\n{sum(outcome.inputs for outcome in outcomes.values()):,} inputs of {len(outcomes)} commands.")
    for title, outcome in outcomes.items():
        for finding in outcome.findings:
            print(f"- **{title}**: {finding}")
    return int(any(outcome.findings for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
