"""Each promise of SECURITY.md ends with the names of its tests."""

from __future__ import annotations

import re

import pytest
from helpers.locations import REPOSITORY

TEXT = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
TESTS = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py"))
NAMES = sorted(set(re.findall(r"`(test_\w+)`", TEXT)))


def promises() -> list[str]:
    """The items of all lists but that of how the project is tested."""
    sections = [section for section in re.split(r"\n(?=##)", TEXT) if not section.startswith("## How this is tested")]
    return [item.partition("\n\n")[0] for section in sections for item in re.split(r"\n(?=- )", section)[1:]]


def test_every_promise_names_a_test():
    assert len(promises()) > 30
    assert [promise for promise in promises() if not re.search(r"`test_\w+`", promise)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_test_of_a_promise_exists(name):
    assert f"def {name}(" in TESTS


def test_every_file_of_tests_exists():
    for path in re.findall(r"`(tests/[\w/]+\.py)`", TEXT):
        assert (REPOSITORY / path).is_file()
