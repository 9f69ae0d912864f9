"""`mcqa ask` in a real browser: what it shows is what `mcqa eval` logs, and no text becomes markup or leaves the machine."""

from __future__ import annotations

import gc
import json
import socket
import time

import pytest
from helpers.asked_runs import TASK
from helpers.locations import TOY

pytest.importorskip("gradio", reason="gradio is not installed: pip install '.[ask]'", exc_type=ImportError)

from mcqa_suite.evaluation.ask import question
from mcqa_suite.evaluation.ask.app import build, launch
from mcqa_suite.evaluation.ask.model import load

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # gradio's own: loops and sockets that stay open
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> ${1+1} {{2+2}} <b>bold</b>"


@pytest.fixture(scope="module")
def models(tiny_checkpoint):
    return [load(str(TOY / "base")), load(str(tiny_checkpoint))]


@pytest.fixture(scope="module")
def addresses():
    """What this process has connected to, from before the app is built."""
    seen, connect = [], socket.socket.connect

    def noted(self, address):
        seen.append(address)
        return connect(self, address)

    socket.socket.connect = noted
    yield seen
    socket.socket.connect = connect


@pytest.fixture(scope="module")
def page(models, chromium, addresses):
    """The browser on the app of two models; the app ends with the tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = build(models, TASK)
    chromium.get("about:blank")
    for kind in ("browser", "performance"):
        chromium.get_log(kind)
    chromium.get(launch(app, port, wait=False))
    until(chromium, "document.querySelector('#ask-ask')")
    yield chromium
    chromium.get("about:blank")
    app.close()
    gc.collect()  # what gradio leaves open, before the tests in which it would be an error


def until(driver, condition, seconds=60):
    end = time.monotonic() + seconds
    while not driver.execute_script(f"return Boolean({condition})"):
        assert time.monotonic() < end, f"never came true: {condition}"
        time.sleep(0.05)


def click(driver, name):
    driver.find_element("id", f"ask-{name}").click()


def fill(driver, name, text):
    field = driver.find_element("css selector", f"#ask-{name} textarea, #ask-{name} input")
    field.clear()
    field.send_keys(text)


def value(driver, name):
    return driver.execute_script(f"return document.querySelector('#ask-{name} textarea, #ask-{name} input').value")


CELLS = """return [...document.querySelectorAll('#ask-scores tbody tr')].map((row) =>
  [row.querySelector('bdi').textContent, ...[...row.querySelectorAll('td')].map((e) => Number(e.dataset.loglikelihood))])"""


def fill_in(driver, stem, options, right=""):
    for name, text in (("stem", stem), ("options", options), ("right", right)):
        fill(driver, name, text)
    click(driver, "ask")


def shown_for(driver, options):
    """The rows of the table once they are of these options."""
    names = "JSON.stringify([...document.querySelectorAll('#ask-scores tbody bdi')].map((e) => e.textContent))"
    expected = json.dumps(options, separators=(",", ":"), ensure_ascii=False)
    until(driver, f"{names} === {json.dumps(expected)}")
    return driver.execute_script(CELLS)


def ask(driver, stem, options, right=""):
    fill_in(driver, stem, options, right)
    return shown_for(driver, options.split("\n"))


def wait_for(driver, name, words):
    until(driver, f"document.querySelector('#ask-{name}').textContent.includes({json.dumps(words)})")
    return driver.execute_script(f"return document.querySelector('#ask-{name}').innerText")


def test_a_drawn_question_is_shown_with_the_scores_of_eval(page, models):
    fill(page, "number", "2")
    click(page, "draw")
    drawn = question.drawn(TASK, 2)
    until(page, f"document.querySelector('#ask-stem textarea').value === {json.dumps(drawn.stem)}")
    assert value(page, "options").split("\n") == list(drawn.choices)
    assert value(page, "right") == drawn.answer
    rows = shown_for(page, list(drawn.choices))
    scores = [question.scored(model, TASK, drawn, format) for model in models for format in ("letter", "cloze")]
    assert [row[1:] for row in rows] == [[each.loglikelihoods[i] for each in scores] for i in range(len(drawn.choices))]
    assert wait_for(page, "scores", "✓ right")
    shares = page.execute_script(
        "return [...document.querySelectorAll('#ask-scores .ask-bar > span')].map((e) => e.style.width)"
    )
    assert [float(text.rstrip("%")) for text in shares[:4]] == [round(100 * each.shares[0], 1) for each in scores]


def test_the_options_are_shuffled_live(page):
    first = ask(page, "Which is a colour?", "red\ntwo\nsoft", "A")
    click(page, "shuffle")
    until(page, "!document.querySelector('#ask-options textarea').value.startsWith('red\\ntwo\\nsoft')")
    lines = value(page, "options").split("\n")
    assert sorted(lines) == ["red", "soft", "two"]
    assert lines["ABC".index(value(page, "right"))] == "red"
    by_option = {row[0]: row[1:] for row in shown_for(page, lines)}
    cloze = {row[0]: row[2] for row in first}
    assert {name: by_option[name][1] for name in cloze} == pytest.approx(cloze)  # cloze does not see the order
    assert {name: by_option[name][0] for name in cloze} != {row[0]: row[1] for row in first}  # letters do


def test_the_written_answer_has_the_span_that_decided(page):
    ask(page, "What is the gas among these?", "ozone\nwasp\nhorse\ncod")
    click(page, "write")
    shown = wait_for(page, "written", "answered")
    assert "The answer is (A)." in shown
    assert "Read: answered, answer A, rule answer_is" in shown
    mark = page.execute_script("return document.querySelector('#ask-written mark').textContent")
    assert mark == "A"
    assert page.execute_script("return document.querySelectorAll('#ask-written article').length") == 2


def test_no_text_of_a_question_becomes_markup(page):
    ask(page, HOSTILE, f"{HOSTILE}\nb")
    assert HOSTILE in wait_for(page, "scores", "onerror")
    fill_in(page, "s", "one")
    assert "1 options, expected 2 to 26" in wait_for(page, "scores", "expected")
    assert page.execute_script("return document.querySelectorAll('#ask-scores img, #ask-scores td b b').length") == 0
    assert page.title != "owned"


def test_the_words_that_moved_an_option_are_shown(page):
    pytest.importorskip("captum", reason="captum is not installed: pip install '.[explain]'", exc_type=ImportError)
    ask(page, f"Which is green? {HOSTILE}", "grass\nsnow")
    click(page, "explain")
    shown = wait_for(page, "explanation", "What moved option")
    assert HOSTILE in " ".join(shown.split())
    assert "An attribution, not a reason" in shown
    assert page.execute_script("return document.querySelectorAll('#ask-explanation article').length") == 2
    assert page.title != "owned"


def test_nothing_leaves_the_machine(page, addresses):
    """The last test of the file: what the page has asked for until now, and what the app has connected to."""
    hosts = {address[0] for address in addresses if isinstance(address, tuple)}
    assert hosts <= {"127.0.0.1", "::1", "localhost"}
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    own = page.current_url.rstrip("/")
    urls = {each["request"]["url"] for each in sent if each["documentURL"].startswith(own)}
    assert urls
    assert {url for url in urls if not url.startswith((own, "data:", "blob:"))} == set()
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
