"""Runs as other people keep them: in the forms of other releases, under other names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from helpers.comparison_runs import noisy
from helpers.log_files import STAMP, choice_rows, questions, write_run
from mcqa_suite.logs.runs import read_run


def run_in(folder: Path, n: int = 12, noise: float = 0.0, **more) -> Path:
    """A run of one task; with `noise`, one of another model."""
    scores, gold = questions(n)
    return write_run(folder, {"arc": choice_rows("arc", noisy(scores, noise), gold)}, **more)


def results(folder: Path) -> Path:
    return folder / f"results_{STAMP}.json"


def samples(folder: Path, task: str = "arc") -> Path:
    return folder / f"samples_{task}_{STAMP}.jsonl"


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def inside(folder: Path, output: Path, default=None) -> Path:
    """What a user dumps of `simple_evaluate`: the samples inside the results, with numbers and pairs as Python's."""
    content = json.loads(results(folder).read_text(encoding="utf-8"))
    content["samples"] = {}
    for task in content["configs"]:
        rows = rows_of(samples(folder, task))
        for row in rows:
            row["target"] = int(row["target"]) if row["target"].isdigit() else row["target"]
            row["arguments"] = [list(request.values()) for request in row["arguments"].values()]
            if default and row["filter"] == "none":
                row |= default(row)
        content["samples"][task] = rows
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(content), encoding="utf-8")
    return output


def rewrite(log: Path, change, *, as_list: bool = False) -> None:
    rows = [change(row) for row in rows_of(log)]
    text = json.dumps(rows, indent=2) if as_list else "".join(json.dumps(row) + "\n" for row in rows)
    log.write_text(text, encoding="utf-8")


def as_before(path: Path, expected: Path) -> None:
    """What is read of `path` is what is read of `expected`, a run in the newest form."""
    ours, theirs = read_run(path), read_run(expected)
    assert ours.tasks.keys() == theirs.tasks.keys()
    assert (ours.problems, [run.faults for run in ours.tasks.values()]) == ((), [()] * len(ours.tasks))
    for key, run in ours.tasks.items():
        other = theirs.tasks[key].samples
        assert np.array_equal(run.samples.hashes, other.hashes)
        assert np.array_equal(run.samples.gold, other.gold)
        assert {name: list(values) for name, values in run.samples.scores.items()} == {
            name: list(values) for name, values in other.scores.items()
        }
