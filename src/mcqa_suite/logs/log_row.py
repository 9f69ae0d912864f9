"""A row of a sample log, whoever wrote it, in this suite's terms: its document in our columns, its responses, its score."""

from __future__ import annotations

import ast
import string
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mcqa_suite.extract import extract_grid, gold_letter, gold_number
from mcqa_suite.logs.scoring import Doc, Read
from mcqa_suite.questions.question import LETTERS, OPTION_LABEL, label_index

Row = dict[str, Any]
# The columns of our own documents; a document that has them needs no --kind.
OURS = {
    "grids": {"output", "task_id"},
    "numbers": {"question", "solution", "gold"},
    "letters": {"choices", "gold"},
}
# Where other documents hold their options and their answer, the first that is there
CHOICES = ("choices", "options", "endings")
GOLD = {
    "letters": ("gold", "answerKey", "answer", "answer_idx", "answer_index", "correct", "label"),
    "numbers": ("gold", "answer"),
    "grids": ("output",),
}
METRICS = ("acc", "exact_match")


class NotGeneratedError(ValueError):
    """A row whose responses are log-likelihoods: there is no text to read."""


@dataclass(frozen=True)
class Columns:
    """What the user says of documents that are not ours; None stands for the usual columns."""

    kind: str | None = None
    choices: str | None = None
    gold: str | None = None


@dataclass(frozen=True)
class Recorded:
    """A row as it was logged: `reads` are what its filter made of `texts`, `acc` is None where it was not scored."""

    kind: str
    doc: Doc
    texts: tuple[str, ...]
    filter: str
    reads: tuple[Read, ...]
    acc: float | None

    @property
    def outcome(self) -> str:
        """right, wrong, unread, or unscored."""
        if self.acc is None:
            return "unscored"
        counted = self.reads if self.kind == "grids" else self.reads[:1]
        return outcome(self.acc, any(read["answer"] is not None for read in counted))


def outcome(acc: float, parsed: float) -> str:
    """right, wrong or unread."""
    return "right" if acc > 0 else "wrong" if parsed else "unread"


def recorded_row(row: Any, columns: Columns) -> Recorded:
    """A row of a log; ValueError says what is missing and which flag would name it."""
    if not (isinstance(row, dict) and isinstance(row.get("doc"), dict) and isinstance(row.get("resps"), list)):
        raise ValueError("no row of a sample log: `doc` and `resps` are needed, as lm_eval --log_samples writes them")
    texts = _texts(row["resps"])
    kind = columns.kind or next((kind for kind, names in OURS.items() if names <= row["doc"].keys()), None)
    if kind is None:
        raise ValueError(
            f"the document's columns ({', '.join(row['doc'])}) are not this suite's; "
            "give --kind letters, numbers or grids (and --choices-key, --gold-key)"
        )
    doc, labels = _document(row, kind, columns)
    return Recorded(
        kind=kind,
        doc=doc,
        texts=texts,
        filter=str(row.get("filter", "none")),
        reads=tuple(_recorded_read(kind, value, doc, labels) for value in _flat(row.get("filtered_resps", []))),
        acc=_recorded_acc(row),
    )


def _flat(requests: Any) -> list[Any]:
    """The harness logs a list of responses for each request."""
    if not isinstance(requests, list):
        return [requests]
    return [item for request in requests for item in (request if isinstance(request, list) else [request])]


def _texts(resps: list[Any]) -> tuple[str, ...]:
    texts = _flat(resps)
    if any(isinstance(text, list) for text in texts):
        raise NotGeneratedError("its responses are log-likelihoods: nothing was generated, so there is nothing to read")
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("`resps` holds no generated text")
    return tuple(texts)


def _document(row: Row, kind: str, columns: Columns) -> tuple[Doc, Sequence[str]]:
    """The document in our columns, and the labels of its options in its own scheme."""
    gold = _gold(row, kind, columns.gold)
    if kind == "numbers":
        return {"gold": _asked_for(gold_number, str(gold))}, ()
    if kind == "grids":
        grid = extract_grid(gold).answer if isinstance(gold, str) else gold
        if not isinstance(grid, list):
            raise ValueError("the gold answer is no grid; give --gold-key COLUMN")
        form = {"encoder": row["doc"]["encoder"]} if isinstance(row["doc"].get("encoder"), str) else {}
        return {"output": grid, **form}, ()
    choices, labels = _choices(row["doc"], columns.choices)
    golds = gold if isinstance(gold, list) else [gold]
    return {"choices": choices, "gold": [_index(value, choices, labels) for value in golds]}, labels


