"""Check training rows before training: their defects, and the evaluation items that they contain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.training_data.audit.checks import Checks, check
from mcqa_suite.training_data.audit.items import Item, visible_item
from mcqa_suite.training_data.audit.overlap import Overlap, overlaps
from mcqa_suite.training_data.audit.rows import Row, visible_row
from mcqa_suite.training_data.audit.text import words


@dataclass(frozen=True)
class Audit:
    """The checks of the rows, and every overlap with an evaluation item."""

    checks: Checks
    overlaps: tuple[Overlap, ...]
    items: tuple[Item, ...]

    @property
    def leaks(self) -> tuple[Overlap, ...]:
        """For each item that the rows give away, the most explicit overlap."""
        first: dict[tuple[str, int], Overlap] = {}
        for overlap in self.overlaps:
            if overlap.leak:
                first.setdefault((overlap.task, overlap.doc_id), overlap)
        return tuple(first.values())

    @property
    def leaking_rows(self) -> dict[int, tuple[Overlap, ...]]:
        """The numbers of the rows without which no item leaks, each with the items that it gives away, in their order."""
        rows: dict[int, dict[tuple[str, int], Overlap]] = {}
        for overlap in self.overlaps:
            for number in overlap.leaking:
                rows.setdefault(number, {}).setdefault((overlap.task, overlap.doc_id), overlap)
        return {number: tuple(rows[number].values()) for number in sorted(rows)}

    @property
    def documents(self) -> dict[str, int]:
        """The number of items of each task."""
        return dict(Counter(item.task for item in self.items))

    @property
    def clean(self) -> tuple[Item, ...]:
        """The items without any overlap."""
        touched = {(overlap.task, overlap.doc_id) for overlap in self.overlaps}
        return tuple(item for item in self.items if (item.task, item.doc_id) not in touched)


def audit(
    rows: Sequence[Row], items: Sequence[Item] = (), *, max_length: int | None = None, tokenizer: Path | None = None
) -> Audit:
    """Audit rows (prompt and completion, or prompt, chosen and rejected; see `sources.read`) against evaluation items.

    Rows longer than `max_length` are named: in tokens where `tokenizer` is a checkpoint's folder, else in characters.
    DatasetError where there is no row.
    """
    if not rows:
        raise DatasetError("audit: no training row; name data that has some")
    rows = [row if "id" in row else {**row, "id": f"row {number}"} for number, row in enumerate(rows)]
    shown_items = [visible_item(item) for item in items]
    vocabulary = {word for item in shown_items for word in words(f"{item.stem} {item.shown}")}
    shown = [visible_row(row, lambda word: not vocabulary or word.lower() in vocabulary) for row in rows]
    checks = check(rows, shown, max_length, tokenizer)
    return Audit(checks, tuple(overlaps(shown, shown_items)), tuple(items))
