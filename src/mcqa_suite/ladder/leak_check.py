"""Before anything is trained: no row of a stage is a question that the recipe evaluates on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.common.errors import DatasetError, McqaError
from mcqa_suite.common.files import write_file
from mcqa_suite.ladder.preflight import Rows
from mcqa_suite.ladder.recipe import Recipe

if TYPE_CHECKING:
    from mcqa_suite.training_data.audit import Audit
    from mcqa_suite.training_data.audit.items import Item


def items_of(recipe: Recipe) -> tuple[list[Item], list[str]]:
    """Every document of the evaluated tasks, and a line for each optional entry whose data cannot be had."""
    from mcqa_suite.training_data.audit import items

    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it has advice for every task that makes its own data set
    found: dict[tuple[str, str], Item] = {}
    lines = []
    for number, entry in enumerate(recipe.evaluate):
        try:
            found |= {(item.task, item.doc_hash): item for item in items.items_of(entry.tasks, entry.metadata)}
        except McqaError as error:
            if not entry.optional:
                raise type(error)(f"{recipe.path}: evaluate[{number}]: {error}") from error
            lines.append(f"not audited: {error}")
    return list(found.values()), lines


def audit(recipe: Recipe, found: Rows, items: Sequence[Item], folder: Path) -> list[str]:
    """Writes audits/<stage>.md for each of the stages; returns what is to be said, and DatasetError for a leak.

    A stage with `allow_leaks: true` goes on, and what it leaks is said and written.
    """
    from mcqa_suite.training_data.audit.engine import audit_items

    audited = audit_items(found.rows, items)
    (folder / "audits").mkdir(parents=True, exist_ok=True)
    first, *others = found.stages
    said = {}
    for stage in found.stages:
        allowed = bool(audited.leaks) and bool(getattr(stage.settings, "allow_leaks", False))
        note = "\nAllowed by the stage's settings (`allow_leaks: true`).\n" if allowed else ""
        write_file(folder / "audits" / f"{stage.name}.md", audited.text() + note)
        if allowed:
            who = f"{first.name}{f' and {len(others)} more' * bool(others)}"
            said[who] = f"{who}: {_told(audited)}: allowed (allow_leaks)"
        elif audited.leaks:
            raise DatasetError(
                f"{recipe.path}: stage {stage.name}: {_told(audited)}; take them out of its data, evaluate on something else, or "
                f"set allow_leaks: true (all of them: mcqa audit {recipe.path})"
            )
    return list(said.values())


def _told(audited: Audit) -> str:
    """Task, how many items, and one of them."""
    first = audited.leaks[0]
    counts: dict[str, int] = {}
    for leak in audited.leaks:
        counts[leak.task] = counts.get(leak.task, 0) + 1
    told = [f"{n} of {audited.documents[task]} items of {task}" for task, n in counts.items()]
    tasks = ", ".join(told[:3]) + (f" and those of {len(told) - 3} more tasks" if len(told) > 3 else "")
    return f"{tasks} are in its training rows, such as item {first.item} in row {first.row} ({first.kind})"
