"""Feed broken files to every parser: it may raise only McqaError, within a second of CPU time and bounded memory.

    python benchmarks/robustness/fuzz.py --seconds 600 [--only samples recipe] [--keep FOLDER] [--engine atheris]

Hypothesis draws a valid seed and changes to it: values of its JSON are replaced, keys removed, bytes flipped, cut, doubled and
spliced, and hostile pieces inserted (nesting, huge numbers, half surrogates, YAML tags, paths with `..`). Each parser has an
equal share of the time. A finding is an exception in a function of this project; `--keep` writes an input for each.
`--engine atheris` (pip install atheris) is guided by coverage: see fuzz_guided.py.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz_targets import Target, targets
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

MOST_SECONDS = 1.0  # of CPU, for one input
MOST_MEMORY = 1 << 30  # beyond what the process takes at its start
HANGS = 5.0  # seconds of CPU after which an input is interrupted
HOSTILE = [
    b"[" * 3000, b'{"a":' * 3000, b"- " * 3000, b"9" * 5000, b"-1", b"1e999", b"NaN", b"-Infinity", b"null", b"true", b"\x00",
    b"\xff\xfe", b"\xef\xbb\xbf", b'"\\ud800"', b"../../../etc/passwd", b"/dev/zero", b"!!python/object/apply:os.system [ls]",
    b"&a [*a, *a]", b"&b {<<: *b}", b"? [a]\n: b\n", b"2001-99-99", b"0x", b"0b2", b"1:99:99", b"{" * 500, b"(" * 500,
    b"**9**9**9",
    b"\xe2\x80\xa8", b"\r", b"\n\n", b"<think>", b"[[" * 400, b"1 " * 4000, b"{'answer': " * 400, b"{'answer'", b"\\boxed{" * 200,
    b"<<: [a, b]", b"!!int x", b"!!timestamp x", b"!!binary x", b"#answer:", b"\xf0\x9f\x98\x80" * 50, b"A" * 20000,
]  # fmt: skip


class Hang(BaseException):
    """Interrupts an input that takes too long; `except Exception` does not catch it."""


@dataclass
class Outcome:
    inputs: int = 0
    refused: int = 0
    slowest: float = 0.0
    findings: Counter[str] = field(default_factory=Counter)


WORDS, KEYS = ["../x", "\ud800", "A", "", "9" * 400], ["answer", "id", "text", "a"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
CHANGES = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "double", "hostile", "bytes", "line", "tail"]), st.floats(0, 1), st.floats(0, 1),
              st.sampled_from(HOSTILE) | st.binary(max_size=12)),
    max_size=4,
)  # fmt: skip


def changed_values(content: bytes, draw: random.Random, values: list[Any]) -> bytes:
    """Replace values and remove keys of the JSON in `content` (of a whole file or of lines)."""
    rows = [content] if _is_json(content) else content.split(b"\n")
    for value in values:
        at = draw.randrange(len(rows))
        if not _is_json(rows[at]):
            continue
        root = {"": json.loads(rows[at])}
        positions = list(_positions(root))
        box, key = draw.choice(positions)
        if isinstance(box, dict) and key != "" and draw.random() < 0.2:
            del box[key]
        else:
            box[key] = value
        rows[at] = json.dumps(root[""]).encode()
    return b"\n".join(rows)


def _positions(box: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(box) if isinstance(box, dict) else range(len(box)):
        yield box, key
        if isinstance(box[key], dict | list):
            yield from _positions(box[key])


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def changed_bytes(content: bytes, changes: list[tuple[str, float, float, bytes]]) -> bytes:
    for how, first, second, piece in changes:
        start, end = sorted((int(first * len(content)), int(second * len(content))))
        if how == "flip" and start < len(content):
            content = content[:start] + bytes([content[start] ^ 1 << int(second * 7)]) + content[start + 1 :]
        elif how in ("cut", "double"):
            content = content[:start] + content[start:end] * (0 if how == "cut" else 2) + content[end:]
        elif how == "tail":
            content = content[:start]
        elif how == "line":  # a value of a text file
            content = content[:start] + piece + content[max(start, content.find(b"\n", start)) :]
        else:
            content = content[:start] + piece + content[start:]
    return content


@contextmanager
def limited() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Hang

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def feed(target: Target, content: bytes, folder: Path, outcome: Outcome) -> str | None:
    """Read an input; returns its finding, or None."""
    path = folder / target.file
    path.write_bytes(content)
    start, finding = time.process_time(), None
    try:
        with limited():
            target.read(path)
    except target.allowed as error:
        outcome.refused += 1
        finding = "a message of several lines" if "\n" in str(error) else None
    except (Hang, Exception) as error:  # MemoryError among them
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "mcqa_suite" in f.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "?"
        finding = f"{type(error).__name__} in {where}"
    seconds = time.process_time() - start
    outcome.inputs += 1
    outcome.slowest = max(outcome.slowest, seconds)
    finding = finding or (f"{seconds:.1f} s" if seconds > MOST_SECONDS else None)
    outcome.findings.update([finding] if finding else [])
    return finding


def fuzz(target: Target, seconds: float, keep: Path | None) -> Outcome:
    """Run batches of new examples until the time is up."""
    outcome, until, batch = Outcome(), time.monotonic() + seconds, 0
    for content in target.seeds:  # every seed must be valid
        with tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / target.file).write_bytes(content)
            target.read(Path(scratch) / target.file)

    @settings(
        max_examples=50, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(
        st.sampled_from(target.seeds) | st.binary(max_size=200),
        st.lists(VALUES, max_size=3),
        CHANGES,
        st.integers(0, 1 << 32),
    )
    def check_input(content: bytes, values: list[Any], changes: Any, number: int) -> None:
        if time.monotonic() > until:
            return
        content = changed_bytes(changed_values(content, random.Random(number), values), changes)
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as scratch:
            finding = feed(target, content, Path(scratch), outcome)
        if finding and keep and outcome.findings[finding] == 1:
            name = f"{target.name}-{finding}".replace(" ", "_").replace(":", "_").replace(",", "")
            (keep / f"{name}.bin").write_bytes(content)

    while time.monotonic() < until:
        seed(batch)(check_input)()
        batch += 1
    return outcome


def guided(target: Target, seconds: float, keep: Path | None) -> Outcome:
    """The same guided by coverage, in a separate process."""
    with tempfile.TemporaryDirectory() as scratch:
        words = [sys.executable, str(Path(__file__).with_name("fuzz_guided.py")), target.name, str(seconds), scratch]
        done = subprocess.run([*words, str(keep or "")], capture_output=True, text=True, errors="replace", check=False)
        result = Path(scratch) / "outcome.json"
        if done.returncode or not result.exists():
            sys.exit(f"{target.name}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-500:]}")
        outcome = json.loads(result.read_text())
    return Outcome(**{**outcome, "findings": Counter(outcome["findings"])})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--only", nargs="+", default=[], help="parts of the names of parsers")
    parser.add_argument("--keep", type=Path, help="a folder for an input of every finding")
    parser.add_argument("--engine", choices=["hypothesis", "atheris"], default="hypothesis")
    args = parser.parse_args()
    chosen = [t for t in targets() if not args.only or any(word in t.name for word in args.only)]
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    if args.engine == "hypothesis":  # libFuzzer has its own limit
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, used + MOST_MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.monotonic()
    print("| parser | inputs | refused in one line | slowest (s of CPU) | findings |\n|---|---:|---:|---:|---:|")
    outcomes = {}
    engine = guided if args.engine == "atheris" else fuzz
    for target in chosen:
        outcome = outcomes[target.name] = engine(target, args.seconds / len(chosen), args.keep)
        row = f"{outcome.inputs:,} | {outcome.refused:,} | {outcome.slowest:.2f} | {len(outcome.findings)}"
        print(f"| {target.name} | {row} |", flush=True)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    total = sum(outcome.inputs for outcome in outcomes.values())
    print(
        f"\n{total:,} inputs in {time.monotonic() - start:.0f} s; memory {before:.0f} MB at the start, {peak:.0f} MB at most."
    )
    for name, outcome in outcomes.items():
        for finding, times in outcome.findings.most_common():
            print(f"- **{name}**: {finding} ({times} times)")
    return int(any(outcome.findings for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
