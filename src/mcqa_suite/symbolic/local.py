"""The templates written for this project: the questions of `mcqa_symbolic_local`, its examples, and training rows.

The three are disjoint. The examples have their own templates (`dev`). A hash of a story's name and its first two numbers
(`Template._split`) assigns an instance to testing or training. All variants of a story share these numbers, so no test
question has the numbers of a training row. Templates of a folder of one's own take the place of a variant's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.symbolic.template import Instance, Template, load_all

VARIANTS = ("main", "p1", "p2", "noop")
MOST_INSTANCES = 1000


@cache
def templates(variant: str) -> tuple[Template, ...]:
    """The templates of a variant or of `dev`, by name; ConfigError for an unknown variant."""
    if variant not in (*VARIANTS, "dev"):
        raise ConfigError(f"symbolic_local: no variant {variant!r}; expected one of {', '.join(VARIANTS)}")
    return tuple(load_all(tasks_dir() / "symbolic_local" / "templates" / variant))


def _templates(variant: str, folder: str | Path | None) -> Sequence[Template]:
    return load_all(folder) if folder else templates(variant)


def documents(
    variant: str, *, seed: int = 1, instances: int = 50, folder: str | Path | None = None
) -> list[dict[str, Any]]:
    """The questions of a task: `instances` draws of every template. ConfigError for an invalid seed or count."""
    for name, value, most in (("seed", seed, 2**63), ("instances", instances, MOST_INSTANCES)):
        least = int(name == "instances")
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ConfigError(f"metadata: {name} is {value!r}; expected a whole number from {least} to {most}")
    drawn = [template.sample(instances, seed=seed, split="test") for template in _templates(variant, folder)]
    return [
        _document(f"symbolic_local_{variant}", variant, instance)
        for draw in zip(*drawn, strict=True)
        for instance in draw
    ]


def examples() -> list[dict[str, Any]]:
    """One fixed instance of each template of `dev`, for few-shot prompts."""
    return [_document("symbolic_local_dev", "dev", template.sample(1, seed=0)[0]) for template in templates("dev")]


def rows(
    variants: Sequence[str] = ("main",), *, n: int = 1000, seed: int = 0, folder: str | Path | None = None
) -> list[dict[str, Any]]:
    """`n` training rows, the same number from each template of `variants`.

    A row has id, template, variant, question, solution, gold. No row has the numbers of a test question.
    ConfigError for an unknown variant, TemplateError where a template has too few instances.
    """
    chosen = [(variant, template) for variant in variants for template in _templates(variant, folder)]
    if n < 1 or not chosen:
        raise ConfigError(f"symbolic_local: {n} rows from {len(chosen)} templates; both must be at least 1")
    share, extra = divmod(n, len(chosen))
    drawn = []
    for index, (variant, template) in enumerate(chosen):
        instances = template.sample(share + (index < extra), seed=seed, split="train")
        drawn.append([_document(f"symbolic_local_train_{variant}_{seed}", variant, each) for each in instances])
    return [own[turn] for turn in range(share + bool(extra)) for own in drawn if turn < len(own)]


def _document(benchmark: str, variant: str, instance: Instance) -> dict[str, Any]:
    story = instance.template.rpartition("/")[2]
    return {
        "id": f"{benchmark}/{story}/{instance.number}",
        "question": instance.question,
        "solution": instance.solution,
        "gold": instance.gold,
        "template": story,
        "instance": instance.number,
        "variant": variant,
    }
