"""Training rows against evaluation tasks: everything that `mcqa audit` knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.training_data.audit.checks import Checks, check
from mcqa_suite.training_data.audit.items import Item, items_of
from mcqa_suite.training_data.audit.overlap import Overlap, overlaps
from mcqa_suite.training_data.audit.rows import Row, responses
from mcqa_suite.training_data.audit.text import question_of


@dataclass(frozen=True)
class Audit:
    """`checks` of the rows by themselves, and every overlap with an evaluation item."""

    checks: Checks
    overlaps: tuple[Overlap, ...]
    items: tuple[Item, ...]

    @property
    def leaks(self) -> tuple[Overlap, ...]:
        """Items that training on these rows would be trained on, one a document: its most explicit overlap."""
        first: dict[tuple[str, int], Overlap] = {}
        for one in self.overlaps:
            if one.leak:
                first.setdefault((one.task, one.doc_id), one)
        return tuple(first.values())

    @property
    def documents(self) -> dict[str, int]:
        """Items of each task."""
        return dict(Counter(item.task for item in self.items))

    @property
    def clean(self) -> tuple[Item, ...]:
        """Items without any overlap."""
        touched = {(one.task, one.doc_id) for one in self.overlaps}
        return tuple(item for item in self.items if (item.task, item.doc_id) not in touched)

    def text(self) -> str:
        """The report as Markdown."""
        from mcqa_suite.training_data.audit.report import markdown

        return markdown(self)


def audit(
    rows: Sequence[Row],
    tasks: Sequence[str] = (),
    *,
    metadata: dict[str, Any] | None = None,
    max_length: int | None = None,
    tokenizer: Path | None = None,
) -> Audit:
    """Rows (prompt and completion, or prompt, chosen and rejected; see `sources.read`) against the documents of tasks.

    `metadata` is the harness's (`epfl_file`). A row longer than `max_length` is named: in tokens where `tokenizer` is a
    checkpoint's folder, else in characters. Raises DatasetError where there is no row, McqaError for a task without data.
    """
    if not rows:
        raise DatasetError("audit: no training row; name data that has some")
    return audit_items(rows, items_of(tasks, metadata) if tasks else [], max_length=max_length, tokenizer=tokenizer)


def audit_items(
    rows: Sequence[Row], items: Sequence[Item], *, max_length: int | None = None, tokenizer: Path | None = None
) -> Audit:
    """`audit` against items that are already there."""
    named = [row if "id" in row else {**row, "id": f"row {number}"} for number, row in enumerate(rows)]
    unit = "tokens" if tokenizer else "characters"
    asked = [question_of(row["prompt"]) for row in named]
    checks = check(named, asked, _counter(tokenizer), unit, max_length)
    return Audit(checks, tuple(overlaps(named, asked, items)), tuple(items))


def _counter(tokenizer: Path | None) -> Callable[[Sequence[Row]], list[int]]:
    """What counts the length of a row: the longer response behind the prompt."""
    if tokenizer is None:
        return lambda rows: [max(len(row["prompt"] + response) for response in responses(row)) for row in rows]
    file = tokenizer / "tokenizer.json"
    if not file.is_file():
        raise ConfigError(f"--tokenizer {tokenizer}: no tokenizer.json in it; give the folder of a checkpoint")
    from tokenizers import Tokenizer

    reader = Tokenizer.from_file(str(file))
    reader.no_truncation()

    def count(rows: Sequence[Row]) -> list[int]:
        sizes = []
        for start in range(0, len(rows), 1000):
            part = rows[start : start + 1000]
            texts = [row["prompt"] + max(responses(row), key=len) for row in part]
            sizes += [len(found) for found in reader.encode_batch_fast(texts)]
        return sizes

    return count


def by_task(audit: Audit) -> Mapping[str, Mapping[str, int]]:
    """Documents of each task with each kind of overlap."""
    counts: dict[str, Counter[str]] = {task: Counter() for task in audit.documents}
    for one in audit.overlaps:
        counts[one.task][one.kind] += 1
    return counts
