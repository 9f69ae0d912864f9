"""The choice that a list of verdicts marks: a ticked box, one tick among crosses, one "correct" among "incorrect"."""

from __future__ import annotations

import re
from itertools import islice

from mcqa_suite.extract.choosing import Found, Options
from mcqa_suite.extract.text import View

MOST_LINES = 60
# "- [x] B", "B) London ✅", "C: correct"
MARKED = re.compile(
    r"^[ >#•-]{0,8}(?:\[(?P<box>[ xX✓✔])\] {0,2})?(?:[Oo]ption )?[(]?(?P<letter>[A-Z])(?![\w'])"
    r"(?:(?=[ ).:])[^\n]{0,200}?[ :)-](?P<mark>✅|✓|✔|☑|❌|✗|✘|✖|(?:in)?correct|wrong|right)[. ]{0,3})?$",
    re.MULTILINE,
)
YES = ("x", "X", "✓", "✔", "✅", "☑", "correct", "right")


def marked_line(seen: View, options: Options) -> Found | None:
    """The one option of a list that is marked as right where all others are marked as wrong."""
    marks: dict[int, tuple[bool, int]] = {}
    for match in islice(MARKED.finditer(seen.clean), MOST_LINES):
        index, mark = options.index(match["letter"]), match["box"] or match["mark"]
        if index < 0 or mark is None or index in marks:
            return None
        marks[index] = (mark in YES, match.start("letter"))
    right = [(index, at) for index, (yes, at) in marks.items() if yes]
    if len(right) != 1 or len(marks) < 2:
        return None
    index, at = right[0]
    return Found(index, "answered", "marked_line", at, at + 1)
