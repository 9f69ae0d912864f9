"""Which rows of a log belong to one question, and so are not independent: rotations, views, instances of a template.

A cluster is found by a field of the documents: the first of FIELDS that a document has, or one that the user names.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

INDEPENDENT = "none"  # what a user names to take all rows as independent
# Field -> fields that a document must also have for the first to mean a question: a `template` of prompts is none.
FIELDS: dict[str, frozenset[str]] = {
    "question_id": frozenset(),
    "template": frozenset({"instance"}),  # GSM-Symbolic and symbolic_local
    "task_id": frozenset({"output"}),  # ARC grids: all outputs and views of a task
    "id": frozenset(),
    "qid": frozenset(),
    "uid": frozenset(),
}


@lru_cache(maxsize=1000)  # most documents of a log have the same columns
def _names(columns: tuple[str, ...]) -> list[str]:
    """The fields that can name a cluster in documents of these columns."""
    return [name for name, others in FIELDS.items() if others <= set(columns)]


def cluster_of(doc: Mapping[str, Any], field: str | None) -> tuple[str, str] | None:
    """The field that names a document's cluster, and its value as text; None for a document that is one of its own.

    `field`: None for the first of FIELDS, INDEPENDENT for no clusters.
    """
    if field == INDEPENDENT:
        return None
    names = [field] if field else _names(tuple(doc))
    return next(((name, str(doc[name])) for name in names if doc.get(name) is not None), None)
