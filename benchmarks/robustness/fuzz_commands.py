"""Give hostile files to whole commands: each may end in one line and exit code 2, and nothing else may happen.

    python benchmarks/robustness/fuzz_commands.py --seconds 600 [--only vote table] [--keep FOLDER]

A command gets a valid file in which values are replaced (by null, lists, half surrogates, escape sequences, formulas, huge and
odd numbers), bytes are changed as in fuzz.py, or which is a FIFO, a link to a device, a folder or a link to nothing. A finding
is a traceback, more than 10 seconds of CPU time, raw control text on stdout or stderr, a marker that a file made, a connection,
or a marked key of the environment in the output or in any file.
"""

from __future__ import annotations

import argparse
import io
import os
import random
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

from fuzz import HOSTILE, Hang, changed_bytes, changed_values
from fuzz_targets import RECIPE, lines
from helpers import log_files as logs

from mcqa_suite.cli.main import main as mcqa
from mcqa_suite.common.foreign_text import UNPRINTABLE

MOST_SECONDS = 10.0
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
GRID = '{"answer": [[1]], "status": "answered", "rule": "x", "span": null}'
CODE = b"a: !!python/object/apply:os.system ['touch MARKER']\n"
RUN = [logs.written_row("t", i, "B", i % 2) for i in range(4)]
KINDS = ("fifo", "device", "folder", "dangling")


@dataclass
class Outcome:
    inputs: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)


def commands() -> dict[str, tuple[str, bytes]]:
    """A command line for each command that reads foreign files, with a valid file, whose name is its last part `{}`."""
    text = lines(*RUN)
    sampled = lines(*({"id": f"q{i}", "index": k, "prompt": "p", "response": f"It is {k}.", "finish": "stop",
                       "data": {"gold": "1"}} for i in range(2) for k in range(2)))  # fmt: skip
    label = {
        "id": "x",
        "pair": [0, 1],
        "prompt": "p",
        "a": "yes",
        "b": "no",
        "by": "judge",
        "label": "a",
        "verdicts": [],
    }
    pair = {"prompt": "p", "chosen": "yes", "rejected": "no", "group": "g", "id": "i"}
    rows = {"prompt": "p", "completion": "c", "topic": "t", "id": "1", "group": "g"}
    questions = (
        {"question": "1+1?", "answer": "#### 2"},
        {"prompt": "p", "gold": "2"},
        {"stem": "s", "choices": ["a", "b"], "gold": [0]},
    )
    prompts = lines(*questions)
    doc = {
        "id": "arc_agi_1/007bbfb7/0",
        "task_id": "007bbfb7",
        "text": "1",
        "output": [[1]],
        "encoder": "spaced",
        "train": [],
    }
    grid = {**logs.written_row("t", 0, "B", 1), "filtered_resps": [[GRID]], "doc": doc}
    with tempfile.TemporaryDirectory() as folder:
        run = logs.write_run(Path(folder), {"t": RUN}, groups={"g": ["t"]})
        results = next(run.glob("results_*.json")).read_bytes()
    name, log = f"run/results_{logs.STAMP}.json", f"run/samples_t_{logs.STAMP}.jsonl"
    return {
        f"table run ok --format md ::{log}": ("table, log", text),
        f"table run ok --format csv ::{name}": ("table, results", results),
        f"compare ok run --full ::{log}": ("compare, log", text),
        f"compare ok run --format latex ::{name}": ("compare, results", results),
        f"compare ok run --format json ::{log}": ("compare as JSON", text),
        f"report run ok -o report.html ::{log}": ("report, log", text),
        f"report run --base ok -o report.html ::{name}": ("report, results", results),
        "extract samples_t.jsonl --output new.jsonl ::samples_t.jsonl": ("extract", text),
        "vote samples_t.jsonl -o votes ::samples_t.jsonl": ("vote", text),
        f"orders run ::{log}": ("orders", text),
        f"variance run ::{log}": ("variance", text),
        "grids vote s.jsonl --submission sub.json ::s.jsonl": ("grids vote", lines(grid)),
        "preferences check labels.jsonl ::labels.jsonl": ("preferences check", lines(label, {**label, "pair": [0, 2]})),
        "preferences label r.jsonl --by correctness -o l.jsonl ::r.jsonl": ("preferences label", sampled),
        "preferences contrast r.jsonl -o p.jsonl ::r.jsonl": ("preferences contrast", sampled),
        "preferences label ok.jsonl --by correctness -o l.jsonl ::l.jsonl": (
            "preferences label, labels",
            lines({**label, "by": "correctness"}),
        ),
        "preferences sample p.jsonl --model none -o q.jsonl ::p.jsonl": ("preferences sample", prompts),
        "rank a=r.jsonl b=r.jsonl --judge http://u:p@h ::r.jsonl": ("rank", sampled),
        "data rows.jsonl ::rows.jsonl": ("data, rows", lines(rows, pair)),
        "data stage.yaml ::stage.yaml": ("data, recipe", RECIPE.replace(b"3600", b"36")),
        "audit rows.jsonl -o audit ::rows.jsonl": ("audit", lines(rows, pair)),
        "run recipe.yaml ::recipe.yaml": ("run", RECIPE),
        "evaluator evaluator.yaml ::evaluator.yaml": ("evaluator", b"checkpoint: x\nquestions: a.jsonl\n"),
        f"pack run -o packed ::{name}": ("pack", results),
    }


