"""Runs for the sample browser, a page that holds it alone, and the items that it embeds."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from helpers.log_files import choice_rows, questions, write_run, written_row
from mcqa_suite.logs.runs import Run, read_run
from mcqa_suite.reporting import html
from mcqa_suite.reporting.browser.section import Browser, browser_section
from mcqa_suite.reporting.figures import css_variables

SWITCH = "".join(
    f'<label><input type="radio" name="against" id="view-{i}" value="{value}"{" checked" * (not i)}> {value}</label>'
    for i, value in enumerate(("parent", "base"))
)


def page(browser: Browser, ways: int = 1) -> str:
    """A page that holds the browser alone, under the policy that a report has, with a switch between two `ways` to compare."""
    css = css_variables() + browser.css
    policy = html.policy([css], [browser.script])
    switch = SWITCH if ways > 1 else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Samples</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<style>{css}</style></head><body><main>{switch}{browser.html}</main>"
        f'<script type="application/octet-stream" id="browser-data">{browser.data}</script>'
        f"<script>{browser.script}</script></body></html>"
    )


def written_page(folder: Path, browser: Browser, ways: int = 1) -> Path:
    path = folder / "page.html"
    path.write_text(page(browser, ways), encoding="utf-8")
    return path


def section(*paths: Path, **options: Any) -> Browser:
    """The browser of these runs; the first is the base."""
    runs = [read_run(path, name=path.name) for path in paths]
    return browser_section(runs, runs[0].name, **options)


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
    runs = []
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
        runs.append(read_run(write_run(tmp_path / name, {"letters": rows, "cot": written}, model=name)))
    return runs
