"""What else befalls a ladder's folder: a row for each case of benchmarks/robustness/endurance.py."""

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
    """A case that this machine cannot show, with the reason."""


def complete(run: Unbroken, folder: Path) -> None:
    shutil.copytree(run.folder, folder)


def last(run: Unbroken, kind: str) -> Step:
    """The last step of a kind ("checkpoints", "evaluations")."""
    return [step for step in run.steps if step.folder.startswith(kind)][-1]


def one_line(ladder: Ladder, *words: str) -> str:
    """What a ladder said last, if it ended with exit code 2 and one line with all the words; else what was wrong."""
    code, line = ladder.wait(), (last_lines(ladder.said) or [""])[0]
    if code != 2 or "Traceback" in ladder.said or not line.startswith("mcqa: "):
        return f"NO: exit {code}: {line}"
    missing = [word for word in words if word not in line]
    return f"NO: no {missing[0]!r} in: {line}" if missing else f"exit 2: {line}"


def resumed(run: Unbroken, home: Path, folder: Path, *reasons: str) -> tuple[str, str]:
    """Runs to the end: what was made again and why, and whether the table is the unbroken run's."""
    ladder = Ladder(run.recipe, home, folder)
    code = ladder.wait()
    made = re.findall(r"^\[ *\d+/\d+\] +(.*\d\.\d s(?: +\(.*\))?)$", ladder.said, re.MULTILINE)
    told = "; ".join(" ".join(step.split()) for step in made) or "all of it kept"
    if code:
        return f"NO: exit {code}: {' '.join(last_lines(ladder.said))}", "no"
    missing = [reason for reason in reasons if reason not in told]
    return (f"NO: not said: {missing[0]}; {told}" if missing else told), equal(run, folder)


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
    """A manifest of a later schema, with one more key: kept."""
    folder = home / "run"
    complete(run, folder)
    _changed_manifest(folder / last(run, "checkpoints").folder, lambda content: content.update(schema=99, more=1))
    return resumed(run, home, folder)


def older_manifest(run: Unbroken, home: Path) -> tuple[str, str]:
    """A manifest from before the keys that came last: kept."""
    folder = home / "run"
    complete(run, folder)
    for key in ("schema", "adapter", "metrics", "size"):
        _changed_manifest(folder / last(run, "evaluations").folder, lambda content, key=key: content.pop(key, None))
    return resumed(run, home, folder)


def two_ladders(run: Unbroken, home: Path) -> tuple[str, str]:
    """A second ladder on a folder in which one is at work."""
    folder, step = home / "run", last(run, "evaluations")
    cut_back(run, step, folder)
    first = Ladder(run.recipe, home, folder)
    first.wait_for(step, folder)
    told = one_line(Ladder(run.recipe, home, folder), "at work there")
    return told, equal(run, folder) if first.wait() == 0 else "no"


def future(run: Unbroken, home: Path) -> tuple[str, str]:
    """Every file dated a year ahead, some a year back, one step still to be made: as after a clock that was wrong."""
    folder = home / "run"
    cut_back(run, last(run, "evaluations"), folder)
    now = time.time()
    for number, path in enumerate(sorted(folder.rglob("*"))):
        os.utime(path, (now, now + (YEAR if number % 4 else -YEAR)))
    return resumed(run, home, folder)


