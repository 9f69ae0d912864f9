"""What the page shows of a comparison, in words: headlines, verdicts, and the leaderboard with its copies."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mcqa_suite.compare import Comparison, Report
from mcqa_suite.compare.columns import Cell, Column, cell
from mcqa_suite.compare.pairing import Pairs, joined, pair
from mcqa_suite.compare.verdict import LEVEL
from mcqa_suite.report.comparison_data import above_chance
from mcqa_suite.report.summary import Row, Summary
from mcqa_suite.report.tables import Table, number, percent, points
from mcqa_suite.runs import Run

# What a browser would not show as what it is: control characters, lone surrogates, and marks that turn the reading order.
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200e\u200f\u202a-\u202e\u2066-\u2069]")
MEANING = {
    "worse": "the paired difference is below zero after Holm's correction",
    "better": "the paired difference is above zero after Holm's correction",
    "equivalent": "two one-sided tests put the difference within the margin",
    "no detectable change": "a difference of the margin would have been seen four times in five, and was not",
    "underpowered": "too few questions: a difference of the margin would be missed more than one time in five",
    "broken": "the scores cannot be believed; see the checks",
}
PHRASE = {
    "worse": "worse on",
    "better": "better on",
    "broken": "cannot be believed (broken) on",
    "underpowered": "too few questions to tell on",
    "no detectable change": "no detectable change on",
    "equivalent": "equivalent on",
}


def clean(text: object) -> str:
    """Text that XML and a reader can take: what is invisible or turns the reading order shows as U+FFFD."""
    return INVISIBLE.sub("\ufffd", str(text))


def headlines(report: Report) -> list[list[Comparison]]:
    """The rows of each task or group that is part of no other group, together."""
    found: dict[tuple[str, str], list[Comparison]] = {}
    for row in report.comparisons:
        found.setdefault((row.task, row.filter), []).append(row)
    covers = {key: covered(rows) for key, rows in found.items()}
    inside = {
        key
        for key, mine in covers.items()
        for other, theirs in covers.items()
        if other != key and other[1] == key[1] and (mine < theirs or (mine == theirs and not found[key][0].members))
    }
    return [rows for key, rows in found.items() if key not in inside]


def covered(rows: Iterable[Comparison]) -> frozenset[str]:
    """The tasks that these rows of one group speak of; a task's own name where it is no group."""
    rows = list(rows)
    members = {name for row in rows for name in (*row.members, *row.left_out)}
    return frozenset(members or {row.task for row in rows})


def parts_of(report: Report, rows: Sequence[Comparison]) -> list[list[Comparison]]:
    """The rows of each task inside a group, empty for a task."""
    names = covered(rows)
    found: dict[str, list[Comparison]] = {}
    for row in report.comparisons:
        if rows[0].members and not row.members and row.task in names and row.filter == rows[0].filter:
            found.setdefault(row.task, []).append(row)
    return list(found.values())


def pairs_of(base: Run, variant: Run, row: Comparison) -> Pairs:
    """The documents that a row rests on."""
    keys = [(name, row.filter) for name in row.members or (row.task,)]
    parts = [pair(base.tasks[key].samples, variant.tasks[key].samples, row.metric)[0] for key in keys]
    return parts[0] if len(parts) == 1 else joined([part for part in parts if part.n])


def significant(row: Comparison | None) -> bool:
    return row is not None and row.verdict != "broken" and row.p_holm is not None and row.p_holm < LEVEL


def interval(row: Comparison) -> str:
    d = row.change.difference
    return f"{points(d.value)} points ({points(d.low)} to {points(d.high)})"


@dataclass(frozen=True)
class Verdict:
    """One variant in words. `tone` is a class name of the page; `lines` are (phrase, tasks) from what matters most."""

    name: str
    word: str
    tone: str
    lines: tuple[tuple[str, str, str], ...]
    facts: tuple[str, ...]


