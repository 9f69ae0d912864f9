"""Each variant in words: a badge, its verdicts by task, and other facts."""

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
    """One variant in words. `tone`: a class name of the page. `lines`: (verdict, phrase, tasks), what matters most first."""

    name: str
    word: str
    tone: str
    lines: tuple[tuple[str, str, str], ...]
    facts: tuple[str, ...]


def verdicts(comparison: Comparison, mismatched: Iterable[str]) -> list[VerdictCard]:
    """A card a variant, from its headlines; variants whose settings differ from the base's are "not comparable"."""
    tops = headlines(comparison)
    names = dict.fromkeys(row.variant for row in comparison.rows if row.kind != "noise floor")
    return [_card(name, tops, name in set(mismatched)) for name in names]


def _card(name: str, tops: Sequence[Sequence[ComparisonRow]], mismatched: bool) -> VerdictCard:
    rows = [row for group in tops for row in group if row.variant == name and row.kind != "noise floor"]
    lines = []
    for verdict, phrase in PHRASE.items():
        if texts := [f"{row.task}: {interval(row)}" for row in rows if row.verdict == verdict]:
            lines.append((verdict, phrase, "; ".join(texts)))
    word, tone = ("not comparable", "bad") if mismatched else _overall([row.verdict for row in rows])
    return VerdictCard(name, word, tone, tuple(lines), tuple(_facts(rows, tops)))


def _overall(words: Sequence[str]) -> tuple[str, str]:
    """A badge's text and tone: the verdict that matters most, and on how many of the headlines."""
    total = f"of {len(words)}"
    better, worse, broken = (words.count(word) for word in ("better", "worse", "broken"))
    unsure = words.count("underpowered") + words.count("at chance")
    if better and worse:
        return f"better on {better}, worse on {worse} {total}", "mixed"
    if better or worse:
        return (f"worse on {worse} {total}", "worse") if worse else (f"better on {better} {total}", "better")
    if broken == len(words):
        return "broken", "bad"
    if unsure:
        return f"cannot be told on {unsure} {total}", "unsure"
    if broken:
        return f"broken on {broken} {total}", "bad"
    return ("equivalent", "same") if set(words) == {"equivalent"} else ("no detectable change", "same")


def _facts(rows: Sequence[ComparisonRow], tops: Sequence[Sequence[ComparisonRow]]) -> Iterable[str]:
    if (share := _flipped(rows)) is not None:
        floor = _flipped([row for group in tops for row in group if row.kind == "noise floor"])
        noise = "" if floor is None else f" (noise floor: {percent(floor)} %)"
        yield f"{percent(share)} % of answers changed{noise}"
    for row in rows:
        left = above_chance(row)
        if row.verdict == "worse" and left is not None and row.change.base.low > (row.chance or 0):
            yield f"{row.task}: {percent(max(0.0, left), 0)} % of what the base scores above chance is left"
        if row.unread_variant and row.unread_base is not None and row.unread_variant > row.unread_base + 0.02:
            yield (
                f"{row.task}: no answer could be read in {percent(row.unread_variant)} % of responses"
                f" (base: {percent(row.unread_base)} %)"
            )


def _flipped(rows: Sequence[ComparisonRow]) -> float | None:
    """The share of documents whose answer changed, over the rows where that is known."""
    counts = [(row.flips.total, row.n) for row in rows if row.flips]
    return sum(total for total, _ in counts) / sum(n for _, n in counts) if counts else None
