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
    subprocess.run([sys.executable, RESULTS / "render.py", "--tables", "-o", tmp_path], check=True)
    tables = sorted(path.name for path in tmp_path.glob("*.md"))
    assert tables == sorted(path.name for path in RESULTS.glob("*.md") if path.name != "README.md")
    for name in tables:
        assert (tmp_path / name).read_text(encoding="utf-8") == (RESULTS / name).read_text(encoding="utf-8"), name


RUNGS = {
    "base": "base",
    "fine-tuned": "sft",
    "GPTQ, 8 bits": "gptq8",
    "GPTQ, 4 bits": "gptq4",
    "GPTQ, 3 bits": "gptq3",
    "GPTQ, 2 bits": "gptq2",
}
TASKS = ("mcqa_arc_easy_cloze", "mcqa_arc_challenge_cloze", "mcqa_openbookqa_cloze")


@pytest.mark.parametrize("title", RUNGS)
def test_the_table_of_the_readme_is_the_leaderboards(title):
    [line] = [
        line for line in (REPOSITORY / "README.md").read_text("utf-8").splitlines() if line.startswith(f"| {title} |")
    ]
    written = [cell.strip() for cell in line.split("|")[2:-1]]
    board = (RESULTS / "leaderboard.md").read_text(encoding="utf-8")
    header, _, *rows = board[board.index("| model |") :].partition("\n\n")[0].splitlines()
    [row] = [line for line in rows if line.startswith(f"| {RUNGS[title]} |")]
    names = [cell.strip().partition(" ")[0] for cell in header.split("|")]
    cells = dict(zip(names, (cell.strip() for cell in row.split("|")), strict=True))
    scores = [cells[name.removeprefix("mcqa_")] for name in TASKS]
    assert [cell.replace("(", "").replace(")", "") for cell in written[:-1]] == scores
    assert float(written[-1]) == round(float(cells["MB"]))


def test_the_logs_stay_small():
    assert sum(path.stat().st_size for path in (RESULTS / "runs").rglob("*")) < MOST_MB * 1e6