def verdicts(report: Report, mismatched: Iterable[str]) -> list[Verdict]:
    """Every variant, by its headlines; one whose settings differ from the base's is not comparable, whatever its numbers."""
    tops = headlines(report)
    names = dict.fromkeys(row.variant for row in report.comparisons if row.kind != "noise floor")
    return [_verdict(name, tops, name in set(mismatched)) for name in names]


def _verdict(name: str, tops: Sequence[Sequence[Comparison]], mismatched: bool) -> Verdict:
    rows = [row for group in tops for row in group if row.variant == name and row.kind != "noise floor"]
    lines = []
    for verdict, phrase in PHRASE.items():
        mine = [row for row in rows if row.verdict == verdict]
        if mine:
            told = "; ".join(f"{row.task} {interval(row)}" for row in mine)
            lines.append((verdict, phrase, told))
    word, tone = ("not comparable", "bad") if mismatched else _overall([row.verdict for row in rows])
    return Verdict(name, word, tone, tuple(lines), tuple(_facts(rows, tops)))


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
    if unsure := sound.count("underpowered"):
        return f"cannot be told on {unsure} {of}", "unsure"
    if len(sound) < len(words):
        return f"broken on {len(words) - len(sound)} {of}", "bad"
    return ("equivalent", "same") if set(sound) == {"equivalent"} else ("no detectable change", "same")


def _facts(rows: Sequence[Comparison], tops: Sequence[Sequence[Comparison]]) -> Iterable[str]:
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


@dataclass(frozen=True)
class BoardCell:
    """`tone` is "better" or "worse" where the difference is significant after correction, else ""."""

    value: str = "–"
    interval: str = ""
    difference: str = ""
    tone: str = ""
    sick: str = ""
    sort: float | None = None


@dataclass(frozen=True)
class BoardRow:
    """`kind`: base, variant, noise floor or reference (chance, the commonest letter)."""

    name: str
    kind: str
    rank: str
    cells: tuple[BoardCell, ...]
    macro: BoardCell
    sizes: tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Board:
    columns: tuple[Column, ...]
    rows: tuple[BoardRow, ...]
    notes: tuple[str, ...]
    macro: bool
    sized: tuple[bool, bool, bool]


def board(summary: Summary, report: Report | None, base: str | None, floor: Run | None) -> Board:
    """The leaderboard: models from best to worst, then chance, the commonest letter and the noise floor."""
    found = {(row.task, row.variant): row for row in report.comparisons} if report else {}
    rows = [_board_row(row, "base" if row.run.name == base else "variant", found) for row in summary.rows]
    blank = BoardCell(value="")
    none = (None, None, None)
    if any(column.chance is not None for column in summary.columns):
        chances = [_reference(column.chance, "") for column in summary.columns]
        rows.append(BoardRow("chance", "reference", "", tuple(chances), blank, none))
    if any(column.constant for column in summary.columns):
        letters = [
            _reference(*(c.constant[1], f"always {c.constant[0]}") if c.constant else (None, ""))
            for c in summary.columns
        ]
        rows.append(BoardRow("commonest letter", "reference", "", tuple(letters), blank, none))
    if floor is not None:
        cells = tuple(cell(floor, column) for column in summary.columns)
        again = _board_row(Row(floor, cells, None, None), "noise floor", found)
        rows.append(replace(again, name=f"{again.name} (noise floor)"))
    sizes = [row.sizes for row in rows]
    sized = tuple(any(size[i] is not None for size in sizes) for i in range(3))
    return Board(
        summary.columns,
        tuple(rows),
        tuple(_notes(summary)),
        len(summary.columns) > 1 and any(row.macro.value for row in rows if row.kind != "reference"),
        (sized[0], sized[1], sized[2]),
    )


def _notes(summary: Summary) -> Iterable[str]:
    """The summary's own, but for what the page says elsewhere."""
    yield from (note for note in summary.notes if not note.startswith(("Values are", "†")))
    if any(c.sick for row in summary.rows for c in row.cells if c):
        yield "† broken, and in no mean: the task or one of its parts cannot be believed, as the checks and Health tell."


