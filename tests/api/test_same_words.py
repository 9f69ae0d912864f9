"""A mistake is one line on the command line, and an error with the same words from Python."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.comparison_runs import two_runs
from helpers.locations import REPOSITORY

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import McqaError

MISTAKES = {
    "no such run": (["table", "nowhere"], lambda: mcqa_suite.leaderboard(["nowhere"])),
    "a run with another name": (["compare", "bsae", "gptq"], lambda: mcqa_suite.compare("bsae", "gptq")),
    "no such base": (["compare", "base", "gptq", "--base", "sft"], lambda: mcqa_suite.compare("base", "gptq", base="sft")),
    "no such metric": (["compare", "base", "gptq", "--metric", "f1"], lambda: mcqa_suite.compare("base", "gptq", metric="f1")),
    "no such metric of a table": (["table", "base", "--metric", "f1"], lambda: mcqa_suite.leaderboard(["base"], metric="f1")),
    "no such metric of a report": (["report", "base", "--metric", "f1"], lambda: mcqa_suite.report("base", metric="f1")),
    "no such task": (["compare", "base", "gptq", "--tasks", "u"], lambda: mcqa_suite.compare("base", "gptq", tasks="u")),
    "one run alone": (["compare", "base"], lambda: mcqa_suite.compare("base")),
    "no samples": (["vote", "nowhere"], lambda: mcqa_suite.vote("nowhere")),
    "no rotations": (["orders", "base"], lambda: mcqa_suite.orders("base")),
    "no templates": (["variance", "base"], lambda: mcqa_suite.variance("base")),
    "no GGUF file": (["import-gguf", "a.gguf", "-o", "x"], lambda: mcqa_suite.import_gguf("a.gguf", "x")),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_has_the_same_words_in_both(tmp_path, monkeypatch, capsys, name):
    two_runs(tmp_path)
    monkeypatch.chdir(tmp_path)
    words, call = MISTAKES[name]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    with pytest.raises(McqaError) as caught:
        call()
    assert line == f"mcqa: {caught.value}"
    assert ";" in line or ":" in line.removeprefix("mcqa: ")


def test_a_misspelt_folder_names_the_nearest(tmp_path, monkeypatch):
    two_runs(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(McqaError, match=r"^bsae: no such file or folder; did you mean base\?$"):
        mcqa_suite.load_run("bsae")


def test_a_missing_library_names_its_extra_from_python_too(tmp_path):
    (tmp_path / "reward").mkdir()
    log = tmp_path / "samples_sums_2026.jsonl"
    log.write_text('{"id": "q", "gold": "4", "question": "How many?", "solution": "", "responses": ["#### 4"]}\n')
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import mcqa_suite.common.extras as extras; extras.installed = lambda name: False\n"
        "from mcqa_suite.common.errors import ConfigError\n"
        f"try: extras_missing = __import__('mcqa_suite').vote({str(log)!r}, reward={str(tmp_path / 'reward')!r})\n"
        "except ConfigError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.strip().endswith("[eval]'"), done.stdout
    assert "is not installed: pip install " in done.stdout
