"""The grids of grid questions in the sample browser: found in texts, judged in words, and drawn in a gallery without scripts.

A grid is written as its rows with a slash between them, "012/345". The page makes from it a table, and the text that the
model saw. templates/browser_grids.js builds the same tables as templates/grids.html.j2; browser_grids.css has the colours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.extract.grids import MOST_SIDE
from mcqa_suite.grids import DEFAULT, Encoder, encoder, score
from mcqa_suite.reporting.templating import template

MOST_QUESTIONS = 12
MOST_BYTES = 300_000  # of markup
UNREAD = {
    "none": "the response has no valid grid",
    "refused": "the model refused",
    "truncated": "the response was cut off",
    "unclosed": "its reasoning never ends",
    "empty": "the response is empty",
}
Item = list[Any]

# "Input 3:" and the lines below it, up to the next label or an empty line
LABELLED = re.compile(r"^(?:Input|Output)(?: \d+)?:\n((?:(?!(?:Input|Output)\b).+(?:\n|\Z))+)", re.MULTILINE)


def compact(value: Any) -> str | None:
    """A grid of digits as "012/345"; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        return None
    width = len(value[0]) if value else 0
    if not (0 < width <= MOST_SIDE and 0 < len(value) <= MOST_SIDE):
        return None
    if any(len(row) != width or any(type(cell) is not int or not 0 <= cell <= 9 for cell in row) for row in value):
        return None
    return "/".join("".join(map(str, row)) for row in value)


def cells(grid: str) -> list[list[int]]:
    """The rows of a grid that `compact` wrote."""
    return [[int(cell) for cell in row] for row in grid.split("/")]


def form_of(doc: Mapping[str, Any]) -> Encoder | None:
    """The encoder that wrote the grids in a document's text; None where the text has no grid."""
    if "task_id" not in doc or not isinstance(doc.get("text"), str):
        return None
    try:
        form = encoder(str(doc.get("encoder") or DEFAULT))
    except ConfigError:
        return None
    return form if compact(doc.get("output")) or labelled_grids(doc["text"], form) else None


def labelled_grids(text: str, form: Encoder) -> list[tuple[int, int, str]]:
    """(start, end, grid) of every labelled grid in the text that the encoder can read."""
    grids = []
    for match in LABELLED.finditer(text):
        start, end = match.span(1)
        end -= text[start:end].endswith("\n")
        try:
            grid = compact(form.decode(text[start:end]))
        except (ValueError, RecursionError):
            continue
        if grid:
            grids.append((start, end, grid))
    return grids


def shape(grid: str) -> tuple[int, int]:
    """Rows and columns."""
    return grid.count("/") + 1, (grid + "/").index("/")


def outcome(grid: str | None, status: str, target: str) -> str:
    """Say in words how good an answer is; `grid` is None where the response has no valid grid."""
    if grid is None:
        return f"✗ no grid could be read: {UNREAD.get(status, status)}"
    if grid == target:
        return "✓ right"
    if shape(grid) != shape(target):
        rows, columns = shape(grid)
        right, across = shape(target)
        return f"✗ wrong shape: {_counted(rows, 'row')} by {_counted(columns, 'column')}, expected {right} by {across}"
    wrong = sum(cell != other for cell, other in zip(grid, target, strict=True))
    return f"✗ {wrong} of {len(grid.replace('/', ''))} cells wrong, crossed out"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def macros() -> Any:
    """The macros that draw grids in HTML, such as `grid_table(grid, caption, target)`."""
    return template("grids.html.j2").make_module({"shape": shape})


def gallery(items: Sequence[Item], total: int, about: dict[str, Any]) -> str:
    """HTML of the first `items` of the browser's `total` grid questions; "" where none fits into MOST_BYTES."""
    drawn = macros()
    articles: list[str] = []
    for item in items[:MOST_QUESTIONS]:
        article = drawn.article(*_article(item, about))
        if sum(map(len, articles)) + len(article) <= MOST_BYTES:
            articles.append(article)
    return str(drawn.gallery(articles, total)) if articles else ""


def _article(item: Item, about: dict[str, Any]) -> tuple[Any, ...]:
    """The task, the document, its id, the last input (None: none), the target, and (model, tone, words, grid) of each model."""
    task, doc_id, _subject, gold, (name, stem, *_), models = item
    target = gold[0]["g"]
    inputs = [piece["g"] for piece in stem if isinstance(piece, dict)]
    answers = [(model, *_answer(cell, target)) for model, cell in zip(about["models"], models, strict=True)]
    return about["tasks"][task][0], doc_id, name, inputs[-1] if inputs else None, target, answers


def _answer(cell: Item | None, target: str) -> tuple[str, str, str | None]:
    """The tone, words and grid of one model's best attempt."""
    if cell is None:
        return "muted", "no answer to the same prompt", None
    reads = [read for read in cell[4] if isinstance(read, list)]
    answers = [grid for read in reads if (grid := grid_of(read))]
    best = max(answers, key=lambda grid: _quality(grid, target), default=None)
    return "right" if best == target else "wrong", outcome(best, reads[0][0] if reads else "empty", target), best


def _quality(grid: str, target: str) -> tuple[bool, bool, float]:
    scores = score(cells(grid), cells(target))
    return scores.exact, scores.shape, scores.cells


def grid_of(read: Item) -> str | None:
    """The grid that was extracted from a response: the answer itself, or the piece of the response that holds it."""
    holders = [read[2], *read[3]]
    return next((str(holder["g"]) for holder in holders if isinstance(holder, dict) and "g" in holder), None)
