"""The committed tables of results/ are what its logs give."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.locations import REPOSITORY

RESULTS = REPOSITORY / "results"
MOST_MB = 60


@pytest.mark.slow
def test_the_tables_are_those_of_the_logs(tmp_path):
    subprocess.run([sys.executable, RESULTS / "render.py", "-o", tmp_path], check=True)
    tables = sorted(path.name for path in tmp_path.glob("*.md"))
    assert tables == sorted(path.name for path in RESULTS.glob("*.md") if path.name != "README.md")
    for name in tables:
        assert (tmp_path / name).read_text(encoding="utf-8") == (RESULTS / name).read_text(encoding="utf-8"), name


def test_the_logs_stay_small():
    assert sum(path.stat().st_size for path in (RESULTS / "runs").rglob("*")) < MOST_MB * 1e6
