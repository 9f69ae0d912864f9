"""The sample browser: what is embedded, and that it works in a real browser from a file."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_logs import choice_rows, digest, questions, write_run, written_row

from mcqa_suite.errors import DatasetError
from mcqa_suite.report.browser import Browser, browser_section
from mcqa_suite.report.browser_texts import LONGEST, pieces
from mcqa_suite.runs import Run, read_log


def page(browser: Browser) -> str:
    """A page that holds the browser alone, under the policy that a report has."""
    script, style = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (browser.script, browser.css)
    )
    policy = f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; base-uri 'none'"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Samples</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<style>{browser.css}</style></head><body><main>{browser.html}</main>"
        f'<script type="application/octet-stream" id="browser-data">{browser.data}</script>'
        f"<script>{browser.script}</script></body></html>"
    )


def unpacked(browser: Browser) -> tuple[list[list], dict]:
    """The embedded items, and the line about all of them."""
    *items, about = zlib.decompress(base64.b64decode(browser.data), 31).decode("ascii").split("\n")
    return [json.loads(item) for item in items], json.loads(about)


def small_runs(tmp_path: Path) -> list[Run]:
    """A base and two variants on 40 questions of four options, and on 6 that were answered in writing."""
    scores, gold = questions(40)
    worse = scores.copy()
    worse[:10] = -scores[:10]
    rng = np.random.default_rng(1)
    made = []
    for name, values in (("base", scores), ("same", scores), ("worse", worse)):
        rows = choice_rows("letters", values, gold, subject="physics")
        for row in rows:
            row["doc"]["choices"] = [f"option {letter} of {row['doc_id']}" for letter in "abcd"]
        written = []
        for i in range(6):
            answer = "A" if name != "worse" or i < 3 else None
            row = written_row(
                "cot", i, answer, int(rng.integers(1)), text="I refuse." if answer is None else "It is A."
            )
            read = {"answer": answer, "status": "answered", "rule": "it_is", "span": (6, 7)}
            if answer is None:
                read = {"answer": None, "status": "refused", "rule": "refusal", "span": (2, 8)}
            written.append({**row, "filtered_resps": [[str(read)]]})
        made.append(read_log(write_run(tmp_path / name, {"letters": rows, "cot": written}, model=name)))
    return made


def test_every_document_is_there_once_with_a_cell_for_each_model(tmp_path):
    browser = browser_section(small_runs(tmp_path), "base")
    items, about = unpacked(browser)
    assert about["models"] == ["base", "same", "worse"]
    assert about["total"] == len(items) == 46
    assert "46 of 46 documents with the answers of 3 models are embedded." in browser.html
    assert {len(item[5]) for item in items} == {3}
    assert len({(item[0], item[1]) for item in items}) == 46
    letters = [item for item in items if about["tasks"][item[0]] == ["letters", "letters"]]
    assert all(abs(sum(cell[4:]) - 1000) <= 2 for item in letters for cell in item[5])
    assert {about["subjects"][item[2]] for item in letters} == {"physics"}


def test_transitions_are_those_of_the_comparison(tmp_path):
    from mcqa_suite.compare import Options, compare

    runs = small_runs(tmp_path)
    items, about = unpacked(browser_section(runs, "base"))
    found = compare(runs[0], runs[1:], Options())
    for row in found.comparisons:
        task = [name for name, _link in about["tasks"]].index(row.task)
        model = about["models"].index(row.variant)
        counts = np.bincount([item[5][model][0] for item in items if item[0] == task], minlength=6)
        flips = row.flips
        assert tuple(counts[1:4]) == (flips.right_to_wrong, flips.wrong_to_right, flips.wrong_to_wrong)


def test_a_written_answer_comes_with_its_status_its_rule_and_the_span_that_decided(tmp_path):
    items, about = unpacked(browser_section(small_runs(tmp_path), "base"))
    task = [name for name, _link in about["tasks"]].index("cot")
    item = next(item for item in items if item[0] == task and item[1] == 4)
    base, _same, worse = item[5]
    assert base[4] == [["answered", "it_is", "A", ["It is ", {"m": "A"}, "."]]]
    assert worse[4] == [["refused", "refusal", "", ["I ", {"m": "refuse"}, "."]]]
    assert about["statuses"][worse[2]] == "refused"


def test_of_many_responses_the_first_are_shown_and_the_rest_counted(tmp_path):
    row = written_row("cot", 0, "A", 0)
    row["resps"], row["filtered_resps"] = [[f"Response {i}" for i in range(9)]], [["A"] * 9]
    run = read_log(write_run(tmp_path / "base", {"cot": [row]}))
    [[*_rest, [cell]]], _about = unpacked(browser_section([run], "base"))
    assert cell[4][:2] == [["answered", "", "A", [f"Response {i}"]] for i in range(2)]
    assert cell[4][4:] == [5]


def test_a_score_that_is_not_0_or_1_is_neither_right_nor_wrong(tmp_path):
    scores, gold = questions(5)
    rows = [row | {"metrics": ["acc", "mark"], "mark": 4 * row["acc"] - 1} for row in choice_rows("a", scores, gold)]
    run = read_log(write_run(tmp_path / "base", {"a": rows}))
    items, _about = unpacked(browser_section([run], "base", metric="mark"))
    assert {item[5][0][1] for item in items} == {2}


def test_flips_come_first_under_the_size_limit_and_the_page_says_how_many(tmp_path):
    runs = small_runs(tmp_path)
    whole = browser_section(runs, "base")
    assert browser_section(runs, "base").data == whole.data
    limit = len(whole.data) * 2 // 3
    browser = browser_section(runs, "base", size_limit=limit)
    items, about = unpacked(browser)
    assert len(browser.data) <= limit
    assert 0 < len(items) < 46 == about["total"]
    assert f"{len(items)} of 46 documents" in browser.html
    flipped = [any(cell[0] in (1, 2) for cell in item[5]) for item in items]
    assert flipped == sorted(flipped, reverse=True)
    none, _about = unpacked(browser_section(runs, "base", size_limit=100))
    assert none == []


def test_a_question_that_two_tasks_share_is_embedded_once(tmp_path):
    scores, gold = questions(30)
    rows = choice_rows("letters", scores, gold)
    run = read_log(write_run(tmp_path / "base", {"letters": rows, "letters_cloze": rows}))
    items, _about = unpacked(browser_section([run], "base"))
    assert sum(isinstance(item[4], int) for item in items) == 30
    assert all(items[item[4]][4][0] == f"letters/{item[1]}" for item in items if isinstance(item[4], int))


def test_without_a_base_nothing_is_said_of_transitions_and_without_runs_there_is_nothing(tmp_path):
    runs = small_runs(tmp_path)
    _items, about = unpacked(browser_section(runs[1:], None))
    assert (about["base"], about["models"]) == (False, ["same", "worse"])
    assert browser_section([], "base") is None


def test_a_model_that_was_asked_otherwise_has_an_empty_cell(tmp_path):
    scores, gold = questions(8)
    base = read_log(write_run(tmp_path / "base", {"letters": choice_rows("letters", scores, gold)}))
    rows = choice_rows("letters", scores, gold)
    rows[3]["prompt_hash"] = digest("another prompt")
    other = read_log(write_run(tmp_path / "other", {"letters": rows[:6]}, model="other"))
    items, _about = unpacked(browser_section([base, other], "base"))
    assert sorted(item[1] for item in items if item[5][1] is None) == [3, 6, 7]


def test_scores_that_are_no_numbers_are_a_state_of_their_own(tmp_path):
    scores, gold = questions(4)
    scores[1] = np.nan
    run = read_log(write_run(tmp_path / "base", {"letters": choice_rows("letters", scores, gold)}))
    items, about = unpacked(browser_section([run], "base"))
    states = {item[1]: about["statuses"][item[5][0][2]] for item in items}
    assert states == {0: "scored", 1: "not finite", 2: "scored", 3: "scored"}


def test_a_log_that_is_gone_is_named(tmp_path):
    runs = small_runs(tmp_path)
    next((tmp_path / "base").glob("samples_letters_*")).unlink()
    with pytest.raises(DatasetError, match=r"samples_letters_.*cannot be read again"):
        browser_section(runs, "base")


@pytest.mark.parametrize("span", [None, (0, 4), (500_000, 500_004), (999_990, 1_000_000), (0, 1_000_000), (7, 3), "x"])
def test_a_long_text_is_cut_and_keeps_what_decided(span):
    text = "".join(chr(97 + i % 26) for i in range(1_000_000))
    parts = pieces(text, span)
    rebuilt = sum(
        part if isinstance(part, int) else len(part if isinstance(part, str) else part["m"]) for part in parts
    )
    assert rebuilt == len(text)
    assert sum(len(str(part)) for part in parts if not isinstance(part, int)) <= LONGEST + 100
    marked = "".join(part["m"] for part in parts if isinstance(part, dict))
    if isinstance(span, tuple) and span[0] < span[1]:
        assert text[span[0] : span[1]].startswith(marked)
        assert marked
    else:
        assert marked == ""


def test_nothing_in_the_script_or_the_style_sheet_could_end_it_early(tmp_path):
    browser = browser_section(small_runs(tmp_path), "base")
    assert "</" not in browser.script
    assert "<!--" not in browser.script
    assert "</" not in browser.css
    assert not any(
        word in browser.script for word in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "Function(")
    )
    assert set(browser.data) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


# --- in a real browser ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install -e '.[dev]'")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    helper = shutil.which("chromedriver")
    if not (program and helper):
        pytest.skip("no chromium and chromedriver here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "window-size=1300,1000",
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(helper))
    yield driver
    driver.quit()


class Opened:
    """A page in the browser, and what a reader does with it."""

    def __init__(self, driver, path: Path, hash_: str = ""):
        self.driver, self.path = driver, path
        for kind in ("browser", "performance"):
            driver.get_log(kind)
        driver.get("about:blank")
        began = time.perf_counter()
        driver.get(path.as_uri() + hash_)
        self.wait("document.getElementById('browser').dataset.ready")
        self.seconds = time.perf_counter() - began

    def run(self, script: str, *given):
        return self.driver.execute_script(script, *given)

    def wait(self, condition: str) -> None:
        until = time.monotonic() + 20
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < until, f"{condition}: {self.text('off')}"
            time.sleep(0.01)

    def text(self, name: str) -> str:
        return self.run("return document.getElementById(arguments[0]).textContent", f"browser-{name}")

    def filter(self, name: str, value: str) -> float:
        """Sets a filter by its option's text, or the search; returns milliseconds until the page is drawn again."""
        return self.driver.execute_async_script(
            """const field = document.getElementById("browser-" + arguments[0]);
            const options = [...(field.options ?? [])];
            field.value = options.length ? options.find((o) => o.text === arguments[1]).value : arguments[1];
            const began = performance.now();
            field.dispatchEvent(new Event("input", { bubbles: true }));
            requestAnimationFrame(() => setTimeout(() => arguments[2](performance.now() - began)));""",
            name,
            value,
        )

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def quiet(self) -> None:
        """Nothing on the console, and nothing asked of any network."""
        assert self.driver.get_log("browser") == []
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        asked = [e["request"]["url"].partition("#")[0] for e in sent if e["documentURL"].startswith("file:")]
        assert set(asked) == {self.path.as_uri()}


