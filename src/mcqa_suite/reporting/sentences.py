"""One sentence a variant: what it lost, how many answers changed, and how much smaller it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, bound_words
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.comparison_data import above_chance
from mcqa_suite.reporting.headlines import covered, headlines, interval
from mcqa_suite.reporting.tables import percent
from mcqa_suite.reporting.task_names import readable

Mismatches = Mapping[str, Mapping[str, Sequence[str]]]
SAME_SIZE = 1.05  # a smaller ratio of sizes is not worth a word


@dataclass(frozen=True)
class Sentence:
    """A variant against its parent. `word` and `tone`: the badge's text and CSS class. `notes`: what else to know."""

    name: str
    bits: int | None
    against: str
    word: str
    tone: str
    text: str
    notes: tuple[str, ...]


def sentences(comparison: Comparison, runs: Sequence[Run], mismatched: Mismatches) -> list[Sentence]:
    """One for each variant that has a row or is `mismatched`.

    `mismatched`: the lines of each setting in which a variant was asked differently from its parent, by variant and setting.
    """
    tops, named = headlines(comparison), {run.name: run for run in runs}
    compared = {row.variant for row in comparison.rows if row.kind != "noise floor"}
    return [
        _sentence(comparison, named, name, tops, mismatched.get(name, {}))
        for name in (run.name for run in runs)
        if name in compared or (name in mismatched and name in comparison.parents)
    ]


def _sentence(
    comparison: Comparison,
    runs: Mapping[str, Run],
    name: str,
    tops: Sequence[Sequence[ComparisonRow]],
    mismatched: Mapping[str, Sequence[str]],
) -> Sentence:
    rows = [row for group in tops for row in group if row.variant == name and row.kind != "noise floor"]
    not_comparable = bool(mismatched) and (comparison.forced or not rows)
    word, tone = ("not comparable", "bad") if not_comparable else overall([row.verdict for row in rows])
    run, parent = runs[name], comparison.parents[name]
    parts = [
        *([asked_differently(mismatched)] if not_comparable else _outcome(rows)),
        *_changed(rows),
        *_size(run, runs.get(parent)),
    ]
    notes = list(_not_valid(comparison, [row for row in rows if row.verdict == "not valid"]))
    if mismatched and not not_comparable:
        notes.append(asked_differently(mismatched))
    return Sentence(name, run.origin.bits, parent, word, tone, "; ".join(parts), (*notes, *_facts(rows)))


def _not_valid(comparison: Comparison, rows: Sequence[ComparisonRow]) -> Iterator[str]:
    """A line with the reason for one or two rows; one line with the names for more."""
    if len(rows) > 2:
        yield f"{len(rows)} tasks are not valid (see the checks): {'; '.join(readable(row.title) for row in rows)}"
        return
    for row in rows:
        yield f"{readable(row.title)} is not valid: {failures(comparison, row)}"


def asked_differently(mismatched: Mapping[str, Sequence[str]]) -> str:
    texts = [f"{setting}: {'; '.join(first_two(of_tasks))}" for setting, of_tasks in mismatched.items()]
    return f"asked differently: {'; '.join(texts)}"


def first_two(lines: Sequence[str]) -> list[str]:
    """The first two lines, the second with the number of the others."""
    shown = sorted(lines)[:2]
    return [*shown[:-1], f"{shown[-1]} and {len(lines) - 2} more"] if len(lines) > 2 else shown


def _outcome(rows: Sequence[ComparisonRow]) -> Iterator[str]:
    """The significant differences, the largest of each direction with its interval; else the largest possible loss."""
    valid = [row for row in rows if row.verdict != "not valid"]
    significant = [row for row in valid if row.verdict in ("worse", "better")]
    for verdict in ("worse", "better"):
        if same := sorted((row for row in significant if row.verdict == verdict), key=lambda row: -abs(row.gain)):
            most = f"{len(same)} of {len(valid)}{' valid' * (len(valid) < len(rows))} tasks, most on "
            most *= len(same) > 1
            yield f"{verdict} on {most}{readable(same[0].title)}: {interval(same[0])}"
    if not valid:
        yield "no valid score"
    elif significant:
        return
    elif all(row.verdict == "unchanged" for row in valid):
        yield "no answer changed"
    else:
        worst = min(valid, key=lambda row: row.bound)
        others = len(valid) - 1
        more = f", less on {'the other task' if others == 1 else f'the {others} other tasks'}" if others else ""
        yield f"{bound_words(worst) or 'no bound'} on {readable(worst.title)}{more}"


def _changed(rows: Sequence[ComparisonRow]) -> Iterator[str]:
    if share := _flipped(rows):
        yield f"{percent(share)} % of answers changed"


def noise_words(comparison: Comparison) -> str:
    """What the base differs from itself by; "" without a noise floor."""
    rows = [row for group in headlines(comparison) for row in group if row.kind == "noise floor"]
    share = _flipped(rows)
    if share is None:
        return ""
    name, base = rows[0].variant, rows[0].parent
    return (
        f"For comparison: {percent(share)} % of the answers changed when {base} was evaluated a second time under other "
        f"conditions ({name}). This is the noise floor"
    )


def _flipped(rows: Sequence[ComparisonRow]) -> float | None:
    """The share of documents whose answer changed; None if no row has flips."""
    counts = [(row.flips.total, row.n) for row in rows if row.flips]
    return sum(total for total, _ in counts) / sum(n for _, n in counts) if counts else None


def _size(run: Run, parent: Run | None) -> Iterator[str]:
    own, other = run.origin.size_mb, parent.origin.size_mb if parent else None
    if own and other:
        ratio = max(own, other) / min(own, other)
        if ratio >= SAME_SIZE:
            yield f"{ratio:.1f} times {'smaller' if own < other else 'larger'}"


def failures(comparison: Comparison, row: ComparisonRow) -> str:
    """What failed in a row that is not valid; of a group, in the first of its tasks, and in how many."""
    of_row = (row.variant, row.parent)
    checks = [
        check
        for check in comparison.health
        if check.invalid and check.run in of_row and check.filter == row.filter and check.task in covered([row])
    ]
    tasks = list(dict.fromkeys(check.task for check in checks))
    text = ", ".join(f"{check.detail} ({check.run})" for check in checks if check.task == tasks[0])
    return f"in {len(tasks)} of its tasks, such as {readable(tasks[0])}: {text}" if row.members and tasks else text


def overall(words: Sequence[str]) -> tuple[str, str]:
    """A badge's text and tone: the most important verdict, and on how many of the headlines."""
    total = f"of {len(words) - words.count('not valid')}"
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
        return f"not valid on {invalid} of {len(words)}", "bad"
    return ("unchanged", "same") if set(words) == {"unchanged"} else ("equivalent", "same")


def _facts(rows: Sequence[ComparisonRow]) -> Iterable[str]:
    for row in rows:
        left, task = above_chance(row), readable(row.title)
        if row.verdict == "worse" and left is not None and row.change.base.low > (row.chance or 0):
            yield f"{task}: keeps {percent(max(0.0, left), 0)} % of {row.parent}'s score above chance"
        if row.unread_variant and row.unread_base is not None and row.unread_variant > row.unread_base + 0.02:
            yield (
                f"No answer could be read in {percent(row.unread_variant)} % of the responses to {task}"
                f" ({row.parent}: {percent(row.unread_base)} %)"
            )
