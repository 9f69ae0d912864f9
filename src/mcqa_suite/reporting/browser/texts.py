"""The texts of a sample row in the sample browser: question and responses, cut to a readable length."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mcqa_suite.grids import Encoder
from mcqa_suite.logs.rows import Sample, read_answer, read_extraction
from mcqa_suite.reporting.browser.grids import cells, compact, labelled_grids, outcome

Row = dict[str, Any]
# A piece of a text: a string, the number of characters left out, the marked span {"m": ...} that the answer was read from, a
# grid {"g": ...}, or a marked grid {"m": 1, "g": ...}.
Piece = str | int | dict[str, Any]
LONGEST = 6000  # characters of one text that are embedded at most
AROUND = 1500  # characters that are kept before and after the marked span
OPTION = 1200  # characters of one option
RESPONSES = 4  # responses of one model to one document


def document(row: Row) -> dict[str, Any]:
    return row["doc"] if isinstance(row["doc"], dict) else {}


def question(row: Row, options: int, form: Encoder | None = None) -> tuple[list[Piece], list[list[Piece]]]:
    """The question and its options in pieces; with an encoder (`form`) each grid is a piece."""
    doc = document(row)
    if form:
        return _grid_pieces(str(doc["text"]), form), []
    stem = Sample(row).stem
    if stem is None:
        stem = Sample(row).context or json.dumps(doc)
    texts = doc.get("choices")
    if isinstance(texts, dict):
        texts = texts.get("text")
    if not isinstance(texts, list) or len(texts) != options:
        texts = Sample(row).option_texts(options)
    return pieces(stem), [pieces(str(text), limit=OPTION) for text in texts]


def _grid_pieces(text: str, form: Encoder) -> list[Piece]:
    """A text in pieces, each grid one piece; grids are never cut."""
    result: list[Piece] = []
    position = 0
    for start, end, grid in labelled_grids(text, form):
        result += [*pieces(text[position:start]), {"g": grid}]
        position = end
    return [*result, *pieces(text[position:])]


def gold_text(row: Row, form: Encoder | None = None) -> list[Piece]:
    """The right answer of a question without options."""
    doc = document(row)
    if form and (grid := compact(doc.get("output"))):
        return [{"g": grid}]
    return pieces(_text(next((doc[name] for name in ("gold", "output") if name in doc), row.get("target", ""))))


def subject(row: Row) -> str:
    """The document's subject, "" where it names none."""
    return _short(_first(document(row), ("subject", "category"), str) or "")


def document_id(row: Row) -> str:
    """The document's own id, "" where it has none."""
    value = _first(document(row), ("id", "task_id"), (str, int))
    return "" if value is None else _short(value)


def _first(doc: Mapping[str, Any], names: Sequence[str], kind: type | tuple[type, ...]) -> Any:
    """The first field of `names` that has a value of that type; None where there is none."""
    return next((doc[name] for name in names if isinstance(doc.get(name), kind)), None)


def reads(row: Row, form: Encoder | None = None) -> list[list[Any] | int]:
    """[status, rule, answer, response in pieces] of each of the first responses, then the number of the others.

    With an encoder (`form`) an answer is {"g": ...}, or "" where a piece of the response is the same grid. Where the document
    has a target grid, a text about the outcome follows.
    """
    texts, values = [str(text) for text in Sample(row).responses], Sample(row).filtered
    target = compact(document(row).get("output")) if form else None
    result: list[list[Any] | int] = []
    total = max(len(texts), len(values))
    for index in range(min(RESPONSES, total)):
        read = _read(values[index]) if index < len(values) else {"status": "not read"}
        response = pieces(texts[index] if index < len(texts) else "", read.get("span"))
        value, status = read.get("answer"), _short(read.get("status") or "")
        grid = compact(value) if form else None
        answer: str | dict[str, str] = "" if value is None else _short(_text(value), 900)
        if form and grid:
            answer, written = {"g": grid}, {"m": form.encode(cells(grid))}
            if written in response:
                answer, response[response.index(written)] = "", {"m": 1, "g": grid}
        words = [outcome(grid, status, target)] if target else []
        result.append([status, _short(read.get("rule") or ""), answer, response, *words])
    return [*result, total - RESPONSES] if total > RESPONSES else result


def _read(value: Any) -> Mapping[str, Any]:
    """The fields of a logged extraction; for a filter that logs plain answers, `answer` and `status`."""
    try:
        if (extraction := read_extraction(value)) is not None:
            return vars(extraction)
        answer = read_answer(value)
    except ValueError:
        answer = None
    return {"answer": answer, "status": "none" if answer is None else "answered"}


def pieces(text: str, span: Any = None, limit: int = LONGEST) -> list[Piece]:
    """`text` in pieces with the span marked, cut to `limit` characters around the span, or around its start if it is long."""
    start, end = _bounds(span, len(text))
    if len(text) <= limit:
        parts = [(0, len(text))]
    elif start == end:
        parts = [(0, limit // 2), (len(text) - limit // 2, len(text))]
    else:
        head = min(AROUND, start)
        parts = [(0, head), (max(head, start - AROUND), min(len(text), min(end, start + AROUND) + AROUND))]
    result: list[Piece] = []
    position = 0
    for first, last in [*parts, (len(text), len(text))]:
        if first > position:
            result.append(first - position)
        for low, high, marked in ((first, start, False), (start, end, True), (end, last, False)):
            if part := text[max(low, first) : min(high, last)]:
                result.append({"m": part} if marked else part)
        position = last
    return result


def _bounds(span: Any, length: int) -> tuple[int, int]:
    """The span limited to the text; (length, length) where `span` is not valid."""
    if isinstance(span, Sequence) and len(span) == 2 and all(type(bound) is int for bound in span):
        start, end = (max(0, min(length, bound)) for bound in span)
        if start < end:
            return start, end
    return length, length


def _text(value: Any) -> str:
    """A grid as lines of digits, any other list as values with commas between them."""
    if isinstance(value, list) and value and all(isinstance(line, list) for line in value):
        return "\n".join(" ".join(map(str, line)) for line in value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(value: Any, limit: int = 120) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