def written_page(folder: Path, browser: Browser) -> Path:
    path = folder / "page.html"
    path.write_text(page(browser), encoding="utf-8")
    return path


def test_filters_search_keys_and_links_work_from_a_file(chromium, tmp_path):
    from selenium.webdriver.common.keys import Keys

    path = written_page(tmp_path, browser_section(small_runs(tmp_path), "base"))
    opened = Opened(chromium, path)
    assert opened.text("count") == "46 of 46 questions shown"
    opened.filter("task", "cot")
    assert opened.text("count") == "6 of 46 questions shown"
    opened.filter("status", "refused")
    assert opened.text("count") == "3 of 46 questions shown"
    opened.filter("model", "same")
    assert opened.text("count") == "0 of 46 questions shown"
    assert "No question passes" in opened.text("item")
    opened.filter("model", "worse")
    opened.filter("transition", "base right → variant wrong")
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
    assert opened.run("return location.hash") == "#item=letters%3A9"
    chromium.refresh()
    opened.wait("document.getElementById('browser').dataset.ready")
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
    assert "nowhere:1 is not embedded here." in Opened(chromium, path, "#item=nowhere%3A1").text("count")


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
    return replace(read_log(path), name=name)


def test_hostile_texts_are_shown_as_text_and_nothing_runs(chromium, tmp_path):
    runs = [hostile_run(tmp_path / str(i), f"{text[:80]} {i}") for i, text in enumerate(HOSTILE[:5])]
    opened = Opened(chromium, written_page(tmp_path, browser_section(runs, runs[0].name)))
    n = 2 * len(HOSTILE)
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


