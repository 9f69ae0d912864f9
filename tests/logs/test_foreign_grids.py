"""Grids of a log that are no rectangles, and outputs that no task has, are named by file and line."""

from __future__ import annotations

import json

import pytest
from helpers.log_files import written_row

from mcqa_suite.cli.main import main
from mcqa_suite.logs.log_row import check_grid


@pytest.mark.parametrize(
    "value", [[], [[]], [1, 2], [[1, 2], [3]], [[10]], [[-1]], [[True]], [[1.0]], None, "1", {}, [None]]
)
def test_what_is_no_rectangle_of_colours_is_no_grid(value):
    check_grid([[0, 9], [1, 2]])
    with pytest.raises(ValueError, match="expected rows of one length with 0 to 9"):
        check_grid(value)


@pytest.mark.parametrize(
    ("output", "answer", "index"),
    [([[1]], [[1]], 99999999999), ([[1]], [[1]], -1), ([], [[1]], 0), ([[1]], [[1], [1, 2]], 0)],
)
def test_such_a_row_is_one_line_with_its_number(tmp_path, capsys, output, answer, index):
    doc = {"id": f"arc_agi_1/007bbfb7/{index}", "task_id": "007bbfb7", "text": "1", "output": output, "train": []}
    logged = json.dumps({"answer": answer, "status": "answered", "rule": "x", "span": None})
    log = tmp_path / "samples_mcqa_arc_grid_x.jsonl"
    log.write_text(
        json.dumps({**written_row("t", 0, "B", 1), "doc": doc, "filtered_resps": [[logged]]}), encoding="utf-8"
    )
    assert main(["grids", "vote", str(log), "--submission", str(tmp_path / "s.json")]) == 2
    error = capsys.readouterr().err
    assert f"{log}:1: not a sample of mcqa_arc_grid_*" in error
    assert error.count("\n") == 1
    if index == 0:
        assert main(["extract", str(log), "--output", str(tmp_path / "new.jsonl")]) == 2
        assert f"{log}:1: a grid is " in capsys.readouterr().err


@pytest.mark.parametrize(
    "view", ["[" * 100_000, "5", "null", "{}", '{"symmetry": 9, "colours": [0], "order": null}', 7]
)
@pytest.mark.parametrize("command", ["grids vote {}", "extract {} --output {}.new"])
def test_a_view_that_is_none_is_one_line_with_its_number(tmp_path, capsys, command, view):
    doc = {
        "id": "arc_agi_1/007bbfb7/0",
        "task_id": "007bbfb7",
        "text": "1",
        "output": [[1]],
        "original": [[1]],
        "view": view,
    }
    log = tmp_path / "samples_mcqa_arc_grid_x.jsonl"
    row = {**written_row("t", 0, "B", 1), "doc": doc, "filtered_resps": [["[invalid]"]], "resps": [["1"]]}
    log.write_text(json.dumps(row), encoding="utf-8")
    code = main(command.format(log, log).split())
    error = capsys.readouterr().err
    assert (code, error.count("\n")) in ((0, 0), (2, 1))
    assert code == 0 or f"{log}:1: " in error
