"""Every example of docs/extraction.md is read as the page says, and its table of statuses is complete."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.extract import Extraction, Status, extract_choice, extract_grid, extract_number

PAGE = (REPOSITORY / "docs" / "extraction.md").read_text(encoding="utf-8")
CITIES = ["Paris", "London", "Berlin", "Madrid"]
READERS = {"Letters": lambda text: extract_choice(text, CITIES), "Numbers": extract_number, "Grids": extract_grid}
LEAST = 7  # examples of a section


def examples(section: str) -> list[list[str]]:
    """The cells of the rows of a section that begin with a response: response, answer, status."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")]
    return [[row[0].strip("`").replace("\\n", "\n"), *row[1:3]] for row in rows]


def written(extraction: Extraction) -> str:
    """An answer as the page writes it: rows of a grid are separated by a slash."""
    if isinstance(extraction.answer, list):
        return " / ".join(" ".join(map(str, row)) for row in extraction.answer)
    return extraction.answer or ""


@pytest.mark.parametrize("section", READERS)
def test_the_examples_are_read_as_the_page_says(section):
    rows = examples(section)
    assert len(rows) >= LEAST
    results = [READERS[section](response) for response, _, _ in rows]
    assert [[row[0], written(result), result.status] for row, result in zip(rows, results, strict=True)] == rows


def test_the_table_has_every_status():
    table = PAGE.split("\n## Statuses\n")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE) == list(get_args(Status))
