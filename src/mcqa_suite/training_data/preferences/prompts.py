"""Read prompts from the rows of a file, and the right answers of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row, numbered_rows
from mcqa_suite.extract import extract_choice, extract_number, gold_letter, gold_number
from mcqa_suite.logs.scoring import Doc
from mcqa_suite.questions import prompts
from mcqa_suite.questions.epfl import parse_row, split_question
from mcqa_suite.questions.question import LETTERS, Question, text_id

ANSWERS = ("gold", "answer", "completion")  # the columns that may hold a row's right answer; the first one counts


@dataclass(frozen=True)
class Prompt:
    """A prompt, its row, and the row's id; without an id, a hash of the prompt."""

    id: str
    text: str
    row: Row


def read_prompts(path: Path) -> list[Prompt]:
    """The prompts of a JSONL file, each once.

    A row has a `prompt`, or is a question in the EPFL format, in GSM8K's, or with `stem` and `choices`. DatasetError for a row of
    another form, and for an id that two prompts have.
    """
    by_id: dict[str, Prompt] = {}
    for number, row in numbered_rows(path, growing=True):
        try:
            text = _text(row)
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(
                f"{path}:{number}: {error}; expected a 'prompt', or a question with its options or its number"
            ) from error
        prompt = Prompt(str(row.get("id") or text_id(text)), text, row)
        if by_id.setdefault(prompt.id, prompt).text != text:
            raise DatasetError(f"{path}:{number}: id {prompt.id!r} belongs to two prompts; give each prompt its own id")
    return list(by_id.values())


def _text(row: Row) -> str:
    if "prompt" in row:
        if not isinstance(row["prompt"], str) or not row["prompt"].strip():
            raise ValueError("'prompt' is blank or not a string")
        return row["prompt"]
    if "stem" in row:
        return prompts.cot(Question("", row["stem"], tuple(row["choices"]), tuple(row["gold"])))
    if "solution" in row or "####" in str(row.get("answer")):
        return prompts.math(row["question"])
    return prompts.cot(parse_row(row))


def kind_and_doc(row: Row, prompt: str) -> tuple[str, Doc]:
    """The kind of answer ("letters" or "numbers"), and the document to score a response against.

    ValueError where the row has no right answer.
    """
    answer = next((row[key] for key in ANSWERS if row.get(key) not in (None, "")), None)
    if answer is None:
        raise ValueError(f"no right answer; add one of the columns {', '.join(ANSWERS)}")
    choices = row.get("choices") or _options(row.get("question") or prompt)
    if isinstance(choices, list) and choices:
        return "letters", {"choices": choices, "gold": _indices(answer, choices)}
    return "numbers", {"gold": _number(str(answer))}


def _options(text: Any) -> list[str]:
    """The options that a prompt shows, without the instructions behind the last one."""
    try:
        return [choice.split("\n\n")[0].strip() for choice in split_question(str(text))[1]]
    except ValueError:
        return []


def _indices(answer: Any, choices: Sequence[str]) -> list[int]:
    n = len(choices)
    if isinstance(answer, list) and answer and all(type(index) is int and 0 <= index < n for index in answer):
        return answer
    try:
        return [LETTERS.index(gold_letter(answer, n))]
    except (ValueError, TypeError, AttributeError):
        letter = extract_choice(str(answer), list(choices)).answer
    if not isinstance(letter, str):
        raise ValueError(f"right answer {str(answer)[:60]!r}: names none of the {n} options")
    return [LETTERS.index(letter)]


def _number(answer: str) -> str:
    try:
        return gold_number(answer)
    except ValueError:
        number = extract_number(answer).answer
    if not isinstance(number, str):
        raise ValueError(f"right answer {answer[-60:]!r}: no number, and the prompt shows no options")
    return number
