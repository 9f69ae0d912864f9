"""ARC grids as HTML tables, and a gallery of grid questions that needs no scripts.

templates/browser_grids.js builds the same tables in the web browser; browser_grids.css has the colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from mcqa_suite.grids import score
from mcqa_suite.reporting.browser.grids import cells
from mcqa_suite.reporting.views import clean

MOST_QUESTIONS = 12
MOST_BYTES = 300_000  # of markup
UNREAD = {
    "none": "the response has no valid grid",
    "refused": "the model refused",
    "truncated": "the response was cut off",
    "empty": "the response is empty",
}
SCROLLS = ' tabindex="0" role="group" aria-label="Wide grid, scrolls sideways"'  # can be reached with the keyboard
Item = list[Any]


def grid_table(grid: str, caption: str, target: str | None = None) -> str:
    """A table of a grid such as "012/345"; cells that differ from a target of the same shape are crossed out.

    `caption` is markup. A crossed-out cell also says "wrong" to a screen reader.
    """
    rows = grid.split("/")
    right = target.split("/") if target and _shape(target) == _shape(grid) else rows
    body = "".join(
        f"<tr>{''.join(_cell(cell, cell != other) for cell, other in zip(row, line, strict=True))}</tr>"
        for row, line in zip(rows, right, strict=True)
    )
    size = "arc-small" if max(_shape(grid)) > 12 else "arc-narrow" if _shape(grid)[1] < 6 else "arc-large"
    return f'<table class="arc-grid {size}"><caption>{caption}</caption><tbody>{body}</tbody></table>'


def _cell(cell: str, wrong: bool) -> str:
    if wrong:
        return f'<td class="c{cell} arc-wrong">{cell}<i class="unseen"> wrong</i></td>'
    return f'<td class="c{cell}">{cell}</td>'


def _shape(grid: str) -> tuple[int, int]:
    """Rows and columns."""
    return grid.count("/") + 1, (grid + "/").index("/")


def outcome(grid: str | None, status: str, target: str) -> str:
    """Say in words how good an answer is; `grid` is None where the response has no valid grid."""
    if grid is None:
        return f"✗ no grid could be read: {UNREAD.get(status, status)}"
    if grid == target:
        return "✓ right"
    if _shape(grid) != _shape(target):
        rows, columns = _shape(grid)
        right, across = _shape(target)
        return f"✗ wrong shape: {_counted(rows, 'row')} by {_counted(columns, 'column')}, expected {right} by {across}"
    wrong = sum(cell != other for cell, other in zip(grid, target, strict=True))
    return f"✗ {wrong} of {len(grid.replace('/', ''))} cells wrong, crossed out"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def gallery(items: Sequence[Item], total: int, about: dict[str, Any]) -> str:
    """HTML of the first `items` of the browser's `total` grid questions; "" where none fits into MOST_BYTES."""
    articles: list[str] = []
    for article in (_article(item, about) for item in items[:MOST_QUESTIONS]):
        if sum(map(len, articles)) + len(article) <= MOST_BYTES:
            articles.append(article)
    if not articles:
        return ""
    which = f"{len(articles)} of {total:,} grid questions" if len(articles) < total else "The grid questions"
    return (
        f'<details class="arc-gallery" id="browser-gallery" open><summary>{which}, those on which models differ first'
        "</summary>\n<p>Cells that differ from the target are crossed out. Of several attempts the best is shown.</p>\n"
        f"{''.join(articles)}</details>\n"
    )


def _article(item: Item, about: dict[str, Any]) -> str:
    task, doc_id, _subject, gold, question, models = item
    name, stem = question[:2]
    inputs = [piece["g"] for piece in stem if isinstance(piece, dict)]
    target = gold[0]["g"]
    tables = [grid_table(inputs[-1], "Input to solve")] if inputs else []
    tables.append(grid_table(target, "Target"))
    tables += [_answer(model, cell, target) for model, cell in zip(about["models"], models, strict=True)]
    title = f"{_text(about['tasks'][task][0])}, document {doc_id} <small>{_text(name)}</small>"
    row = "".join(f'<div class="arc"{SCROLLS if "arc-small" in table else ""}>{table}</div>' for table in tables)
    return f'<article class="arc-item"><h3>{title}</h3><div class="arc-row">{row}</div></article>\n'


def _answer(model: str, cell: Item | None, target: str) -> str:
    """The best attempt of one model, as a table or a paragraph."""
    if cell is None:
        return f'<p><b>{_text(model)}</b> <span class="browser-muted">no answer to the same prompt</span></p>'
    reads = [read for read in cell[4] if isinstance(read, list)]
    answers = [grid for read in reads if (grid := grid_of(read))]
    best = max(answers, key=lambda grid: _quality(grid, target), default=None)
    words = outcome(best, reads[0][0] if reads else "empty", target)
    tone = "right" if best == target else "wrong"
    caption = f'<b>{_text(model)}</b> <span class="browser-{tone}">{_text(words)}</span>'
    return grid_table(best, caption, target) if best else f"<p>{caption}</p>"


def _quality(grid: str, target: str) -> tuple[bool, bool, float]:
    scores = score(cells(grid), cells(target))
    return scores.exact, scores.shape, scores.cells


def grid_of(read: Item) -> str | None:
    """The grid that was extracted from a response: the answer itself, or the piece of the response that holds it."""
    holders = [read[2], *read[3]]
    return next((str(holder["g"]) for holder in holders if isinstance(holder, dict) and "g" in holder), None)


def _text(value: object) -> str:
    return escape(clean(value))
