"""The templates written for this project: what `mcqa_symbolic_local` asks, its examples, and rows to train on.

Three sources that cannot meet. `dev` holds templates of its own. Of the others, an instance is for testing or for training
by a hash of its story and the story's first two numbers (`Template._split`), which all variants of a story begin with: no
seed of the one draws the numbers of the other, in whatever variant and under whatever names.
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


def folder(variant: str) -> Path:
    """Where the templates of a variant lie, `dev` included; ConfigError for any other."""
    if variant not in (*VARIANTS, "dev"):
        raise ConfigError(f"symbolic_local: no variant {variant!r}; expected one of {', '.join(VARIANTS)}")
    return tasks_dir() / "symbolic_local" / "templates" / variant


@cache
def templates(variant: str) -> tuple[Template, ...]:
    """The templates of a variant, by name."""
    return tuple(load_all(folder(variant)))


def documents(variant: str, *, seed: int = 1, instances: int = 50) -> list[dict[str, Any]]:
    """What the task asks: each instance number is one draw of every template. ConfigError for a count that is none."""
    for name, value, most in (("seed", seed, 2**63), ("instances", instances, MOST_INSTANCES)):
        least = int(name == "instances")
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ConfigError(f"metadata: {name} is {value!r}; expected a whole number from {least} to {most}")
    drawn = [template.sample(instances, seed=seed, split="test") for template in templates(variant)]
    return [_document(f"symbolic_local_{variant}", variant, one) for each in zip(*drawn, strict=True) for one in each]


def examples() -> list[dict[str, Any]]:
    """One fixed instance of each template of `dev`, for few-shot prompts."""
    return [_document("symbolic_local_dev", "dev", template.sample(1, seed=0)[0]) for template in templates("dev")]


def rows(
    variants: Sequence[str] = ("main",), *, n: int = 1000, seed: int = 0, only: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """`n` training rows, shared evenly among the templates of `variants` (of `only` these stories, if given).

    A row has id, template, variant, question, solution, gold. None has numbers that a task asks, whatever its seed.
    ConfigError for an unknown variant or story, TemplateError where a template has not so many instances.
    """
    chosen = [(variant, template) for variant in variants for template in templates(variant)]
    known = sorted({_story(template) for _variant, template in chosen})
    if unknown := sorted(set(only or ()) - set(known)):
        raise ConfigError(f"symbolic_local: no story {unknown[0]!r}; expected some of {', '.join(known)}")
    chosen = [pair for pair in chosen if only is None or _story(pair[1]) in only]
    if n < 1 or not chosen:
        raise ConfigError(f"symbolic_local: {n} rows of {len(chosen)} templates; expected at least one of each")
    share, extra = divmod(n, len(chosen))
    drawn = []
    for place, (variant, template) in enumerate(chosen):
        instances = template.sample(share + (place < extra), seed=seed, split="train")
        drawn.append([_document(f"symbolic_local_train_{variant}_{seed}", variant, one) for one in instances])
    return [each[turn] for turn in range(share + bool(extra)) for each in drawn if turn < len(each)]


def _document(benchmark: str, variant: str, one: Instance) -> dict[str, Any]:
    story = one.template.rpartition("/")[2]
    return {
        "id": f"{benchmark}/{story}/{one.number}",
        "question": one.question,
        "solution": one.solution,
        "gold": one.gold,
        "template": story,
        "instance": one.number,
        "variant": variant,
    }


def _story(template: Template) -> str:
    return template.id.rpartition("/")[2]