@contextlib.contextmanager
def mounted(place: Path, *options: str) -> Iterator[None]:
    """A mount for the length of the block; CannotShowError where this user may not."""
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotShowError(f"cannot mount: {(done.stderr.strip() or 'no reason given').splitlines()[0]}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


def _grow(place: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)


def _full(run: Unbroken, home: Path, step: Step, share: float) -> tuple[str, str]:
    """A disk with room for a share of what `step` writes; then one with enough."""
    disk = home / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=1g", "tmpfs"):
        cut_back(run, step, disk / "run")
        used = shutil.disk_usage(disk).used
        wanted = sum(path.stat().st_size for path in (run.folder / step.folder).rglob("*"))
        _grow(disk, str(int(used + share * wanted) // 4096 * 4096))
        before = {path: path.read_bytes() for path in (disk / "run").glob(f"*/*/{MANIFEST}")}
        told = one_line(Ladder(run.recipe, home, disk / "run"), "No space left on device", str(disk))
        lost = [path for path, content in before.items() if path.parent.name != "base" and path.read_bytes() != content]
        if lost or (disk / "run" / step.folder).exists():
            return f"NO: lost or half made: {[*lost, step.folder]}; {told}", "no"
        _grow(disk, "1g")
        again, same = resumed(run, home, disk / "run")
        return (again if again.startswith("NO") else told), same


def full_checkpoint(run: Unbroken, home: Path) -> tuple[str, str]:
    """The disk fills while a checkpoint is written; then there is room."""
    return _full(run, home, last(run, "checkpoints"), 0.5)


def full_samples(run: Unbroken, home: Path) -> tuple[str, str]:
    """The disk fills while samples are written; then there is room."""
    return _full(run, home, last(run, "evaluations"), 0.6)


def full_cache(run: Unbroken, home: Path) -> tuple[str, str]:
    """The disk of the cache alone fills: no reason to stop."""
    folder, step, disk = home / "run", last(run, "evaluations"), home / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=200k", "tmpfs"):
        cut_back(run, step, folder)
        code = Ladder(run.recipe, home, folder, cache=disk / "cache.sqlite").wait()
        said = (folder / step.log).read_text(encoding="utf-8", errors="replace")
        spoken = [line for line in said.splitlines() if "no longer kept" in line or "are not kept" in line]
    return f"exit {code}; said in the log: {len(spoken)} line", equal(run, folder) if len(spoken) == 1 else "no"


def read_only(run: Unbroken, home: Path) -> tuple[str, str]:
    """A run folder that may only be read: the ladder refuses, the tables can be made of it."""
    folder = home / "run"
    complete(run, folder)
    with mounted(folder, "--bind", str(folder)):
        done = subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], capture_output=True, check=False)
        if done.returncode:
            raise CannotShowError("cannot mount read-only")
        told = one_line(Ladder(run.recipe, home, folder), "Read-only file system", str(folder))
        rungs = sorted(map(str, (folder / "evaluations").glob("[!.]*")))
        table = subprocess.run(
            [sys.executable, "-m", "mcqa_suite.cli.main", "table", *rungs], capture_output=True, check=False
        )
        if table.returncode:
            return f"NO: mcqa table: {table.stderr.decode().strip()}", "no"
    return f"{told}; mcqa table reads it", equal(run, folder)


def lost_worker(run: Unbroken, home: Path) -> tuple[str, str]:
    """A Ray worker killed (SIGKILL) in the middle of the longest stage; everything after it is made on Ray too."""
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
    named = psutil.process_iter(["cmdline"])  # by the title that Ray gives a worker, which spaces may follow
    workers = [each for each in named if " ".join(each.info["cmdline"] or ()).strip() == f"ray::{step.name}"]
    for worker in workers:
        worker.kill()
    code = ladder.wait()
    told = [line.strip() for line in ladder.said.splitlines() if "its worker was lost" in line]
    if code or len(workers) != 1 or len(told) != 1:
        return f"NO: exit {code}, {len(workers)} killed, said: {told or last_lines(ladder.said)}", "no"
    return told[0], equal(run, folder)


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
    """`mcqa run` killed (SIGKILL) in the middle of a stage, which outlives it, and started again at once."""
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
    """Prints a row a case; whether every case that could be shown went well."""
    if names:
        print("| case | what the ladder said | same table | s |\n|---|---|---|---:|")
    fine = True
    for name in names:
        begin, place = time.monotonic(), home / f"case-{name}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            told, same = CASES[name](run, place)
        except CannotShowError as error:
            told, same = f"skipped: {error}", ""
        fine = fine and same in ("yes", "") and not told.startswith("NO")
        told = told.replace(str(place), "...").replace("|", "/")
        what = " ".join((CASES[name].__doc__ or "").split())
        print(f"| {what} | {told} | {same} | {time.monotonic() - begin:.0f} |", flush=True)
        if same == "yes":
            shutil.rmtree(place, ignore_errors=True)
    return fine
