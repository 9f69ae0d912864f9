"""A file imports from its own room and the rooms before it, nothing forms a circle, and heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY

SOURCE = REPOSITORY / "src" / "mcqa_suite"
ROOMS = [
    "common",
    "stats",
    "extract",
    "questions",
    "grids",
    "symbolic",
    "logs",
    "analysis",
    "reporting",
    "harness",
    "backend",
    "evaluation",
    "training_data",
    "ladder",
    "api",
    "cli",
]
# Library -> the rooms that may import it. Whatever is not listed for a room stays out of it.
HOMES = {
    "lm_eval": {"harness", "backend", "evaluation"},
    "inspect_ai": {"logs"},
    "torch": {"backend", "evaluation"},
    "transformers": {"backend", "evaluation"},
    "trl": set(),
    "peft": set(),
    "gptqmodel": set(),
}
MODULES = sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name_of(path): path for path in MODULES}


def imports(path: Path) -> set[str]:
    """Modules that a file imports, at its top or inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            modules |= {name if name in NAMES else node.module for name in full}
    return modules


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_the_source_folder_contains_only_packages():
    assert {path.name for path in SOURCE.iterdir() if path.is_file()} == {"__init__.py", "py.typed"}
    assert {path.name for path in SOURCE.iterdir() if path.is_dir()} - {"__pycache__"} == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_upwards_in_the_list(path):
    own = room(name_of(path))
    rank = ROOMS.index(own) if own else len(ROOMS)
    used = imports(path)
    later = {name for name in used if name in NAMES and room(name) and ROOMS.index(room(name)) > rank}
    assert not later
    libraries = {name.split(".")[0] for name in used}
    assert not {library for library, homes in HOMES.items() if library in libraries and own not in homes}


def test_imports_form_no_circle():
    # The package itself imports its names on use, so that `__version__` may be read from it anywhere.
    edges = {
        name: {used for used in imports(path) if used in NAMES} - {name, "mcqa_suite"} for name, path in NAMES.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"circle: {' -> '.join([*trail[trail.index(name) :], name])}"
        if name not in done:
            for used in sorted(edges[name]):
                visit(used, (*trail, name))
            done.add(name)

    for name in sorted(edges):
        visit(name, ())


def test_the_extractors_import_only_the_standard_library():
    for path in (SOURCE / "extract").glob("*.py"):
        roots = {name.split(".")[0] for name in imports(path)}
        assert roots <= {*sys.stdlib_module_names, "mcqa_suite"}
        assert all(name.startswith("mcqa_suite.extract") for name in imports(path) if name.startswith("mcqa_suite"))
