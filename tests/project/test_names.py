"""Variables and arguments have names that say what they hold."""

from __future__ import annotations

import ast

import pytest
from helpers.locations import REPOSITORY

RIDDLES = {"found", "place", "known", "asked", "made", "there", "kept", "told"}
FILES = sorted(
    path for folder in ("src", "training", "benchmarks", "tests") for path in (REPOSITORY / folder).rglob("*.py")
)


def names(source: str) -> set[str]:
    """The names of all variables that a file assigns, and of its functions' arguments."""
    nodes = list(ast.walk(ast.parse(source)))
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    return arguments | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def test_the_search_sees_variables_and_arguments():
    assert names("def f(place):\n    for known in place:\n        found = known") == {"place", "known", "found"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_name_is_a_riddle(path):
    assert names(path.read_text(encoding="utf-8")) & RIDDLES == set()
