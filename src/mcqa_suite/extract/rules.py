"""Phrases that announce an answer; the last announcement decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mcqa_suite.extract.denial import denied, denied_after
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.text import View, last_matches, occurs


@dataclass(frozen=True)
class Rule:
    """One way to announce an answer, with an example and the answer that it gives.

    The pattern matches cleaned lower-case text. It ends where the answer begins; with side `after` it contains the answer as
    group `letter`.
    """

    name: str
    example: str
    gives: str
    needles: str  # separated by "|"; the pattern is tried only where one of them occurs in the lower-case text
    source: str
    side: Literal["before", "after"] = "before"
    strict: bool = False  # nothing may follow the letter: "Therefore, C." but not "Therefore, C lies ..."
    weak: bool = False  # any other rule wins, unless a correction comes between them: "... is A. Wait, B is right."

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(self.needles.split("|"))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.source)


def last_announced(
    view: View,
    rules: Sequence[Rule],
    read: Callable[[Rule, re.Match[str]], Reading | None],
    last: Reading | None = None,
) -> Reading | None:
    """What `read` finds at the last announcement that is not denied; `last` where none of them is later."""
    for rule in rules:
        start = last.start if last else 0
        if not occurs(rule.words, view.low, start):
            continue
        for match in last_matches(rule.pattern, view.low, start):
            reading = read(rule, match)
            if reading and not denied(view.low, match.start()) and not denied_after(view.low, reading.end):
                last = reading if last is None or reading.start > last.start else last
                break
    return last
