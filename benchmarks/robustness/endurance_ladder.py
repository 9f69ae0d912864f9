"""Ladders that can be killed, cut back to a step, and compared, for benchmarks/robustness/endurance.py."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from mcqa_suite.common.manifest import MANIFEST, read_manifest
from mcqa_suite.common.speed import Speed

IGNORED = {field.name for field in fields(Speed)}  # columns that differ from run to run
TIMEOUT = 1800.0  # seconds for a ladder or for the start of a step


@dataclass(frozen=True)
class Step:
    """A step of an unbroken run; `begin` and `end` in seconds since its start, `folder` is its output ("" for none)."""

    name: str
    folder: str
    log: str
    begin: float
    end: float


@dataclass(frozen=True)
class Unbroken:
    folder: Path
    recipe: Path
    steps: tuple[Step, ...]
    table: list[dict[str, str]]
    seconds: float

    def before(self, step: Step) -> tuple[Step, ...]:
        return self.steps[: self.steps.index(step)]


class Ladder:
    """One `mcqa run` in its own session, with its output, cache and temporary files in `home`."""

    def __init__(
        self, recipe: Path, home: Path, folder: Path, *options: str, cache: Path | None = None, until: str = ""
    ) -> None:
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        number = len(list(home.glob("output.*")))
        self.log = home / f"output.{number}"
        command = [sys.executable, "-m", "mcqa_suite.cli.main", "run", str(recipe), "--output", str(folder), *options]
        command += ["--until", until] if until else []
        env = os.environ | {"MCQA_CACHE": str(cache or home / "cache.sqlite"), "TMPDIR": str(home / "tmp")}
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, env=env, start_new_session=True
            )
        self.start = time.monotonic()

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def over(self) -> bool:
        return self.process.poll() is not None

    def wait(self) -> int:
        return self.process.wait(TIMEOUT)

    def wait_for(self, step: Step, folder: Path) -> None:
        """Wait until the ladder begins `step`: until its log exists, or for the tables until every step is printed."""
        while not self.over and time.monotonic() - self.start < TIMEOUT:
            if step.log and (folder / step.log).exists():
                return
            if not step.log and (step.begin == 0 or re.search(r"^\[ *(\d+)/\1\]", self.output, re.MULTILINE)):
                return
            time.sleep(0.02)

    def kill(self) -> None:
        """Send SIGKILL to the driver and all its descendants."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
            for member in reversed(family):  # the driver first, so that it does not see a stage end
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.send_signal(signal.SIGKILL)
            psutil.wait_procs(family, timeout=60)
        self.process.wait(60)


def unbroken(recipe: Path, home: Path) -> Unbroken:
    """Run the ladder once, or read the complete run in `home`; the dates of its files give its steps."""
    folder, cost = home / "run", home / "seconds"
    if not cost.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "began").touch()
        ladder = Ladder(recipe, home, folder)
        if ladder.wait():
            sys.exit(f"the unbroken run failed: {ladder.output.strip().splitlines()[-1]}")
        cost.write_text(str(time.monotonic() - ladder.start))
    total, began = float(cost.read_text()), (home / "began").stat().st_mtime
    return Unbroken(folder, recipe, _steps(folder, began, total), scores(folder), total)


def _steps(folder: Path, began: float, total: float) -> tuple[Step, ...]:
    """Steps from the dates of the manifests, which are the last files that a step writes."""
    base = folder / "checkpoints/base" / MANIFEST
    paths = [path for kind in ("checkpoints", "evaluations") for path in folder.glob(f"{kind}/*/{MANIFEST}")]
    order = sorted(set(paths) - {base}, key=lambda path: path.stat().st_mtime_ns)
    at = base.stat().st_mtime - began
    steps = [Step("looking over", "", "", 0.0, at)]
    for path in order:
        kind, rung = path.parent.parent.name, path.parent.name
        evaluated = kind == "evaluations"
        end = path.stat().st_mtime - began
        name, log = (f"{rung}, evaluation", f"logs/{rung}.evaluation.log") if evaluated else (rung, f"logs/{rung}.log")
        steps.append(Step(name, f"{kind}/{rung}", log, at, end))
        at = end
    return (*steps, Step("tables", "", "", at, total))


def cut_back(run: Unbroken, step: Step, folder: Path) -> None:
    """Copy what an unbroken run had made when `step` began; nothing for the first step."""
    if step == run.steps[0]:
        return
    for part in ("checkpoints/base", "audits", "configs", *(each.folder for each in run.before(step) if each.folder)):
        if (run.folder / part).exists():
            shutil.copytree(run.folder / part, folder / part)
    (folder / "logs").mkdir(exist_ok=True)
    for each in run.before(step):
        if each.log:
            shutil.copy2(run.folder / each.log, folder / each.log)


def put_back(run: Unbroken, folder: Path) -> str:
    """Copy what `folder` lacks from the unbroken run if all checkpoints in `folder` equal that run's; returns a summary."""
    paths = [path.parent for path in sorted((folder / "checkpoints").glob(f"*/{MANIFEST}"))]
    for mine in paths:
        if read_manifest(mine).content != read_manifest(run.folder / "checkpoints" / mine.name).content:
            return f"{mine.name} differs, nothing put back"
    missing = [step.folder for step in run.steps if step.folder and not (folder / step.folder).exists()]
    for part in missing:
        shutil.copytree(run.folder / part, folder / part)
    return f"{len(missing)} put back"


def scores(folder: Path) -> list[dict[str, str]]:
    """The leaderboard without the columns that differ from run to run."""
    with (folder / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        return [{key: value for key, value in row.items() if key not in IGNORED} for row in csv.DictReader(stream)]


def equal(run: Unbroken, folder: Path) -> str:
    """ "yes", or the first row that differs."""
    try:
        table = scores(folder)
    except OSError:
        return "no table"
    if table == run.table:
        return "yes"
    differ = [mine for mine, theirs in zip(table, run.table, strict=False) if mine != theirs]
    first = differ[0] if differ else {}
    return f"NO: {' '.join(first.get(key, '') for key in ('task', 'metric', 'model', 'value'))}, {len(table)} rows"


def on_disk(folder: Path, cache: Path) -> str:
    """The partial folders after a kill, and the number of cached scores and batches of texts."""
    parts = []
    for path in sorted(folder.glob("*/.*.partial")) + sorted(folder.glob("*/.*.old")):
        n = sum(each.is_file() for each in path.rglob("*"))
        parts.append(f"{path.name} ({n} files)")
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(cache)) as file:
        (n,) = file.execute("SELECT count(*) FROM checked_answers").fetchone()
        parts += [f"{n:,} scores and batches of texts cached"] if n else []
    return ", ".join(parts) or "no partial folder"


def last_lines(text: str, n: int = 1) -> Sequence[str]:
    return [line for line in text.splitlines() if line.strip()][-n:]
