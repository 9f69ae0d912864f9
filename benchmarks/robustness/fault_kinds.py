"""Faults of a ladder, each drawn at random, for benchmarks/robustness/random_faults.py."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psutil

TIMEOUT = 1800.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGSEGV)
CODES = {0, 2, 130}  # besides those of a signal
MARK = "RANDOM_FAULTS_HOME"  # variable by which the processes of a run are recognised


class CannotShowError(Exception):
    """A fault that cannot be made on this machine."""


@dataclass(frozen=True)
class Home:
    """The folder of a trial: the run, its cache, its temporary files and its output."""

    folder: Path
    recipe: Path

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def cache(self) -> Path:
        return self.folder / "cache.sqlite"

    def start(self, recipe: Path | None = None, **options: Any) -> Process:
        """`mcqa run` in a session of its own; its output goes to a file unless `options` of Popen say otherwise."""
        for name in ("tmp", "output"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        log = self.folder / "output" / f"{len(list((self.folder / 'output').iterdir()))}.log"
        env = os.environ | {"MCQA_CACHE": str(self.cache), "TMPDIR": str(self.folder / "tmp"), MARK: str(self.folder)}
        command = [sys.executable, "-m", "mcqa_suite.cli", "run", str(recipe or self.recipe), "--output", str(self.run)]
        with log.open("wb") as stream:
            given = {"stdout": stream, "stderr": stream, "env": env, "start_new_session": True} | options
            return Process(subprocess.Popen(command, **given), log)

    def processes(self) -> list[psutil.Process]:
        """Every living process of this trial."""
        members = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    members.append(process)
        return members

    def close(self) -> None:
        """End what is left of it, and unmount its disk."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        if os.path.ismount(self.run):
            subprocess.run(["umount", "--lazy", str(self.run)], check=False)


@dataclass(frozen=True)
class Process:
    """A running `mcqa run`."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def lines(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.strip()]

    def wait(self) -> int:
        return self.popen.wait(TIMEOUT)

    def sleep(self, seconds: float) -> None:
        """Sleep, but not longer than the process lives."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(seconds)


@dataclass(frozen=True)
class Faulty:
    """How a run with a fault ended. `message` is what it said of it, `problem` what was wrong with that."""

    fault: str
    code: int
    message: str
    problem: str = ""


def ended(fault: str, process: Process, *causes: str) -> Faulty:
    """Wait for the end; an error must be one line, with one of the words in `causes` where they are given."""
    code = process.wait()
    errors = [line for line in process.lines if line.startswith("mcqa: ")]
    message = errors[-1].removeprefix("mcqa: ") if errors else ""
    problem = ""
    if "Traceback" in process.output:
        problem = "a traceback"
    elif code > 0 and len(errors) != 1:
        problem = f"exit {code} with {len(errors)} messages"
    elif code > 0 and code not in CODES:
        problem = f"exit {code}"
    elif code == 2 and causes and not any(word in message for word in causes):
        problem = f"the message names none of {', '.join(causes)}"
    return Faulty(fault, code, message.replace(str(process.log.parents[1]), "..."), problem)


def signalled(home: Home, whole: Home, draws: Random, seconds: float) -> Faulty:
    """A signal to any process of the run, at any moment."""
    process, number, moment = home.start(), draws.choice(SIGNALS), draws.uniform(0, seconds)
    process.sleep(moment)
    members = sorted(home.processes(), key=lambda member: member.pid)
    if not members:
        return ended("signal: none, the run had ended", process)
    member = draws.choice(members)
    role = "mcqa run" if member.pid == process.popen.pid else "a child"
    with contextlib.suppress(psutil.Error):
        member.send_signal(number)
    # a child that ends itself for SIGINT or SIGTERM says so in words of its own
    return ended(f"signal: {number.name} to {role} after {moment:.0f} s", process, "signal", "interrupted", "failed")


def full_disk(home: Home, whole: Home, draws: Random, seconds: float) -> Faulty:
    """A disk with room for a share of the run folder, which grows before the rerun."""
    size = sum(path.stat().st_size for path in whole.run.rglob("*") if path.is_file())
    share = draws.uniform(0.02, 1)
    home.run.mkdir(parents=True)
    room = f"size={max(int(share * size), 8192)}"
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", room, "tmpfs", str(home.run)], capture_output=True, check=False
    )
    if mount.returncode:
        raise CannotShowError("no right to mount a disk")
    result = ended(f"full disk: room for {share:.0%}", home.start(), "No space left", "disk full", "could not write")
    subprocess.run(["mount", "-o", "remount,size=1g", str(home.run)], check=True)
    return result


