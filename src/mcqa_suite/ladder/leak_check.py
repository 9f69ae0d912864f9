"""Check before training that no training row contains a question that the recipe evaluates on."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.common.errors import DatasetError, McqaError
from mcqa_suite.common.files import write_file
from mcqa_suite.ladder.preflight import StageRows
from mcqa_suite.ladder.recipe import Recipe

if TYPE_CHECKING:
    from mcqa_suite.training_data.audit import Audit
    from mcqa_suite.training_data.audit.items import Item


def evaluation_items(recipe: Recipe) -> tuple[list[Item], list[str]]:
    """The documents of all evaluated tasks, and a line for each optional entry whose data cannot be loaded."""
    from mcqa_suite.training_data.audit import items

    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # hide a warning for every task with a custom data set
    documents: dict[tuple[str, str], Item] = {}
    lines = []
    for number, entry in enumerate(recipe.evaluate):
        try:
            documents |= {(item.task, item.doc_hash): item for item in items.items_of(entry.tasks, entry.metadata)}
        except McqaError as error:
            if not entry.optional:
                raise type(error)(f"{recipe.path}: evaluate[{number}]: {error}") from error
            lines.append(f"not audited: {error}")
    return list(documents.values()), lines


def check_leaks(recipe: Recipe, group: StageRows, items: Sequence[Item], folder: Path) -> list[str]:
    """Write audits/<stage>.md for each stage of a group; DatasetError for a leak unless the stage has `allow_leaks: true`.

    Returns a list with one line about allowed leaks; empty without leaks.
    """
    from mcqa_suite.training_data.audit import audit
    from mcqa_suite.training_data.audit.report import markdown

    audited = audit(group.rows, items)
    first, *others = group.stages
    lines = []
    (folder / "audits").mkdir(parents=True, exist_ok=True)
    for stage in group.stages:
        allowed = bool(audited.leaks) and getattr(stage.settings, "allow_leaks", False)
        note = "\nAllowed by the stage's settings (`allow_leaks: true`).\n" if allowed else ""
        write_file(folder / "audits" / f"{stage.name}.md", markdown(audited) + note)
        if allowed:
            stages = f"{first.name} and {len(others)} more" if others else first.name
            lines.append(f"{stages}: {leak_summary(audited)}: allowed (allow_leaks)")
        elif audited.leaks:
            raise DatasetError(
                f"{recipe.path}: stage {stage.name}: {leak_summary(audited)}; remove them from its data, evaluate other "
                f"tasks, or set allow_leaks: true in its settings (list all: mcqa audit {recipe.path})"
            )
    return lines[:1]


def leak_summary(audited: Audit) -> str:
    """The number of leaked items by task, and one example."""
    first = audited.leaks[0]
    counts = Counter(leak.task for leak in audited.leaks)
    parts = [f"{n} of {audited.documents[task]} items of {task}" for task, n in counts.items()]
    tasks = ", ".join(parts[:3]) + (f" and those of {len(parts) - 3} more tasks" if len(parts) > 3 else "")
    return f"{tasks} are in its training rows, such as item {first.item} in row {first.row} ({first.kind})"
