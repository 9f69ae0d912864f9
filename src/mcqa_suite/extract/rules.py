"""Phrases that announce an answer; the last announcement decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from mcqa_suite.extract.denial import denied, denied_after
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.text import View, last_matches


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
    def ascii_words(self) -> tuple[str, ...]:
        return tuple(word for word in self.words if word.isascii())

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
    ascii_only = view.low.isascii()
    latest: tuple[Reading, Rule, list[re.Match[str]]] | None = None
    start = last.start if last else 0
    contains = view.low[start:].__contains__
    for rule in rules:
        if not any(map(contains, rule.ascii_words if ascii_only else rule.words)):
            continue  # a fast test before a pattern is tried
        matches = last_matches(rule.pattern, view.low, start)
        for index, match in enumerate(matches):
            reading = read(rule, match)
            if reading and not denied(view.low, match.start()) and not denied_after(view.low, reading.end):
                if latest is None or reading.start > latest[0].start:
                    latest = (reading, rule, matches[index:])
                    start = reading.start
                    contains = view.low[start:].__contains__
                break
    return _single(view, *latest, read) if latest else last


# "The answer is A. The answer is B.", "I choose A. I also choose B."
PARALLEL = re.compile(r"[^\w]*(?:(?:and|or|then|also|alternatively|the|my|final|correct|right|best)\b[^\w]*){0,4}")
ALSO = re.compile(r"\b(?:also|alternatively)\b")


def _single(
    view: View,
    reading: Reading,
    rule: Rule,
    matches: Sequence[re.Match[str]],
    read: Callable[[Rule, re.Match[str]], Reading | None],
) -> Reading:
    """A reading, with the status `several` where the same rule gives another answer right before it.

    `matches` are the announcement of the reading and those before it, latest first.
    """
    match = matches[0]
    also = ALSO.search(view.low, max(0, match.start() - 8), match.end())
    for before in matches[1:]:
        other = read(rule, before)
        if other is None:
            continue
        between = view.low[max(other.end, before.end()) : match.start()]
        parallel = len(between) < 80 and PARALLEL.fullmatch(between)
        same = {other.answer, other.other} & {reading.answer, reading.other} - {None}  # 0.843 or 84.3 %
        if not same and (parallel or also):
            return replace(reading, answer=None, status="several")
        return reading
    return reading
