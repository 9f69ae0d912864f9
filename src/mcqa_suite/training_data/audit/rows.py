"""Training rows of a JSONL file, in any of the usual forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import numbered_rows
from mcqa_suite.questions.epfl import EpflReader, parse_row
from mcqa_suite.questions.prompts import letter
from mcqa_suite.training_data.audit.visible import visible

# The keys of this project's rows, and `also`: what a row holds in other forms than the first of `FORMS` that it has
Row = Mapping[str, str]
TEXTS = ("prompt", "completion", "chosen", "rejected", "also")
FORMS = "prompt and completion; prompt, chosen and rejected; messages; question and answer"
# The form of a row is the first whose first key it has.
KEYS_OF_FORMS = (("messages",), ("prompt", "chosen", "rejected", "completion"), ("question", "choices", "answer"))


def read_training_rows(path: Path) -> list[Row]:
    """The rows of a JSONL file; a row without an id is named by its line. DatasetError names file, line and reason."""
    rows = []
    reader = EpflReader(str(path))
    for number, row in numbered_rows(path, "a JSONL file, or the YAML of a recipe or stage"):
        try:
            rows.append(as_row(row, f"{path.name}:{number}", path.stem, reader))
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{path}:{number}: {error}; correct or remove the row") from error
    reader.warn()
    return rows


def as_row(fields: Any, name: str, source: str, reader: EpflReader | None = None) -> Row:
    """A row of any form in `FORMS`, with the keys of this project's rows; ValueError names what is missing.

    `reader` has read the earlier EPFL questions of the file.
    """
    if not isinstance(fields, Mapping):
        raise ValueError(f"expected a JSON object, found {type(fields).__name__}")
    row = {
        "id": str(fields.get("id", name)),
        "source": str(fields.get("source") or source),
        "topic": str(fields.get("topic") or fields.get("subject") or ""),
    }
    form = next((keys for keys in KEYS_OF_FORMS if keys[0] in fields), None)
    if form is None:
        raise ValueError(f"keys {', '.join(map(repr, fields)) or 'none'}; expected {FORMS}")
    row |= _texts(fields, name, reader)
    # In reverse, so that a prompt is the last text, as in a conversation.
    others = [key for keys in KEYS_OF_FORMS if keys is not form for key in keys[::-1]]
    also = [text for key in others for text in _strings(fields.get(key)) if text not in text_of(row)]
    return row | ({"also": "\n".join(also)} if also else {})


def _texts(fields: Mapping[str, Any], name: str, reader: EpflReader | None) -> dict[str, str]:
    """The prompt and the responses in the form of the row, and what groups rows."""
    if "messages" in fields:
        fields = {**fields, **_conversation(fields["messages"])}
        keys: tuple[str, ...] = ("prompt", "completion")
    elif "prompt" in fields:
        keys = ("prompt", "chosen", "rejected") if "chosen" in fields else ("prompt", "completion")
    else:
        question = reader.read(fields, name) if reader else parse_row(fields)
        answer = f" {', '.join(question.letters[index] for index in question.gold)}"
        return {"group": question.id, "prompt": letter(question), "completion": answer}
    texts = {key: _text(fields, key) for key in keys}
    return {"group": str(fields.get("group") or texts["prompt"])} | texts


def _strings(value: Any) -> list[str]:
    """The texts of a field: a string, a list of strings, or messages."""
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    value = value.get("content") if isinstance(value, Mapping) else value
    return [value] if isinstance(value, str) and value.strip() else []


def _conversation(turns: Any) -> dict[str, list[Any]]:
    """Prompt and completion of a conversation: the last turn, by the assistant, is the completion."""
    if not isinstance(turns, list) or not turns:
        raise ValueError("'messages' is not a list of turns")
    if not isinstance(turns[-1], Mapping) or turns[-1].get("role") != "assistant":
        raise ValueError("the last of 'messages' is not the assistant's; there is nothing to train on")
    return {"prompt": turns[:-1], "completion": turns[-1:]}


def _text(fields: Mapping[str, Any], key: str) -> str:
    """A plain string, or the contents of a list of messages."""
    value = fields.get(key)
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ValueError(f"no {key!r}" if value is None else f"{key!r} is {type(value).__name__}, expected a string")
    if not all(isinstance(turn, Mapping) and isinstance(turn.get("content"), str) for turn in value):
        raise ValueError("a message without 'content' as text")
    return "\n".join(turn["content"] for turn in value)


def responses(row: Row) -> tuple[str, ...]:
    """The completion of a row, or the two responses of a pair."""
    return (row["chosen"], row["rejected"]) if "chosen" in row else (row["completion"],)


def text_of(row: Row) -> str:
    """All that a row says."""
    return "\n".join((row["prompt"], *responses(row), *filter(None, [row.get("also")])))


def visible_row(row: Row, is_word: Callable[[str], bool]) -> Row:
    """The row as a reader sees it."""
    return {**row, **{key: visible(row[key], is_word) for key in TEXTS if key in row}}
