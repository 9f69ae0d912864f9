"""Votes as a table, as records, and as a page of single questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from mcqa_suite.analysis.voting.ballots import Ballots
from mcqa_suite.analysis.voting.strategies import SUBSETS, Outcome, missed, picks
from mcqa_suite.common.foreign_text import code, fenced, one_line
from mcqa_suite.logs.integrity import Fault, fault_lines
from mcqa_suite.logs.samples import Floats, Integers
from mcqa_suite.logs.votes import UNREAD
from mcqa_suite.reporting.tables import Table, clustered_text, markdown, percent, percent_range

RULES = (
    "An answer is what the extractor read; numbers are compared as numbers. Majority: the most frequent answer; among equally "
    "frequent ones, the one that was sampled first (ties: how often that decided). An unread sample has no vote and is "
    "picked only where all are unread. n below the number of samples is a mean over choices of n of them "
    f"(all choices, or {SUBSETS} drawn by seed), best-of-n and pass@n over all. 95 % intervals over questions: "
    "Wilson's, at the effective size."
)


Faults = Mapping[str, Sequence[Fault]]  # what is wrong with the log of a run, by its name


def outcome_table(outcomes: Sequence[Outcome], faults: Faults, ballots: Sequence[Ballots]) -> str:
    """Markdown: a row for each run, strategy and n; † where its log cannot be trusted, ‡ where it is doubtful.

    Of the `ballots`, the notes name those whose questions are not independent.
    """
    header = ("run", "strategy", "n", "accuracy %", "95 %", "ties %", "unread %")
    rows = [
        (
            f"{row.run}{_mark(faults.get(row.run, ()))}",
            row.strategy,
            str(row.n),
            percent(row.accuracy.value),
            percent_range(row.accuracy),
            percent(row.ties),
            percent(row.unread),
        )
        for row in outcomes
    ]
    lines = [
        f"{'†' if fault.invalid else '‡'} {fault.line(name)}." for name, of_run in faults.items() for fault in of_run
    ]
    clustered = [clustered_text(run.clustered_by, [run.name]) + "." for run in ballots if run.clustered_by]
    return markdown(Table("", header, rows, (RULES, *clustered, *lines), left=2))


def _mark(faults: Sequence[Fault]) -> str:
    return " †" if any(fault.invalid for fault in faults) else " ‡" if faults else ""


def outcome_records(outcomes: Sequence[Outcome], faults: Faults) -> list[dict[str, object]]:
    """The same values as fractions, a record for each run, strategy and n."""
    return [
        {
            "run": row.run,
            "strategy": row.strategy,
            "n": row.n,
            "accuracy": row.accuracy.value,
            "low": row.accuracy.low,
            "high": row.accuracy.high,
            "questions": row.accuracy.n,
            "ties": row.ties,
            "unread": row.unread,
            "not_valid": "; ".join(fault_lines(row.run, faults.get(row.run, ()), invalid=True)),
            "warnings": "; ".join(fault_lines(row.run, faults.get(row.run, ()), invalid=False)),
        }
        for row in outcomes
    ]


def failure_table(ballots: Ballots, scores: Mapping[str, Floats]) -> str:
    """Markdown: how often a right sample was not picked, and how many different answers questions got."""
    with_right = int(ballots.right.any(axis=1).sum())
    rows = []
    for strategy, picked in picks(ballots, scores).items():
        lost = len(missed(ballots, picked))
        rows.append((strategy, str(with_right), str(lost), percent(lost / with_right) if with_right else ""))
    different = Counter(len(question.distinct) for question in ballots.questions)
    counts = ", ".join(f"{count}: {different[count]}" for count in sorted(different))
    note = f"Questions by number of different answers read: {counts} (0: none could be read)."
    header = ("strategy", "questions with a right sample", "not picked", "%")
    return markdown(Table(f"{ballots.name}: right answers that were not picked", header, rows, (note,)))


def reading_page(
    ballots: Ballots, scores: Mapping[str, Floats], limit: int = 20, distinct: tuple[int, int] | None = None
) -> str:
    """Markdown: the questions on which a strategy missed a right answer, with one sample of each distinct answer.

    `distinct`: only questions with so many distinct answers, from and to.
    """
    chosen = picks(ballots, scores)
    lost = sorted({int(question) for picked in chosen.values() for question in missed(ballots, picked)})
    among = ""
    if distinct:
        fewest, most = distinct
        lost = [q for q in lost if fewest <= len(ballots.questions[q].distinct) <= most]
        among = f" among {fewest if fewest == most else f'{fewest} to {most}'} distinct answers"
    shown = min(limit, len(lost))
    title = f"# {one_line(ballots.name)}: questions with a right sample that was not picked"
    head = f"{title}{among} ({len(lost)} questions, {shown} shown)"
    return "\n\n".join([head, *(_question(ballots, q, chosen, scores) for q in lost[:limit])]) + "\n"


def _question(ballots: Ballots, q: int, chosen: Mapping[str, Integers], scores: Mapping[str, Floats]) -> str:
    question, answers = ballots.questions[q], ballots.answers[q]
    lines = [f"## {one_line(str(question.id))}", fenced(question.prompt), f"Gold: {code(str(question.gold))}"]
    for number in [*range(len(question.distinct)), UNREAD]:
        samples = np.flatnonzero(answers == number)
        if not len(samples):
            continue
        first = int(samples[0])
        label = "unread" if number == UNREAD else f"answer {code(str(question.distinct[number]))}"
        right = ", right" if ballots.right[q, first] else ""
        best = [f"best {name} {table[q, samples].max():.3f}" for name, table in scores.items()]
        by = [
            f"picked by {strategy}"
            for strategy, picked in chosen.items()
            if picked[q] != UNREAD and answers[picked[q]] == number
        ]
        facts = "; ".join([f"{len(samples)} of {len(answers)} samples", *best, *by])
        lines += [f"**{label}**{right} ({facts}), sample {first}:", fenced(question.texts[first])]
    return "\n\n".join(lines)
