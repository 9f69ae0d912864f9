"""Fuzz a parser of `fuzz_targets.py` guided by coverage: inputs that reach new branches of this project are changed further.

    python benchmarks/robustness/fuzz.py --engine atheris --seconds 600      # calls this for each parser

libFuzzer (through atheris) ends the process when its time is up, so the outcome is written to a file all the time.
"""

from __future__ import annotations

import json
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mcqa_suite"]):
    from fuzz import HOSTILE, WORDS, Outcome, changed_bytes, changed_values, feed
    from fuzz_targets import targets

VALUES = [None, True, -1, 0, 10**30, 1e308, float("nan"), [], {}, "", [[]], {"a": None}, *WORDS]
EVERY = 0.5  # seconds between two outcomes


def changed(content: bytes, largest: int, seed: int) -> bytes:
    """Change bytes as libFuzzer does in half of the calls; else replace values of the JSON or insert a hostile piece."""
    draw = random.Random(seed)
    if draw.random() < 0.5:
        return bytes(atheris.Mutate(content, largest))
    if draw.random() < 0.7:
        with suppress(RecursionError):  # raised by deep JSON of earlier changes
            return changed_values(content, draw, draw.choices(VALUES, k=draw.randint(1, 3)))[:largest]
    how = draw.choice(["flip", "cut", "double", "hostile", "line", "tail"])
    return changed_bytes(content, [(how, draw.random(), draw.random(), draw.choice(HOSTILE))])[:largest]


def main() -> None:
    name, seconds, folder, keep = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    target = next(target for target in targets() if target.name == name)
    seeds, result, outcome, written = folder / "seeds", folder / "outcome.json", Outcome(), [0.0]
    seeds.mkdir()
    for number, content in enumerate(target.seeds):
        (seeds / f"{number}").write_bytes(content)

    def read_input(content: bytes) -> None:
        finding = feed(target, content, folder, outcome)
        new = finding is not None and outcome.findings[finding] == 1
        if new and keep:
            (Path(keep) / f"{name}-{finding}.bin".replace(" ", "_").replace(":", "_")).write_bytes(content)
        if new or time.monotonic() - written[0] > EVERY:
            written[0] = time.monotonic()
            result.write_text(json.dumps(vars(outcome)))

    longest = max(2048, 2 * max(len(content) for content in target.seeds))
    flags = [f"-max_total_time={seconds:.0f}", f"-max_len={longest}", "-rss_limit_mb=2000", "-timeout=60"]
    flags += [f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *flags, str(seeds)], read_input, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