def _gold(row: Row, kind: str, key: str | None) -> Any:
    doc = row["doc"]
    if key is not None:
        if key not in doc:
            raise ValueError(f"--gold-key {key}: no such column among {', '.join(doc)}")
        return doc[key]
    for name in GOLD[kind]:
        if name in doc:
            return doc[name]
    target = row.get("target")
    # The log turns an index into text, and "2" may be an index or a label.
    if isinstance(target, str) and target.strip() and not (kind == "letters" and target.strip().isdigit()):
        return target
    raise ValueError(f"no gold answer among the columns {', '.join(doc)}; give --gold-key COLUMN")


def _choices(doc: Doc, key: str | None) -> tuple[list[str], Sequence[str]]:
    """Option texts, and the data set's own labels of them: none where it has none."""
    if key is not None and key.isdigit():
        return [""] * int(key), ()
    names = key.split(",") if key else [name for name in CHOICES if name in doc][:1]
    if not names:
        raise ValueError(
            f"no choices among the columns {', '.join(doc)}; give --choices-key COLUMN, COLUMN,COLUMN,... or the number "
            "of options where the log does not hold their texts"
        )
    if missing := [name for name in names if name not in doc]:
        raise ValueError(f"--choices-key {key}: no column {missing[0]} among {', '.join(doc)}")
    value = doc[names[0]] if len(names) == 1 else [doc[name] for name in names]
    if isinstance(value, dict):
        both = {"text", "label"} <= value.keys()
        texts, labels = (value["text"], value["label"]) if both else (value.values(), value.keys())
        return [str(text) for text in texts], [str(label) for label in labels]
    if not isinstance(value, list):
        raise ValueError(f"column {names[0]} holds no list of options; give --choices-key COLUMN")
    return _without_labels([str(text) for text in value]), ()


def _without_labels(texts: list[str]) -> list[str]:
    """`["A)5 km", "B)6 km"]` as `["5 km", "6 km"]`, where every option bears its own letter."""
    heads = [OPTION_LABEL.match(text) for text in texts]
    if all(head and letter in head[0] for head, letter in zip(heads, LETTERS, strict=False)):
        return [OPTION_LABEL.sub("", text, count=1) for text in texts]
    return texts


def _index(value: Any, choices: Sequence[str], labels: Sequence[str]) -> int:
    """Which option a gold answer means: an index, a label, a letter, or the option's own text."""
    if isinstance(value, str):
        if value.strip() in labels:
            return label_index(labels, value)
        named = [index for index, text in enumerate(choices) if text and text.strip() == value.strip()]
        if value.strip().isdigit() and named and named != [int(value) - 1]:
            raise ValueError(f"gold answer {value!r} is an option's text and another's label; give --gold-key COLUMN")
        if named:
            return named[0]
    elif not isinstance(value, int):
        raise ValueError(f"gold answer {value!r} is neither text nor an index; give --gold-key COLUMN")
    return LETTERS.index(_asked_for(gold_letter, value, len(choices)))


def _asked_for(reader: Callable[..., str], *gold: Any) -> str:
    """What a reader of gold answers makes of one; its ValueError with the flag that may mend it."""
    try:
        return reader(*gold)
    except ValueError as error:
        raise ValueError(f"{error}; give --gold-key COLUMN") from error


def _recorded_acc(row: Row) -> float | None:
    names = [*METRICS, *metric_names(row)]
    values = [row[name] for name in names if isinstance(row.get(name), (int, float))]
    return float(values[0]) if values else None


def metric_names(row: Row) -> list[str]:
    """The names under `metrics`; logs of older harnesses have none."""
    names = row.get("metrics")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _recorded_read(kind: str, value: Any, doc: Doc, labels: Sequence[str]) -> Read:
    """What a filter returned: our dict, which the harness logs as its `repr`, or another filter's text."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            value = ast.literal_eval(value)
    if isinstance(value, dict) and {"answer", "status"} <= value.keys():
        return {"rule": None, **value}
    answer = _answer(kind, str(value), doc, labels)
    return {"answer": answer, "status": "none" if answer is None else "answered", "rule": None}


def _answer(kind: str, value: str, doc: Doc, labels: Sequence[str]) -> Any:
    """The answer that another filter's text stands for; None where it is no letter, number or grid ("[invalid]")."""
    try:
        if kind == "letters":
            return LETTERS[_index(value.strip(string.punctuation + string.whitespace), doc["choices"], labels)]
        return gold_number(value) if kind == "numbers" else extract_grid(value).answer
    except ValueError:
        return None