@contextmanager
def watched(connections: list[str]) -> Iterator[None]:
    """Interrupt after MOST_SECONDS, and refuse and record connections."""

    def stop(*_: Any) -> None:
        raise Hang

    def refuse(_: Any, address: Any) -> None:
        connections.append(str(address))
        raise ConnectionRefusedError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    original, socket.socket.connect = socket.socket.connect, refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        socket.socket.connect = original  # type: ignore[method-assign]


def run_command(command: str, content: bytes | str, outcome: Outcome) -> str | None:
    """Run a command in an empty folder with its file; returns the finding."""
    words, _, name = command.partition(" ::")
    logs.write_run(Path("ok"), {"t": RUN})
    logs.write_run(Path("run"), {"t": RUN})
    Path("ok.jsonl").write_bytes(
        lines({"id": "q", "index": 0, "prompt": "p", "response": "It is 1.", "data": {"gold": "1"}})
    )
    path = Path(name)
    path.unlink(missing_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        {"fifo": lambda: os.mkfifo(path), "folder": path.mkdir, "device": lambda: path.symlink_to("/dev/zero"),
         "dangling": lambda: path.symlink_to("nothing")}[content]()  # fmt: skip
    out, err, connections, start = io.StringIO(), io.StringIO(), list[str](), time.process_time()
    finding, code = None, 0
    try:
        with watched(connections), redirect_stdout(out), redirect_stderr(err):
            code = mcqa(words.split())
    except SystemExit as error:
        code = int(error.code or 0)
    except (Hang, Exception) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "mcqa_suite" in f.filename]
        finding = (
            f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].name}" if frames else repr(error)
        )
    printed = out.getvalue() + err.getvalue()
    written = [
        file.read_bytes() for file in Path().rglob("*") if file.is_file() and file != path and not file.is_symlink()
    ]
    outcome.inputs, outcome.codes[code] = outcome.inputs + 1, outcome.codes[code] + 1
    outcome.slowest = max(outcome.slowest, time.process_time() - start)
    if sign := UNPRINTABLE.search(printed.replace("\r", "").replace("\x1b[A", "")):
        finding = finding or f"raw control text {sign[0]!r}"
    if KEY in printed or any(KEY.encode() in text for text in written):
        finding = finding or "a marked key"
    if Path(MARKER).exists():
        finding = finding or "a marker"
    return finding or (f"a connection to {connections[0]}" if connections else None)


def check_valid(command: str, valid: bytes) -> None:
    """Run a command with its valid file, which also imports what it needs; SystemExit for a finding."""
    before, outcome = Path.cwd(), Outcome()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        finding = run_command(command, valid, outcome)
        os.chdir(before)
    if finding:
        sys.exit(f"{command}: the valid file gives {finding}")


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--only", nargs="+", default=[], help="parts of the names of commands")
    parser.add_argument("--keep", type=Path, help="a folder for an input of every finding")
    args = parser.parse_args()
    os.environ |= {"OPENAI_API_KEY": KEY, "HF_TOKEN": f"{KEY}-2", "HF_HUB_OFFLINE": "1"}
    chosen = {c: v for c, v in commands().items() if not args.only or any(word in v[0] for word in args.only)}
    before = Path.cwd()
    print(
        "| command | inputs | exit code 0 | 1 | 2 | slowest (s of CPU) | findings |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    outcomes = {}
    for command, (title, valid) in chosen.items():
        outcome, draw = outcomes.setdefault(title, Outcome()), random.Random(title)
        check_valid(command, valid)
        until = time.monotonic() + args.seconds / len(chosen)
        while time.monotonic() < until:
            content = contents(valid, draw)
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                finding = run_command(command, content, outcome)
                os.chdir(before)
            if finding and finding not in outcome.findings:
                outcome.findings[finding] = str(content)[:400]
                if args.keep:
                    args.keep.mkdir(parents=True, exist_ok=True)
                    name = "".join(sign if sign.isalnum() else "_" for sign in f"{title}-{finding}")[:100]
                    (args.keep / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        codes = " | ".join(str(outcome.codes[code]) for code in (0, 1, 2))
        print(f"| {title} | {outcome.inputs} | {codes} | {outcome.slowest:.1f} | {len(outcome.findings)} |", flush=True)
    for title, outcome in outcomes.items():
        for finding in outcome.findings:
            print(f"- **{title}**: {finding}")
    return int(any(outcome.findings for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
