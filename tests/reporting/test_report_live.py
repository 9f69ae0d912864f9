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
from helpers.ladder_runs import ladder as with_manifests
from helpers.log_files import choice_rows, questions, write_run
from helpers.report_runs import ladder, noisy, reported

from mcqa_suite.cli.main import main

pytestmark = pytest.mark.slow

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


@pytest.fixture(scope="module")
def ladder_report(tmp_path_factory):
    """base -> sft -> dpo -> gptq4, with manifests, and a second metric."""
    folder = tmp_path_factory.mktemp("ladder")
    runs = with_manifests(folder)
    for path in folder.glob("evaluations/*/0/samples_*.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        rows = [row | {"metrics": ["acc", "exact_match"], "exact_match": float(i % 2)} for i, row in enumerate(rows)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    output = folder / "report.html"
    assert main(["report", *runs.values(), "-o", str(output)]) == 0
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
    until(chromium, "document.getElementById('browser')?.dataset.ready")
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


@pytest.mark.parametrize("style", ["Markdown", "LaTeX", "CSV", "slides"])
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
                "tables": "#verdicts > .view-0 > .scroll > table, #checks > .scroll > table, #leaderboard table, #methods table",
                "figures": "#figures > figure svg",
                "verdicts": ".sentences .badge",
                "browser": "#browser-off",
            }.items()
        }
        assert all(all(seen) and seen for seen in shown.values()), shown
        assert len(shown["figures"]) == 2
        heights = "return [...document.querySelectorAll('figure svg')].map((e) => e.getBoundingClientRect().height)"
        assert min(chromium.execute_script(heights)[:2]) > 100
        inks = "return [...document.querySelectorAll('figure svg path')].map((e) => getComputedStyle(e).fill)"
        assert len(set(chromium.execute_script(inks))) > 3
        chromium.find_element("css selector", "details.more summary").click()  # what is folded opens without a script
        assert all(e.is_displayed() for e in chromium.find_elements("css selector", "details.more figure svg"))
        assert len(chromium.find_elements("css selector", "details.more figure svg")) == 6


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_reader_switches_between_parent_and_base(chromium, ladder_report, scripts):
    with seen_as(chromium, scripts=scripts):
        opened(chromium, ladder_report)
        first, second = (
            (sentences_shown(chromium), chromium.find_element("id", "view-1").click())[0],
            sentences_shown(chromium),
        )
        assert "gptq4 against dpo: worse on t: -1.5 points" in first
        assert "gptq4 against base: better on t: +9.0 points" in second
        assert "against dpo" not in second
        names = {e.get_attribute("id") for e in chromium.find_elements("css selector", "figure") if e.is_displayed()}
        assert "figure-forest-to-base" in names
        assert "figure-forest" not in names


def sentences_shown(driver):
    return "\n".join(e.text for e in driver.find_elements("css selector", ".sentences > li") if e.is_displayed())


def test_the_lineage_has_each_model_with_its_score_and_size(chromium, ladder_report):
    opened(chromium, ladder_report)
    texts = {
        part: [e.text for e in chromium.find_elements("css selector", f".node {part}")]
        for part in (".name", ".score", "small")
    }
    assert texts[".name"] == ["base", "sft", "dpo", "gptq4"]
    assert texts[".score"] == ["60.0 %", "70.0 % +10.0", "70.5 % +0.5", "69.0 % -1.5"]
    assert texts["small"] == ["0.002 MB, 16.0 bits/weight"] * 4
    depth = "return [...document.querySelectorAll('.node')].map((e) => e.getBoundingClientRect().left)"
    assert sorted(set(chromium.execute_script(depth))) == chromium.execute_script(depth)  # each right of its parent
    assert "evaluated" not in chromium.find_element("tag name", "header").text  # these logs have no date


