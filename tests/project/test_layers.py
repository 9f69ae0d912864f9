"""A module imports only from lower rows, and heavy libraries are imported only where they are at home."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY

SOURCE = REPOSITORY / "src" / "mcqa_suite"
ROWS = [
    {"errors", "paths", "reach"},
    {"question", "extract", "stats", "grids", "prompts", "epfl", "generated", "manifest", "config", "process", "lock"}
    | {"text_metrics", "symbolic", "server_requests", "warm", "preload", "tether"},
    {
        "runs",
        "run_files",
        "samples",
        "sample_values",
        "reads",
        "recorded",
        "reread",
        "settings",
        "sources",
        "recipe",
        "sweep",
        "smoke",
        "checkpoints",
        "preferences",
        "ranking",
    },
    {"compare", "voting", "rotations", "grid_answers", "variance"},
    {"report", "harness"},
    {"audit"},
    {"sweep_results"},
    {"outcome"},
    {"ladder"},
    {"commands"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(ROWS) for name in names}
HEAVY = {"torch", "transformers", "trl", "peft", "gptqmodel", "lm_eval"}
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py" or path.parent != SOURCE)


def imports(path: Path) -> set[str]:
    """Full names of everything that a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_downwards(path):
    rank = RANK[room(path)]
    used = {name.split(".")[1] for name in imports(path) if name.startswith("mcqa_suite.")} & RANK.keys()
    above = {name for name in used if RANK[name] > rank or (RANK[name] == rank and rank >= 3 and name != room(path))}
    assert not above
    if room(path) != "harness":
        assert not {name.split(".")[0] for name in imports(path)} & HEAVY


def test_the_extractors_need_the_standard_library_alone():
    for path in (SOURCE / "extract").glob("*.py"):
        roots = {name.split(".")[0] for name in imports(path)} - {"mcqa_suite", "__future__"}
        assert roots <= {
            "collections",
            "dataclasses",
            "decimal",
            "fractions",
            "functools",
            "json",
            "math",
            "re",
            "string",
        } | {
            "typing",
            "unicodedata",
            "bisect",
            "itertools",
        }
        assert all(n.startswith("mcqa_suite.extract") for n in imports(path) if n.startswith("mcqa_suite"))
