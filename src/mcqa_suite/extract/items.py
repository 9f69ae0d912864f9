"""Lines that begin with an option's letter, and the lists that they form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mcqa_suite.extract.options import CONNECTOR, Options
from mcqa_suite.extract.text import View

# "A. Paris", "(b) London", "**C**", "> D)": a line that begins with a letter
LINE = re.compile(
    r"^[\s>#•-]{0,8}(?:\d{1,2}[.)] {1,3})?(?i:option |choice |answer )?(?P<open>[(\[{'<]{0,2}) ?(?P<letter>[A-Za-z])"
    r"(?:(?P<bare>(?:选项|選項)?[)\]}.:,!'> ✅✓✔]{0,4}$)|(?P<sep>[)\]}]{1,2}[.:,]?|[.:,](?=[\s\u3040-\u9fff가-힣])"
    r"|\.(?=[A-Z\d])| {1,2}-{1,2}(?= ))(?P<rest>.*))",
    re.DOTALL,
)
# "A) Paris B) London": the next label on the same line
NEXT_LABEL = re.compile(r" \(?(?P<letter>[A-Z])[).:] ?")
MOST_LINES = 60  # lettered lines that are read
REACH = 1_500  # characters in which the next item of a list is searched
NEXT_LINE = re.compile(r"\n[^\n]{1,400}")


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


def item_of(line: str, options: Options, number: int = 0, start: int = 0) -> Item | None:
    """The item that a line begins; `start` is its position in the view."""
    match = LINE.match(line)
    if match is None or (index := options.index(match["letter"])) < 0:
        return None
    named, _, ends = options.at_start((match["rest"] or "")[:400].lower())
    own, other = index in named, bool(named) and index not in named and ends
    bare, upper = match["bare"] is not None, match["letter"].isupper()
    if not (upper or own or other or bare):
        return None
    return Item(number, index, start + match.start("letter"), bare, upper, own, other)


def lettered_lines(view: View, options: Options) -> list[Item]:
    """The lines that begin with a label."""
    return list(islice(_items(view, options), MOST_LINES + 1))


def _items(view: View, options: Options) -> Iterator[Item]:
    at, number = 0, 0 if view.begins else 1
    for line in view.clean.split("\n"):
        if line and not line.isspace():
            if item := item_of(line, options, number, at):
                yield item
            number += 1
        at += len(line) + 1


def item_at(view: View, options: Options, at: int) -> Item | None:
    """The item of the line that the letter at `at` begins."""
    start, end = view.clean.rfind("\n", 0, at) + 1, view.clean.find("\n", at)
    item = item_of(view.clean[start : end if end >= 0 else len(view.clean)], options, 0, start)
    return item if item and item.at == at else None


# "Let me consider each answer:", "Let's break down the options:": the line above a list of options
LIST_HEADING = re.compile(
    r"\b(?:each|every|all|(?:the|these|our|given|possible) (?:answer )?(?:options|choices|answers))\b[^\n.]{0,40}:\s{0,4}$"
)


def is_under_list_heading(view: View, item: Item) -> bool:
    """Whether the line above an item announces a list of the options."""
    start = view.clean.rfind("\n", 0, item.at)
    return start >= 0 and bool(LIST_HEADING.search(view.low, max(0, start - 100), start + 1))


def begins_list(view: View, options: Options, item: Item) -> bool:
    """Whether an item is followed by the next option's, as in "Let us check each choice:\\nA: It is ...\\nB: It is ..."."""
    if continues_as_list(view, options, item):
        return True
    for match in NEXT_LINE.finditer(view.clean, item.at, item.at + REACH):
        if following := item_of(match.group()[1:], options):
            return following.index == item.index + 1
    return False


# "(only if you cannot choose)": a remark behind an option's text, which denies nothing
REMARK = re.compile(r"[.,; ]{0,3}(?:\((?![^)\n]{0,80}\b(?:not|wrong|incorrect|false)\b)[^\n]{0,300}\)?)?[. ]{0,2}$")


def stands_beside(view: View, options: Options, item: Item) -> bool:
    """Whether the next line gives another option with its text and no more, as in "C. Berlin\\nB. London (in summer)"."""
    end = view.clean.find("\n", item.at)
    match = NEXT_LINE.search(view.clean, end, end + REACH) if item.own and end >= 0 else None
    following = item_of(match.group()[1:], options) if match else None
    if match is None or following is None or not following.own or following.index == item.index:
        return False
    text = match.group()[1 + following.at + 1 :].lower()
    link = CONNECTOR.match(text)
    begin = link.end() if link else 0
    return bool(REMARK.match(text, begin + options.at_start(text[begin:])[1]))


def is_listed(view: View, options: Options, at: int) -> bool:
    """Whether the letter at `at` begins an item below the one of the option before it."""
    item = item_at(view, options, at)
    above = view.clean[: view.clean.rfind("\n", 0, at) + 1].rstrip()
    before = item_of(above[above.rfind("\n") + 1 :], options)
    return bool(item and before and before.index == item.index - 1)


def continues_as_list(view: View, options: Options, item: Item) -> bool:
    """Whether another option follows on the same line: the next one, or one with its own text."""
    end = view.clean.find("\n", item.at, item.at + 300)
    match = NEXT_LABEL.search(view.clean, item.at + 1, end if end >= 0 else item.at + 300)
    if match is None or (index := options.index(match["letter"])) in (-1, item.index):
        return False
    return index == item.index + 1 or options.follows(view.low[match.end("letter") : match.end() + 300], index)
