"""Run a command and write its output to a file, below the command, date, commit and machine.

python benchmarks/record.py benchmarks/results/all_tasks.md -- python benchmarks/robustness/all_tasks.py
"""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import shlex
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("lm_eval", "torch", "transformers", "datasets", "numpy", "scipy")


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no git"


def libraries() -> str:
    """Names and versions of those libraries that are installed."""
    named = []
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            named.append(f"{name} {version(name)}")
    return ", ".join(named)


def main() -> int:
    output, dashes, *command = sys.argv[1:]
    if dashes != "--" or not command:
        sys.exit(__doc__)
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - start
    header = (
        f"    {shlex.join(command)}\n\n"
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, commit {commit()}, {seconds:.0f} s, "
        f"{len(os.sched_getaffinity(0))} cores of {processor()}, Python {platform.python_version()}, {libraries()}\n\n"
    )
    print(done.stdout, end="")
    if done.returncode == 0:
        Path(output).write_text(header + done.stdout, encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
