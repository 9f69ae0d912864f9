"""A row of any sample log, ours or not: its document in our columns, its responses and its logged extractions."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mcqa_suite.extract import Extraction, extract_grid, gold_index, gold_number
from mcqa_suite.logs.printed_values import is_printed_list, number, printed_elements
from mcqa_suite.logs.rows import Sample, read_extraction
from mcqa_suite.logs.scoring import Doc
from mcqa_suite.questions.question import LETTERS, OPTION_LABEL, index_of_label, label_index, option_label

T = TypeVar("T")
# A document of ours with these columns asks for this kind of answer.
KIND_COLUMNS = {
    "grids": {"output", "task_id"},
    "numbers": {"question", "solution", "gold"},
    "letters": {"choices", "gold"},
}
# Columns of other data sets that hold the options and the answer, in the order of preference.
CHOICES = ("choices", "options", "endings")
GOLD = {
    "letters": ("gold", "answerKey", "answer", "answer_idx", "answer_index", "correct", "label"),
    "numbers": ("gold", "answer", "answer_number"),
    "grids": ("output",),
}
METRICS = ("acc", "exact_match")


class NotGeneratedError(ValueError):
    """A row whose responses are log-likelihoods: there is no text to extract from."""


@dataclass(frozen=True)
class Columns:
    """Options for documents that are not ours: the kind of answer and the columns; None means the usual ones."""

    kind: str | None = None
    choices: str | None = None
    gold: str | None = None


@dataclass(frozen=True)
class LogRow:
    """A row as it was logged: `extractions` are those of its filter, `acc` is None where the row was not scored.

    `voted`: whether its scores are of all samples of the question (`logs.votes`), not of the first.
    """

    kind: str
    doc: Doc
    texts: tuple[str, ...]
    filter: str
    extractions: tuple[Extraction, ...]
    acc: float | None
    voted: bool = False

    @property
    def outcome(self) -> str:
        """right, partly right, wrong, unread, or unscored."""
        if self.acc is None:
            return "unscored"
        counted = self.extractions if self.kind == "grids" or self.voted else self.extractions[:1]
        return outcome(self.acc, any(extraction.answer is not None for extraction in counted))


def outcome(acc: float, parsed: float) -> str:
    """right, partly right (a mean over samples, or a score between 0 and 1), wrong or unread."""
    if acc > 0:
        return "right" if acc >= 1 else "partly right"
    return "wrong" if parsed else "unread"


def log_row(row: Mapping[str, Any], columns: Columns) -> LogRow:
    """A row of a log; ValueError says what is missing and which flag names it."""
    texts = texts_of(row)
    sample, kind = Sample(row), kind_of(row["doc"], columns)
    doc, labels = _document(row, kind, columns)
    filtered = sample.filtered if "filtered_resps" in row else []
    names = [name for name in [*METRICS, *sample.metrics] if number(row.get(name)) is not None]
    return LogRow(
        kind=kind,
        doc=doc,
        texts=tuple(texts),
        filter=str(row.get("filter", "none")),
        extractions=tuple(_extraction(kind, value, doc, labels) for value in filtered),
        acc=sample.score(names[0]) if names else None,
        voted="majority" in sample.metrics,
    )


def texts_of(row: Mapping[str, Any]) -> list[str]:
    """The generated responses of a row; ValueError where it has none."""
    if not (isinstance(row, dict) and isinstance(row.get("doc"), dict) and isinstance(row.get("resps"), list)):
        raise ValueError(
            "not a row of a sample log: `doc` and `resps` are needed, as lm_eval --log_samples writes them"
        )
    texts = Sample(row).responses
    if any(isinstance(text, list) for text in texts):
        raise NotGeneratedError("its responses are log-likelihoods: there is no text to extract an answer from")
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("`resps` has no generated text")
    return texts


def kind_of(doc: Doc, columns: Columns) -> str:
    """letters, numbers or grids: as `columns` says, else by the columns of this suite's documents; ValueError for others."""
    kind = columns.kind or next((kind for kind, names in KIND_COLUMNS.items() if names <= doc.keys()), None)
    if kind is None:
        raise ValueError(
            f"the document's columns ({', '.join(doc)}) are not this suite's; "
            "give --kind letters, numbers or grids (and --choices-key, --gold-key)"
        )
    return kind