def _reference(value: float | None, note: str) -> BoardCell:
    return BoardCell(value=percent(value), interval=note, sort=value)


def _board_row(row: Row, kind: str, found: dict[tuple[str, str], Comparison]) -> BoardRow:
    cells = [_board_cell(c, found.get((column, row.run.name))) for column, c in _named(row)]
    macro = BoardCell(value="")
    if row.macro is not None:
        macro = BoardCell(percent(row.macro), f"± {percent(row.macro_half_width)}", sort=row.macro)
    rank = f"{row.rank}{' ≈' if row.inseparable else ''}"
    sizes = (row.run.bits_per_weight, row.run.size_mb, row.run.tokens_per_second)
    return BoardRow(row.run.name, kind, rank, tuple(cells), macro, sizes)


def _named(row: Row) -> list[tuple[str, Cell | None]]:
    known = [c.column.name if c else "" for c in row.cells]
    return list(zip(known, row.cells, strict=True))


def _board_cell(c: Cell | None, row: Comparison | None) -> BoardCell:
    if c is None:
        return BoardCell()
    e = c.estimate
    difference = tone = ""
    if row is not None:
        d = row.change.difference
        difference = f"{points(d.value)} ({points(d.low)} to {points(d.high)})"
        tone = ("better" if d.value > 0 else "worse") if significant(row) else ""
    return BoardCell(percent(e.value), f"{percent(e.low)} to {percent(e.high)}", difference, tone, c.sick, sort=e.value)


def board_table(shown: Board) -> Table:
    """For Markdown and LaTeX: * marks a difference that is significant after correction."""
    sizes = [name for name, there in zip(("bits/weight", "MB", "tokens/s"), shown.sized, strict=True) if there]
    header = ["model", "rank", *(f"{c.name} ({c.metric} %)" for c in shown.columns)]
    header += ["macro mean"] * shown.macro + sizes
    lines = []
    for row in shown.rows:
        line = [clean(row.name), row.rank, *map(_cell_text, row.cells), *[_cell_text(row.macro)] * shown.macro]
        line += [number(x, d) for x, d, there in zip(row.sizes, (2, 2, 0), shown.sized, strict=True) if there]
        lines.append(line)
    notes = []
    if any(c.difference for row in shown.rows for c in row.cells):
        notes.append(
            "95 % intervals in brackets; after the semicolon the paired difference to the base in points, * where it is "
            "significant after Holm's correction."
        )
    return Table("Leaderboard", header, lines, notes)


def _cell_text(c: BoardCell) -> str:
    text = c.value + (" †" if c.sick else "") + (f" ({c.interval})" if c.interval else "")
    return f"{text}; {c.difference}{'*' if c.tone else ''}" if c.difference else text


def board_csv(summary: Summary, report: Report | None) -> str:
    """Fractions, one row a model and column, with its comparison where there is one."""
    found = {(row.task, row.variant): row for row in report.comparisons} if report else {}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = (
        "model rank task metric n value low high broken diff diff_low diff_high p_holm verdict bits_per_weight size_mb"
    )
    writer.writerow([*names.split(), "tokens_per_second"])
    for row in summary.rows:
        sizes = [row.run.bits_per_weight, row.run.size_mb, row.run.tokens_per_second]
        for c in filter(None, row.cells):
            e, other = c.estimate, found.get((c.column.name, row.run.name))
            compared: list[float | str | None] = [None] * 5
            if other:
                d = other.change.difference
                compared = [d.value, d.low, d.high, other.p_holm, other.verdict]
            cells = [clean(row.run.name), row.rank, c.column.name, c.column.metric, e.n, e.value, e.low, e.high, c.sick]
            writer.writerow([_plain(value) for value in (*cells, *compared, *sizes)])
    return out.getvalue()


def _plain(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@") else text
