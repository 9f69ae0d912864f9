"""Grid questions in Chromium: tables and text that the script builds, and the page without scripts and in print."""

from __future__ import annotations

import pytest
from helpers.browser_runs import section, written_page
from helpers.chromium import CUT, DARK, LIGHT, PAPER, PRINT, Opened, seen_as
from helpers.contrast import contrast
from helpers.grid_logs import FORMS, KINDS, TASK, docs, grid_row, grid_run, response, tasks
from helpers.log_files import write_run
from markupsafe import Markup

from mcqa_suite import grids
from mcqa_suite.grids.tasks import describe_prompt
from mcqa_suite.reporting.browser.grids import compact, macros, outcome

TABLES = "return [...document.querySelectorAll('#browser-item .arc-grid')].map((table) => table.outerHTML)"
CAPTIONS = "return [...document.querySelectorAll('#browser-item caption')].map((caption) => caption.textContent)"
pytestmark = pytest.mark.slow
ATTEMPTS = [[a, b] for a, b in zip(KINDS, (*KINDS[1:], KINDS[0]), strict=True)]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Every kind of answer, in two attempts a question, of a base and a variant."""
    folder = tmp_path_factory.mktemp("grids")
    shifted = [*ATTEMPTS[1:], ATTEMPTS[0]]
    browser = section(grid_run(folder, ATTEMPTS, "base"), grid_run(folder, shifted, "sft"))
    return written_page(folder, browser)


def opened(driver, path, number=0):
    return Opened(driver, path, f"#item={TASK}%3A{number}")


def test_a_script_builds_the_tables_that_the_page_has_without_scripts(chromium, page):
    for number, (doc, attempts) in enumerate(zip(docs(len(KINDS)), ATTEMPTS, strict=True)):
        tables = opened(chromium, page, number).run(TABLES)
        target = compact(doc["output"])
        assert macros().grid_table(target, "Target") in tables
        for kind in attempts:
            read = grids.read(response(doc, kind), grids.encoder("spaced")).answer
            if read is not None:
                words, tone = outcome(compact(read), "", target), "right" if compact(read) == target else "wrong"
                assert (
                    macros().grid_table(compact(read), Markup(f'<span class="browser-{tone}">{words}</span>'), target)
                    in tables
                )


@pytest.mark.parametrize("form", FORMS)
def test_a_script_writes_the_exact_text_of_question_and_answers(chromium, tmp_path, form):
    kinds = [["right", "listed"], ["shape", "near"]]
    path = written_page(tmp_path, section(grid_run(tmp_path, kinds, "base", form=form)))
    for number, (doc, attempts) in enumerate(zip(docs(2, form), kinds, strict=True)):
        seen = opened(chromium, path, number)
        texts = seen.run("return [...document.querySelectorAll('.arc-folded bdi')].map((e) => e.textContent)")
        target = grids.encoder(form).encode(doc["output"])
        assert texts == [doc["text"], target, *(response(doc, kind) for kind in attempts)]
    row = grids.encoder(form).encode([[0, 0, 0, 0, 0]]).split("\n")[-1].strip("[]")  # or the end of a code block
    seen.filter("text", row)
    assert not seen.text("count").startswith("0 of 2")
    seen.quiet()


def test_every_answer_has_its_outcome_in_words(chromium, page):
    words = {
        "right": "✓ right",
        "near": "cells wrong, crossed out",
        "shape": "✗ wrong shape: ",
        "none": "the response has no valid grid",
        "refused": "the model refused",
        "truncated": "its reasoning never ends",
        "empty": "the response is empty",
        "listed": "✓ right",
    }
    for number, attempts in enumerate(ATTEMPTS):
        seen = opened(chromium, page, number)
        card = seen.run("return document.querySelector('.browser-card').textContent")
        for kind in attempts:
            assert words[kind] in card
        assert seen.run(CAPTIONS)[:2] == ["Input 1", "Output 1"]


def test_digits_are_in_the_cells_and_visible_on_demand(chromium, page):
    seen = opened(chromium, page)
    table = "document.querySelector('#browser-item .arc-grid')"
    rows = f"return [...{table}.rows].map((row) => [...row.cells].map((cell) => cell.textContent).join(''))"
    first = docs(1)[0]["text"].partition("Input 1:\n")[2].partition("\nOutput")[0]
    assert seen.run(rows) == first.replace(" ", "").split("\n")
    ink = f"return getComputedStyle({table}.rows[0].cells[0]).color"
    assert seen.run(ink) == "rgba(0, 0, 0, 0)"
    chromium.find_element("id", "browser-digits").click()
    assert seen.run(ink) == "rgb(255, 255, 255)"
    seen.quiet()


@pytest.mark.parametrize("media", [LIGHT, DARK], ids=["light", "dark"])
def test_every_digit_can_be_read_on_its_colour(chromium, page, media):
    with seen_as(chromium, media=media):
        seen = opened(chromium, page)
        chromium.find_element("id", "browser-digits").click()
        colours = """const cell = document.querySelector("#browser-item .arc-grid").rows[0].cells[0];
        const style = getComputedStyle(cell);
        return [...Array(10).keys()].map((digit) => {
          cell.className = `c${digit}`;
          return [style.color, style.backgroundColor];
        });"""
        for ink, ground in seen.run(colours):
            assert contrast(as_hex(ink), as_hex(ground)) >= 4.5, (ink, ground)


def as_hex(colour):
    return "#" + "".join(f"{int(part):02x}" for part in colour.removeprefix("rgb(").removesuffix(")").split(", "))


def test_the_gallery_is_open_without_scripts_and_folded_with_them(chromium, page):
    sizes = (
        "return [...document.querySelectorAll('#browser-gallery tbody')].map((e) => e.getBoundingClientRect().width)"
    )
    with seen_as(chromium, scripts=False):
        chromium.get(page.as_uri())
        assert min(chromium.execute_script(sizes)) > 15
        text = chromium.find_element("id", "browser-gallery").text
        for words in ("Input to solve", "Target", "✓ right", "wrong shape", "no grid could be read"):
            assert words in text
    assert not Opened(chromium, page).run("return document.getElementById('browser-gallery').open")


@pytest.mark.parametrize("media", [LIGHT, DARK], ids=["light", "dark"])
def test_frames_have_contrast_and_nothing_exceeds_a_telephone_screen(chromium, page, media):
    with seen_as(chromium, 390, media):
        for number in range(len(KINDS)):
            seen = opened(chromium, page, number)
            seen.run("for (const e of document.querySelectorAll('details')) e.open = true")
            assert seen.run("return document.documentElement.scrollWidth") == 390
        colours = """const of = (e, name) => getComputedStyle(document.querySelector(e))[name];
        return [of(".browser", "backgroundColor"), of(".arc-grid tbody", "outlineColor"),
          of(".arc-grid td", "borderTopColor"), of(".arc-grid .c0", "backgroundColor")]"""
        paper, frame, lines, black = map(as_hex, seen.run(colours))
        assert contrast(frame, paper) >= 3
        assert contrast(lines, black) >= 3


def test_on_paper_a_line_says_that_one_question_of_many_is_printed(chromium, page):
    with seen_as(chromium, media=PRINT):
        seen = opened(chromium, page, 3)
        seen.run("dispatchEvent(new Event('beforeprint'))")
        seen.run(f"document.documentElement.style.width = '{PAPER}px'")
        assert seen.run(CUT, PAPER) == []
        assert chromium.find_element("id", "browser-paper").text.startswith(
            "Only the chosen question is printed, 1 of 8."
        )
        folded = (
            "return [...document.querySelectorAll('.arc-folded')].every((e) => e.getBoundingClientRect().height === 0)"
        )
        assert seen.run(folded)
    assert not chromium.find_element("id", "browser-paper").is_displayed()


def test_a_task_described_in_words_is_shown_without_a_target(chromium, tmp_path):
    doc = {"id": "arc_agi_1/x", "task_id": "x", "text": describe_prompt(tasks()[0].train, grids.encoder("spaced"))}
    row = {**grid_row(0, docs(1)[0], ["Fill the holes."]), "doc": doc, "target": "", "filtered_resps": [["Fill."]]}
    seen = opened(chromium, written_page(tmp_path, section(write_run(tmp_path / "base", {TASK: [row]}))))
    captions = [f"{side} {n}" for n in range(1, len(tasks()[0].train) + 1) for side in ("Input", "Output")]
    assert seen.run(CAPTIONS) == captions
    assert "Fill the holes." in seen.text("item")
    assert "no grid could be read" not in seen.text("item")
    seen.quiet()


def test_hostile_grids_stay_text(chromium, tmp_path):
    bad = "<img src=x onerror='window.hit = 1'>"
    doc = docs(1)[0]
    rows = []
    for number, change in enumerate(
        [
            {"id": bad, "task_id": bad},
            {"encoder": bad},
            {"output": [[bad]]},
            {"output": [[1, 2], [3]]},
            {"text": f"Input 1:\n{bad}\nOutput 1:\n0 1\n\nInput {bad}:\n0 1\n2 3"},
        ]
    ):
        row = grid_row(number, doc, [response(doc, "near")])
        read = {"answer": [[1, bad]] if number % 2 else doc["output"], "status": bad, "rule": bad, "span": (0, 4)}
        rows.append({**row, "doc": {**doc, **change}, "filtered_resps": [[str(read)]]})
    seen = opened(chromium, written_page(tmp_path, section(write_run(tmp_path / "base", {TASK: rows}))))
    for _ in rows:
        assert bad in seen.text("item")
        seen.press("j")
    assert seen.run("return document.querySelectorAll('#browser img').length") == 0
    assert seen.run("return window.hit ?? null") is None
    seen.quiet()
