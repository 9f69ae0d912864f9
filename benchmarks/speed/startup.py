"""Seconds before the first document of `mcqa eval` and of `lm_eval`, of `mcqa compare --help`, and of `import mcqa_suite`.

    python benchmarks/speed/startup.py [--turns 5]

The first document: from the start of the command until its bar of requests appears, with the packaged model from a folder and
one question of ARC-Easy. Wall-clock time, in turns; the first turn, which reads the files from the disk, is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from eval_measure import save_packaged

BAR = b"Running loglikelihood requests"  # in the words of both
MCQA = [sys.executable, "-m", "mcqa_suite.cli.main"]


def until_the_bar(command: list[str]) -> float:
    """Seconds until the command shows the bar of its requests; it is ended there."""
    start = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr
        seen = b""
        while BAR not in seen:
            part = os.read(process.stderr.fileno(), 4096)
            if not part:
                sys.exit(f"{' '.join(command)}: ended without a bar\n{seen[-2000:].decode(errors='replace')}")
            seen = seen[-len(BAR) :] + part
        seconds = time.perf_counter() - start
        process.kill()
    return seconds


def whole(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    args = parser.parse_args()
    os.environ |= {"MCQA_CACHE": "off", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = ["--model_args", f"pretrained={save_packaged(folder)},dtype=float32", "--device", "cpu"]
        settings += ["--tasks", "mcqa_arc_easy_cloze", "--limit", "1", "--output_path", str(folder / "logs")]
        tasks = subprocess.run([*MCQA, "tasks", "--path"], check=True, capture_output=True, text=True).stdout.strip()
        stock = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", *settings, "--include_path", tasks]
        measured = {
            "lm_eval, to the first document": lambda: until_the_bar(stock),
            "mcqa eval, to the first document": lambda: until_the_bar([*MCQA, "eval", *settings]),
            "lm_eval --help": lambda: whole([sys.executable, "-m", "lm_eval", "run", "--help"]),
            "mcqa compare --help": lambda: whole([*MCQA, "compare", "--help"]),
            "import mcqa_suite": lambda: whole([sys.executable, "-c", "import mcqa_suite"]),
        }
        turns = [{name: run() for name, run in measured.items()} for _ in range(args.turns + 1)][1:]
    print("| what | s, median (range) | bar |\n|---|---:|---:|")
    first = statistics.median(turn["lm_eval, to the first document"] for turn in turns)
    bars = {
        "mcqa eval, to the first document": f"{first / 2:.1f}",
        "mcqa compare --help": "0.3",
        "import mcqa_suite": "0.3",
    }
    for name in measured:
        seconds = [turn[name] for turn in turns]
        spread = f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
        print(f"| {name} | {spread} | {bars.get(name, '')} |")


if __name__ == "__main__":
    main()
