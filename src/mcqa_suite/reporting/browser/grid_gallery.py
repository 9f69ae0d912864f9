"""A few grid questions of the sample browser as pictures that need no script: for a reader without scripts, and for paper."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from mcqa_suite.grids import score
from mcqa_suite.reporting.browser.grid_svg import svg, unread, words
from mcqa_suite.reporting.browser.grids import cells
from mcqa_suite.reporting.views import clean

DOZEN = 12
MOST = 300_000  # bytes of markup
BLANK = '<template id="browser-grid"><svg class="arc-grid" role="img"></svg></template>\n'  # what the script draws in
Item = list[Any]


def gallery(items: Sequence[Item], total: int, about: dict[str, Any]) -> str:
    """The first of `total` embedded questions that ask for a grid, as items of the browser, in the order in which they were
    embedded; "" where there is none."""
    drawn: list[str] = []
    for article in (_article(item, about) for item in items[:DOZEN]):
        if sum(map(len, drawn)) + len(article) <= MOST:
            drawn.append(article)
    if not drawn:
        return ""
    which = f"{len(drawn)} of {total:,} grid questions" if len(drawn) < total else "The grid questions"
    return (
        f'<details class="arc-gallery" id="browser-gallery" open><summary>{which} as pictures, those on which models differ first'
        "</summary>\n<p>Cells that differ from the target are crossed out. Of several attempts the best is drawn.</p>\n"
        f"{''.join(drawn)}</details>\n"
    )


def _article(item: Item, about: dict[str, Any]) -> str:
    task, doc_id, _subject, gold, question, models = item
    name, stem = question[:2]
    asked = [piece["g"] for piece in stem if isinstance(piece, dict)]
    target = gold[0]["g"]
    figures = [_figure(asked[-1], "Input to solve", "Input to solve")] if asked else []
    figures.append(_figure(target, "Target", "Target"))
    figures += [_answer(model, cell, target) for model, cell in zip(about["models"], models, strict=True)]
    title = f"{_text(about['tasks'][task][0])}, document {doc_id} <small>{_text(name)}</small>"
    return f'<article class="arc-item"><h3>{title}</h3><div class="arc-row">{"".join(figures)}</div></article>\n'


def _answer(model: str, cell: Item | None, target: str) -> str:
    """One model's best attempt."""
    if cell is None:
        return _said(model, "not asked the same", "muted")
    reads = [read for read in cell[4] if isinstance(read, list)]
    answers = [short for read in reads if (short := grid_of(read))]
    if not answers:
        return _said(model, unread(reads[0][0] if reads else "empty"), "wrong")
    wanted = cells(target)
    best = max(answers, key=lambda short: _rank(score(cells(short), wanted)))
    tone = "right" if best == target else "wrong"
    caption = f'<b>{_text(model)}</b> <span class="browser-{tone}">{words(best, target)}</span>'
    return _figure(best, f"Answer of {clean(model)}", caption, target)


def _rank(one: Any) -> tuple[bool, bool, float]:
    return one.exact, one.shape, one.cells


def grid_of(read: Item) -> str | None:
    """The grid that a response was read as, in its own place or in the response."""
    _status, _rule, answer, response = read
    holders = [answer, *response]
    return next((str(holder["g"]) for holder in holders if isinstance(holder, dict) and "g" in holder), None)


def _figure(grid: str, label: str, caption: str, target: str | None = None) -> str:
    return f'<div class="arc">{svg(grid, label, target)}<p>{caption}</p></div>'


def _said(model: str, what: str, tone: str) -> str:
    return f'<div class="arc"><p><b>{_text(model)}</b> <span class="browser-{tone}">{_text(what)}</span></p></div>'


def _text(value: object) -> str:
    return escape(clean(value))
