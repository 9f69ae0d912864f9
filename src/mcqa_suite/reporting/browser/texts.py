"""What the sample browser shows of a sample row: the question and the responses, cut to a readable length."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.grids import Encoder
from mcqa_suite.logs.files import load_results, results_files, samples_file
from mcqa_suite.logs.runs import Run, model_identity
from mcqa_suite.logs.sample_values import flat, option_texts, read_answer
from mcqa_suite.reporting.browser.grids import cells, compact, found

Row = dict[str, Any]
# A text in parts: what is shown, what decided ({"m": ...}), a grid ({"g": ...}), both ({"m": 1, "g": ...}), and how many
# characters are left out.
Piece = str | int | dict[str, Any]
LONGEST = 6000  # characters of one text that are embedded
AROUND = 1500  # of them, on each side of the span that decided
OPTION = 1200  # characters of one option
RESPONSES = 4  # of one model to one document
STEM = ("stem", "question", "query", "problem", "input", "text")


class SampleFile:
    """One run's log of a task, with the place of every row, so that one row at a time is held in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[tuple[str, int], int] = {}
        try:
            with path.open("rb") as lines:
                place = 0
                for line in lines:
                    row = json.loads(line)
                    self.places[str(row["filter"]), int(row["doc_id"])] = place
                    place += len(line)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path}: cannot be read again ({error}); was it changed?") from error

    def row(self, name: str, doc_id: int) -> Row:
        with self.path.open("rb") as lines:
            lines.seek(self.places[name, doc_id])
            return dict(json.loads(lines.readline()))


def sample_file(run: Run, task: str) -> SampleFile:
    """The log that `read_log` took the task from: the newest one of this model."""
    for path in reversed(results_files(run.path)):
        results = load_results(path)
        if task in results["configs"] and model_identity(results) == run.model:
            return SampleFile(samples_file(path, task))
    raise DatasetError(f"{run.path}: no longer holds samples of {task}; run it again")


def document(row: Row) -> dict[str, Any]:
    return row["doc"] if isinstance(row["doc"], dict) else {}


def question(row: Row, options: int, form: Encoder | None = None) -> tuple[list[Piece], list[list[Piece]]]:
    """The question's text, its grids in short where it has a form, and its options' texts."""
    doc = document(row)
    if form:
        return grid_pieces(str(doc["text"]), form), []
    stem = next((doc[name] for name in STEM if isinstance(doc.get(name), str)), None)
    if stem is None:
        stem = _prompt(row) or json.dumps(doc)
    texts = doc.get("choices")
    if isinstance(texts, dict):
        texts = texts.get("text")
    if not isinstance(texts, list) or len(texts) != options:
        texts = option_texts(row.get("arguments", ()), options, " ") if options else []
    return pieces(stem), [pieces(str(text), most=OPTION) for text in texts]


def grid_pieces(text: str, form: Encoder) -> list[Piece]:
    """A text with its grids in short, which no length cuts."""
    done: list[Piece] = []
    at = 0
    for start, end, short in found(text, form):
        done += [*pieces(text[at:start]), {"g": short}]
        at = end
    return [*done, *pieces(text[at:])]


def _prompt(row: Row) -> str:
    arguments = row.get("arguments")
    try:
        first = arguments["gen_args_0"]["arg_0"] if isinstance(arguments, dict) else arguments[0][0]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        return ""
    return str(first)


def gold_text(row: Row, form: Encoder | None = None) -> list[Piece]:
    """The right answer of a question without options."""
    doc = document(row)
    if form and (short := compact(doc.get("output"))):
        return [{"g": short}]
    return pieces(_text(next((doc[name] for name in ("gold", "output") if name in doc), row.get("target", ""))))


def subject(row: Row) -> str:
    """The document's subject, "" where it names none."""
    doc = document(row)
    return next((_short(doc[name]) for name in ("subject", "category") if isinstance(doc.get(name), str)), "")


def document_id(row: Row) -> str:
    doc = document(row)
    return next((_short(doc[name]) for name in ("id", "task_id") if isinstance(doc.get(name), (str, int))), "")


def reads(row: Row, form: Encoder | None = None) -> list[list[Any] | int]:
    """[status, rule, answer, response in pieces] for each of the first responses, then how many there are beside them.

    Where the question has a form, an answer is {"g": ...}, or "" where the response holds it in that form: there it is once.
    """
    texts, values = [str(text) for text in flat(row["resps"])], list(flat(row["filtered_resps"]))
    done: list[list[Any] | int] = []
    total = max(len(texts), len(values))
    for index in range(min(RESPONSES, total)):
        read = _read(values[index]) if index < len(values) else {"status": "not read"}
        text = texts[index] if index < len(texts) else ""
        value = read.get("answer")
        parts = pieces(text, read.get("span"))
        answer: str | dict[str, str] = "" if value is None else _short(_text(value), 900)
        if form and (short := compact(value)):
            answer, parts = _grid_answer(short, form.encode(cells(short)), parts)
        done.append([_short(read.get("status") or ""), _short(read.get("rule") or ""), answer, parts])
    return [*done, total - RESPONSES] if total > RESPONSES else done


def _grid_answer(short: str, written: str, parts: list[Piece]) -> tuple[str | dict[str, str], list[Piece]]:
    """An answer and its response, one of which holds the grid."""
    for place, part in enumerate(parts):
        if part == {"m": written}:
            return "", [*parts[:place], {"m": 1, "g": short}, *parts[place + 1 :]]
    return {"g": short}, parts


def _read(value: Any) -> Mapping[str, Any]:
    """A read of ours, or in its terms what another filter returned."""
    try:
        found = ast.literal_eval(value) if isinstance(value, str) and value.startswith("{'answer'") else value
        if isinstance(found, dict):
            return found
        answer = read_answer(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        answer = None
    return {"answer": answer, "status": "none" if answer is None else "answered"}


def pieces(text: str, span: Any = None, most: int = LONGEST) -> list[Piece]:
    """`text` in parts: its span marked, and at most `most` characters of it, the span (or its begin) among them."""
    start, end = _bounds(span, len(text))
    if len(text) <= most:
        keep = [(0, len(text))]
    elif start == end:
        keep = [(0, most // 2), (len(text) - most // 2, len(text))]
    else:
        end_kept = min(len(text), min(end, start + AROUND) + AROUND)
        keep = [(0, min(AROUND, start)), (max(min(AROUND, start), start - AROUND), end_kept)]
    done: list[Piece] = []
    at = 0
    for first, last in keep:
        if first > at:
            done.append(first - at)
        for low, high, marked in ((first, start, False), (start, end, True), (end, last, False)):
            if part := text[max(low, first) : min(high, last)]:
                done.append({"m": part} if marked else part)
        at = last
    if at < len(text):
        done.append(len(text) - at)
    return done


def _bounds(span: Any, length: int) -> tuple[int, int]:
    """A span within the text; where there is none, an empty one at its end."""
    if isinstance(span, Sequence) and len(span) == 2 and all(type(place) is int for place in span):
        start, end = (max(0, min(length, place)) for place in span)
        if start < end:
            return start, end
    return length, length


def _text(value: Any) -> str:
    """A grid as lines of digits, anything else as it prints."""
    if isinstance(value, list) and value and all(isinstance(line, list) for line in value):
        return "\n".join(" ".join(map(str, line)) for line in value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _short(value: Any, most: int = 120) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"
