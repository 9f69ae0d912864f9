"""Each variant in words: a badge, what it rests on, and what else is worth a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcqa_suite.analysis.compare import Comparison, ComparisonRow
from mcqa_suite.reporting.comparison_data import above_chance
from mcqa_suite.reporting.tables import percent
from mcqa_suite.reporting.views import headlines, interval

MEANING = {
    "worse": "the paired difference is below zero after Holm's correction",
    "better": "the paired difference is above zero after Holm's correction",
    "equivalent": "two one-sided tests put the difference within the margin",
    "no detectable change": "a difference of the margin would have been seen four times in five, and was not",
    "underpowered": "too few questions: a difference of the margin would be missed more than one time in five",
    "at chance": "neither score is above chance, so their difference says nothing",
    "broken": "the scores cannot be believed; see the checks",
}
PHRASE = {
    "worse": "worse on",
    "better": "better on",
    "broken": "cannot be believed (broken) on",
    "at chance": "both at chance on",
    "underpowered": "too few questions to tell on",
    "no detectable change": "no detectable change on",
    "equivalent": "equivalent on",
}


@dataclass(frozen=True)
class VerdictCard:
    """One variant in words. `tone` is a class name of the page; `lines` are (phrase, tasks) from what matters most."""

    name: str
    word: str
    tone: str
    lines: tuple[tuple[str, str, str], ...]
    facts: tuple[str, ...]


def verdicts(report: Comparison, mismatched: Iterable[str]) -> list[VerdictCard]:
    """Every variant, by its headlines; one whose settings differ from the base's is not comparable, whatever its numbers."""
    tops = headlines(report)
    names = dict.fromkeys(row.variant for row in report.rows if row.kind != "noise floor")
    return [_verdict(name, tops, name in set(mismatched)) for name in names]


def _verdict(name: str, tops: Sequence[Sequence[ComparisonRow]], mismatched: bool) -> VerdictCard:
    rows = [row for group in tops for row in group if row.variant == name and row.kind != "noise floor"]
    lines = []
    for verdict, phrase in PHRASE.items():
        mine = [row for row in rows if row.verdict == verdict]
        if mine:
            told = "; ".join(f"{row.task}: {interval(row)}" for row in mine)
            lines.append((verdict, phrase, told))
    word, tone = ("not comparable", "bad") if mismatched else _overall([row.verdict for row in rows])
    return VerdictCard(name, word, tone, tuple(lines), tuple(_facts(rows, tops)))


def _overall(words: Sequence[str]) -> tuple[str, str]:
    """A badge's text and tone: what matters most, and on how many of the headlines."""
    of = f"of {len(words)}"
    better, worse = words.count("better"), words.count("worse")
    if better and worse:
        return f"better on {better}, worse on {worse} {of}", "mixed"
    if better or worse:
        return (f"worse on {worse} {of}", "worse") if worse else (f"better on {better} {of}", "better")
    sound = [word for word in words if word != "broken"]
    if not sound:
        return "broken", "bad"
    if unsure := sound.count("underpowered") + sound.count("at chance"):
        return f"cannot be told on {unsure} {of}", "unsure"
    if len(sound) < len(words):
        return f"broken on {len(words) - len(sound)} {of}", "bad"
    return ("equivalent", "same") if set(sound) == {"equivalent"} else ("no detectable change", "same")


def _facts(rows: Sequence[ComparisonRow], tops: Sequence[Sequence[ComparisonRow]]) -> Iterable[str]:
    total = sum(row.n for row in rows if row.flips)
    if total:
        flips = sum(row.flips.total for row in rows if row.flips)
        text = f"{percent(flips / total)} % of answers changed"
        floor = [row for group in tops for row in group if row.kind == "noise floor" and row.flips]
        if floor:
            share = sum(row.flips.total for row in floor if row.flips) / sum(row.n for row in floor)
            text += f" (noise floor: {percent(share)} %)"
        yield text
    for row in rows:
        kept = above_chance(row)
        if row.verdict == "worse" and kept is not None and row.change.base.low > (row.chance or 0):
            yield f"{row.task}: {percent(max(0.0, kept), 0)} % of what the base scores above chance is left"
        if row.unread_variant and row.unread_base is not None and row.unread_variant > row.unread_base + 0.02:
            yield (
                f"{row.task}: no answer could be read in {percent(row.unread_variant)} % of responses"
                f" (base: {percent(row.unread_base)} %)"
            )
