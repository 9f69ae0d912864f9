"""Seconds and memory of `mcqa compare`, and of reading a long log.

    python benchmarks/speed/compare_speed.py                  # 8 variants x 14,042 documents x 4 options; 1,000,000 rows
    python benchmarks/speed/compare_speed.py --rows 0         # the comparison alone

Writes made-up logs in the harness's format into a temporary folder, runs each measurement in a separate process, and prints
Markdown. The exit code is 1 if a bar is missed: 10 s and 1 GB for the comparison, 2 GB for the long log.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

STAMP = "2026-01-01T00-00-00.000000"
PROMPT = "Question: {}\n\nOptions:\nA. first\nB. second\nC. third\nD. fourth\n\nAnswer:" + " " * 400
MEASURE = """
import sys, time, resource
from pathlib import Path
start = time.perf_counter()
{body}
print(time.perf_counter() - start, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
COMPARE = """
import contextlib, io
from mcqa_suite.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["compare", *sys.argv[1:]]) == 0
"""
READ = """
from mcqa_suite.logs.runs import read_run
assert read_run(Path(sys.argv[1]))
"""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_log(folder: Path, name: str, documents: int, tasks: int, noise: float, seed: int) -> None:
    """A run of `documents` four-option questions in `tasks` tasks, as lm_eval logs them."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(0)
    names = [f"task_{index}" for index in range(tasks)]
    for index, task in enumerate(names):
        n = documents // tasks + (index < documents % tasks)
        gold, scores = base.integers(4, size=n), base.normal(size=(n, 4))
        scores[np.arange(n), gold] += 1.0
        scores += noise * rng.normal(size=(n, 4))
        with (folder / f"samples_{task}_{STAMP}.jsonl").open("w", encoding="utf-8") as stream:
            for i in tqdm(range(n), desc=f"{name} {task}", disable=n < 100_000, file=sys.stderr):
                stream.write(json.dumps(row(f"{task}/{i}", i, int(gold[i]), scores[i])) + "\n")
    results = {
        "results": {},
        "configs": {task: {"output_type": "multiple_choice", "num_fewshot": 0} for task in names},
        "versions": dict.fromkeys(names, 1.0),
        "n-shot": dict.fromkeys(names, 0),
        "config": {"model": name},
        "model_name": name,
        "lm_eval_version": "0.4.13",
    }
    (folder / f"results_{STAMP}.json").write_text(json.dumps(results), encoding="utf-8")


def row(key: str, index: int, gold: int, scores: np.ndarray) -> dict[str, object]:
    pairs = [[str(score), "False"] for score in scores]
    prompt = PROMPT.format(key)
    return {
        "doc_id": index,
        "doc": {"id": key, "stem": key, "choices": ["first", "second", "third", "fourth"], "gold": [gold]},
        "target": str(gold),
        "arguments": {f"gen_args_{i}": {"arg_0": prompt, "arg_1": f" {'ABCD'[i]}"} for i in range(4)},
        "resps": [[pair] for pair in pairs],
        "filtered_resps": pairs,
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": digest(key),
        "prompt_hash": digest(prompt),
        "target_hash": digest(str(gold)),
        "acc": float(scores.argmax() == gold),
    }


def measure(body: str, *arguments: str) -> tuple[float, float, float]:
    """Seconds, seconds of processor time and peak MB of a process."""
    command = [sys.executable, "-c", MEASURE.format(body=body.strip()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, busy, megabytes = map(float, done.stdout.split())
    return seconds, busy, megabytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", type=int, default=8)
    parser.add_argument("--documents", type=int, default=14_042)
    parser.add_argument("--tasks", type=int, default=57)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the long log; 0 leaves it out")
    args = parser.parse_args()
    print("| what | seconds | of the processor | peak MB | bar |\n|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as folder:
        runs = [Path(folder) / f"model_{index}" for index in range(args.variants + 1)]
        for index, run in enumerate(runs):
            write_log(run, run.name, args.documents, args.tasks, 0.1 * index, index)
        size = sum(path.stat().st_size for run in runs for path in run.iterdir()) / 1e6
        seconds, busy, megabytes = measure(COMPARE, *map(str, runs))
    what = f"compare {args.variants} variants x {args.documents} documents x 4 options in {args.tasks} tasks"
    what += f" ({size:.0f} MB of logs, reading included)"
    print(f"| {what} | {seconds:.1f} | {busy:.1f} | {megabytes:.0f} | 10 s, 1000 MB |", flush=True)
    met = seconds <= 10 and megabytes <= 1000
    if args.rows:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            write_log(Path(folder) / "long", "long", args.rows, 1, 0.0, 1)
            print(f"wrote {args.rows} rows in {time.perf_counter() - start:.0f} s", file=sys.stderr)
            seconds, busy, megabytes = measure(READ, str(Path(folder) / "long"))
        print(f"| read {args.rows} sample rows | {seconds:.1f} | {busy:.1f} | {megabytes:.0f} | 2000 MB |")
        met = met and megabytes <= 2000
    print(
        f"\nThe writer's own peak was {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB.",
        file=sys.stderr,
    )
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