def test_without_scripts_the_page_says_what_is_missing(chromium, tmp_path):
    path = written_page(tmp_path, browser_section(small_runs(tmp_path), "base"))
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chromium.get(path.as_uri())
        assert chromium.find_element("id", "browser-off").is_displayed()
        assert "46 of 46 documents" in chromium.find_element("id", "browser-about").text
        assert not chromium.find_element("id", "browser-on").is_displayed()
    finally:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_14000_questions_of_8_models_open_and_filter_at_once(chromium, tmp_path, capsys):
    scores, gold = questions(14_000)
    rows = choice_rows("letters", scores, gold)
    rng = np.random.default_rng(2)
    words = [f"{'bcdfglmnprst'[i % 12]}{'aeiou'[i % 5]}{i}" for i in range(3000)]
    for row, drawn in zip(rows, rng.integers(3000, size=(14_000, 50)), strict=True):
        texts = [words[i] for i in drawn]
        row["doc"]["stem"] = " ".join(texts[:30])
        row["doc"]["choices"] = [" ".join(texts[i : i + 5]) for i in range(30, 50, 5)]
        row["doc"]["subject"] = f"subject {row['doc_id'] % 19}"
    base = read_log(write_run(tmp_path / "base", {"letters": rows}))
    runs = [base]
    for i in range(1, 8):  # their texts are the base's, so they need no log of their own
        task = base.tasks["letters", "none"]
        noisy = scores + rng.normal(size=scores.shape) * i / 4
        right = (noisy.argmax(axis=1) == gold).astype(float)
        samples = replace(task.samples, loglikelihoods=noisy, scores={"acc": right})
        runs.append(replace(base, name=f"variant {i}", tasks={("letters", "none"): replace(task, samples=samples)}))
    began = time.perf_counter()
    browser = browser_section(runs, "base")
    made = time.perf_counter() - began
    opened = Opened(chromium, written_page(tmp_path, browser))
    embedded = len(unpacked(browser)[0])
    assert opened.text("count").startswith(f"{embedded:,} of {embedded:,} questions shown")
    times = {
        "transition": opened.filter("transition", "base right → variant wrong"),
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
            f"\n{embedded:,} of 14,000 x 8 in {len(browser.data) / 1e6:.2f} MB made in {made:.1f} s; "
            f"open {opened.seconds:.2f} s; filter: {spent}; one scroll {scroll:.1f} ms; {elements} rows drawn"
        )
    assert opened.seconds < 5  # 1.5 s is the aim; a busy machine may take longer
    assert max(times.values()) < 500  # likewise 100 ms
    assert elements < 60
    opened.quiet()
