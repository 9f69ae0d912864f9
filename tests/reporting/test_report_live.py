"""The report in a real browser, from a file: what a reader sees, clicks, prints, and reads on a telephone or without scripts."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time

import pytest
from helpers.chromium import CUT, DARK, LIGHT, PAPER, PRINT, seen_as
from helpers.log_files import choice_rows, questions, write_run
from helpers.report_runs import ladder, noisy, reported

from mcqa_suite.cli.main import main

NAMES = "return [...document.querySelectorAll('.sortable tbody th')].map((cell) => cell.textContent.split(' ')[0])"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A base, a worse variant, one that hardly differs, and a noise floor, with samples."""
    folder = tmp_path_factory.mktemp("report")
    runs = ladder(folder)
    _code, _page, output = reported(folder, runs, "--noise-floor", str(runs["again"]))
    return output


@pytest.fixture(scope="module")
def wide_report(tmp_path_factory):
    """Fourteen tasks with long names and eight models with long names."""
    folder = tmp_path_factory.mktemp("wide")
    parts = {f"mcqa_mmlu_stem_high_school_subject_{i}": questions(40, seed=i) for i in range(14)}
    names = ["base", *(f"a_variant_of_the_base_with_a_very_long_name_{i}" for i in range(7))]
    for number, name in enumerate(names):
        tasks = {task: choice_rows(task, noisy(s, number / 3), gold) for task, (s, gold) in parts.items()}
        write_run(folder / name, tasks, model=name)
    paths = [str(folder / name) for name in names]
    output = folder / "report.html"
    assert main(["report", *paths[1:], "--base", paths[0], "-o", str(output)]) == 0
    return output


def opened(driver, path):
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    driver.get("about:blank")
    driver.get(path.as_uri())


def until(driver, condition):
    for _ in range(400):
        if driver.execute_script(f"return Boolean({condition})"):
            return
        time.sleep(0.02)
    pytest.fail(f"never came true: {condition}")


def test_it_sends_no_request_and_logs_nothing_to_the_console(chromium, report):
    opened(chromium, report)
    until(chromium, "document.getElementById('browser').dataset.ready")
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    urls = {params["request"]["url"] for params in sent if params["documentURL"] == report.as_uri()}
    assert urls == {report.as_uri()}
    assert chromium.get_log("browser") == []


def test_a_click_on_a_heading_sorts_and_references_stay_last(chromium, report):
    opened(chromium, report)
    click = "document.querySelectorAll('.sortable thead button')[2].click()"
    chromium.execute_script(click)
    down = chromium.execute_script(NAMES)
    chromium.execute_script(click)
    up = chromium.execute_script(NAMES)
    assert down[-3:] == up[-3:] == ["again", "chance", "always"]
    assert down[0] != "gptq2" == down[2]
    assert up[0] == "gptq2"


@pytest.mark.parametrize("style", ["Markdown", "LaTeX", "CSV"])
def test_a_button_copies_the_leaderboard(chromium, report, style):
    opened(chromium, report)
    chromium.find_element("css selector", f"button[data-copy={style}]").click()  # a browser lets a reader, not a script
    until(chromium, "document.getElementById('copied').textContent")
    assert chromium.execute_script("return document.getElementById('copied').textContent") == f"{style} copied"
    paste = "const box = document.createElement('textarea'); box.id = 'box'; document.body.prepend(box); box.focus()"
    chromium.execute_script(paste)
    chromium.execute_cdp_cmd(
        "Input.dispatchKeyEvent", {"type": "keyDown", "key": "v", "modifiers": 2, "commands": ["paste"]}
    )
    pasted = chromium.execute_script("return document.getElementById('box').value")
    copies = json.loads(chromium.execute_script("return document.getElementById('copies').textContent"))
    assert pasted == copies[style]


