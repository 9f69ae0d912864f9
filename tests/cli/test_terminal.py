"""Tables on a terminal: aligned, fitted to its width, in colour; Markdown elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from helpers.comparison_runs import noisy, two_runs
from helpers.log_files import choice_rows, questions, write_run
from helpers.terminal import Terminal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcqa_suite.cli.terminal import fitted
from mcqa_suite.reporting.tables import Table, markdown

ESCAPE = re.compile(r"\x1b\[[\d;]*m")
LADDER = Table(
    "base and what was made from it",
    ("task", "variant", "n", "variant %", "difference (points)", "verdict"),
    [
        ("mcqa_arc_easy_cloze", "sft", "100", "55.0", "+6.0 (-3.8 to +16.0)", "**undecided**: loses at most 2.1 points"),
        ("mcqa_arc_easy_cloze", "gptq2", "100", "22.0", "-33.0 (-44.9 to -20.0) *", "**worse**: loses at most 43.1 points"),
        ("mcqa_epfl_cloze (acc_norm)", "sft", "90", "8.5", "-5.0 (-12.9 to +2.3)", "**undecided** ‡: loses at most 9.4 points"),
    ],
    ("A note that is longer than the narrow terminals on which it is shown, so that it takes two lines.",),
    left=2,
)  # fmt: skip


def lines(table, width, *optional):
    return [line.plain for line in fitted(markdown(table), width, optional)]


def test_a_table_that_fits_has_a_line_a_row_and_numbers_with_their_points_in_one_column():
    title, _, header, _, first, second, third, *_ = lines(LADDER, 140)
    assert title == "base and what was made from it"
    assert first.index("55.0") == second.index("22.0") == third.index(" 8.5")
    assert header.index("verdict") == first.index("undecided") == second.index("worse")
    assert "**" not in first


def test_a_narrow_table_has_its_tasks_on_lines_of_their_own_and_then_does_without_the_least_important_columns():
    shown = "\n".join(lines(LADDER, 90, "n"))
    assert "\nmcqa_arc_easy_cloze\n  sft " in shown
    assert shown.count("mcqa_arc_easy_cloze") == 1
    assert "Left out" not in shown
    assert "  sft      100       55.0  +6.0 (-3.8 to +16.0)      undecided: loses at most 2.1 points\n" in shown
    shown = "\n".join(lines(LADDER, 64, "n", "variant %"))
    assert "Left out in 64 columns: n (--format md has all)." in shown
    assert "  55.0  " in shown


def test_a_table_of_many_figures_comes_in_blocks_that_repeat_the_names():
    header = ["model", *(f"mcqa_task_{i} (acc)" for i in range(12))]
    table = Table("", header, [["base", *map(str, range(10, 22))], ["sft", *map(str, range(30, 42))]])
    shown = lines(table, 80)
    assert max(map(len, shown)) <= 80
    assert sum(line.startswith("base") for line in shown) == sum(line.startswith("sft") for line in shown) > 1
    assert [word for line in shown if line.startswith("base") for word in line.split()[1:]] == [
        *map(str, range(10, 22))
    ]


WORDS = st.text(st.sampled_from("abcxyz_-.%"), min_size=1, max_size=14)
CELLS = st.lists(WORDS, max_size=6).map(" ".join)


@settings(deadline=None, max_examples=50)
@example([["", "", "", ""], ["", "", "_ _________", "_ _ _ ___"]], 20)  # three columns that name the rows do not fit
@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=2, max_size=5)),
    st.integers(20, 150),
)
def test_no_word_is_broken_and_none_is_lost(rows, width):
    header, *cells = rows
    table = Table("", [title or "x" for title in header], cells)
    shown = " ".join(lines(table, width)).split()
    words = {word for row in [table.header[1:], *cells] for cell in row for word in cell.split()}
    assert words <= set(shown)
    if all(len(cell) <= (width - 2) // 2 for row in rows for cell in row):  # the name of a row and one column beside it
        assert max(len(line) for line in lines(table, width)) <= width


def test_names_cannot_steer_the_terminal_or_the_style():
    table = Table("", ("model", "acc"), [("[red]x[/red]\x1b[2J\x9b2J", "1.0")])
    (row,) = [line for line in lines(table, 80) if "red" in line]
    assert row.startswith("[red]x[/red]\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}2J")


@pytest.fixture
def runs(tmp_path):
    base, variant = two_runs(tmp_path, lambda scores, gold: noisy(scores, 3.0), 300)
    scores, gold = questions(300)
    rows = {"t": choice_rows("t", scores + 3 * np.eye(4)[gold], gold)}
    better = write_run(tmp_path / "dpo", rows, model="dpo")
    return [str(base), str(variant), str(better)]


def test_a_terminal_gets_a_coloured_table_and_a_pipe_gets_markdown(runs):
    shown = Terminal(["compare", *runs], COLUMNS="80", TERM="xterm-256color", NO_COLOR="").rest()
    plain = ESCAPE.sub("", shown)
    assert "|" not in plain
    assert "\x1b[1;31mworse" in shown
    assert "\x1b[1;32mbetter" in shown
    assert max(map(len, plain.splitlines())) <= 80
    words = [sys.executable, "-m", "mcqa_suite.cli.main", "compare", *runs]
    piped = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "| t | gptq |" in piped
    assert "\x1b" not in piped
    chosen = Terminal(["compare", *runs, "--format", "md"], COLUMNS="80", TERM="xterm-256color").rest()
    assert chosen == piped


def test_no_color_is_respected(runs):
    shown = Terminal(["compare", *runs], COLUMNS="80", TERM="xterm-256color", NO_COLOR="1").rest()
    assert re.search(r"\x1b\[[\d;]*3\dm", shown) is None
    assert "worse" in shown


def test_rich_is_imported_only_for_a_terminal(runs):
    program = (
        "import sys; from mcqa_suite.cli.main import main\n"
        f"main(['compare', *{runs!r}])\nassert 'rich' not in sys.modules, 'rich'"
    )
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