def test_a_cell_of_the_matrix_opens_the_samples_behind_it(chromium, ladder_report):
    opened(chromium, ladder_report)
    until(chromium, "document.getElementById('browser')?.dataset.ready")
    cells = [e for e in chromium.find_elements("css selector", ".matrix td a") if e.is_displayed()]
    assert [cell.text.split("\n")[0].split()[0] for cell in cells] == ["+10.0", "+0.5", "-1.5"]
    assert cells[2].find_element("xpath", "..").get_attribute("class") == "worse"
    cells[2].click()
    until(chromium, "document.getElementById('browser-count').textContent.startsWith('15 of')")
    shown = "return ['task', 'model', 'transition'].map((id) => document.getElementById('browser-' + id).selectedOptions[0].text)"
    assert chromium.execute_script(shown) == ["t", "gptq4", "any change"]


HEADS = """return [...document.querySelectorAll(".board thead .task")].filter((e) => e.offsetWidth)
  .map((e) => e.innerText.split("\\n").at(-1));"""
CHOOSE = """const e = document.getElementById("columns-metric");
e.value = arguments[0];
e.dispatchEvent(new Event("change", { bubbles: true }));"""
SCORES = """return [...document.querySelectorAll(".board tbody tr:not(.reference)")]
  .map((row) => [...row.cells].filter((e) => e.offsetWidth)[2].innerText.split(/\\s/)[0]);"""


def test_the_leaderboard_shows_another_metric(chromium, ladder_report):
    opened(chromium, ladder_report)
    assert chromium.execute_script(HEADS) == ["acc"]
    assert chromium.execute_script(SCORES) == ["70.5", "70.0", "69.0", "60.0"]
    chromium.execute_script(CHOOSE, "exact_match")
    assert chromium.execute_script(HEADS) == ["exact_match"]
    assert chromium.execute_script(SCORES) == ["50.0"] * 4
    chromium.execute_script(CHOOSE, "")
    assert chromium.execute_script(HEADS) == ["acc"]


def test_a_long_text_of_a_check_stays_in_its_cell(chromium, ladder_report):
    opened(chromium, ladder_report)
    overlap = """const cell = document.querySelector(".checks td.good");
        cell.textContent = "sft: 27 of 8,427 rows left out; ".repeat(6);
        return cell.scrollWidth - cell.clientWidth;"""
    assert chromium.execute_script(overlap) <= 1


def test_navigation_stays_in_view_and_a_heading_is_not_under_it(chromium, ladder_report):
    opened(chromium, ladder_report)
    chromium.find_element("css selector", "nav a[href='#leaderboard']").click()
    until(chromium, "scrollY > 100")
    edge = "return document.querySelector(arguments[0]).getBoundingClientRect()[arguments[1]]"
    assert chromium.execute_script(edge, ".topbar", "top") == 0
    below = chromium.execute_script(edge, ".topbar", "bottom")
    assert chromium.execute_script(edge, "#leaderboard-title", "top") >= below


SMALL = """return [...document.querySelectorAll("a, button, summary, select, input, label:has(input)")].filter((e) => {
  const box = e.getBoundingClientRect();
  const inText = e.matches("p a, li a, caption a, figcaption a, label input") && !e.matches("nav a");
  return box.width && !inText && !e.closest(".skip") && Math.min(box.width, box.height) < 24;
}).map((e) => `${e.tagName} ${e.textContent.slice(0, 30)} ${e.getBoundingClientRect().height}`)"""
HIDDEN = """return [...document.querySelectorAll("main *")].filter((e) => {
  const style = getComputedStyle(e);
  return style.overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1 && e.clientWidth && !e.closest("svg, .unseen");
}).filter((e) => !/gradient/.test(getComputedStyle(e).backgroundImage) && getComputedStyle(e).textOverflow !== "ellipsis")
.map((e) => `${e.tagName}.${e.className}`)"""


def test_on_a_telephone_targets_are_large_and_what_scrolls_has_a_shadow(chromium, ladder_report):
    with seen_as(chromium, 390):
        opened(chromium, ladder_report)
        until(chromium, "document.getElementById('browser')?.dataset.ready")
        assert chromium.execute_script(SMALL) == []
        assert chromium.execute_script(HIDDEN) == []
        assert chromium.execute_script("return document.documentElement.scrollWidth") == 390
        rows = "return [...document.querySelectorAll('.view-0 .matrix td')].every((e) => e.getBoundingClientRect().right <= 390)"
        assert chromium.execute_script(rows)


