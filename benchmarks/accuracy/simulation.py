"""Run the settings of a simulation in two processes, keep each result in a file, and go on from there when started again."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
from tqdm import tqdm

Results = dict[str, float]  # figures of a setting, by name


@dataclass(frozen=True)
class Setting:
    """`words`: its cells in a table; `run(rng, trials, *arguments)` returns its figures."""

    section: str
    words: tuple[str, ...]
    run: Callable[..., Results]
    arguments: tuple[Any, ...]
    trials: int

    @property
    def key(self) -> str:
        return f"{self.section} | {' | '.join(self.words)} | {self.trials} trials"


def command_line(description: str | None, state: str) -> argparse.Namespace:
    """The command line of a simulation; `state` names the file in the temporary folder that keeps its results by default."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--state", type=Path, default=Path(gettempdir()) / state)
    return parser.parse_args()


def simulate(settings: Sequence[Setting], state: Path, seed: int, jobs: int) -> dict[str, Results]:
    """The figures of every setting by its key; those that are in the file `state` are not computed again."""
    done = dict(_read(state, seed))
    missing = [setting for setting in settings if setting.key not in done]
    with Pool(jobs) as pool, state.open("a", encoding="utf-8") as stream:
        work = pool.imap_unordered(_run, [(setting, seed) for setting in missing])
        for key, figures in tqdm(work, total=len(missing), file=sys.stderr):
            done[key] = figures
            stream.write(json.dumps({"seed": seed, "key": key, "figures": figures}) + "\n")
            stream.flush()
    return done


def _run(work: tuple[Setting, int]) -> tuple[str, Results]:
    setting, seed = work
    rng = np.random.default_rng([seed, *setting.key.encode()])
    return setting.key, setting.run(rng, setting.trials, *setting.arguments)


def _read(state: Path, seed: int) -> list[tuple[str, Results]]:
    """The complete lines of the file; the last one may have been cut off."""
    if not state.exists():
        return []
    rows = []
    for line in state.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row["seed"] == seed:
            rows.append((row["key"], row["figures"]))
    return rows


def misses(rate: float, trials: int, *, at_most: float = 1.0, at_least: float = 0.0) -> bool:
    """Whether a simulated rate is outside its bar by more than three standard errors of the simulation."""
    bar = at_most if rate > at_most else at_least
    return not at_least <= rate <= at_most and abs(rate - bar) > 3 * (bar * (1 - bar) / trials) ** 0.5


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(header)} |", "|" + "---:|" * len(header)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
