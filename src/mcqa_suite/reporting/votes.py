"""Votes as a table, as CSV, as a figure of accuracy against n, and as a page to read single questions on."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mcqa_suite.analysis.voting import Ballots, Outcome, Pick, missed, picks
from mcqa_suite.analysis.voting.outcomes import SINGLE
from mcqa_suite.analysis.voting.strategies import SUBSETS, UNREAD, Floats
from mcqa_suite.reporting.tables import Table, markdown, percent

RULES = (
    "An answer is what the extractor read; numbers are compared as numbers. Majority: the most frequent answer; of several as "
    "frequent, the one whose first sample came first (ties: how often that decided). An unread sample has no vote and is "
    "picked only where none could be read. n below the number of samples is a mean over subsets "
    f"(all of them, or {SUBSETS} drawn by seed), best-of-n and pass@n exact. 95 % intervals over questions."
)


def outcome_table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: a row for each run, strategy and n."""
    header = ("run", "strategy", "n", "accuracy %", "95 %", "ties %", "unread %")
    rows = [
        (
            one.run,
            one.strategy,
            str(one.n),
            percent(one.accuracy.value),
            f"{percent(max(0.0, one.accuracy.low))} to {percent(min(1.0, one.accuracy.high))}",
            percent(one.ties),
            percent(one.unread),
        )
        for one in outcomes
    ]
    return markdown(Table("", header, rows, (RULES,)))


def outcome_csv(outcomes: Sequence[Outcome]) -> str:
    """The same, in full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["run", "strategy", "n", "accuracy", "low", "high", "questions", "ties", "unread"])
    for one in outcomes:
        estimate = one.accuracy
        values = (estimate.value, estimate.low, estimate.high, estimate.n, one.ties, one.unread)
        writer.writerow([one.run, one.strategy, one.n, *values])
    return out.getvalue()


def failure_table(ballots: Ballots, scores: Mapping[str, Floats]) -> str:
    """Markdown: how often a right sample was there and not picked, and how many different answers questions got."""
    there = int(ballots.right.any(axis=1).sum())
    rows = []
    for pick in picks(ballots, scores):
        lost = len(missed(ballots, pick))
        share = percent(lost / there) if there else ""
        rows.append((pick.strategy, str(there), str(lost), share))
    different = Counter(len(found) for found in ballots.distinct)
    spread = ", ".join(f"{count}: {different[count]}" for count in sorted(different))
    note = f"Questions by number of different answers read: {spread} (0: none could be read)."
    header = ("strategy", "questions with a right sample", "not picked", "%")
    return markdown(Table(f"{ballots.name}: a right answer was there", header, rows, (note,)))


def reading_page(ballots: Ballots, scores: Mapping[str, Floats], most: int = 20) -> str:
    """Markdown: the questions on which a strategy missed a right answer, with one sample of each distinct answer."""
    chosen = picks(ballots, scores)
    lost = sorted({int(place) for pick in chosen for place in missed(ballots, pick)})
    parts = [
        f"# {ballots.name}: a right answer was there and not picked ({len(lost)} questions, {min(most, len(lost))} shown)"
    ]
    parts += [_question(ballots, place, chosen, scores) for place in lost[:most]]
    return "\n\n".join(parts) + "\n"


def _question(ballots: Ballots, place: int, chosen: Sequence[Pick], scores: Mapping[str, Floats]) -> str:
    answers = ballots.answers[place]
    lines = [f"## {ballots.ids[place]}", _fenced(ballots.prompts[place]), f"Gold: {_shown(ballots, place, None)}"]
    for number in [*range(len(ballots.distinct[place])), UNREAD]:
        samples = np.flatnonzero(answers == number)
        if not len(samples):
            continue
        first = int(samples[0])
        label = "unread" if number == UNREAD else f"answer {_shown(ballots, place, number)}"
        right = ", right" if ballots.right[place, first] else ""
        by = [
            pick.strategy for pick in chosen if pick.sample[place] != UNREAD and answers[pick.sample[place]] == number
        ]
        best = [f"best {name} {table[place, samples].max():.3f}" for name, table in scores.items()]
        facts = "; ".join([f"{len(samples)} of {len(answers)} samples", *best, *(f"picked by {name}" for name in by)])
        lines += [f"**{label}**{right} ({facts}), sample {first}:", _fenced(ballots.texts[place][first])]
    return "\n\n".join(lines)


def _shown(ballots: Ballots, place: int, number: int | None) -> str:
    value = ballots.gold[place] if number is None else ballots.distinct[place][number]
    return f"`{str(value).replace('`', chr(39))}`"


def _fenced(text: str) -> str:
    """Model output as it is: a fence longer than any inside it."""
    longest = max((len(run) for run in text.replace("\n", " ").split(" ") if run and set(run) == {"`"}), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def figure(outcomes: Sequence[Outcome], path: Path) -> None:
    """Accuracy against n as SVG: a panel a run, a line a strategy, 95 % intervals."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from mcqa_suite.reporting.figures.style import SETTINGS

    runs = list(dict.fromkeys(one.run for one in outcomes))
    with rc_context({**SETTINGS, "svg.hashsalt": "votes"}):
        drawing = Figure(figsize=(max(4.2, 3.4 * len(runs)), 3.2), layout="constrained")
        axes = drawing.subplots(1, len(runs), sharey=True, squeeze=False)[0]
        strategies = list(dict.fromkeys(one.strategy for one in outcomes if one.strategy != SINGLE))
        for ax, run in zip(axes, runs, strict=True):
            for number, strategy in enumerate(strategies):
                points = [one for one in outcomes if (one.run, one.strategy) == (run, strategy)]
                xs = [one.n for one in points]
                ys = [100 * one.accuracy.value for one in points]
                error = [
                    [100 * (one.accuracy.value - one.accuracy.low) for one in points],
                    [100 * (one.accuracy.high - one.accuracy.value) for one in points],
                ]
                marker = "osD^vP"[number % 6]
                ax.errorbar(xs, ys, yerr=error, marker=marker, ms=4, lw=1.2, elinewidth=0.7, capsize=2, label=strategy)
            single = next((one for one in outcomes if (one.run, one.strategy) == (run, SINGLE)), None)
            if single:
                ax.axhline(100 * single.accuracy.value, lw=0.8, ls=(0, (3, 3)), color="#656f7a", label=SINGLE)
            ax.set_xscale("log", base=2)
            ticks = sorted({one.n for one in outcomes if one.run == run})
            ax.set_xticks(ticks, [str(n) for n in ticks])
            ax.minorticks_off()
            ax.set_title(run)
            ax.set_xlabel("samples a question (n)")
            ax.grid(axis="y")
        axes[0].set_ylabel("accuracy, %")
        axes[-1].legend(frameon=False, fontsize=7.5)
        drawing.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
