"""Read EPFL multiple-choice files: one JSON object a line, in the variants that exist.

    {"subject": "optics", "question": "Question: ...\\n\\nOptions:\\nA. ...\\nB. ...\\n\\nAnswer:", "answer": "B"}
    {"question": "...", "choices": ["...", "..."], "answer": "B"}                                      (2025 edition)

tasks/README.md lists what is read, corrected and refused. Tasks, training, preferences and the audit read rows with this
module alone, so that a row is the same question everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import numbered_lines, parse_json
from mcqa_suite.questions.answer_key import answer_line, cut_answer_line, same, short
from mcqa_suite.questions.epfl_row import MENDED, parse, parse_row
from mcqa_suite.questions.option_lines import label_of, lines_of, split_lines
from mcqa_suite.questions.question import Question

__all__ = ["EpflReader", "answer_at_end", "parse_row", "read_epfl", "read_file", "split_question"]
log = logging.getLogger(__name__)
NAMED = 3  # rows of each kind that a summary names
DUPLICATE = "the same question as an earlier row"


@dataclass
class EpflReader:
    """Reads rows one after another, and remembers them to find a question that comes twice.

    `name` is that of the file, `notes` holds "file:line detail" for each kind of note.
    """

    name: str
    rows: int = 0
    skipped: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    mended: set[str] = field(default_factory=set)
    conflicts: set[Any] = field(default_factory=set)
    _first: dict[Any, tuple[str, frozenset[str]]] = field(default_factory=dict)

    def read(self, row: Any, where: str) -> Question:
        """The question of a row; ValueError says what is wrong with it. `where` is file:line."""
        self.rows += 1
        parsed = parse(row)
        question = parsed.question
        right = frozenset(same(question.choices[index]) for index in question.gold)
        first, answer = self._first.setdefault(key_of(question), (where, right))
        if answer != right:
            self.conflicts.add(key_of(question))
            raise ValueError(
                f"the question of {first} with another answer, {_texts(right)} instead of {_texts(answer)}"
            )
        again = ((DUPLICATE, f"as {first}"),) if first != where else ()
        for kind, detail in (*parsed.notes, *again):
            self.notes.setdefault(kind, []).append(f"{where} ({detail})")
            if kind in MENDED:
                self.mended.add(where)
        return question

    def counts(self) -> str:
        twice = len(self.notes.get(DUPLICATE, ()))
        return (
            f"{self.name}: {self.rows} rows read (corrected: {len(self.mended)}, duplicates: {twice}, "
            f"skipped: {len(self.skipped)})"
        )

    def details(self) -> Iterator[str]:
        """A line for each kind of note, with its first rows."""
        kinds = {**self.notes, "skipped": self.skipped} if self.skipped else self.notes
        for kind, rows in kinds.items():
            more = f"; and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
            yield f"{len(rows)} x {kind}: {'; '.join(rows[:NAMED])}{more}"

    def summary(self) -> list[str]:
        """The counts, then a line for each kind of note."""
        return [self.counts(), *(f"  {line}" for line in self.details())]

    def warn(self) -> None:
        """Log one line where anything was corrected, skipped or odd; the same line only once a process."""
        if self.notes or self.skipped:
            _warn(f"{self.counts()}: {' | '.join(self.details())}")


@lru_cache(maxsize=256)
def _warn(line: str) -> None:
    log.warning("%s", line)


def _texts(right: frozenset[str]) -> str:
    return short(" and ".join(sorted(right)))


def key_of(question: Question) -> tuple[str, ...]:
    """The same for a question whatever the order of its options."""
    return (same(question.stem), *sorted(map(same, question.choices)))


def read_epfl(path: str | Path, *, skip_bad: bool = False) -> tuple[list[Question], list[str]]:
    """The questions of a file, and the rows that were skipped as `file:line: reason`; what was corrected is logged.

    Raises DatasetError for a file that is missing or empty, and for the first bad row unless `skip_bad`.
    """
    questions, reader = read_file(path, skip_bad=skip_bad)
    reader.warn()
    return questions, reader.skipped


def read_file(path: str | Path, *, skip_bad: bool = False) -> tuple[list[Question], EpflReader]:
    """`read_epfl` without the log: the questions, and the reader with all that there is to say about the file."""
    path = Path(path)
    reader = EpflReader(str(path))
    questions: list[tuple[int, Question]] = []
    for number, line in numbered_lines(path, "the path of an EPFL-format JSONL file"):
        where = f"{path}:{number}"
        if not (reader.rows or reader.skipped):
            _check_first(line, where, skip_bad)
        try:
            row = parse_json(line, where)
        except DatasetError as error:  # not UTF-8, or not JSON
            if not skip_bad:
                raise
            reader.rows += 1
            reader.skipped.append(str(error))
            continue
        try:
            questions.append((number, reader.read(row, f"{path.name}:{number}")))
        except (ValueError, TypeError) as error:
            if not skip_bad:
                hint = "correct the row (tasks skip bad rows with epfl_skip_bad: true)"
                raise DatasetError(f"{where}: {error}; {hint}") from error
            reader.skipped.append(f"{where}: {error}")
    for number, question in questions:  # the first of two rows with different answers is no better than the second
        if key_of(question) in reader.conflicts:
            reader.skipped.append(f"{path}:{number}: another row has this question with another answer")
    if reader.conflicts:
        questions = [item for item in questions if key_of(item[1]) not in reader.conflicts]
    if not questions:
        first = f"; the first row: {reader.skipped[0]}" if reader.skipped else ""
        raise DatasetError(f"{path}: no readable question in it; expected one JSON object a line{first}")
    return [question for _, question in questions], reader


def _check_first(line: bytes, where: str, skip_bad: bool) -> None:
    """DatasetError for a file that is one JSON array, or no JSON at all."""
    if line.lstrip().startswith(b"["):
        raise DatasetError(
            f"{where}: the file is a JSON array, expected one JSON object a line; "
            "convert it with `jq -c '.[]' FILE > FILE.jsonl`"
        )
    start = line.strip()[:40].decode("utf-8", "replace")
    if not skip_bad and start.isprintable() and "�" not in start and not start.startswith("{"):
        raise DatasetError(f"{where}: expected one JSON object a line, found {start!r}; convert the file to JSONL")


def split_question(text: str) -> tuple[str, list[str]]:
    """The stem and the options of a question in one text, without `Question:` and `Answer:`.

    For texts that are no rows, such as a prompt. Raises ValueError as `split_lines` does.
    """
    lines = lines_of(text)
    while lines and (not lines[-1].strip() or ((answer := answer_line(lines[-1])) and answer.bare)):
        lines.pop()
    stem, options = split_lines(lines)
    return "\n".join(stem).strip(), ["\n".join(option).strip() for option in options]


def answer_at_end(text: str) -> str | None:
    """What an answer line at the end of a question with options names: "B" for "...\nC. z\nAnswer: B"."""
    lines = lines_of(text)
    if not any(label_of(line) for line in lines):
        return None
    try:
        return cut_answer_line(lines).value
    except ValueError:  # worked examples, with an answer each
        return None
