"""Labels by correctness: a response whose answer is right is better than another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row, numbered_rows
from mcqa_suite.extract import extract_choice, extract_number, gold_letter, gold_number
from mcqa_suite.logs.scoring import SCORES, Doc, read_all
from mcqa_suite.questions.answer_key import labels_in, read_answer
from mcqa_suite.questions.epfl import EpflReader, parse_row, split_question
from mcqa_suite.questions.epfl_row import MAX_OPTIONS, MIN_OPTIONS
from mcqa_suite.questions.option_lines import NoOptionsError
from mcqa_suite.questions.question import LETTERS
from mcqa_suite.training_data.preferences.pairs import DECIDED, Decided, ResponsePair

ANSWERS = ("gold", "answer", "completion")  # the columns that may hold a row's right answer; the first one counts


def by_correctness(pairs: Iterable[ResponsePair]) -> Iterator[Decided]:
    """Label `a` or `b` where only that response is right, and `tie` where both are right or both are wrong.

    An unread response loses against a right one; against a wrong or unread one the label is `unread`. DatasetError where the row
    of a prompt has no right answer.
    """
    for pair in pairs:
        try:
            kind, doc = kind_and_doc(pair.data, pair.prompt)
        except ValueError as error:
            raise DatasetError(f"{pair.id}: {error}") from error
        extractions = read_all(kind, [pair.a, pair.b], doc)
        right = [bool(SCORES[kind](doc, [extraction])["acc"]) for extraction in extractions]
        label = "unread" if any(extraction.answer is None for extraction in extractions) else "tie"
        if right[0] != right[1]:
            label = "a" if right[0] else "b"
        yield pair, (label, {"right": right, "reads": [asdict(extraction) for extraction in extractions]})


def decided_first(pairs: list[ResponsePair], per_prompt: int | None) -> list[ResponsePair]:
    """At most `per_prompt` pairs of each prompt; pairs that correctness decides come first."""
    by_prompt: dict[str, list[tuple[bool, ResponsePair]]] = {}
    for pair, (label, _) in by_correctness(pairs):
        by_prompt.setdefault(pair.id, []).append((label not in DECIDED, pair))
    return [pair for ranked in by_prompt.values() for _, pair in sorted(ranked, key=lambda item: item[0])[:per_prompt]]


def check_questions(path: Path) -> None:
    """Read the EPFL questions of a file of responses, each once, and log what was corrected.

    DatasetError names file and line of a row that cannot be read, or has an earlier one's question with another answer.
    """
    reader = EpflReader(str(path))
    ids = set()
    for number, row in numbered_rows(path, growing=True):
        data = row.get("data")
        if str(row.get("id")) not in ids and isinstance(data, dict) and _is_epfl(data):
            try:
                reader.read(data, f"{path.name}:{number}")
            except ValueError as error:
                raise DatasetError(f"{path}:{number}: {error}; correct the row, and sample its prompt again") from error
        ids.add(str(row.get("id")))
    reader.warn()


def kind_and_doc(row: Row, prompt: str) -> tuple[str, Doc]:
    """The kind of answer ("letters" or "numbers"), and the document to score a response against.

    ValueError where the row has no right answer.
    """
    column = next((key for key in ANSWERS if row.get(key) not in (None, "")), None)
    if column is None:
        raise ValueError(f"no right answer; add one of the columns {', '.join(ANSWERS)}")
    if _is_epfl(row):
        question = parse_row(row)
        return "letters", {"choices": list(question.choices), "gold": list(question.gold)}
    answer = row[column]
    choices = row.get("choices") or _options(row.get("question") or prompt, answer)
    if isinstance(choices, list) and choices:
        choices = list(map(str, choices))
        return "letters", {"choices": choices, "gold": _indices(answer, choices, column)}
    return "numbers", {"gold": _number(str(answer))}


def _is_epfl(row: Row) -> bool:
    """Whether a row is a question in the EPFL format, and neither a word problem nor one of our documents."""
    answer = row.get("answer")
    if not isinstance(row.get("question"), str) or answer in (None, "") or {"gold", "stem", "solution"} & row.keys():
        return False
    if isinstance(choices := row.get("choices"), list | dict):
        return isinstance(choices, dict) or MIN_OPTIONS <= len(choices) <= MAX_OPTIONS
    try:
        return bool(_options(row["question"], answer))
    except ValueError:  # `parse_row` says what is wrong with the options
        return True


def _options(text: Any, answer: Any) -> list[str]:
    """The options of the last question in a text, without the instructions behind the last one.

    ValueError where the options cannot be told apart and the answer is a label of one.
    """
    text = str(text)
    try:
        options = split_question(text[max(0, text.rfind("\nQuestion:")) :].lstrip())[1]
    except NoOptionsError:
        return []
    except ValueError:
        if labels_in(str(answer)) is None:
            return []
        raise
    return [choice.split("\n\n")[0].strip() for choice in options]


def _indices(answer: Any, choices: list[str], column: str) -> list[int]:
    """Indices of the right options; a JSON number is a label in `answer`, as in the EPFL format, and an index in `gold`."""
    n = len(choices)
    if isinstance(answer, list) and column == "gold":
        if answer and all(type(index) is int and 0 <= index < n for index in answer):
            return answer
    else:
        try:
            if column == "answer":
                return list(read_answer(answer, choices).gold)
            return [LETTERS.index(gold_letter(answer, n))]
        except (ValueError, TypeError, AttributeError):
            letter = extract_choice(answer, choices).answer if isinstance(answer, str) else None
            if isinstance(letter, str):
                return [LETTERS.index(letter)]
    raise ValueError(f"right answer {str(answer)[:60]!r}: names none of the {n} options")


def _number(answer: str) -> str:
    try:
        return gold_number(answer)
    except ValueError:
        number = extract_number(answer).answer
    if not isinstance(number, str):
        raise ValueError(f"right answer {answer[-60:]!r}: no number, and the prompt shows no options")
    return number
