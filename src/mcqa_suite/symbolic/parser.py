"""Parse a template file: the question with its slots, the variables, the conditions, the answer.

There are two formats. The public one is JSON with `question_annotated` and `answer_annotated`. Ours is text with the worked
answer after `#solution:`, so that an error can name a line:

    {name,Ines} fills {boxes,4} boxes with {each,12} {fruit,pear}s. How many {fruit,pear}s are there?

    #init:
    - name = sample(names)
    - fruit = sample(fruits)
    - $boxes = range(2, 10)
    - $each = range(5, 30)

    #conditions:
    - boxes * each < 200

    #answer: boxes * each

    #solution:
    There are {boxes} * {each} = <<{boxes}*{each}={boxes*each}>>{boxes*each} {fruit}s.
    #### {boxes*each}
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.common.files import opened
from mcqa_suite.common.json_text import loads
from mcqa_suite.symbolic.expressions import Expression, compile_expression
from mcqa_suite.symbolic.units import Unit, read_unit

MOST_BYTES = 100_000
HEADING = re.compile(r"#(init|conditions|answer|solution)\b\s*[:=]?")  # some public templates write `#answer = n * k`
SLOT = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Line:
    """One line of a template, and its file and number."""

    text: str
    where: str


@dataclass(frozen=True)
class Slot:
    """`{name,default}` in a question; in a worked answer `{expression}`, which has no default."""

    expression: Expression
    default: str | None


Piece = str | Slot


@dataclass(frozen=True)
class Parsed:
    """The parts of a file; `answer` is the original worked answer, where the file has it."""

    path: Path
    body: tuple[Piece, ...]
    solution: tuple[Piece, ...]
    units: tuple[Unit, ...]
    conditions: tuple[Expression, ...]
    result: Expression
    answer: str | None


def parse(path: Path) -> Parsed:
    """The parts of a template file; TemplateError names file and line."""
    fields, body, solution = _read(path)
    question, sections = _sections(body)
    solution = solution or sections.get("solution", [])
    for name in ("init", "answer"):
        if name not in sections:
            raise TemplateError(f"{path}: no #{name}: section; see the header of mcqa_suite/symbolic/parser.py")
    units = [read_unit(line.text, line.where) for line in _items(sections["init"])]
    if not units:
        raise TemplateError(f"{path}: #init has no variables; add a line such as `- name = sample(list)`")
    units = list({repr(unit): unit for unit in units}.values())  # some public templates repeat a line
    names = [name for unit in units for name in unit.names]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise TemplateError(f"{path}: variable {twice!r} is drawn twice; give it one #init line")
    written = " ".join(line.text for line in sections["answer"]).strip()
    result = re.sub(r"^\{(.*)\}$", r"\1", written).lstrip("$")
    if "####" not in "".join(line.text for line in solution):
        raise TemplateError(f"{path}: the worked answer has no line `#### number`; end it with one")
    return Parsed(
        path=path,
        body=_pieces(question, names),
        solution=_pieces(solution, names),
        units=tuple(units),
        conditions=tuple(
            compile_expression(line.text, line.where, names) for line in _items(sections.get("conditions", []))
        ),
        result=compile_expression(result, sections["answer"][0].where, names),
        answer=fields.get("answer"),
    )


def _read(path: Path) -> tuple[dict[str, Any], list[Line], list[Line]]:
    """The JSON fields, the lines of the annotated question, and those of a separate annotated answer."""
    try:
        with opened(path) as file:
            raw = file.read(MOST_BYTES + 1)
        content = raw.decode("utf-8")
    except OSError as error:
        raise TemplateError(f"{path}: {error.strerror}; give the path of a template") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}: not UTF-8; save the template as UTF-8") from error
    if len(raw) > MOST_BYTES:
        raise TemplateError(f"{path}: more than {MOST_BYTES:,} bytes; a template is one question")
    if path.suffix != ".json":
        return {}, [Line(text, f"{path}:{n}") for n, text in enumerate(content.splitlines(), start=1)], []
    try:
        fields = loads(content)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise TemplateError(f"{path}{line}: not JSON ({error}); correct the file") from error
    parts = []
    for key in ("question_annotated", "answer_annotated"):
        if not isinstance(fields, dict) or not isinstance(fields.get(key), str):
            raise TemplateError(f"{path}: no text {key!r}; a JSON template has question_annotated and answer_annotated")
        lines = fields[key].splitlines()
        parts.append([Line(text, f"{path}: {key}, line {n}") for n, text in enumerate(lines, start=1)])
    return fields, parts[0], parts[1]


def _sections(lines: list[Line]) -> tuple[list[Line], dict[str, list[Line]]]:
    """The question before the first heading, and the lines under each heading."""
    question: list[Line] = []
    sections: dict[str, list[Line]] = {}
    current = question
    for line in lines:
        heading = HEADING.match(line.text)
        if heading and heading[1] in sections:
            raise TemplateError(f"{line.where}: a second #{heading[1]}: section; keep one")
        if heading:
            current = sections.setdefault(heading[1], [])
        rest = line.text[heading.end() :] if heading else line.text
        if rest.strip() or not heading:
            current.append(Line(rest, line.where))
    return question, sections


def _items(lines: list[Line]) -> list[Line]:
    """The lines of a list, without their dash; TemplateError for a line without one."""
    entries = []
    for line in lines:
        text = line.text.strip()
        if text and not text.startswith("-"):
            raise TemplateError(f"{line.where}: `{text[:60]}` has no dash before it; write `- {text[:60]}`")
        if text:
            entries.append(Line(text[1:].strip(), line.where))
    return entries


def _pieces(lines: list[Line], names: list[str]) -> tuple[Piece, ...]:
    """The text and slots in order; TemplateError for a slot whose name is not a variable."""
    pieces: list[Piece] = []
    for number, line in enumerate(lines):
        prose, *rest = SLOT.split(line.text)
        pieces.append(prose)
        for inside, prose in zip(rest[::2], rest[1::2], strict=True):
            pieces += [_slot(inside, line.where, names), prose]
        if any(isinstance(piece, str) and ("{" in piece or "}" in piece) for piece in pieces):
            raise TemplateError(f"{line.where}: an unpaired brace; write {{name,default}}")
        pieces.append("\n" if number < len(lines) - 1 else "")
    return tuple(piece for piece in pieces if piece != "")


def _slot(inside: str, where: str, names: list[str]) -> Slot:
    name, comma, default = inside.partition(",")
    if comma and name.strip().isidentifier():
        return Slot(compile_expression(name, where, names), default.strip())
    return Slot(compile_expression(inside, where, names), None)
