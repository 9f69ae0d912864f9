"""Read a choice on its own line, and tell it from a list that repeats the options."""

from __future__ import annotations

import re

from mcqa_suite.extract.choosing import read_letter
from mcqa_suite.extract.items import (
    Item,
    begins_list,
    continues_as_list,
    is_under_list_heading,
    item_at,
    lettered_lines,
    stands_beside,
)
from mcqa_suite.extract.options import Options
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.text import View

NOT_ONLY_LETTERS = frozenset("✅✓✔☑❌✗✘✖+=<>")  # "A ❌", "A+"
CONNECTING = re.compile(r"\b(?:and|or)\b")


def letters_only(view: View, options: Options) -> Reading | None:
    """The letter of a response that repeats it and has nothing else, "BBBBB"; several where it has others: "A. B. C. D."."""
    return _only_letters(view, options, 0) if len(view.clean) > 1 else None


def _only_letters(view: View, options: Options, start: int) -> Reading | None:
    """The letters from `start` on, if there is nothing else."""
    chars = set(CONNECTING.sub("", view.clean[start:]))
    letters = {char for char in chars if char.isalnum()}
    if (
        not letters
        or letters == {"I"}
        or chars & NOT_ONLY_LETTERS
        or any(not char.isupper() or options.index(char) < 0 for char in letters)
    ):
        return None
    at = view.clean.index(min(letters), start)
    if len(letters) > 1:
        return Reading(None, "several", "letters_only", at, len(view.clean))
    return Reading(options.labels[options.index(letters.pop())], "answered", "letters_only", at, at + 1)


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
    if continues_as_list(view, options, first):
        return None
    if stands_beside(view, options, first):
        return Reading(None, "several", "leading_line", first.at, first.at + 1)
    return read_letter(view, options, "leading_line", first.at)


def _answers_first(items: list[Item]) -> bool:
    """Whether the first of several lettered lines is the answer and the others explain it."""
    first, second = items[0], items[1]
    return first.number == 0 and (first.index != 0 or first.bare or second.number > 1) and not _restates_options(items)


def letter_line(view: View, options: Options) -> Reading | None:
    """The choice on its own line, unless the lines only repeat the options."""
    items = lettered_lines(view, options)
    if not items:
        letters = _only_letters(view, options, view.clean.rfind("\n") + 1)
        return letters if letters and letters.answer is None else None
    lines = [line for line in view.low.split("\n") if line and not line.isspace()]
    lines = lines if view.begins else ["", *lines]
    if len({item.index for item in items}) == 1:
        item = items[-1] if items[0].number else items[0]
        stands = _stands_alone(view, item, lines) and not continues_as_list(view, options, item)
        return read_letter(view, options, "letter_line", item.at) if stands else None
    if _answers_first(items):
        return read_letter(view, options, "letter_line", items[0].at)
    before, last = items[-2:]
    concludes = last.bare or (last.index <= before.index and last.number > before.number + 1)
    return read_letter(view, options, "letter_line", last.at) if concludes and last.number == len(lines) - 1 else None


def _restates_options(items: list[Item]) -> bool:
    """Whether the first lines list the options in order."""
    return items[0].index == 0 and items[1].index == 1 and items[1].number == items[0].number + 1 and not items[0].bare


def _stands_alone(view: View, item: Item, lines: list[str]) -> bool:
    """Whether a single lettered line is an answer: the first or last line, after a colon, or with an option's text."""
    if is_under_list_heading(view, item) and item.index == 0 and not item.bare:
        return False
    if item.own or item.other:
        return True
    if not item.upper:
        return item.bare and len(lines) == 1
    return item.bare or item.number in (0, len(lines) - 1) or lines[item.number - 1].rstrip().endswith(":")


# "B because the Thames ...", "C - the only one"
OPENS = re.compile(
    r"(?:option )?[(\[]?(?P<letter>[A-Z])[)\]]?(?=,? (?:because|since|rather than|instead of)\b| (?:as|is|seems|looks|for)\b| - )"
)


def opening_letter(view: View, options: Options) -> Reading | None:
    """The letter at the beginning of a sentence that begins the response: "B because the Thames ..."."""
    match = OPENS.match(view.clean) if view.begins else None
    if match is None:
        return None
    item = item_at(view, options, match.start("letter"))
    if item and begins_list(view, options, item):
        return None
    return read_letter(view, options, "opening_letter", match.start("letter"))
