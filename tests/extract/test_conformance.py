"""tests/extract/cases/score.py measures any reader: a function, or a program in any language."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "cases"
ROWS = [
    {"id": "a", "kind": "mcq", "choices": ["x", "y"], "text": "The answer is B", "label": "B"},
    {"id": "b", "kind": "mcq", "choices": ["x", "y"], "text": "The answer is A, no, B", "label": "B"},
    {"id": "c", "kind": "mcq", "choices": ["x", "y"], "text": "Hm.", "label": "A"},
    {"id": "d", "kind": "mcq", "choices": ["x", "y"], "text": "The answer is A or B", "label": None},
]
READER = CASES.joinpath("README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
PROGRAM = """
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    assert "label" not in row
    print(json.dumps({"id": row["id"], "answer": "B" if row["text"].endswith("B") else None}))
"""


def score(folder, *words, rows=ROWS):
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = [sys.executable, str(CASES / "score.py"), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_function_is_measured_like_the_one_in_the_readme(tmp_path):
    (tmp_path / "my_reader.py").write_text(READER, encoding="utf-8")
    result = score(tmp_path, "my_reader:read", "rows.jsonl", "--misses")
    assert result.stdout.splitlines()[2:] == [
        "| rows | 3 | 33.3 | 33.3 | 33.3 | 1 | 100.0 |",
        "",
        "b wrong: 'A', labelled 'B': 'The answer is A, no, B'",
        "c none: None, labelled 'A': 'Hm.'",
        "d fp: 'A', labelled None: 'The answer is A or B'",
    ]


def test_a_program_is_measured_and_never_sees_a_label(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    result = score(tmp_path, "--command", f"{sys.executable} program.py", "rows.jsonl")
    assert result.stdout.splitlines()[2:] == ["| rows | 3 | 66.7 | 0.0 | 33.3 | 1 | 100.0 |"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no_such_module:read", "rows.jsonl"], "score: no_such_module:read: No module named 'no_such_module'"),
        (["json", "rows.jsonl"], "score: json: "),
        (["--command", "no-such-program", "rows.jsonl"], "score: [Errno 2]"),
        (["--command", "echo x", "rows.jsonl"], "score: echo x: expected lines such as"),
        (["--command", "true", "rows.jsonl"], "score: true: no line for a (and 3 others)"),
    ],
)
def test_a_reader_that_fails_is_one_line(tmp_path, words, message):
    result = score(tmp_path, *words)
    assert result.returncode == 1
    assert result.stderr.startswith(message)
    assert len(result.stderr.splitlines()) == 1


def test_our_readers_read_the_whole_set():
    command = [sys.executable, "score.py", "ours:read"]
    result = subprocess.run(command, cwd=CASES, capture_output=True, text=True, check=True)
    lines = [line.split(" | ") for line in result.stdout.splitlines()[2:]]
    assert {line[0].strip("| ") for line in lines} == {path.stem for path in CASES.glob("*.jsonl")}
    assert min(float(line[2]) for line in lines if line[2] != "-") >= 97
