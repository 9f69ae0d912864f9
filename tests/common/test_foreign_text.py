"""Text from files and servers: no control character, false row, open fence or formula leaves it, on a terminal or in a file."""

from __future__ import annotations

import csv
import io
import sys

import pytest
from helpers.log_files import STAMP, write_run, written_row

from mcqa_suite.cli.main import main
from mcqa_suite.common.foreign_text import csv_cell, fenced, markdown_cell, one_line, printable
from mcqa_suite.common.output import beneath, safe_output
from mcqa_suite.reporting.tables import Table, csv_text, latex, markdown

OSC, ERASE, BIDI, HALF = "\x1b]0;owned\x07", "\x1b[2K", "\u202e", "\ud800"
HOSTILE = f"t{OSC}{ERASE}{BIDI}{HALF}\n\n| made up |\n\r<img src=x>"


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\ud800", "\b"])
def test_a_character_that_could_draw_is_shown_as_a_sign(sign):
    assert printable(f"a{sign}b") == one_line(f"a{sign}b") == "a\ufffdb"


def test_a_text_keeps_its_lines_and_a_name_is_one_line():
    assert printable("a\r\nb\rc\td\u2028e") == "a\nb\nc\td\ne"
    assert len(one_line(HOSTILE).splitlines()) == 1


def test_a_name_in_a_markdown_table_makes_no_row_and_no_tag():
    lines = markdown(Table(HOSTILE, ["a"], [[HOSTILE]])).splitlines()
    assert len(lines) == 5
    assert "\\<img" in lines[-1]
    assert lines[-1].count("|") - lines[-1].count("\\|") == 2
    assert markdown_cell("<.0001 < 5") == "<.0001 < 5"


def test_a_name_in_latex_is_one_line():
    assert latex(Table("", ["a"], [[HOSTILE]])).count("\n") == latex(Table("", ["a"], [["b"]])).count("\n")


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@SUM(1)", "\t=1", "\r=1"])
def test_a_formula_is_text_in_csv_also_as_a_column(text):
    assert csv_cell(text)[0] == "'"
    [header, row] = csv.reader(io.StringIO(csv_text([{text: text}])))
    assert header == row == [csv_cell(text)]


@pytest.mark.parametrize("text", ["```", "a\n```\t\n<b>", "a\r```\rb", "`````", "a ``` b"])
def test_a_text_stays_inside_its_fence(text):
    first, *inside, last = fenced(text).split("\n")
    assert first == f"{last}text"
    assert last not in "\n".join(inside)


@pytest.mark.parametrize("style", [[], ["--format", "csv"], ["--format", "latex"]])
@pytest.mark.parametrize("command", ["compare", "table"])
def test_names_of_a_log_draw_nothing_in_any_format(tmp_path, capsys, command, style):
    folders = []
    for name in ("base", "variant"):
        rows = [written_row("t", number, "B", 1) | {"filter": HOSTILE} for number in range(4)]
        folders.append(str(write_run(tmp_path / name, {"t": rows})))
    assert main([command, *folders, *style]) == 0
    output = capsys.readouterr().out
    assert output == printable(output)
    assert not [line for line in output.splitlines() if line.startswith("| made up |")]


@pytest.mark.parametrize("option", [[], ["-o"]])
def test_half_a_surrogate_in_a_filter_stops_no_command(tmp_path, capsys, option):
    folder = write_run(tmp_path / "run", {"t": [written_row("t", 0, "B", 1) | {"filter": "x\ud800"}]})
    log = folder / f"samples_t_{STAMP}.jsonl"
    assert main(["extract", str(log), "--output", str(tmp_path / "new.jsonl")]) == 0
    assert "x\ufffd" in capsys.readouterr().out


def test_progress_bars_may_move_the_cursor_and_nothing_else_may(capsys):
    with safe_output():
        for text in ("\r 50%|##", "\n", "\x1b[A", "\x1b[A\x1b[2J", "a\rb"):
            sys.stderr.write(text)
        beneath(sys.stdout).write("\x1b[1m")
        sys.stdout.writelines(["\x1b"])
    captured = capsys.readouterr()
    assert captured.err == "\r 50%|##\n\x1b[A\ufffd[A\ufffd[2Ja\nb"
    assert captured.out == "\x1b[1m\ufffd"


def test_a_character_that_the_terminal_lacks_does_not_stop_the_output(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with safe_output():
        print("\xb1 5")
    stream.seek(0)
    assert stream.read() == "\\xb1 5\n"