def _document(row: Mapping[str, Any], kind: str, columns: Columns) -> tuple[Doc, Sequence[str]]:
    """The document in our columns, and the labels of its options in its own scheme."""
    gold = gold_of(row, kind, columns.gold)
    if kind == "numbers":
        return {"gold": _with_flag(gold_number, str(gold))}, ()
    if kind == "grids":
        grid = extract_grid(gold).answer if isinstance(gold, str) else gold
        if not isinstance(grid, list):
            raise ValueError("the gold answer is not a grid; give --gold-key COLUMN")
        check_grid(grid)
        form = {"encoder": row["doc"]["encoder"]} if isinstance(row["doc"].get("encoder"), str) else {}
        return {"output": grid, **form}, ()
    choices, labels = choices_of(row["doc"], columns.choices)
    golds = gold if isinstance(gold, list) else [gold]
    return {"choices": choices, "gold": [option_index(value, choices, labels) for value in golds]}, labels


def gold_of(row: Mapping[str, Any], kind: str, key: str | None = None) -> Any:
    """The gold answer in the column `key`, None for the usual ones, or in the target; ValueError where there is none."""
    doc = row["doc"]
    if key is not None:
        if key not in doc:
            raise ValueError(f"--gold-key {key}: no such column among {', '.join(doc)}")
        return doc[key]
    for name in GOLD[kind]:
        if doc.get(name) is not None:
            return doc[name]
    target = row.get("target")
    # The log turns an index into text, and "2" may be an index or a label.
    if isinstance(target, str) and target.strip() and not (kind == "letters" and target.strip().isdigit()):
        return target
    raise ValueError(f"no gold answer among the columns {', '.join(doc)}; give --gold-key COLUMN")


def choices_of(doc: Doc, key: str | None = None) -> tuple[list[str], Sequence[str]]:
    """Option texts, and their labels where the data set has its own; ValueError where there are none."""
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
        return [str(text) for text in _listed(texts)], [str(label) for label in _listed(labels)]
    value = _listed(value)
    if not isinstance(value, list):
        raise ValueError(f"column {names[0]} is not a list of options; give --choices-key COLUMN")
    return _without_labels([str(text) for text in value]), ()


def _listed(value: Any) -> Any:
    """The elements of an array that was logged as text; anything else as it is."""
    return printed_elements(value) if is_printed_list(value) else value


def _without_labels(texts: list[str]) -> list[str]:
    """`["A)5 km", "B)6 km"]` as `["5 km", "6 km"]`, where every option starts with its own letter."""
    heads = [OPTION_LABEL.match(text) for text in texts]
    if all(head and letter in head[0] for head, letter in zip(heads, LETTERS, strict=False)):
        return [OPTION_LABEL.sub("", text, count=1) for text in texts]
    return texts


def option_index(value: Any, choices: Sequence[str], labels: Sequence[str]) -> int:
    """The index of a gold answer, which is an index, a label, a letter or the text of an option."""
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
    if isinstance(value, str) and len(LETTERS) <= (index := index_of_label(value.strip())) < len(choices):
        return index
    return _with_flag(gold_index, value, len(choices))


def _with_flag(reader: Callable[..., T], *gold: Any) -> T:
    """Call `reader`, and name the flag that chooses another column in its ValueError."""
    try:
        return reader(*gold)
    except ValueError as error:
        raise ValueError(f"{error}; give --gold-key COLUMN") from error


def check_grid(value: Any) -> None:
    """ValueError for what is no rectangle of whole numbers from 0 to 9."""
    rows = value if isinstance(value, list) and all(isinstance(row, list) and row for row in value) else []
    colours = all(type(cell) is int and 0 <= cell <= 9 for row in rows for cell in row)
    if not (rows and colours and len({len(row) for row in rows}) == 1):
        raise ValueError(f"a grid is {json.dumps(value, default=str)[:60]}, expected rows of one length with 0 to 9")


def _extraction(kind: str, value: Any, doc: Doc, labels: Sequence[str]) -> Extraction:
    """The extraction of a filtered response, logged by one of our filters or as text by another."""
    if (extraction := read_extraction(value)) is not None:
        if kind == "grids" and extraction.answer is not None:
            check_grid(extraction.answer)
        return extraction
    text = str(value)
    try:
        if kind == "letters":
            name = text.strip(string.punctuation + string.whitespace)
            return Extraction(option_label(option_index(name, doc["choices"], labels)), "answered")
        answer = gold_number(text) if kind == "numbers" else extract_grid(text).answer
    except ValueError:  # no letter, number or grid, such as "[invalid]"
        answer = None
    return Extraction(answer, "none" if answer is None else "answered")
