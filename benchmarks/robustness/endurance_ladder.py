"""A ladder that can be killed, cut back and compared: what benchmarks/robustness/endurance.py measures with."""

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
from dataclasses import dataclass
from pathlib import Path

import psutil

from mcqa_suite.common.manifest import MANIFEST, read_manifest

BESIDE = ("tokens_per_second",)  # columns that no two runs share
PATIENCE = 1800.0  # seconds for a ladder, or a step of one, to come to something


@dataclass(frozen=True)
class Step:
    """A stretch of an unbroken run, in seconds since its start; `folder` is what it makes, "" where it makes none."""

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
    """One `mcqa run` in a session of its own, its words in a file beside its folder, its cache and scratch files there too."""

    def __init__(
        self, recipe: Path, home: Path, folder: Path, *options: str, cache: Path | None = None, until: str = ""
    ) -> None:
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        number = len(list(home.glob("said.*")))
        self.said_in = home / f"said.{number}"
        command = [sys.executable, "-m", "mcqa_suite.cli.main", "run", str(recipe), "--output", str(folder), *options]
        command += ["--until", until] if until else []
        env = os.environ | {"MCQA_CACHE": str(cache or home / "cache.sqlite"), "TMPDIR": str(home / "tmp")}
        with self.said_in.open("wb") as said:
            self.process = subprocess.Popen(
                command, stdout=said, stderr=subprocess.STDOUT, env=env, start_new_session=True
            )
        self.start = time.monotonic()

    @property
    def said(self) -> str:
        return self.said_in.read_text(encoding="utf-8", errors="replace")

    @property
    def over(self) -> bool:
        return self.process.poll() is not None

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def wait_for(self, step: Step, folder: Path) -> None:
        """Until the ladder begins `step`: its log is there, or for the tables every step has been told of."""
        while not self.over and time.monotonic() - self.start < PATIENCE:
            if step.log and (folder / step.log).exists():
                return
            if not step.log and (step.begin == 0 or re.search(r"^\[ *(\d+)/\1\]", self.said, re.MULTILINE)):
                return
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the driver and to all that descends from it, at once."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
            for member in reversed(family):  # the driver first, so that it sees no stage die
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.send_signal(signal.SIGKILL)
            psutil.wait_procs(family, timeout=60)
        self.process.wait(60)


def unbroken(recipe: Path, home: Path) -> Unbroken:
    """Run the ladder once, or read the complete run in `home`; its seconds and steps come from the dates of its files."""
    folder, cost = home / "run", home / "seconds"
    if not cost.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "began").touch()
        ladder = Ladder(recipe, home, folder)
        if ladder.wait():
            sys.exit(f"the unbroken run failed: {ladder.said.strip().splitlines()[-1]}")
        cost.write_text(str(time.monotonic() - ladder.start))
    total, began = float(cost.read_text()), (home / "began").stat().st_mtime
    return Unbroken(folder, recipe, _steps(folder, began, total), scores(folder), total)


def _steps(folder: Path, began: float, total: float) -> tuple[Step, ...]:
    """From the dates of the manifests: each is the last thing that its step wrote."""
    base = folder / "checkpoints/base" / MANIFEST
    made = [path for kind in ("checkpoints", "evaluations") for path in folder.glob(f"{kind}/*/{MANIFEST}")]
    order = sorted(set(made) - {base}, key=lambda path: path.stat().st_mtime_ns)
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
    """Copies of an unbroken run what existed when `step` began; nothing at all for its very beginning."""
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
    """Adds what `folder` lacks of the unbroken run where every checkpoint it has equals that run's; what was done, in words."""
    made = [path.parent for path in sorted((folder / "checkpoints").glob(f"*/{MANIFEST}"))]
    for mine in made:
        if read_manifest(mine).content != read_manifest(run.folder / "checkpoints" / mine.name).content:
            return f"{mine.name} differs, nothing put back"
    lacking = [step.folder for step in run.steps if step.folder and not (folder / step.folder).exists()]
    for part in lacking:
        shutil.copytree(run.folder / part, folder / part)
    return f"{len(lacking)} put back"


def scores(folder: Path) -> list[dict[str, str]]:
    """The leaderboard, less what differs from run to run."""
    with (folder / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        return [{key: value for key, value in row.items() if key not in BESIDE} for row in csv.DictReader(stream)]


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
    """What a kill left: half-made folders, and what the cache kept."""
    parts = []
    for path in sorted(folder.glob("*/.*.partial")) + sorted(folder.glob("*/.*.old")):
        n = sum(each.is_file() for each in path.rglob("*"))
        parts.append(f"{path.name} ({n} files)")
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(cache)) as file:
        for table, what in (("loglikelihoods", "scores"), ("generations", "texts")):
            (n,) = file.execute(f"SELECT count(*) FROM {table}").fetchone()
            parts += [f"{n:,} {what} kept"] if n else []
    return ", ".join(parts) or "nothing half made"


def last_lines(text: str, n: int = 1) -> Sequence[str]:
    return [line for line in text.splitlines() if line.strip()][-n:]
