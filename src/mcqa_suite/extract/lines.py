"""Read a choice on its own line, and tell it from a list that repeats the options."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from mcqa_suite.extract.choosing import read_letter
from mcqa_suite.extract.options import Options
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.text import View

# "A. Paris", "(b) London", "**C**", "> D)": a line that begins with a letter
LINE = re.compile(
    r"^[\s>#•-]{0,8}(?:\d{1,2}[.)] {1,3})?(?i:option |choice |answer )?(?P<open>[(\[{'<]{0,2}) ?(?P<letter>[A-Za-z])"
    r"(?:(?P<bare>[)\]}.:,!'> ]{0,4}$)|(?P<sep>[)\]}]{1,2}[.:,]?|[.:,](?=\s)|\.(?=[A-Z\d])| {1,2}-{1,2}(?= ))(?P<rest>.*))",
    re.DOTALL,
)

# "A, B and D", "A/B": a last line that is only letters
SEVERAL_LINE = re.compile(
    r"(?:^|\n) {0,4}[(\[]?(?P<first>[A-Z])[)\]]?(?:(?: ?, ?(?:and |or )?| ?[/&+] ?| (?:and|or) )[(\[]?[A-Z][)\]]?){1,25}"
    r"[. ]{0,3}$"
)
MOST_LINES = 60  # lettered or marked lines that are read


@dataclass(frozen=True)
class Item:
    """A line that begins with a letter."""

    number: int  # of the line; blank lines are not counted
    index: int
    at: int
    bare: bool
    upper: bool
    own: bool  # the option's own text follows
    other: bool  # another option's text follows


def lettered_lines(view: View, options: Options) -> list[Item]:
    """The lines that begin with a label."""
    items: list[Item] = []
    at, number = 0, 0 if view.begins else 1
    for line in view.clean.split("\n"):
        if line and not line.isspace():
            match = LINE.match(line)
            if match is not None and (index := options.index(match["letter"])) >= 0:
                named, _, ends = options.at_start((match["rest"] or "")[:400].lower())
                own, other = index in named, bool(named) and index not in named and ends
                bare, upper = match["bare"] is not None, match["letter"].isupper()
                if upper or own or other or bare:
                    items.append(Item(number, index, at + match.start("letter"), bare, upper, own, other))
            number += 1
        at += len(line) + 1
        if len(items) > MOST_LINES:
            break
    return items


def leading_line(view: View, options: Options) -> Reading | None:
    """The choice in the first line, alone or with the option's text."""
    items = lettered_lines(view, options)
    if not items or items[0].number != 0:
        return None
    first = items[0]
    if not (first.own or first.other or first.bare) or not (
        len({i.index for i in items}) == 1 or _answers_first(items)
    ):
        return None
    if first.own and _continues_as_list(view, options, first):
        return None
    return read_letter(view, options, "leading_line", first.at)


# "A) Paris B) London": the next label on the same line
NEXT_LABEL = re.compile(r" \(?(?P<letter>[A-Z])[).:] ?")


def _continues_as_list(view: View, options: Options, item: Item) -> bool:
    """Whether the other options follow on the same line."""
    end = view.clean.find("\n", item.at, item.at + 300)
    match = NEXT_LABEL.search(view.clean, item.at + 1, end if end >= 0 else item.at + 300)
    if match is None or options.index(match["letter"]) in (-1, item.index):
        return False
    return options.follows(view.low[match.end("letter") : match.end() + 300], options.index(match["letter"]))


def _answers_first(items: list[Item]) -> bool:
    """Whether the first of several lettered lines is the answer and the others explain it."""
    first, second = items[0], items[1]
    return first.number == 0 and (first.index != 0 or first.bare or second.number > 1) and not _restates_options(items)


def letter_line(view: View, options: Options) -> Reading | None:
    """The choice on its own line, unless the lines only repeat the options."""
    items = lettered_lines(view, options)
    if not items:
        several = SEVERAL_LINE.search(view.clean)
        return several and Reading(None, "several", "letter_line", several.start("first"), several.end())
    lines = [line for line in view.low.split("\n") if line and not line.isspace()]
    lines = lines if view.begins else ["", *lines]
    if len({item.index for item in items}) == 1:
        item = items[-1] if items[0].number else items[0]
        stands = _stands_alone(item, lines) and not (item.own and _continues_as_list(view, options, item))
        return read_letter(view, options, "letter_line", item.at) if stands else None
    if _answers_first(items):
        return read_letter(view, options, "letter_line", items[0].at)
    before, last = items[-2:]
    concludes = last.bare or (last.index <= before.index and last.number > before.number + 1)
    return read_letter(view, options, "letter_line", last.at) if concludes and last.number == len(lines) - 1 else None


def _restates_options(items: list[Item]) -> bool:
    """Whether the first lines list the options in order."""
    return items[0].index == 0 and items[1].index == 1 and items[1].number == items[0].number + 1 and not items[0].bare


def _stands_alone(item: Item, lines: list[str]) -> bool:
    """Whether a single lettered line is an answer: the first or last line, after a colon, or with an option's text."""
    if item.own or item.other:
        return True
    if not item.upper:
        return item.bare and len(lines) == 1
    return item.bare or item.number in (0, len(lines) - 1) or lines[item.number - 1].rstrip().endswith(":")


# "B because the Thames ...", "C - the only one"
OPENS = re.compile(
    r"(?:option )?[(\[]?(?P<letter>[A-Z])[)\]]?(?=,? (?:because|since)\b| (?:as|is|seems|looks|for)\b| - )"
)


def opening_letter(view: View, options: Options) -> Reading | None:
    """The letter at the beginning of a sentence that begins the response: "B because the Thames ..."."""
    match = OPENS.match(view.clean) if view.begins else None
    if match is None:
        return None
    return read_letter(view, options, "opening_letter", match.start("letter"))


# "- [x] B", "B) London ✅", "C: correct"
MARKED = re.compile(
    r"^[ >#•-]{0,8}(?:\[(?P<box>[ xX✓✔])\] {0,2})?(?:[Oo]ption )?[(]?(?P<letter>[A-Z])(?![\w'])"
    r"(?:(?=[ ).:])[^\n]{0,200}?[ :)-](?P<mark>✅|✓|✔|☑|❌|✗|✘|✖|(?:in)?correct|wrong|right)[. ]{0,3})?$",
    re.MULTILINE,
)
YES = ("x", "X", "✓", "✔", "✅", "☑", "correct", "right")


def marked_line(view: View, options: Options) -> Reading | None:
    """The one option of a list that is marked as right where all others are marked as wrong."""
    marks: dict[int, tuple[bool, int]] = {}
    for match in islice(MARKED.finditer(view.clean), MOST_LINES):
        index, mark = options.index(match["letter"]), match["box"] or match["mark"]
        if index < 0 or mark is None or index in marks:
            return None
        marks[index] = (mark in YES, match.start("letter"))
    right = [(index, at) for index, (yes, at) in marks.items() if yes]
    if len(right) != 1 or len(marks) < 2:
        return None
    index, at = right[0]
    return Reading(options.labels[index], "answered", "marked_line", at, at + 1)
