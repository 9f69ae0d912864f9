"""Damage, full disks and other failures of a ladder, a row each, for benchmarks/robustness/endurance.py."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from endurance_ladder import Ladder, Step, Unbroken, cut_back, equal, last_lines

from mcqa_suite.common.manifest import MANIFEST

YEAR = 365 * 86400


class CannotShowError(Exception):
    """A case that cannot run on this machine."""


def complete(run: Unbroken, folder: Path) -> None:
    shutil.copytree(run.folder, folder)


def last(run: Unbroken, kind: str) -> Step:
    """The last step of a kind ("checkpoints", "evaluations")."""
    return [step for step in run.steps if step.folder.startswith(kind)][-1]


def one_line(ladder: Ladder, *words: str) -> str:
    """The error line of a ladder that ends with exit code 2 and a line with all `words`; else "NO: ..."."""
    code, line = ladder.wait(), (last_lines(ladder.output) or [""])[0]
    if code != 2 or "Traceback" in ladder.output or not line.startswith("mcqa: "):
        return f"NO: exit {code}: {line}"
    missing = [word for word in words if word not in line]
    return f"NO: no {missing[0]!r} in: {line}" if missing else f"exit 2: {line}"


def resumed(run: Unbroken, home: Path, folder: Path, *reasons: str) -> tuple[str, str]:
    """Run to the end; returns which steps ran again and why, and whether the table equals the unbroken run's."""
    ladder = Ladder(run.recipe, home, folder)
    code = ladder.wait()
    steps = re.findall(r"^\[ *\d+/\d+\] +(.*\d\.\d s(?: +\(.*\))?)$", ladder.output, re.MULTILINE)
    message = "; ".join(" ".join(step.split()) for step in steps) or "nothing was run again"
    if code:
        return f"NO: exit {code}: {' '.join(last_lines(ladder.output))}", "no"
    missing = [reason for reason in reasons if reason not in message]
    return (f"NO: no reason {missing[0]!r}; {message}" if missing else message), equal(run, folder)


