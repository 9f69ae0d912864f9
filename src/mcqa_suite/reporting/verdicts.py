"""What the report shows of a comparison: its headlines, the tasks of a group, and a verdict card for each variant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, bound_words
from mcqa_suite.logs.groups import inside_another
from mcqa_suite.reporting.comparison_data import above_chance
from mcqa_suite.reporting.tables import change_interval, percent, unit

PHRASE = {
    "worse": "worse on",
    "better": "better on",
    "not valid": "not valid:",
    "undecided": "undecided on",
    "equivalent": "equivalent on",
    "unchanged": "unchanged on",
}


def headlines(comparison: Comparison) -> list[list[ComparisonRow]]:
    """The rows of each task or group that is not contained in another group."""
    rows = comparison.by_task()
    tops = set[tuple[str, str, str]]()
    for kind in dict.fromkeys(key[1:] for key in rows):  # of one filter and metric
        covers = {key: covered(group) for key, group in rows.items() if key[1:] == kind}
        groups = {cover for key, cover in covers.items() if rows[key][0].members}
        inside = inside_another(covers)
        tops |= {key for key in covers.keys() - inside if rows[key][0].members or covers[key] not in groups}
    return [group for key, group in rows.items() if key in tops]


def covered(rows: Iterable[ComparisonRow]) -> frozenset[str]:
    """The tasks of a group's rows, or the name of a single task."""
    rows = list(rows)
    members = {name for row in rows for name in (*row.members, *row.left_out)}
    return frozenset(members or {row.task for row in rows})


def parts_of(comparison: Comparison, rows: Sequence[ComparisonRow]) -> list[list[ComparisonRow]]:
    """The rows of each task in a group; an empty list for a single task."""
    names, first = covered(rows), rows[0]
    if not first.members:
        return []
    return [
        group
        for (task, *rest), group in comparison.by_task().items()
        if not group[0].members and task in names and rest == [first.filter, first.metric]
    ]


def interval(row: ComparisonRow) -> str:
    """-11.3 points (-17.7 to -5.0)"""
    return change_interval(row.change.difference, row.metric).replace(" (", f"{unit(row.metric, ' points')} (", 1)


def interval_and_bound(row: ComparisonRow) -> str:
    """-0.3 points (-1.7 to 1.1; loses at most 1.4 points)"""
    bound = bound_words(row)
    return f"{interval(row).removesuffix(')')}; {bound})" if bound else interval(row)


@dataclass(frozen=True)
class VerdictCard:
    """One variant in words. `word` and `tone`: the badge's text and CSS class. `lines`: (verdict, phrase, tasks), worst first."""

    name: str
    word: str
    tone: str
    lines: tuple[tuple[str, str, str], ...]
    facts: tuple[str, ...]


def verdicts(
    comparison: Comparison, variants: Iterable[str], mismatched: Mapping[str, Mapping[str, Sequence[str]]]
) -> list[VerdictCard]:
    """One card for each of the `variants` that has a row or is `mismatched`.

    `mismatched`: the lines of each setting in which a variant was asked differently from the base, by variant and setting.
    """
    tops = headlines(comparison)
    compared = {row.variant for row in comparison.rows if row.kind != "noise floor"}
    return [
        _card(comparison, name, tops, mismatched.get(name, {}))
        for name in variants
        if name in compared or name in mismatched
    ]


def _card(
    comparison: Comparison,
    name: str,
    tops: Sequence[Sequence[ComparisonRow]],
    mismatched: Mapping[str, Sequence[str]],
) -> VerdictCard:
    rows = [row for group in tops for row in group if row.variant == name and row.kind != "noise floor"]
    lines = []
    for verdict, phrase in PHRASE.items():
        if selected := [row for row in rows if row.verdict == verdict]:
            texts = [
                _failures(comparison, row) if verdict == "not valid" else interval_and_bound(row) for row in selected
            ]
            tasks = [f"{row.title}: {text}" for row, text in zip(selected, texts, strict=True)]
            lines.append((verdict, phrase, "; ".join(tasks)))
    if mismatched:
        texts = [f"{setting}: {'; '.join(first_two(of_tasks))}" for setting, of_tasks in mismatched.items()]
        lines.append(("not comparable", "asked differently:", "; ".join(texts)))
    not_comparable = bool(mismatched) and (comparison.forced or not rows)
    word, tone = ("not comparable", "bad") if not_comparable else _overall([row.verdict for row in rows])
    return VerdictCard(name, word, tone, tuple(lines), tuple(_facts(rows, tops)))


def first_two(lines: Sequence[str]) -> list[str]:
    """The first two lines, the second with the number of the others."""
    shown = sorted(lines)[:2]
    return [*shown[:-1], f"{shown[-1]} and {len(lines) - 2} more"] if len(lines) > 2 else shown


def _failures(comparison: Comparison, row: ComparisonRow) -> str:
    """What failed in a row that is not valid; of a group, in its first task."""
    of_row = (row.variant, row.parent)
    checks = [
        check for check in comparison.health if check.invalid and check.run in of_row and check.filter == row.filter
    ]
    task = next((check.task for check in checks if check.task in covered([row])), row.task)
    return ", ".join(f"{check.detail} ({check.run})" for check in checks if check.task == task)


def _overall(words: Sequence[str]) -> tuple[str, str]:
    """A badge's text and tone: the most important verdict, and on how many of the headlines."""
    total = f"of {len(words)}"
    better, worse, invalid = (words.count(word) for word in ("better", "worse", "not valid"))
    unsure = words.count("undecided")
    if better and worse:
        return f"better on {better}, worse on {worse} {total}", "mixed"
    if better or worse:
        return (f"worse on {worse} {total}", "worse") if worse else (f"better on {better} {total}", "better")
    if invalid == len(words):
        return "not valid", "bad"
    if unsure:
        return f"undecided on {unsure} {total}", "unsure"
    if invalid:
        return f"not valid on {invalid} {total}", "bad"
    return ("unchanged", "same") if set(words) == {"unchanged"} else ("equivalent", "same")


def _facts(rows: Sequence[ComparisonRow], tops: Sequence[Sequence[ComparisonRow]]) -> Iterable[str]:
    if (share := _flipped(rows)) is not None:
        floor = _flipped([row for group in tops for row in group if row.kind == "noise floor"])
        noise = "" if floor is None else f" (noise floor: {percent(floor)} %)"
        yield f"{percent(share)} % of answers changed{noise}"
    for row in rows:
        left = above_chance(row)
        if row.verdict == "worse" and left is not None and row.change.base.low > (row.chance or 0):
            yield f"{row.title}: keeps {percent(max(0.0, left), 0)} % of the base's score above chance"
        if row.unread_variant and row.unread_base is not None and row.unread_variant > row.unread_base + 0.02:
            yield (
                f"{row.title}: no answer could be read in {percent(row.unread_variant)} % of responses"
                f" (base: {percent(row.unread_base)} %)"
            )


def _flipped(rows: Sequence[ComparisonRow]) -> float | None:
    """The share of documents whose answer changed; None if no row has flips."""
    counts = [(row.flips.total, row.n) for row in rows if row.flips]
    return sum(total for total, _ in counts) / sum(n for _, n in counts) if counts else None
