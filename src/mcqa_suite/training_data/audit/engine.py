"""The audit of training rows: checks of the rows by themselves, and overlaps with evaluation tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.training_data.audit.checks import Checks, check
from mcqa_suite.training_data.audit.items import Item, items_of
from mcqa_suite.training_data.audit.overlap import Overlap, overlaps
from mcqa_suite.training_data.audit.rows import Row, responses
from mcqa_suite.training_data.audit.text import question_of

BATCH = 1000  # rows that are tokenised at a time


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
    def documents(self) -> dict[str, int]:
        """The number of items of each task."""
        return dict(Counter(item.task for item in self.items))

    @property
    def clean(self) -> tuple[Item, ...]:
        """The items without any overlap."""
        touched = {(overlap.task, overlap.doc_id) for overlap in self.overlaps}
        return tuple(item for item in self.items if (item.task, item.doc_id) not in touched)


def audit(
    rows: Sequence[Row],
    tasks: Sequence[str] = (),
    *,
    metadata: dict[str, Any] | None = None,
    max_length: int | None = None,
    tokenizer: Path | None = None,
) -> Audit:
    """Audit rows (prompt and completion, or prompt, chosen and rejected; see `sources.read`) against the documents of tasks.

    `metadata` is the harness's (`epfl_file`). Rows longer than `max_length` are named: in tokens where `tokenizer` is a
    checkpoint's folder, else in characters. DatasetError where there is no row, McqaError for a task without data.
    """
    if not rows:
        raise DatasetError("audit: no training row; name data that has some")
    return audit_items(rows, items_of(tasks, metadata) if tasks else [], max_length=max_length, tokenizer=tokenizer)


def audit_items(
    rows: Sequence[Row], items: Sequence[Item], *, max_length: int | None = None, tokenizer: Path | None = None
) -> Audit:
    """`audit` against items that are loaded already."""
    named = [row if "id" in row else {**row, "id": f"row {number}"} for number, row in enumerate(rows)]
    unit = "tokens" if tokenizer else "characters"
    questions = [question_of(row["prompt"]) for row in named]
    checks = check(named, questions, _token_counter(tokenizer) if tokenizer else _characters, unit, max_length)
    return Audit(checks, tuple(overlaps(named, questions, items)), tuple(items))


def _characters(rows: Sequence[Row]) -> list[int]:
    """The length of each row: its prompt and its longer response."""
    return [len(row["prompt"]) + max(map(len, responses(row))) for row in rows]


def _token_counter(folder: Path) -> Callable[[Sequence[Row]], list[int]]:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise ConfigError(f"--tokenizer {folder}: no tokenizer.json in it; give the folder of a checkpoint")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()

    def count(rows: Sequence[Row]) -> list[int]:
        texts = [row["prompt"] + max(responses(row), key=len) for row in rows]
        batches = (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
        return [len(encoding) for batch in batches for encoding in tokenizer.encode_batch_fast(batch)]

    return count
