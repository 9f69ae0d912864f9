"""Grid questions in the sample browser: what is embedded of them, and the tables that need no script."""

from __future__ import annotations

import re

import pytest
from helpers.browser_runs import section, unpacked
from helpers.grid_logs import FORMS, TASK, docs, grid_row, grid_run, response, tasks
from helpers.log_files import write_run
from markupsafe import Markup

from mcqa_suite import grids
from mcqa_suite.grids.tasks import describe_prompt
from mcqa_suite.reporting.browser.grids import (
    MOST_BYTES,
    MOST_QUESTIONS,
    cells,
    compact,
    form_of,
    gallery,
    grid_of,
    labelled_grids,
    macros,
    outcome,
)
from mcqa_suite.reporting.browser.section import browser_section


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.slow
def test_every_form_of_a_prompt_is_embedded_as_grids_and_words(form):
    for doc in docs(12, form):
        written = grids.encoder(form)
        labelled = labelled_grids(doc["text"], written)
        task = next(task for task in tasks() if task.id == doc["task_id"])
        shown = [grid for pair in task.train for grid in (pair.input, pair.output)]
        index = int(doc["id"].rpartition("/")[2])
        assert [cells(short) for _, _, short in labelled] == [*shown, task.test[index].input]
        assert all(written.encode(cells(short)) == doc["text"][start:end] for start, end, short in labelled)
        assert form_of(doc) == written


def test_a_grid_is_embedded_once_where_the_response_has_the_form_of_the_question(tmp_path):
    items, about = unpacked(section(grid_run(tmp_path, [["right", "listed"], ["near", "shape"]], "base")))
    for item, doc in zip(sorted(items, key=lambda item: item[1]), docs(2), strict=True):
        _task, _doc, _subject, gold, (name, stem, options, form), [cell] = item
        assert (name, options, form) == (doc["id"], [], "spaced")
        assert gold == [{"g": compact(doc["output"])}]
        assert "".join(p if isinstance(p, str) else grids.encode(cells(p["g"])) for p in stem) == doc["text"]
        first, second = cell[4]
        assert grid_of(first) == compact(doc["output"]) or item[1] == 1
        assert first[2:4] == ["", [{"m": 1, "g": grid_of(first)}]]
        assert second[2] in ({"g": grid_of(second)}, "")
    assert about["grids"]


def test_a_prompt_above_the_length_limit_keeps_all_its_grids(tmp_path):
    doc = {**docs(1)[0], "output": [[1] * 30] * 30}
    doc["text"] = grids.prompt([grids.Pair([[7] * 30] * 30, [[3] * 30] * 30)] * 6, [[5] * 30] * 30)
    path = write_run(tmp_path / "base", {TASK: [grid_row(0, doc, [response(doc, "right")])]})
    [[*_rest, question, _cells]], _about = unpacked(section(path))
    assert sum(isinstance(piece, dict) for piece in question[1]) == 13
    assert not any(isinstance(piece, int) for piece in question[1])


@pytest.mark.parametrize(
    "value",
    [[], [[]], [[1, 2], [3]], [[10]], [[-1]], [[1.0]], [[True]], [["1"]], "12", None, [[0]] * 31, [[0] * 31], [[0], 1]],
)
def test_other_values_are_not_shown_as_a_grid(value):
    assert compact(value) is None


def test_a_question_without_grids_has_no_form(tmp_path):
    assert form_of({"task_id": 11, "text": "Write a function that adds two numbers."}) is None
    assert form_of({"task_id": "a", "text": "Input 1:\n0 x\nOutput 1:\n", "encoder": "spaced"}) is None
    assert form_of({"task_id": "a", "text": "Input 1:\n0 1\n", "encoder": "no such form"}) is None
    assert form_of({"task_id": "a", "text": ["Input 1:\n0 1\n"]}) is None


def test_an_outcome_in_words():
    assert outcome("12/34", "answered", "12/34") == "✓ right"
    assert outcome("12/30", "answered", "12/34") == "✗ 1 of 4 cells wrong, crossed out"
    assert outcome("123", "answered", "12/34") == "✗ wrong shape: 1 row by 3 columns, expected 2 by 2"
    assert outcome("1234", "answered", "12/34").startswith("✗ wrong shape")
    assert outcome(None, "refused", "12") == "✗ no grid could be read: the model refused"
    assert outcome(None, "a new status", "12") == "✗ no grid could be read: a new status"


