"""What the rows of older releases of lm_eval lack: up to 0.4.6 the name of the filter, up to 0.4.2 the hashes too."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from mcqa_suite.logs.files import results_of
from mcqa_suite.logs.packing import document_hash
from mcqa_suite.logs.settings import NO_FILTER


class Completion:
    """Adds to the rows of a log, in their order, what their release did not write.

    A log without names of filters has all documents under the first filter of its task, then all under the second, and so on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.filters: list[str] = []
        self.times: Counter[str] = Counter()

    def __call__(self, row: Any) -> Any:
        if not isinstance(row, dict) or ("filter" in row and "doc_hash" in row):
            return row
        if not {"doc_id", "doc", "target", "filtered_resps"} <= row.keys():
            return row
        if "filter" not in row:
            row = {**row, "filter": self._filter(str(row["doc_id"]))}
        if "doc_hash" not in row and (prompt := _first_prompt(row.get("arguments"))) is not None:
            texts = {"prompt_hash": prompt, "target_hash": str(row["target"])}
            row = {**row, "doc_hash": document_hash(row["doc"])} | {name: _sha256(text) for name, text in texts.items()}
        return row

    def _filter(self, doc_id: str) -> str:
        self.filters = self.filters or _filters(self.path)
        times = self.times[doc_id]
        self.times[doc_id] += 1
        return self.filters[min(times, len(self.filters) - 1)]


def _filters(log: Path) -> list[str]:
    """The filters of a log's task in their order, as its results file has them."""
    owner = results_of(log)
    parts = owner[1]["configs"].get(owner[2], {}).get("filter_list") if owner else None
    names = [str(part.get("name")) for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return names or [NO_FILTER]


def _first_prompt(arguments: Any) -> str | None:
    """The prompt of the first request in a list of [prompt, ...]; None in another form."""
    first = arguments[0] if isinstance(arguments, list) and arguments else None
    return first[0] if isinstance(first, list) and first and isinstance(first[0], str) else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
