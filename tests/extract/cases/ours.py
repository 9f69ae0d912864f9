"""This suite's readers for score.py: `python score.py ours:read`."""

from __future__ import annotations

from typing import Any

from mcqa_suite import extract_choice, extract_grid, extract_number


def read(row: dict[str, Any]) -> Any:
    """The answer in a row with `kind`, `choices` and `text`."""
    if row["kind"] == "mcq":
        return extract_choice(row["text"], row["choices"] or [""] * 4).answer
    return (extract_number if row["kind"] == "numeric" else extract_grid)(row["text"]).answer
