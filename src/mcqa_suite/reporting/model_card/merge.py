"""A model card as front matter and sections, and a new card put into an older one without losing what people wrote.

A section of ours begins with SECTION_MARK, and the last line of a card names the values of the front matter that are ours by
their hashes. Whatever has no mark, or was changed since, is a person's and stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any

import yaml

from mcqa_suite.common.config import YAML_ERRORS, check_extent
from mcqa_suite.common.errors import ConfigError

SECTION_MARK = "<!-- mcqa card writes this section anew each time; delete this line to keep your changes -->"
FRONT_MARK = re.compile(r"\n*^<!-- mcqa card, front matter:((?: [0-9a-f]{8})*) -->\n?", re.MULTILINE)
FRONT = re.compile(r"\A\s*^---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.MULTILINE | re.DOTALL)
KEY = re.compile(r"^[^\s#\-][^\n]*?:(?=\s|$)", re.MULTILINE)  # a key of the front matter's top level
HEADING = re.compile(r"#{1,2} \S")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
TITLE = "#"  # the key of what stands before the first heading of the second level
INDEX = "model-index"
REMEDY = "correct it or delete it, then repeat: nothing was changed"


@dataclass(frozen=True)
class Card:
    """`front`: the front matter; `sections`: heading -> text with it, the title's under TITLE; ours have their mark.

    `marks`: the hashes of the values in `front` that are ours; None for all of them.
    """

    front: Mapping[str, Any]
    sections: Mapping[str, str]
    marks: Collection[str] | None = None

    def of_person(self, name: str) -> bool:
        """Whether a person wrote the section of this heading, or a part of the value of this key."""
        if name in self.sections:
            return not is_ours(self.sections[name])
        return (
            self.marks is not None and name in self.front and _of_person(name, self.front[name], self.marks) is not None
        )


@dataclass(frozen=True)
class Merged:
    """The text of a card, and the keys and headings in it that are a person's and stand in place of ours."""

    text: str
    yours: tuple[str, ...] = ()


def merge(card: Card, existing: str | None, where: str = "README.md") -> Merged:
    """The card, put into the text of an existing one; ConfigError names `where` for front matter that is no mapping.

    Our sections and values are renewed, and all else stays. A section or a single value of a person replaces ours.
    """
    text, marks = _without_marks(existing or "")
    old_front, body = split_front(text)
    old = _mapping(old_front, where)
    front, ours = _merged_front(card.front, old, marks)
    blocks, taken = _merged_blocks(card.sections, split_sections(body))
    yours = [key for key in card.front if key in old and front[key] == old[key] != card.front[key]]
    line = (
        f"<!-- mcqa card, front matter: {' '.join(sorted(ours if card.marks is None else ours & set(card.marks)))} -->"
    )
    parts = [f"---\n{_front_text(old_front, old, front)}---\n", *blocks, line]
    text = "\n".join(part.strip("\n") + "\n" for part in parts if part.strip())
    return Merged(text, tuple(shown_name(key) for key in (*yours, *taken)))


def parse_card(text: str, where: str = "README.md") -> Card:
    """An existing card; ConfigError names `where` for front matter that is no mapping."""
    text, marks = _without_marks(text)
    front, body = split_front(text)
    return Card(_mapping(front, where), split_sections(body), frozenset(marks))


def split_front(text: str) -> tuple[str, str]:
    """The YAML of the front matter, "" without one, and the text below it."""
    match = FRONT.match(text)
    return (match[1], text[match.end() :]) if match else ("", text)


def split_sections(body: str) -> dict[str, str]:
    """Heading -> text with it, for each section of level one or two; headings in blocks of code are none, but for ours.

    The second of two equal headings has a key of its own.
    """
    sections: list[tuple[str, list[str]]] = [(TITLE, [])]
    fence = ""
    lines = body.splitlines()
    for line, below in zip_longest(lines, lines[1:]):
        if below == SECTION_MARK:
            fence = ""  # of a block that a person did not close
        if mark := FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        at_start = len(sections) == 1 and not "".join(sections[0][1]).strip()
        if not fence and HEADING.match(line) and not (at_start and line.startswith("# ")):
            sections.append((line.strip(), []))
        sections[-1][1].append(line)
    texts: dict[str, str] = {}
    for heading, section in sections:
        if "".join(section).strip():
            number = 1 + sum(key.partition("\t")[0] == heading for key in texts)
            texts[heading if number == 1 else f"{heading}\t{number}"] = "\n".join(section).strip("\n")
    return texts


def marked(text: str) -> str:
    """A section of ours, with the mark below its heading."""
    heading, _, rest = text.partition("\n")
    return f"{heading}\n{SECTION_MARK}\n{rest}"


