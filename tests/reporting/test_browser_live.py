"""The sample browser in a real browser, from a file: filters, keys, links, hostile texts and many questions."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.browser_runs import small_runs, unpacked, written_page
from helpers.chromium import Opened, seen_as
from helpers.log_files import choice_rows, questions, write_run, written_row

from mcqa_suite.logs.runs import Run, read_run
from mcqa_suite.reporting.browser.section import browser_section

pytestmark = pytest.mark.slow


def test_filters_search_keys_and_links_work_from_a_file(chromium, tmp_path):
    from selenium.webdriver.common.keys import Keys

    path = written_page(tmp_path, browser_section(small_runs(tmp_path), "base"))
    opened = Opened(chromium, path)
    assert opened.text("count") == "13 of 46 questions shown"  # those whose answer changed
    opened.filter("transition", "all")
    assert opened.text("count") == "46 of 46 questions shown"
    opened.filter("task", "cot")
    assert opened.text("count") == "6 of 46 questions shown"
    opened.filter("status", "refused")
    assert opened.text("count") == "3 of 46 questions shown"
    opened.filter("model", "same")
    assert opened.text("count") == "0 of 46 questions shown"
    assert "No question passes" in opened.text("item")
    opened.filter("model", "worse")
    opened.filter("transition", "right → wrong")
    assert opened.text("count") == "3 of 46 questions shown"
    assert "rule refusal" in opened.text("item")
    marked = "return [...document.querySelectorAll('#browser-item mark')].map((e) => e.textContent)"
    assert opened.run(marked) == ["A", "A", "refuse"]

    opened.run("document.querySelector('#browser button[type=reset]').click()")
    opened.wait("document.getElementById('browser-count').textContent.startsWith('46 ')")
    opened.run("document.activeElement.blur()")
    opened.press("/")
    opened.press("OPTION B OF 7")
    opened.wait("document.getElementById('browser-count').textContent.startsWith('1 ')")
    assert "letters, document 7" in opened.text("item")
    opened.filter("order", "as in the log")
    assert opened.run("return document.querySelectorAll('#browser-item .browser-gold').length") == 1
    assert opened.run("return document.querySelectorAll('#browser-item .browser-chosen').length") == 3
    opened.filter("text", "")
    opened.run("document.activeElement.blur()")
    before = opened.text("item")
    opened.press("j")
    assert "letters, document 8" in opened.text("item")
    opened.press("k")
    assert opened.text("item") == before
    opened.press("j", "j")
    assert opened.run("return location.hash") == "#order=log&item=letters%3A9"
    chromium.refresh()
    opened.wait("document.getElementById('browser')?.dataset.ready")
    assert "letters, document 9" in opened.text("item")
    opened.run("document.getElementById('browser-list').focus()")
    opened.press(Keys.END)
    assert "letters, document 39" in opened.text("item")
    opened.press(Keys.ARROW_UP)
    assert "letters, document 38" in opened.text("item")
    active = "document.getElementById(document.getElementById('browser-list').getAttribute('aria-activedescendant'))"
    assert opened.run(f"return {active}.ariaSelected") == "true"
    opened.run("location.hash = '#item=cot:5'")
    opened.wait("document.getElementById('browser-item').textContent.includes('cot, document 5')")
    opened.quiet()
    assert "nowhere:1 is not embedded in this page." in Opened(chromium, path, "#item=nowhere%3A1").text("count")


def ladder_runs(tmp_path):
    """base -> sft -> gptq: sft loses documents 0 to 9 of 40, and gptq gets them back and loses 20 to 22, 21 by most."""
    scores, gold = questions(40)
    scores[np.arange(40), gold] += 5
    scores *= 0.2
    sft, gptq = scores.copy(), scores.copy()
    sft[:10] = -scores[:10]
    gptq[20:23] = -scores[20:23]
    gptq[21] *= 20
    runs = []
    for name, values in (("base", scores), ("sft", sft), ("gptq", gptq)):
        text = "The sky is blue. It is A." if name == "base" else "The sea is very blue. It is A."
        rows = [written_row("cot", i, "A", 0, text=text) for i in range(2)]
        tasks = {"mcqa_arc_easy": choice_rows("mcqa_arc_easy", values, gold), "cot": rows}
        runs.append(read_run(write_run(tmp_path / name, tasks, model=name, groups={"both": list(tasks)})))
    return runs


WAYS = [{"sft": "base", "gptq": "sft"}, {"sft": "base", "gptq": "base"}]


def test_changes_are_those_from_the_parent_until_the_reader_switches_to_the_base(chromium, tmp_path):
    path = written_page(tmp_path, browser_section(ladder_runs(tmp_path), "base", parents=WAYS), ways=2)
    opened = Opened(chromium, path, "#task=mcqa_arc_easy&model=gptq&change=1,2,3")
    assert opened.text("count") == "13 of 42 questions shown"
    assert "ARC-Easy, letter, document 21" in opened.text("item")  # the largest shift first
    assert "right → wrong, against sft" in opened.text("item")
    opened.run("document.getElementById('view-1').click()")
    assert opened.text("count") == "3 of 42 questions shown"
    assert "right → wrong, against" not in opened.text("item")
    address = "#task=mcqa_arc_easy&model=gptq&change=1,2,3&against=base&item=mcqa_arc_easy%3A21"
    assert opened.run("return location.hash") == address
    again = Opened(chromium, path, address)
    assert again.text("count") == "3 of 42 questions shown"
    assert again.run("return document.getElementById('view-1').checked")
    group = Opened(chromium, path, "#task=both")
    assert group.text("count") == "42 of 42 questions shown"


def test_a_response_like_its_parents_is_folded_and_another_is_marked(chromium, tmp_path):
    path = written_page(tmp_path, browser_section(ladder_runs(tmp_path), "base", parents=WAYS), ways=2)
    opened = Opened(chromium, path, "#item=cot:1")
    new = "[...e.querySelectorAll('.browser-new')].map((n) => n.textContent)"
    cards = f"return [...document.querySelectorAll('.browser-card')].map((e) => {new})"
    assert opened.run(cards) == [[], [" sea", " very"], []]
    fold = "[e.open, e.querySelector('summary').textContent]"
    folded = f"return [...document.querySelectorAll('.browser-card details')].map((e) => {fold})"
    assert opened.run(folded) == [[False, "The same response as sft"]]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_questions_shown_can_be_downloaded(chromium, tmp_path, kind):
    path = written_page(tmp_path, browser_section(ladder_runs(tmp_path), "base", parents=WAYS), ways=2)
    opened = Opened(chromium, path, "#task=mcqa_arc_easy&model=gptq&change=1")
    keep = "const create = URL.createObjectURL; URL.createObjectURL = (blob) => ((window.blob = blob), create.call(URL, blob))"
    opened.run(keep)
    chromium.find_element("css selector", f"[data-download={kind}]").click()
    text = chromium.execute_async_script("window.blob.text().then(arguments[0])")
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == 9  # three questions of three models
        assert {row["document"] for row in rows} == {"20", "21", "22"}
        assert rows[0]["document"] == "21"
        assert {row["change"] for row in rows if row["model"] == "gptq"} == {"right → wrong"}
        assert {(row["model"], row["against"]) for row in rows} == {("base", ""), ("sft", "base"), ("gptq", "sft")}
    else:
        records = [json.loads(line) for line in text.splitlines()]
        assert records[0]["document"] == 21
        assert [model["right"] for model in records[0]["models"]] == [True, True, False]
        assert abs(sum(records[0]["models"][2]["probabilities"]) - 1) < 0.01
    opened.quiet()


def test_a_text_that_begins_like_a_formula_is_no_formula_in_the_csv(chromium, tmp_path):
    rows = [written_row("cot", i, "A", 0, text="=HYPERLINK(1)") for i in range(2)]
    runs = [read_run(write_run(tmp_path / name, {"cot": rows}, model=name)) for name in ("base", "sft")]
    opened = Opened(chromium, written_page(tmp_path, browser_section(runs, "base")))
    opened.filter("transition", "all")
    opened.run("URL.createObjectURL = (blob) => ((window.blob = blob), 'blob:null/0')")
    opened.run("document.querySelector('[data-download=csv]').click()")
    text = chromium.execute_async_script("window.blob.text().then(arguments[0])")
    assert text.count(",'=HYPERLINK(1)") == 4


def test_a_long_response_is_scrolled_to_its_span(chromium, tmp_path):
    text = "One thing after another. " * 200
    row = written_row("cot", 0, "A", 0, text=f"{text}It is A.")
    read = {"answer": "A", "status": "answered", "rule": "it_is", "span": (len(text) + 6, len(text) + 7)}
    run = read_run(write_run(tmp_path / "base", {"cot": [{**row, "filtered_resps": [[str(read)]]}]}))
    opened = Opened(chromium, written_page(tmp_path, browser_section([run], "base")))
    inside = """const mark = document.querySelector("#browser-item mark").getBoundingClientRect();
    const box = document.querySelector(".browser-response").getBoundingClientRect();
    return [mark.top > box.top, mark.bottom < box.bottom, document.querySelector(".browser-response").scrollTop > 0];"""
    assert opened.run(inside) == [True, True, True]


HOSTILE = [
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "{{ 7 * 7 }} {% raw %} ${window.hit = 1} <%= 7 %>",
    "\u202eright to left\u202c \u05d0\u05d1\u05d2 \u2067unclosed",
    "a\x00b \ud800 lone \udfff \x1b[31m \r\n end",
    "x" * 1_000_000,
    "<style>* { display: none !important }</style></style>body { color: red }",
    "--><!-- ]]> &lt;b&gt; ' \" ` \\",
]


def hostile_run(folder: Path, name: str) -> Run:
    rows, written = [], []
    for i, text in enumerate(HOSTILE):
        row = choice_rows("letters", np.eye(4)[[i % 4]], np.array([0]))[0]
        doc = {"id": text, "stem": text, "choices": [text] * 4, "gold": [0], "subject": text}
        rows.append({**row, "doc_id": i, "doc": doc})
        row = written_row("cot", i, "A", 0, text=text)
        read = {"answer": text, "status": text[:50], "rule": text, "span": (2, 6)}
        written.append({**row, "doc": doc, "filtered_resps": [[read]]})
    path = write_run(folder / "run", {"letters": rows, "cot": written}, model=name)
    return replace(read_run(path), name=name)


def test_hostile_texts_are_shown_as_text_and_nothing_runs(chromium, tmp_path):
    runs = [hostile_run(tmp_path / str(i), f"{text[:80]} {i}") for i, text in enumerate(HOSTILE[:5])]
    opened = Opened(chromium, written_page(tmp_path, browser_section(runs, runs[0].name)))
    n = 2 * len(HOSTILE)
    opened.filter("transition", "all")
    assert opened.text("count") == f"{n} of {n} questions shown"
    seen = ""
    for _ in range(n):
        seen += opened.text("item")
        width, cards = opened.run(
            "return [document.documentElement.scrollWidth - innerWidth, document.querySelectorAll('#browser-item mark').length]"
        )
        assert width <= 0
        assert cards in (0, len(runs))
        opened.press("j")
    for text in [*HOSTILE[:5], *HOSTILE[7:]]:
        assert text in seen
    assert "a␀b � lone � ␛[31m \n end" in seen
    assert "994,000 characters left out" in seen
    elements = "return document.querySelectorAll('#browser script, #browser style, #browser img, #browser b').length"
    assert opened.run(elements) == 0
    assert opened.run("return window.hit ?? null") is None
    assert opened.run("return getComputedStyle(document.getElementById('browser-item')).display") != "none"
    opened.quiet()


def test_without_scripts_the_page_says_what_needs_them(chromium, tmp_path):
    path = written_page(tmp_path, browser_section(small_runs(tmp_path), "base"))
    with seen_as(chromium, scripts=False):
        chromium.get(path.as_uri())
        assert chromium.find_element("id", "browser-off").is_displayed()
        assert "46 of 46 documents" in chromium.find_element("id", "browser-about").text
        assert not chromium.find_element("id", "browser-on").is_displayed()


def test_14000_questions_of_8_models_open_and_filter(chromium, tmp_path, capsys):
    scores, gold = questions(14_000)
    rows = choice_rows("letters", scores, gold)
    rng = np.random.default_rng(2)
    words = [f"{'bcdfglmnprst'[i % 12]}{'aeiou'[i % 5]}{i}" for i in range(3000)]
    for row, drawn in zip(rows, rng.integers(3000, size=(14_000, 50)), strict=True):
        texts = [words[i] for i in drawn]
        row["doc"]["stem"] = " ".join(texts[:30])
        row["doc"]["choices"] = [" ".join(texts[i : i + 5]) for i in range(30, 50, 5)]
        row["doc"]["subject"] = f"subject {row['doc_id'] % 19}"
    base = read_run(write_run(tmp_path / "base", {"letters": rows}))
    runs = [base]
    for i in range(1, 8):  # their texts are the base's, so they need no log of their own
        task = base.tasks["letters", "none"]
        noisy = scores + rng.normal(size=scores.shape) * i / 4
        right = (noisy.argmax(axis=1) == gold).astype(float)
        samples = replace(task.samples, loglikelihoods=noisy, scores={"acc": right})
        runs.append(replace(base, name=f"variant {i}", tasks={("letters", "none"): replace(task, samples=samples)}))
    began = time.perf_counter()
    browser = browser_section(runs, "base")
    seconds = time.perf_counter() - began
    opened = Opened(chromium, written_page(tmp_path, browser))
    embedded = len(unpacked(browser)[0])
    assert opened.text("count").endswith(f" of {embedded:,} questions shown; 14,000 were evaluated")
    times = {
        "transition": opened.filter("transition", "right → wrong"),
        "subject": opened.filter("subject", "subject 3"),
        "text": opened.filter("text", words[7]),
    }
    opened.filter("subject", "all")
    opened.filter("transition", "all")
    times["text alone"] = opened.filter("text", words[8][:3])
    times["no text"] = opened.filter("text", "")
    scroll = opened.run(
        """const list = document.getElementById("browser-list"), began = performance.now();
        for (let i = 0; i < 100; i++) {
          list.scrollTop = i * 7000;
          list.dispatchEvent(new Event("scroll"));
          list.getBoundingClientRect();
        }
        return (performance.now() - began) / 100;"""
    )
    elements = opened.run("return document.querySelectorAll('.browser-row').length")
    with capsys.disabled():
        spent = ", ".join(f"{name} {value:.0f} ms" for name, value in times.items())
        print(
            f"\n{embedded:,} of 14,000 x 8 in {len(browser.data) / 1e6:.2f} MB made in {seconds:.1f} s; "
            f"open {opened.seconds:.2f} s; filter: {spent}; one scroll {scroll:.1f} ms; {elements} rows drawn"
        )
    assert elements < 60
    opened.quiet()
