"""Rows of one's own: a JSONL file of prompts and completions, of messages, or of questions and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.foreign_text import encodable
from mcqa_suite.common.jsonl import numbered_rows
from mcqa_suite.training_data.sources.source import Identity, Reader, Source, as_texts, group_of, required

FORMS = "prompt and completion, messages, or question and answer"
ROLES = ("system", "user", "assistant")
Messages = list[dict[str, str]]


def _load(source: Source) -> Iterator[tuple[Identity, tuple[str, str]]]:
    path = Path(required(source, "path", "give a JSONL file, one row a line"))
    for number, row in numbered_rows(path, "a JSONL file, one row a line"):
        try:
            earlier, prompt, completion = _texts(row)
        except ValueError as error:
            raise DatasetError(f"{path}:{number}: {error}; a row has {FORMS}") from error
        name = str(row.get("id", f"{path.stem}/{number}"))
        group = str(row.get("group") or group_of(prompt))
        yield Identity(name, group, str(row.get("topic") or ""), more=_earlier(earlier)), (prompt, completion)


def _texts(row: Mapping[str, Any]) -> tuple[Messages, str, str]:
    """The messages before the prompt, the prompt, and the completion; ValueError says what is missing."""
    if "messages" in row:
        return _of_messages(row["messages"])
    if "prompt" in row:
        prompt, completion = row["prompt"], row.get("completion")
        if isinstance(prompt, list) and isinstance(completion, list):
            return _of_messages(prompt + completion)
        return [], _text(prompt, "prompt"), _text(completion, "completion")
    if "question" in row:
        return [], f"Question: {_text(row['question'], 'question').strip()}\nAnswer:", f" {_answer(row)}"
    raise ValueError(f"keys {', '.join(map(repr, row)) or 'none'}")


def _answer(row: Mapping[str, Any]) -> str:
    answer = row.get("answer")
    is_number = isinstance(answer, int | float) and not isinstance(answer, bool)
    return _text(str(answer) if is_number else answer, "answer").strip()


def _of_messages(turns: Any) -> tuple[Messages, str, str]:
    """The last two messages are the prompt and the completion, on which alone the loss is."""
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise ValueError("the messages are no list of objects with 'role' and 'content'")
    messages = [{"role": turn.get("role"), "content": _text(turn.get("content"), "content")} for turn in turns]
    roles = [message["role"] for message in messages]
    if unknown := [role for role in roles if role not in ROLES]:
        raise ValueError(f"role {unknown[0]!r} is none of {', '.join(ROLES)}")
    if roles[-2:] != ["user", "assistant"]:
        raise ValueError("the messages do not end with the user's and the assistant's")
    *earlier, prompt, completion = messages
    return earlier, prompt["content"], f"\n{completion['content']}"


def _text(value: Any, key: str) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError(f"no {key!r}" if value is None else f"{key!r} is {'blank' if value == '' else 'no text'}")


def _earlier(messages: Messages) -> dict[str, str]:
    """The earlier messages as a row has them: for training as JSON, and for the audit as text."""
    if not messages:
        return {}
    return {
        "earlier": encodable(json.dumps(messages, ensure_ascii=False)),
        "also": "\n".join(message["content"] for message in messages),
    }


OWN_ROWS = Reader(_load, {"response": as_texts}, ("path",), "made")