def shown_name(key: str) -> str:
    """The name of a key of the front matter, or of a section, for people."""
    return "the title" if key == TITLE else key.partition("\t")[0]


def is_ours(section: str) -> bool:
    return section.partition("\n")[2].startswith(SECTION_MARK)


def _merged_blocks(ours: Mapping[str, str], existing: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """All sections in order, and the headings of those that a person wrote and that stand in place of other ones.

    Ours stay where they are; a new one stands after the last of ours, the first one at the end.
    """
    blocks = [(key, ours.get(key, "") if is_ours(text) else text) for key, text in existing.items()]
    blocks = [(key, text) for key, text in blocks if text]
    taken = [key for key, text in blocks if key in ours and not is_ours(text) and text != ours[key]]
    for key, text in ours.items():
        if key not in dict(blocks):
            own = [index for index, (name, block) in enumerate(blocks) if is_ours(block) and name != TITLE]
            last = own[-1] if own else len(blocks) - 1
            blocks.insert(0 if key == TITLE else last + 1, (key, text))
    return [text for _, text in blocks], taken


def _without_marks(text: str) -> tuple[str, set[str]]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    marks = {mark for line in FRONT_MARK.findall(text) for mark in line.split()}
    return FRONT_MARK.sub("\n", text), marks


def _mapping(text: str, where: str) -> dict[str, Any]:
    try:
        check_extent(text)
        front = yaml.safe_load(text)
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise yaml.YAMLError("an alias, which a small text could make endless")
    except YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 2}" if mark else ""  # the first line is "---"
        reason = getattr(error, "problem", None) or " ".join(str(error).split())[:100]
        raise ConfigError(f"{where}{at}: front matter that is not plain YAML ({reason}); {REMEDY}") from error
    if front is not None and not isinstance(front, dict):
        raise ConfigError(f"{where}: front matter that is no mapping of keys; {REMEDY}")
    return {str(key): value for key, value in (front or {}).items()}


def _merged_front(
    ours: Mapping[str, Any], old: Mapping[str, Any], marks: Collection[str]
) -> tuple[dict[str, Any], set[str]]:
    """The values of both, a person's first; and the marks of those that are ours."""
    front: dict[str, Any] = {}
    for key, value in old.items():
        rest = _of_person(key, value, marks)
        if rest is not None or key in ours or value is None:
            front[key] = rest  # None is renewed below, where it stands
    written = set[str]()
    for key, value in ours.items():
        items = _items(key, value)
        if (present := front.get(key)) is None:
            front[key] = value
        elif isinstance(present, list) and isinstance(value, list):
            others = _items(key, present)
            items = [item for item in items if item not in others]
            front[key] = _with_items(key, present, others + items)
        else:
            items = []
        written |= {_mark(key, item) for item in items}
    return front, written


def _of_person(key: str, value: Any, marks: Collection[str]) -> Any:
    """What of a value is not ours; None where all of it is."""
    if not isinstance(value, list):
        return None if _mark(key, value) in marks else value
    items = _items(key, value)
    rest = [item for item in items if _mark(key, item) not in marks]
    return value if rest == items else _with_items(key, value, rest) if rest else None


def _items(key: str, value: Any) -> list[Any]:
    """The parts of a value that may be a person's each for itself: those of a list, and the results of a model index."""
    if key == INDEX and isinstance(value, list) and value and isinstance(value[0], dict):
        results = value[0].get("results")
        return results if isinstance(results, list) else []
    return value if isinstance(value, list) else [value]


def _with_items(key: str, value: list[Any], items: list[Any]) -> list[Any]:
    return [{**value[0], "results": items}, *value[1:]] if key == INDEX else items


def _mark(key: str, item: Any) -> str:
    return hashlib.sha256(json.dumps([key, item], sort_keys=True, default=str).encode()).hexdigest()[:8]


def _front_text(text: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The front matter as YAML; what stays keeps its letters, with the comments before it."""
    starts = [match.start() for match in KEY.finditer(text)]
    blocks = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    as_written = dict(zip(old, blocks, strict=True)) if len(blocks) == len(old) else {}
    parts = [text[: starts[0]] if starts else text] if len(blocks) == len(old) else []
    for key, value in new.items():
        same = key in as_written and value == old[key]
        parts.append(
            as_written[key] if same else yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=100)
        )
    joined = "".join(part.rstrip("\n") + "\n" for part in parts if part.strip())
    if yaml.safe_load(joined) == new:
        return joined
    return yaml.safe_dump(dict(new), sort_keys=False, allow_unicode=True, width=100)
