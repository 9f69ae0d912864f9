"""What is asked: prompts from the rows of a file, and what is known of their right answers."""

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

ANSWERS = ("gold", "answer", "completion")  # where a row may hold its right answer, the first that is there


@dataclass(frozen=True)
class Asked:
    """A prompt, the row that it came from, and the row's id (by default made of the prompt)."""

    id: str
    prompt: str
    row: Row


def read_prompts(path: Path) -> list[Asked]:
    """The prompts of a JSONL file, each once.

    A row has a `prompt`, or is a question in the EPFL format, of GSM8K, or with `stem` and `choices`. DatasetError names a row
    that is none of these, and an id that two prompts share.
    """
    found: dict[str, Asked] = {}
    for number, row in numbered_rows(path, growing=True):
        try:
            prompt = _prompt(row)
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(
                f"{path}:{number}: {error}; expected a 'prompt', or a question with its options or its number"
            ) from error
        asked = Asked(str(row.get("id") or text_id(prompt)), prompt, row)
        if found.setdefault(asked.id, asked).prompt != prompt:
            raise DatasetError(f"{path}:{number}: id {asked.id!r} stands for two prompts; give each its own")
    return list(found.values())


def _prompt(row: Row) -> str:
    if "prompt" in row:
        if not isinstance(row["prompt"], str) or not row["prompt"].strip():
            raise ValueError("'prompt' is blank or no text")
        return row["prompt"]
    if "stem" in row:
        return prompts.cot(Question("", row["stem"], tuple(row["choices"]), tuple(row["gold"])))
    if "solution" in row or "####" in str(row.get("answer")):
        return prompts.math(row["question"])
    return prompts.cot(parse_row(row))


def kind_and_doc(row: Row, prompt: str) -> tuple[str, Doc]:
    """What reads a response to the prompt ("letters" or "numbers"), and the document to score it against.

    ValueError where the row names no right answer.
    """
    answer = next((row[key] for key in ANSWERS if row.get(key) not in (None, "")), None)
    if answer is None:
        raise ValueError(f"no right answer to compare with; add one of the columns {', '.join(ANSWERS)}")
    choices = row.get("choices") or _options(row.get("question") or prompt)
    if isinstance(choices, list) and choices:
        return "letters", {"choices": choices, "gold": _indices(answer, choices)}
    return "numbers", {"gold": _number(str(answer))}


def _options(text: Any) -> list[str]:
    """The options that a prompt shows, less the instructions behind the last one; none where it shows none."""
    try:
        return [choice.split("\n\n")[0].strip() for choice in split_question(str(text))[1]]
    except ValueError:
        return []


def _indices(answer: Any, choices: Sequence[str]) -> list[int]:
    if (
        isinstance(answer, list)
        and answer
        and all(type(index) is int and 0 <= index < len(choices) for index in answer)
    ):
        return answer
    try:
        return [LETTERS.index(gold_letter(answer, len(choices)))]
    except (ValueError, TypeError, AttributeError):
        read = extract_choice(str(answer), list(choices)).answer
    if not isinstance(read, str):
        raise ValueError(f"right answer {str(answer)[:60]!r}: names none of the {len(choices)} options")
    return [LETTERS.index(read)]


def _number(answer: str) -> str:
    try:
        return gold_number(answer)
    except ValueError:
        read = extract_number(answer).answer
    if not isinstance(read, str):
        raise ValueError(f"right answer {answer[-60:]!r}: no number, and the prompt shows no options")
    return read
