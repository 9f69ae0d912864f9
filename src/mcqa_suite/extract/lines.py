"""The choice that stands on a line of its own, told from a list that restates the options."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcqa_suite.extract.choosing import Found, Options, judged, own_text
from mcqa_suite.extract.options import named_at
from mcqa_suite.extract.text import View

# "A. Paris", "(b) London", "**C**", "> D)": a line that begins with a letter
LINE = re.compile(
    r"^[\s>#•-]{0,8}(?:\d{1,2}[.)] {1,3})?(?i:option |choice |answer )?(?P<open>[(\[{'<]{0,2}) ?(?P<letter>[A-Za-z])"
    r"(?:(?P<bare>[)\]}.:,!'> ]{0,4}$)|(?P<sep>[)\]}]{1,2}[.:,]?|[.:,](?=\s)|\.(?=[A-Z\d])| {1,2}-{1,2}(?= ))(?P<rest>.*))",
    re.DOTALL,
)


# "A, B and D", "A/B": a last line of nothing but letters
SEVERAL_LINE = re.compile(
    r"(?:^|\n) {0,4}[(\[]?(?P<first>[A-Z])[)\]]?(?:(?: ?, ?(?:and |or )?| ?[/&+] ?| (?:and|or) )[(\[]?[A-Z][)\]]?){1,25}"
    r"[. ]{0,3}$"
)


@dataclass(frozen=True)
class Item:
    """A line that begins with a letter."""

    number: int  # of the line, counting lines that are not blank
    index: int
    at: int
    bare: bool
    upper: bool
    own: bool  # the option's own text follows
    other: bool  # another option's text follows


def listed(seen: View, options: Options) -> list[Item]:
    """The lines that begin with a letter of the labels."""
    items: list[Item] = []
    at, number = 0, 0 if seen.begins else 1
    for line in seen.clean.split("\n"):
        if line and not line.isspace():
            match = LINE.match(line)
            if match is not None and options.index(match["letter"]) >= 0:
                item = _item(match, number, at, options)
                if item.upper or item.own or item.other or item.bare:
                    items.append(item)
            number += 1
        at += len(line) + 1
        if len(items) > 60:
            break
    return items


def _item(match: re.Match[str], number: int, at: int, options: Options) -> Item:
    index = options.index(match["letter"])
    rest = (match["rest"] or "")[:400].lower()
    named, _, ends = named_at(rest, options.choices)
    return Item(
        number,
        index,
        at + match.start("letter"),
        match["bare"] is not None,
        match["letter"].isupper(),
        index in named,
        bool(named) and index not in named and ends,
    )


def leading_line(seen: View, options: Options) -> Found | None:
    """A response that begins with its choice, on a line of its own or with the option's text."""
    items = listed(seen, options)
    if not items or items[0].number != 0:
        return None
    first = items[0]
    if not (first.own or first.other or first.bare) or not (
        len({i.index for i in items}) == 1 or _answers_first(items)
    ):
        return None
    if first.own and _goes_on(seen, options, first):
        return None
    return judged(seen, options, "leading_line", first.at)


# "A) Paris B) London": the next label on the same line
NEXT_LABEL = re.compile(r" \(?(?P<letter>[A-Z])[).:] ?")


def _goes_on(seen: View, options: Options, item: Item) -> bool:
    """Whether the line of an option goes on to the next ones, a list on one line."""
    end = seen.clean.find("\n", item.at, item.at + 300)
    match = NEXT_LABEL.search(seen.clean, item.at + 1, end if end >= 0 else item.at + 300)
    if match is None or options.index(match["letter"]) in (-1, item.index):
        return False
    return own_text(seen.low[match.end("letter") : match.end() + 300], options, options.index(match["letter"]))


def _answers_first(items: list[Item]) -> bool:
    """Whether the first of several lettered lines answers, and the others come after it as explanation."""
    first, second = items[0], items[1]
    return first.number == 0 and (first.index != 0 or first.bare or second.number > 1) and not _listing(items)


def letter_line(seen: View, options: Options) -> Found | None:
    """A choice that has a line of its own, unless the lines only restate the options."""
    items = listed(seen, options)
    if not items:
        several = SEVERAL_LINE.search(seen.clean)
        return None if several is None else Found(None, "several", "letter_line", several.start("first"), several.end())
    lines = [line for line in seen.low.split("\n") if line and not line.isspace()]
    lines = lines if seen.begins else ["", *lines]
    if len({item.index for item in items}) == 1:
        item = items[-1] if items[0].number else items[0]
        stands = _stands_alone(item, lines) and not (item.own and _goes_on(seen, options, item))
        return judged(seen, options, "letter_line", item.at) if stands else None
    last, last_number = items[-1], len(lines) - 1
    if _answers_first(items):
        return judged(seen, options, "letter_line", items[0].at)
    if last.bare and last.number == last_number:
        return judged(seen, options, "letter_line", last.at)
    if last.index <= items[-2].index and last.number == last_number and last.number > items[-2].number + 1:
        return judged(seen, options, "letter_line", last.at)
    return None


def _listing(items: list[Item]) -> bool:
    """Whether the first lines go through the options in order without a pause."""
    return items[0].index == 0 and items[1].index == 1 and items[1].number == items[0].number + 1 and not items[0].bare


def _stands_alone(item: Item, lines: list[str]) -> bool:
    """Whether a single lettered line is an answer: in first or last place, behind a colon, or with its option's text."""
    if item.own or item.other:
        return True
    if not item.upper:
        return item.bare and len(lines) == 1
    return item.bare or item.number in (0, len(lines) - 1) or lines[item.number - 1].rstrip().endswith(":")


# "B because the Thames ...", "C - the only one"
OPENS = re.compile(
    r"(?:option )?[(\[]?(?P<letter>[A-Z])[)\]]?(?=,? (?:because|since)\b| (?:as|is|seems|looks|for)\b| - )"
)


def opening_letter(seen: View, options: Options) -> Found | None:
    """A response that begins with its choice: "B because the Thames ..."."""
    match = OPENS.match(seen.clean) if seen.begins else None
    if match is None:
        return None
    return judged(seen, options, "opening_letter", match.start("letter"))
