"""Seconds and memory of `mcqa audit`: 100,000 training rows against 14,042 evaluation items, as many as MMLU has.

    python benchmarks/speed/audit_speed.py

The items are 3,153 real MMLU-STEM questions from MCQA_SHARED and copies with every fifth word replaced at random; the rows are
copies with every fourth word replaced, and 500 items planted word for word. The measurement includes reading the rows, in a
separate process with one thread. Prints Markdown; the exit code is 1 if a bar is missed (60 s of processor time and 2 GB) or
a planted item is not found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from mcqa_suite.common.paths import hub_mirror
from mcqa_suite.questions.epfl import read_epfl
from mcqa_suite.questions.prompts import letter
from mcqa_suite.questions.question import Question

PLANTED = 500
MEASURE = """
import json, resource, sys, time
from pathlib import Path
start = time.perf_counter()
from mcqa_suite.training_data.audit import audit
from mcqa_suite.training_data.audit.items import item_of
from mcqa_suite.training_data.audit.rows import read_training_rows
items = [item_of("made_up", i, json.loads(line)) for i, line in enumerate(open(sys.argv[1], encoding="utf-8"))]
rows = read_training_rows(Path(sys.argv[2]))
result = audit(rows, items)
seconds = time.perf_counter() - start
exact = sum(overlap.kind == "question" for overlap in result.overlaps)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, time.process_time(), peak, len(items), len(rows), exact, len(result.leaks)]))
"""


def perturbed(text: str, every: int, words: list[str], rng: random.Random) -> str:
    """The text with one of `every` words replaced at random."""
    parts = text.split(" ")
    start = rng.randrange(every)
    return " ".join(rng.choice(words) if i % every == start else part for i, part in enumerate(parts))


def altered(question: Question, every: int, words: list[str], rng: random.Random) -> Question:
    choices = tuple(f"{perturbed(choice, every, words, rng)} {rng.randrange(1000)}" for choice in question.choices)
    return Question(question.id, perturbed(question.stem, every, words, rng), choices, question.gold)


def write(folder: Path, n_items: int, n_rows: int, problems: list[str]) -> None:
    """Write items.jsonl and rows.jsonl; `problems` are word problems that replace as many items."""
    mirror = hub_mirror()
    if mirror is None:
        sys.exit("no shared data; set MCQA_SHARED to a folder with data/epfl_mcq_from_mmlu_stem_test.jsonl")
    real, _ = read_epfl(mirror.parent / "data" / "epfl_mcq_from_mmlu_stem_test.jsonl")
    rng, words = random.Random(0), " ".join(question.stem for question in real).split()
    n_choice = n_items - len(problems)
    if n_choice < len(real) + PLANTED:
        sys.exit(f"--items {n_items}: expected at least {len(real) + PLANTED + len(problems)}")
    items = [real[i] if i < len(real) else altered(real[i % len(real)], 5, words, rng) for i in range(n_choice)]
    docs = [{"stem": q.stem, "choices": q.choices, "gold": q.gold} for q in items]
    lines = [json.dumps(doc) for doc in [*docs, *({"question": text, "gold": "1"} for text in problems)]]
    (folder / "items.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as stream:
        for i in range(n_rows):
            # only copies are planted: some real questions have the same wording
            question = items[len(real) + i] if i < PLANTED else altered(real[i % len(real)], 4, words, rng)
            row = {"id": str(i), "prompt": letter(question), "completion": f" {question.answer}"}
            stream.write(json.dumps(row) + "\n")


def measure(folder: Path) -> list[float]:
    command = [sys.executable, "-c", MEASURE, str(folder / "items.jsonl"), str(folder / "rows.jsonl")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return list(json.loads(done.stdout))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=14_042)
    parser.add_argument("--rows", type=int, default=100_000)
    args = parser.parse_args()
    gsm8k = (hub_mirror() or Path()) / "openai" / "gsm8k" / "main" / "test.jsonl"
    problems = [json.loads(line)["question"] for line in gsm8k.open(encoding="utf-8")] if gsm8k.exists() else []
    print("| what | seconds | of the processor | peak MB | planted and found | bar |\n|---|---:|---:|---:|---:|---|")
    met = True
    for text, some in (
        ("questions with options", []),
        (f"{len(problems)} of them word problems, also masked", problems),
    ):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), args.items, args.rows, some)
            size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
            seconds, busy, peak, n_items, n_rows, exact, _leaks = measure(Path(folder))
        what = f"{n_rows} rows against {n_items} items, {text} ({size:.0f} MB, reading included)"
        print(
            f"| {what} | {seconds:.1f} | {busy:.1f} | {peak:.0f} | {exact} of {PLANTED} | 60 s, 2000 MB |", flush=True
        )
        met = met and busy <= 60 and peak <= 2000 and exact == PLANTED
    print("\nItems: 3,153 real MMLU-STEM questions, the rest copies with every fifth word replaced. One thread.")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
