"""The measured precision of each rule of our extractors on labelled outputs: a part of extractors.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mcqa_suite.extract import Extraction, extract_choice, extract_grid, extract_number
from mcqa_suite.extract.letter_rules import LETTER_RULES
from mcqa_suite.extract.number_rules import NUMBER_RULES
from mcqa_suite.stats.intervals import wilson

FEW = 50  # readings below which a precision is not judged
LOWEST = 0.98  # precision of a rule that has as many readings
Row = dict[str, Any]
READ: dict[str, Callable[[Row], Extraction]] = {
    "mcq": lambda row: extract_choice(row["text"], row["choices"] or [""] * 4),
    "numeric": lambda row: extract_number(row["text"]),
    "grid": lambda row: extract_grid(row["text"]),
}


def precision_table(rows: Sequence[Row], against: set[str], same: Callable[[Row, Any], bool]) -> list[str]:
    """Lines of Markdown: each rule's readings, how many of them are wrong, and its precision with a 95 % interval.

    A reading of a row without a label is wrong. `against` are the ids whose labels contradict the policy; they count only in
    the last column. Rules without a reading are named below the table.
    """
    readings = [(row, READ[row["kind"]](row)) for row in rows]
    answered = [(row, extraction) for row, extraction in readings if extraction.answer is not None]
    agreeing = _count(((row, e) for row, e in answered if row["id"] not in against), same)
    everything = _count(answered, same)
    lines = [
        "| kind | rule | read | wrong | precision % | 95 % interval | | wrong / read with all labels |",
        "|---|---|---:|---:|---:|---|---|---:|",
    ]
    for (kind, rule), (read, wrong) in sorted(everything.items()):
        lines.append(_line(kind, rule, *agreeing.get((kind, rule), (0, 0)), f"{wrong} / {read}"))
    unused = [("mcq", rule.name) for rule in LETTER_RULES] + [("numeric", rule.name) for rule in NUMBER_RULES]
    names = [f"{rule} ({kind})" for kind, rule in unused if (kind, rule) not in everything]
    return [*lines, "", f"Rules of the tables without a reading in these sets: {', '.join(names) or 'none'}."]


def _count(
    readings: Iterable[tuple[Row, Extraction]], same: Callable[[Row, Any], bool]
) -> dict[tuple[str, str], tuple[int, int]]:
    """How many readings each rule has, and how many of them are wrong."""
    read: Counter[tuple[str, str]] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    for row, extraction in readings:
        key = (row["kind"], extraction.rule or "")
        read[key] += 1
        wrong[key] += row["label"] is None or not same(row, extraction.answer)
    return {key: (read[key], wrong[key]) for key in read}


def _line(kind: str, rule: str, read: int, wrong: int, everything: str) -> str:
    if not read:
        return f"| {kind} | {rule} | 0 | 0 | - | - | no reading | {everything} |"
    precision = wilson(read - wrong, read)
    note = "few readings" if read < FEW else "below 98 %" if precision.value < LOWEST else ""
    interval = f"{100 * precision.low:.1f} to {100 * precision.high:.1f}"
    return f"| {kind} | {rule} | {read} | {wrong} | {100 * precision.value:.1f} | {interval} | {note} | {everything} |"
