"""How the rungs of a recipe are asked, said before anything is made: every rung as the base."""

from __future__ import annotations

from collections.abc import Iterator

from mcqa_suite.common.chat_template import WAYS
from mcqa_suite.common.checkpoints import check_available, has_chat_template
from mcqa_suite.harness.task_formats import formats_of
from mcqa_suite.harness.tasks import listed
from mcqa_suite.ladder.recipe import Recipe
from mcqa_suite.ladder.stage_settings import rows_chat_template
from mcqa_suite.ladder.stages import template_of
from mcqa_suite.ladder.steps import RungResult


def template_lines(recipe: Recipe, base: RungResult) -> Iterator[str]:
    """A line on how the tasks are asked, and one for each stage whose rows are written in another way.

    ConfigError for an entry that asks with a template where the base has none.
    """
    chat, configs = template_of(base), listed()
    if formats := formats_of([task for entry in recipe.evaluate for task in entry.tasks], configs):
        parts = [f"asked: {chat.among(formats)}"]
        for number, entry in enumerate(recipe.evaluate):
            if own := entry.apply_chat_template:
                key = f"{recipe.path}: evaluate[{number}]: apply_chat_template"
                check_available("the base", own, key=key, available=has_chat_template(base.checkpoint))
                parts.append(f"evaluate[{number}]: {own.over(chat).among(formats_of(entry.tasks, configs))}")
        yield "; ".join(parts)
    for stage in recipe.stages:
        other = rows_chat_template(stage.settings, chat).differences(chat)
        lines = [
            f"its {format} rows are written {WAYS[own]} the chat template, its {format} tasks are asked {WAYS[way]} it"
            for format, (own, way) in other.items()
        ]
        if lines:
            yield f"{stage.name}: {'; '.join(lines)}"