def damaged_cache(home: Home, whole: Home, draws: Random, seconds: float) -> Faulty:
    """A copy of the fresh run's cache: flipped bits, cut off, other bytes, changed rows, locked, or a pipe."""
    home.folder.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(whole.cache)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(whole.cache.read_bytes())
    way = draws.choice(["bits", "cut off", "text", "rows", "locked", "pipe"])
    if way == "bits":
        for _ in range(draws.choice([1, 10, 100])):
            content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
    elif way == "cut off":
        del content[draws.randrange(len(content)) :]
    elif way == "text":
        content = bytearray(b"no database " * 1000)
    if way == "pipe":
        os.mkfifo(home.cache)
    else:
        home.cache.write_bytes(content)
    with contextlib.ExitStack() as stack:
        if way in ("rows", "locked"):
            file = stack.enter_context(contextlib.closing(sqlite3.connect(home.cache)))
            if way == "rows":
                value = draws.choice(["NULL", "'text'", "x''", "CAST('[-0.1, true]' AS BLOB)"])
                file.execute(f"UPDATE checked_answers SET answer = {value}")
                file.commit()
            else:
                file.execute("BEGIN EXCLUSIVE")
        result = ended(f"damaged cache: {way}", home.start())
    for path in home.folder.glob("cache.sqlite*"):
        path.unlink()
    return result


def two_runs(home: Home, whole: Home, draws: Random, seconds: float) -> Faulty:
    """A second run of another recipe in the same folder, at any moment: it is refused, and the first one goes on."""
    first, moment = home.start(), draws.uniform(0, seconds)
    first.sleep(moment)
    other = home.folder / "other.yaml"
    other.write_text(home.recipe.read_text(encoding="utf-8").replace("limit: 20", "limit: 10"), encoding="utf-8")
    second = ended("", home.start(other), "another run uses this folder")
    code, fault = first.wait(), f"two runs: the second after {moment:.0f} s"
    problem = second.problem or (f"exit {code} of the first" if code not in CODES else "")
    if {code, second.code} == {2}:
        problem = problem or "both were refused"
    return Faulty(fault, second.code, second.message, problem)


def changed_file(home: Home, whole: Home, draws: Random, seconds: float) -> Faulty:
    """Any file of a complete run: one bit flipped, cut in half, removed, or a folder in its place."""
    shutil.copytree(whole.run, home.run)
    shutil.copy(whole.cache, home.cache)
    path = draws.choice(sorted(path for path in home.run.rglob("*") if path.is_file() and path.stat().st_size))
    way, content = draws.choice(["flipped", "halved", "removed", "a folder"]), bytearray(path.read_bytes())
    if way == "flipped":
        content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
        path.write_bytes(content)
    elif way == "halved":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
        if way == "a folder":
            path.mkdir()
    name = path.relative_to(home.run)
    result = ended(f"changed file: {name}, {way}", home.start(), name.name)
    if way == "a folder" and path.is_dir():  # which the message asked to move away
        shutil.rmtree(path)
    return result


def closed_output(home: Home, whole: Home, draws: Random, seconds: float) -> Faulty:
    """A reader that goes away after some lines, or closed streams."""
    way = draws.choice(["reader", "stdout", "stderr", "all"])
    if way != "reader":
        closed = {"stdout": (1,), "stderr": (2,), "all": (0, 1, 2)}[way]
        process = home.start(preexec_fn=lambda: [os.close(number) for number in closed])
        return _worked(f"closed output: {way}", process)
    lines, process = draws.randrange(4), home.start(stdout=subprocess.PIPE)
    for _ in range(lines):
        process.popen.stdout.readline()
    process.popen.stdout.close()
    return _worked(f"closed output: its reader after {lines} lines", process)


def _worked(fault: str, process: Process) -> Faulty:
    result = ended(fault, process)
    problem = "" if result.code == 0 else f"exit {result.code}, though only its output was closed"
    return Faulty(fault, result.code, result.message, result.problem or problem)


def left_behind(home: Home) -> str:
    """What a run that ended well should have taken away; "" for nothing."""
    for _ in range(50):
        if not (processes := home.processes()):
            break
        time.sleep(0.1)
    paths = [*home.run.rglob(".*.partial"), *home.run.rglob(".*.old"), *(home.folder / "tmp").iterdir()]
    names = [f"process {' '.join(process.cmdline()[:4])}" for process in processes]
    names += [str(path.relative_to(home.folder)) for path in paths]
    return f"left behind: {', '.join(names)}" if names else ""


KINDS: dict[str, Callable[[Home, Home, Random, float], Faulty]] = {
    "signal": signalled,
    "full disk": full_disk,
    "damaged cache": damaged_cache,
    "two runs": two_runs,
    "changed file": changed_file,
    "closed output": closed_output,
}