def test_a_table_has_every_cell_once_with_its_digit_and_colour():
    for pair in tasks()[0].train:
        table = macros().grid_table(compact(pair.output), Markup("A <b>grid</b>"))
        lines = [re.findall(r'<td class="c(\d)">(\d)</td>', line) for line in table.split("</tr>")[:-1]]
        assert lines == [[(str(cell), str(cell)) for cell in row] for row in pair.output]
        assert "<caption>A <b>grid</b></caption>" in table


def test_wrong_cells_are_crossed_out_where_the_shape_is_right():
    table = macros().grid_table("120/345", "A", "021/345")
    assert table.count("arc-wrong") == table.count('<i class="unseen"> wrong</i>') == 2
    assert '<tr><td class="c1 arc-wrong">1<i class="unseen"> wrong</i></td><td class="c2">2</td>' in table
    assert "wrong" not in macros().grid_table("12", "A", "1/2")


def test_each_of_the_ten_digits_has_its_own_colour(tmp_path):
    css = section(grid_run(tmp_path, [["right"]], "base")).css
    colours = dict(re.findall(r"\.c(\d) \{ background: (#\w{6}); \}", css))
    assert colours.keys() == set("0123456789")
    assert len(set(colours.values())) == 10


def test_the_gallery_shows_a_dozen_questions_flips_first_with_the_best_attempt(tmp_path):
    right = [["shape", "right"]] * 20
    flipped = [*right[:17], *[["shape", "near"]] * 3]
    browser = section(grid_run(tmp_path, right, "base"), grid_run(tmp_path, flipped, "sft"))
    shown = browser.html[browser.html.index('id="browser-gallery"') :]
    assert shown.count('class="arc-item"') == MOST_QUESTIONS
    assert "12 of 20 grid questions, those" in shown
    assert shown.count("✗ 2 of ") == 3
    first = shown.split('class="arc-item"')[1:4]
    assert {text.partition("document ")[2][:2] for text in first} == {"17", "18", "19"}
    assert all("✓ right" in text and "✗ 2 of " in text for text in first)


def test_the_gallery_has_words_for_answers_without_a_grid(tmp_path):
    kinds = [[kind] for kind in ("none", "refused", "truncated", "empty", "shape")]
    browser = section(grid_run(tmp_path, kinds, "base <b>"))
    for words in (
        "has no valid grid",
        "the model refused",
        "its reasoning never ends",
        "the response is empty",
        "wrong shape: ",
    ):
        assert words in browser.html
    assert "base &lt;b&gt;" in browser.html
    assert "base <b>" not in browser.html


@pytest.mark.slow
def test_the_gallery_is_never_large():
    noise = "/".join("".join(str((7 * x + 3 * y * y) % 10) for x in range(30)) for y in range(30))
    read = ["answered", "", {"g": noise}, ["text"]]
    zeros = "/".join(["0" * 30] * 30)

    def drawn(models):
        question, cell = ["id", ["Input 1:\n", {"g": noise}], []], [0, 0, 0, -1, [read]]
        item = [0, 1, 0, [{"g": zeros}], question, [cell] * models]
        about = {"tasks": [["t", "t"]], "models": [f"model {i}" for i in range(models)]}
        return gallery([item] * MOST_QUESTIONS, MOST_QUESTIONS, about)

    assert 0 < drawn(2).count("<article") < MOST_QUESTIONS
    assert len(drawn(2)) < MOST_BYTES + 1000
    assert drawn(30) == ""


def test_a_task_described_in_words_shows_its_examples_and_no_target(tmp_path):
    doc = {"id": "arc_agi_1/x", "task_id": "x", "text": describe_prompt(tasks()[0].train, grids.encoder("spaced"))}
    row = {**grid_row(0, docs(1)[0], ["Fill the holes."]), "doc": doc, "target": "", "filtered_resps": [["Fill."]]}
    browser = section(write_run(tmp_path / "base", {TASK: [row]}))
    [[_task, _doc, _subject, gold, question, _cells]], about = unpacked(browser)
    assert gold == []
    assert sum(isinstance(piece, dict) for piece in question[1]) == 2 * len(tasks()[0].train)
    assert about["grids"]
    assert "browser-gallery" not in browser.html


def test_without_grids_there_is_no_gallery(tmp_path):
    from helpers.browser_runs import small_runs

    browser = browser_section(small_runs(tmp_path), "base")
    assert "browser-gallery" not in browser.html
    assert not unpacked(browser)[1]["grids"]