def test_without_scripts_every_table_and_figure_is_visible(chromium, report):
    with seen_as(chromium, scripts=False):
        opened(chromium, report)
        ran = chromium.execute_script("return document.querySelectorAll('.sortable thead button').length")
        assert ran == 0, "scripts were not off"
        shown = {
            what: [element.is_displayed() for element in chromium.find_elements("css selector", selector)]
            for what, selector in {
                "tables": "#checks table, #leaderboard table, #comparisons > .scroll > table, #methods table",
                "figures": "figure svg",
                "verdicts": ".card .badge",
                "browser": "#browser-off",
            }.items()
        }
        assert all(all(seen) and seen for seen in shown.values()), shown
        assert len(shown["figures"]) == 8
        heights = "return [...document.querySelectorAll('figure svg')].map((e) => e.getBoundingClientRect().height)"
        assert min(chromium.execute_script(heights)) > 100
        inks = "return [...document.querySelectorAll('figure svg path')].map((e) => getComputedStyle(e).fill)"
        assert len(set(chromium.execute_script(inks))) > 3
        chromium.find_element("css selector", "details summary").click()  # what is folded opens without a script
        assert chromium.find_element("css selector", "details dl").is_displayed()


@pytest.mark.parametrize("media", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("which", ["report", pytest.param("wide_report", marks=pytest.mark.slow)])
def test_on_a_telephone_figures_scroll_sideways_and_the_page_does_not(chromium, request, which, media):
    path = request.getfixturevalue(which)
    with seen_as(chromium, 390, media):
        opened(chromium, path)
        until(chromium, "document.getElementById('browser').dataset.ready")
        for item in chromium.find_elements("css selector", "details"):
            chromium.execute_script("arguments[0].open = true", item)
        assert chromium.execute_script("return document.documentElement.scrollWidth") == 390
        box = "const e = document.querySelector('#figure-forest .scroll'); return [e.clientWidth, e.scrollWidth]"
        seen, whole = chromium.execute_script(box)
        assert seen <= 390 < whole
        caption = "return document.querySelector('.board caption span').getBoundingClientRect().right"
        assert chromium.execute_script(caption) <= 390


@pytest.mark.parametrize("which", ["report", pytest.param("wide_report", marks=pytest.mark.slow)])
def test_on_paper_nothing_is_wider_than_the_page(chromium, request, which):
    path = request.getfixturevalue(which)
    with seen_as(chromium, media=PRINT):
        opened(chromium, path)
        until(chromium, "document.getElementById('browser').dataset.ready")
        chromium.execute_script("dispatchEvent(new Event('beforeprint'))")
        chromium.execute_script(f"document.documentElement.style.width = '{PAPER}px'")
        assert chromium.execute_script(CUT, PAPER) == []


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="no pdftotext here: apt-get install poppler-utils")
@pytest.mark.parametrize("which", ["report", pytest.param("wide_report", marks=pytest.mark.slow)])
def test_every_word_of_the_pdf_lies_on_its_page(chromium, request, which, tmp_path):
    opened(chromium, request.getfixturevalue(which))
    until(chromium, "document.getElementById('browser').dataset.ready")
    printed = chromium.execute_cdp_cmd(
        "Page.printToPDF", {"preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69}
    )
    (tmp_path / "page.pdf").write_bytes(base64.b64decode(printed["data"]))
    words = ["pdftotext", "-bbox", str(tmp_path / "page.pdf"), "-"]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    width, seen = 0.0, 0
    for line in text.splitlines():
        if page := re.search(r'<page width="([\d.]+)"', line):
            width = float(page[1])
        if word := re.search(r'xMin="([\d.-]+)".* xMax="([\d.]+)".*?>(.*)</word>', line):
            assert float(word[1]) >= 0, line
            assert float(word[2]) <= width, line
            seen += 1
    assert seen > 500
    for word in ("Verdicts", "Leaderboard", "Methods", "undecided", "Tango,"):
        assert f">{word}</word>" in text, word