@pytest.mark.parametrize("media", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("which", ["report", "wide_report"])
def test_on_a_telephone_figures_scroll_sideways_and_the_page_does_not(chromium, request, which, media):
    path = request.getfixturevalue(which)
    with seen_as(chromium, 390, media):
        opened(chromium, path)
        until(chromium, "document.getElementById('browser')?.dataset.ready")
        for item in chromium.find_elements("css selector", "details"):
            chromium.execute_script("arguments[0].open = true", item)
        assert chromium.execute_script("return document.documentElement.scrollWidth") == 390
        box = "const e = document.querySelector('#figure-forest .scroll'); return [e.clientWidth, e.scrollWidth]"
        seen, whole = chromium.execute_script(box)
        assert seen <= 390 < whole
        caption = "return document.querySelector('.board caption span').getBoundingClientRect().right"
        assert chromium.execute_script(caption) <= 390


@pytest.mark.parametrize("which", ["report", "wide_report"])
def test_on_paper_nothing_is_wider_than_the_page(chromium, request, which):
    path = request.getfixturevalue(which)
    with seen_as(chromium, media=PRINT):
        opened(chromium, path)
        until(chromium, "document.getElementById('browser')?.dataset.ready")
        chromium.execute_script("dispatchEvent(new Event('beforeprint'))")
        chromium.execute_script(f"document.documentElement.style.width = '{PAPER}px'")
        assert chromium.execute_script(CUT, PAPER) == []


PAPERS = {"A4": (8.27, 11.69), "Letter": (8.5, 11)}


def pages(driver, folder, paper):
    """The words of each page of the PDF, with the width of the page and their left and right ends."""
    size = dict(zip(("paperWidth", "paperHeight"), PAPERS[paper], strict=True))
    printed = driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, **size})
    (folder / "page.pdf").write_bytes(base64.b64decode(printed["data"]))
    words = ["pdftotext", "-bbox", str(folder / "page.pdf"), "-"]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    sheets, width = [], 0.0
    for line in text.splitlines():
        if page := re.search(r'<page width="([\d.]+)"', line):
            width = float(page[1])
            sheets.append([])
        if word := re.search(r'xMin="([\d.-]+)".* xMax="([\d.]+)".*?>(.*)</word>', line):
            sheets[-1].append((float(word[1]), float(word[2]), width, word[3]))
    return sheets


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="no pdftotext here: apt-get install poppler-utils")
@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("which", ["report", "ladder_report", "wide_report"])
def test_the_pdf_begins_with_a_summary_and_no_word_is_cut(chromium, request, which, paper, tmp_path):
    opened(chromium, request.getfixturevalue(which))
    until(chromium, "document.getElementById('browser')?.dataset.ready")
    printed = pages(chromium, tmp_path, paper)
    words = [word for page in printed for word in page]
    assert len(words) > 500
    for left, right, width, word in words:
        assert left >= 0, word
        assert right <= width, word
    texts = [" ".join(word[3] for word in page) for page in printed]
    for word in ("Leaderboard", "Methods", "Tango,"):
        assert any(word in text for text in texts), word
    if which != "wide_report":
        assert "against base:" in texts[0]
        assert texts[1].startswith("Can the runs be compared?")


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="no pdftotext here: apt-get install poppler-utils")
def test_a_table_over_several_pages_repeats_its_head(chromium, ladder_report, tmp_path):
    opened(chromium, ladder_report)
    until(chromium, "document.getElementById('browser')?.dataset.ready")
    longer = "const b = document.querySelector('.asked tbody'); for (let i = 0; i < 99; i++) b.append(b.rows[0].cloneNode(true))"
    chromium.execute_script(longer)
    texts = [" ".join(word[3] for word in page) for page in pages(chromium, tmp_path, "A4")]
    rows = [page for page in texts if page.count("1,000") > 3]
    assert len(rows) > 1
    assert all("generation settings" in page for page in rows)
