"""Read EPFL multiple-choice files: one JSON object a line, in the variants that exist.

    {"subject": "optics", "question": "Question: ...\\n\\nOptions:\\nA. ...\\nB. ...\\n\\nAnswer:", "answer": "B"}
    {"question": "...", "choices": ["...", "..."], "answer": "B"}                                      (2025 edition)

Also read: CRLF; `A)text`, `(A) text` and `A.text`; options labelled 1..; 3 to 8 options; no `Question:` head and no
`Answer:` tail; an extra `explanation`; answers `1`-`8`; several letters (`ABD`, `A, B, C`); blank or missing subject.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import numbered_lines, parse_json
from mcqa_suite.questions.question import LETTERS, Question, text_id

MIN_OPTIONS, MAX_OPTIONS = 3, 8
HEAD = re.compile(r"^\s*Question:[ \t]*")
TAIL = re.compile(r"\s*\bAnswer:?\s*$")
OPTIONS_LINE = re.compile(r"^[ \t]*Options:[ \t]*$", re.MULTILINE)
# "A. text", "A)text", "(A) text", "1. text"
OPTION = re.compile(r"^[ \t]*\(?([A-Z1-9])[.):][ \t]*(.*)$")


def read_epfl(path: str | Path, *, skip_bad: bool = False) -> tuple[list[Question], list[str]]:
    """The questions of a file, and the rows that were skipped as `file:line: reason`.

    Raises DatasetError for a file that is missing or empty, and for the first bad row unless `skip_bad`.
    """
    path = Path(path)
    questions: list[Question] = []
    skipped: list[str] = []
    for number, line in numbered_lines(path, "the path of an EPFL-format JSONL file"):
        where = f"{path}:{number}"
        try:
            questions.append(parse_row(parse_json(line, where)))
        except DatasetError as error:  # not UTF-8, or not JSON
            if not skip_bad:
                raise
            skipped.append(str(error))
        except (ValueError, TypeError) as error:
            if not skip_bad:
                hint = "correct the row, or skip bad rows with epfl_skip_bad: true"
                raise DatasetError(f"{where}: {error}; {hint}") from error
            skipped.append(f"{where}: {error}")
    if not questions:
        raise DatasetError(f"{path}: no readable question in it; expected one JSON object a line")
    return questions, skipped


def parse_row(row: Any) -> Question:
    """One row of either edition; ValueError says what is wrong with it."""
    if not isinstance(row, Mapping):
        raise ValueError(f"expected a JSON object, found {type(row).__name__}")
    for key in ("question", "answer"):
        if row.get(key) in (None, ""):
            raise ValueError(f"no {key!r}")
    if "choices" in row:
        if not isinstance(row["choices"], list):
            raise ValueError(f"'choices' is {type(row['choices']).__name__}, expected a list of options")
        stem, choices = _text(row, "question"), [_option(choice) for choice in row["choices"]]
    else:
        stem, choices = split_question(_text(row, "question"))
    if not MIN_OPTIONS <= len(choices) <= MAX_OPTIONS:
        raise ValueError(f"{len(choices)} options, expected {MIN_OPTIONS} to {MAX_OPTIONS}")
    return Question(
        id=f"epfl/{text_id(stem, *choices)}",
        stem=stem,
        choices=tuple(choices),
        gold=parse_answer(row["answer"], len(choices)),
        subject=_text(row, "subject"),
        rationale=_text(row, "explanation"),
    )


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key) or ""
    if not isinstance(value, str):
        raise ValueError(f"{key!r} is {type(value).__name__}, expected a string")
    return _encodable(value).strip()


def _option(value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError(f"an option is {type(value).__name__}, expected a string")
    return _encodable(str(value)).strip()


def _encodable(text: str) -> str:
    """`text`; ValueError where it holds half of a surrogate pair, which UTF-8 cannot encode."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"character {error.start} is half of a surrogate pair") from error
    return text


def split_question(text: str) -> tuple[str, list[str]]:
    """The stem and the options of the one-string form.

    A line starts an option only if it has the next label in order, so an option may span lines. Raises ValueError for a
    text without options, and for a skipped label.
    """
    text = TAIL.sub("", HEAD.sub("", text.replace("\r\n", "\n").replace("\r", "\n"), count=1), count=1)
    marks = list(OPTIONS_LINE.finditer(text))
    head, body = (text[: marks[-1].start()], text[marks[-1].end() :]) if marks else ("", text)
    stem, labels = [head], ""
    choices: list[str] = []
    strays: list[int] = []
    for line in body.split("\n"):
        match = OPTION.match(line)
        if match and not choices and match[1] in "A1":
            labels = LETTERS if match[1] == "A" else "123456789"
        if match and labels[len(choices) : len(choices) + 1] == match[1]:
            choices.append(match[2])
            continue
        if match and match[1] in labels:
            strays.append(labels.index(match[1]))
        if choices:
            choices[-1] += "\n" + line
        else:
            stem.append(line)
    if not choices:
        raise ValueError("no options found; expected lines such as 'A. text'")
    if strays and max(strays) > len(choices):
        raise ValueError(f"option {labels[len(choices)]} is missing before {labels[max(strays)]}")
    return "\n".join(stem).strip(), [choice.strip() for choice in choices]


def parse_answer(answer: Any, n: int) -> tuple[int, ...]:
    """Indices of the right options: `B`, `2`, `(B)`, `ABD` or `A, B, C`."""
    text = re.sub(r"\bAND\b", ",", str(answer).upper())
    tokens = re.findall(r"\d+|[A-Z]", text) if re.fullmatch(r"[A-Z\d,;/&().\s]*", text) else []
    tokens = tokens if len(tokens) <= n else []  # more letters than options are a word, not a list
    gold = sorted({int(token) - 1 if token.isdigit() else LETTERS.index(token) for token in tokens})
    if not gold or not all(0 <= index < n for index in gold):
        raise ValueError(f"answer {answer!r} does not name options among {LETTERS[0]}-{LETTERS[n - 1]} or 1-{n}")
    return tuple(gold)