def truncated(run: Unbroken, home: Path) -> tuple[str, str]:
    """A checkpoint's weights cut in half."""
    folder = home / "run"
    complete(run, folder)
    weights = next((folder / last(run, "checkpoints").folder).glob("*.safetensors"))
    os.truncate(weights, weights.stat().st_size // 2)
    return resumed(run, home, folder, "its files changed")


def _flip(path: Path) -> None:
    """One bit in the middle; size and dates stay."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flipped(run: Unbroken, home: Path) -> tuple[str, str]:
    """One bit of a checkpoint's weights flipped, size and dates unchanged."""
    folder = home / "run"
    complete(run, folder)
    _flip(next((folder / last(run, "checkpoints").folder).glob("*.safetensors")))
    return resumed(run, home, folder, "its files changed")


def flipped_sample(run: Unbroken, home: Path) -> tuple[str, str]:
    """One bit of an evaluation's samples flipped, size and dates unchanged."""
    folder = home / "run"
    complete(run, folder)
    _flip(next((folder / last(run, "evaluations").folder).rglob("samples_*.jsonl")))
    return resumed(run, home, folder, "its files changed")


def _changed_manifest(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    path = folder / MANIFEST
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def newer_manifest(run: Unbroken, home: Path) -> tuple[str, str]:
    """A manifest of a later schema with an additional key: the rung is kept."""
    folder = home / "run"
    complete(run, folder)
    _changed_manifest(folder / last(run, "checkpoints").folder, lambda content: content.update(schema=99, more=1))
    return resumed(run, home, folder)


def older_manifest(run: Unbroken, home: Path) -> tuple[str, str]:
    """A manifest without the newest keys: the rung is kept."""
    folder = home / "run"
    complete(run, folder)
    for key in ("schema", "adapter", "metrics", "size"):
        _changed_manifest(folder / last(run, "evaluations").folder, lambda content, key=key: content.pop(key, None))
    return resumed(run, home, folder)


def two_ladders(run: Unbroken, home: Path) -> tuple[str, str]:
    """A second ladder in the folder of a running one."""
    folder, step = home / "run", last(run, "evaluations")
    cut_back(run, step, folder)
    first = Ladder(run.recipe, home, folder)
    first.wait_for(step, folder)
    message = one_line(Ladder(run.recipe, home, folder), "uses this folder")
    return message, equal(run, folder) if first.wait() == 0 else "no"


def future(run: Unbroken, home: Path) -> tuple[str, str]:
    """Every file dated a year ahead or back, as with a wrong clock, and a step that is still to run."""
    folder = home / "run"
    cut_back(run, last(run, "evaluations"), folder)
    now = time.time()
    for number, path in enumerate(sorted(folder.rglob("*"))):
        os.utime(path, (now, now + (YEAR if number % 4 else -YEAR)))
    return resumed(run, home, folder)


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount a file system during the block; CannotShowError if this user may not."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotShowError(f"cannot mount: {(done.stderr.strip() or 'no message').splitlines()[0]}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _grow(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def _full(run: Unbroken, home: Path, step: Step, share: float) -> tuple[str, str]:
    """Run on a disk with room for a share of what `step` writes, then with enough room."""
    disk = home / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=1g", "tmpfs"):
        cut_back(run, step, disk / "run")
        used = shutil.disk_usage(disk).used
        size = sum(path.stat().st_size for path in (run.folder / step.folder).rglob("*"))
        _grow(disk, str(int(used + share * size) // 4096 * 4096))
        before = {path: path.read_bytes() for path in (disk / "run").glob(f"*/*/{MANIFEST}")}
        message = one_line(Ladder(run.recipe, home, disk / "run"), "No space left on device", str(disk))
        lost = [path for path, content in before.items() if path.parent.name != "base" and path.read_bytes() != content]
        if lost or (disk / "run" / step.folder).exists():
            return f"NO: lost or partial: {[*lost, step.folder]}; {message}", "no"
        _grow(disk, "1g")
        again, same = resumed(run, home, disk / "run")
        return (again if again.startswith("NO") else message), same


def full_checkpoint(run: Unbroken, home: Path) -> tuple[str, str]:
    """The disk fills while a checkpoint is written; then there is room."""
    return _full(run, home, last(run, "checkpoints"), 0.5)


def full_samples(run: Unbroken, home: Path) -> tuple[str, str]:
    """The disk fills while samples are written; then there is room."""
    return _full(run, home, last(run, "evaluations"), 0.6)


def full_cache(run: Unbroken, home: Path) -> tuple[str, str]:
    """Only the disk of the cache fills: the ladder goes on."""
    folder, step, disk = home / "run", last(run, "evaluations"), home / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=200k", "tmpfs"):
        cut_back(run, step, folder)
        code = Ladder(run.recipe, home, folder, cache=disk / "cache.sqlite").wait()
        text = (folder / step.log).read_text(encoding="utf-8", errors="replace")
        warnings = [line for line in text.splitlines() if "no longer kept" in line or "are not kept" in line]
    return f"exit {code}; {len(warnings)} line in the log", equal(run, folder) if len(warnings) == 1 else "no"


def read_only(run: Unbroken, home: Path) -> tuple[str, str]:
    """A read-only run folder: the ladder stops with an error, `mcqa table` works."""
    folder = home / "run"
    complete(run, folder)
    with mounted(folder, "--bind", str(folder)):
        done = subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], capture_output=True, check=False)
        if done.returncode:
            raise CannotShowError("cannot mount read-only")
        message = one_line(Ladder(run.recipe, home, folder), "Read-only file system", str(folder))
        rungs = sorted(map(str, (folder / "evaluations").glob("[!.]*")))
        table = subprocess.run(
            [sys.executable, "-m", "mcqa_suite.cli.main", "table", *rungs], capture_output=True, check=False
        )
        if table.returncode:
            return f"NO: mcqa table: {table.stderr.decode().strip()}", "no"
    return f"{message}; mcqa table reads it", equal(run, folder)


def lost_worker(run: Unbroken, home: Path) -> tuple[str, str]:
    """A Ray worker killed (SIGKILL) in the middle of the longest stage; the ladder goes on with Ray."""
    if not importlib.util.find_spec("ray"):
        raise CannotShowError("Ray is not installed")
    folder = home / "run"
    step = max(
        (step for step in run.steps if step.folder.startswith("checkpoints")), key=lambda step: step.end - step.begin
    )
    cut_back(run, step, folder)
    ladder = Ladder(run.recipe, home, folder, "--ray", "local")
    ladder.wait_for(step, folder)
    time.sleep((step.end - step.begin) / 2)
    named = psutil.process_iter(["cmdline"])  # by the title that Ray gives a worker, without trailing spaces
    workers = [each for each in named if " ".join(each.info["cmdline"] or ()).strip() == f"ray::{step.name}"]
    for worker in workers:
        worker.kill()
    code = ladder.wait()
    losses = [line.strip() for line in ladder.output.splitlines() if "its worker was lost" in line]
    if code or len(workers) != 1 or len(losses) != 1:
        return f"NO: exit {code}, {len(workers)} killed, output: {losses or last_lines(ladder.output)}", "no"
    return losses[0], equal(run, folder)


def _orphan(run: Unbroken, home: Path, kind: str) -> tuple[str, str]:
    """Kills `mcqa run` alone in the middle of the longest step of a kind, and starts it again at once."""
    folder = home / "run"
    step = max((step for step in run.steps if step.folder.startswith(kind)), key=lambda step: step.end - step.begin)
    cut_back(run, step, folder)
    ladder = Ladder(run.recipe, home, folder)
    ladder.wait_for(step, folder)
    time.sleep((step.end - step.begin) / 2)
    ladder.process.kill()
    ladder.process.wait()
    return resumed(run, home, folder)


def orphan_stage(run: Unbroken, home: Path) -> tuple[str, str]:
    """`mcqa run` alone killed (SIGKILL) in the middle of a stage, which goes on, and started again at once."""
    return _orphan(run, home, "checkpoints")


def orphan_evaluation(run: Unbroken, home: Path) -> tuple[str, str]:
    """`mcqa run` killed (SIGKILL) in the middle of an evaluation, and started again at once."""
    return _orphan(run, home, "evaluations")


CASES: dict[str, Callable[[Unbroken, Path], tuple[str, str]]] = {
    "truncated": truncated,
    "flipped": flipped,
    "flipped-sample": flipped_sample,
    "newer-manifest": newer_manifest,
    "older-manifest": older_manifest,
    "two-ladders": two_ladders,
    "future": future,
    "full-checkpoint": full_checkpoint,
    "full-samples": full_samples,
    "full-cache": full_cache,
    "read-only": read_only,
    "lost-worker": lost_worker,
    "orphan-stage": orphan_stage,
    "orphan-evaluation": orphan_evaluation,
}


def report(run: Unbroken, names: list[str], home: Path) -> bool:
    """Print a row for each case; returns whether no case failed."""
    if names:
        print("| case | outcome | same table | s |\n|---|---|---|---:|")
    fine = True
    for name in names:
        begin, folder = time.monotonic(), home / f"case-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            message, same = CASES[name](run, folder)
        except CannotShowError as error:
            message, same = f"skipped: {error}", ""
        fine = fine and same in ("yes", "") and not message.startswith("NO")
        message = message.replace(str(folder), "...").replace("|", "/")
        what = " ".join((CASES[name].__doc__ or "").split())
        print(f"| {what} | {message} | {same} | {time.monotonic() - begin:.0f} |", flush=True)
        if same == "yes":
            shutil.rmtree(folder, ignore_errors=True)
    return fine
