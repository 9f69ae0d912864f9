"""Compute again what `mcqa compare` and `mcqa table` print, from the logs alone, with numpy, scipy and statsmodels.

    python benchmarks/accuracy/recompute.py                     # made-up runs of five seeds, in two minutes
    python benchmarks/accuracy/recompute.py BASE VARIANT ...    # folders of lm_eval --log_samples

Prints how many numbers of each kind were compared, and their largest difference; the exit code is 1 if one is larger than the
rounding of what was printed. Nothing of mcqa_suite is imported: recompute_runs.py reads the logs, recompute_figures.py computes.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from recompute_figures import Design, Paired, divergence, is_binary, mcnemar, share
from recompute_runs import Answer, Logged, make, read
from statsmodels.stats.multitest import multipletests

BARS = {"json": 1e-8, "csv": 1e-6}  # CSV has six significant digits
EVEN = 1.01  # rows whose weights differ by less are pooled
Row = dict[str, Any]


@dataclass
class Differences:
    """By quantity and format: how many numbers were compared, and the largest distance."""

    distances: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, quantity: str, style: str, ours: float | None, theirs: Any) -> None:
        """Compare two numbers. A number that only one side has differs by infinity."""
        missing = (ours is None, theirs in (None, ""))
        if all(missing):
            return
        distance = np.inf if any(missing) else abs(float(ours) - float(theirs))  # type: ignore[arg-type]
        self.distances.setdefault((quantity, style), []).append(distance)

    def table(self) -> str:
        lines = ["| quantity | printed as | numbers | largest difference | |", "|---|---|---:|---:|---|"]
        for (quantity, style), distances in sorted(self.distances.items()):
            word = "agrees" if max(distances) <= BARS[style] else "**DIFFERS**"
            lines.append(f"| {quantity} | {style} | {len(distances)} | {max(distances):.1e} | {word} |")
        return "\n".join(lines)

    @property
    def agree(self) -> bool:
        return all(max(distances) <= BARS[style] for (_, style), distances in self.distances.items())


@dataclass
class Part:
    """The rows of one or several tasks, and the weights of the tasks, which add up to 1."""

    answers: list[list[Answer]]
    names: list[str]
    weights: np.ndarray

    @classmethod
    def of(cls, names: Sequence[str], answers: list[list[Answer]], weights: Sequence[float]) -> Part:
        sizes = [len(part) for part in answers]
        each = np.array(weights, float) / sizes
        chosen = sizes if each.max() <= EVEN * each.min() else weights
        return cls(answers, list(names), np.array(chosen, float) / sum(chosen))

    @property
    def pooled(self) -> bool:
        sizes = np.array([len(part) for part in self.answers])
        return bool(np.allclose(self.weights, sizes / sizes.sum()))

    @property
    def rows(self) -> list[Answer]:
        return [answer for part in self.answers for answer in part]

    @property
    def scores(self) -> np.ndarray:
        return np.array([answer.score for answer in self.rows])

    def design(self, *, strata: bool | None = None) -> Design:
        """Pooled rows are one task, unless `strata` are asked for. A task whose rows all share a cluster has none."""
        task = np.repeat(np.arange(len(self.answers)), [len(part) for part in self.answers])
        own = [
            answer.cluster or f"{name} {number}"
            for name, part in zip(self.names, self.answers, strict=True)
            for number, answer in enumerate(part)
        ]
        if self.pooled and not strata:
            task = np.zeros(len(task), int)
        clusters = np.array(own, object)
        for number in np.unique(task):
            rows = np.flatnonzero(task == number)
            if len(np.unique(clusters[rows])) == 1:
                clusters[rows] = [f"row {row}" for row in rows]
        weights = self.weights if len(np.unique(task)) == len(self.weights) else np.ones(1)
        return Design(task, weights, clusters)

    @property
    def chance(self) -> float | None:
        if any(not answer.options for answer in self.rows):
            return None
        shares = [np.mean([max(1, len(a.gold)) / a.options for a in part]) for part in self.answers]
        return float(np.average(shares, weights=self.weights))

    @property
    def unread(self) -> float | None:
        shares = [answer.unread for answer in self.rows]
        return None if None in shares else float(np.mean(shares))  # type: ignore[arg-type]


def part_of(run: Logged, names: Sequence[str], weights: Sequence[float], filter_name: str) -> Part:
    return Part.of(names, [list(run.tasks[name, filter_name].values()) for name in names], weights)


def pairs_of(
    base: Logged, variant: Logged, names: Sequence[str], weights: Sequence[float], filter_name: str
) -> tuple[Part, Part]:
    """The rows that both runs have with the same document, prompt and target."""
    sides: tuple[list[list[Answer]], list[list[Answer]]] = ([], [])
    for name in names:
        ours, theirs = base.tasks[name, filter_name], variant.tasks[name, filter_name]
        shared = [
            number for number in sorted(ours) if number in theirs and ours[number].hashes == theirs[number].hashes
        ]
        sides[0].append([ours[number] for number in shared])
        sides[1].append([theirs[number] for number in shared])
    return Part.of(names, sides[0], weights), Part.of(names, sides[1], weights)


def weights_in(run: Logged, row: Row) -> tuple[list[str], list[float]]:
    """The tasks of a printed row, and the weight of each."""
    group = run.groups.get(row["task"])
    names = (row.get("members") or "").split() or (list(group) if group else [row["task"]])
    return names, [group[name] if group else 1.0 for name in names]


def check_comparison(differences: Differences, base: Path, variants: Sequence[Path], metric: str) -> None:
    command = ("compare", base, *variants, "--metric", metric)
    printed = json.loads(mcqa(*command, "--format", "json"))["comparisons"]
    flat = list(csv.DictReader(io.StringIO(mcqa(*command, "--format", "csv"))))
    runs = {path.name: read(path, metric) for path in (base, *variants)}
    families: dict[tuple[str, ...], list[tuple[float, Row, Row]]] = {}
    for row, more in zip(printed, flat, strict=True):
        parent, variant = runs[row["parent"]], runs[row["variant"]]
        before, after = pairs_of(parent, variant, *weights_in(parent, more), row["filter"])
        p = check_row(differences, row, more, before, after)
        if row["p_holm"] is not None:
            families.setdefault((more["kind"], row["metric"], row["filter"]), []).append((p, row, more))
    for members in families.values():
        for method, name in (("holm", "p_holm"), ("fdr_bh", "p_bh")):
            corrected = multipletests([p for p, _, _ in members], method=method)[1]
            for ours, (_, row, more) in zip(corrected, members, strict=True):
                style = "json" if name in row else "csv"
                differences.add(
                    f"p, {'Holm' if method == 'holm' else 'Benjamini-Hochberg'}", style, ours, row.get(name, more[name])
                )


def check_row(differences: Differences, row: Row, more: Row, before: Part, after: Part) -> float:
    """Compare every figure of a row; return our uncorrected p."""
    add, design = differences.add, before.design()
    of = f"{'group, ' + more['average'] if more['members'] else 'task'}{', clustered' if design.clustered else ''}"
    paired = Paired.of(before.scores, after.scores, design)
    for name, part in (("base", before), ("value", after)):
        value, low, high = share(part.scores, design)
        add(f"accuracy: {of}", "json", value, row[name])
        add(f"accuracy, interval: {of}", "csv", low, more[f"{name}_low"])
        add(f"accuracy, interval: {of}", "csv", high, more[f"{name}_high"])
    add("unread share", "json", before.unread, row["unread_base"])
    add("unread share", "json", after.unread, row["unread_variant"])
    add(f"difference: {of}", "json", paired.value, row["difference"])
    for end, name in zip(paired.interval(0.95), ("low", "high"), strict=True):
        add(f"difference, interval: {of}", "json", end, row[name])
    if row["higher_is_better"]:
        add(f"difference, one-sided bound: {of}", "json", paired.interval(0.9)[0], row["bound"])
    p = paired.p_value()
    add(f"p: {of}", "json", p, row["p"])
    binary = is_binary(before.scores) and is_binary(after.scores)
    if binary and before.pooled:
        gains, losses = (float(np.maximum(sign * (after.scores - before.scores), 0).sum()) for sign in (1, -1))
        add("p, McNemar exact", "json", mcnemar(gains, losses), row["p_mcnemar"])
    add("chance", "csv", before.chance, more["chance"])
    check_answers(differences, row, before.rows, after.rows, binary)
    return p


def check_answers(differences: Differences, row: Row, before: list[Answer], after: list[Answer], binary: bool) -> None:
    """Flips, the share of equal answers, and the divergence of the options' probabilities."""
    same = [a.answer == b.answer for a, b in zip(before, after, strict=True)]
    differences.add("same answer", "json", float(np.mean(same)), row["top_agreement"])
    if binary:
        kinds = [(a.score > 0, b.score > 0, equal) for a, b, equal in zip(before, after, same, strict=True)]
        counts = {
            "right_to_wrong": sum(a and not b for a, b, _ in kinds),
            "wrong_to_right": sum(b and not a for a, b, _ in kinds),
            "wrong_to_wrong": sum(not (a or b or equal) for a, b, equal in kinds),
        }
        for name, count in counts.items():
            differences.add("flips", "json", count, row["flips"][name])
    if all(answer.values for answer in (*before, *after)):
        ours = divergence([answer.values for answer in before], [answer.values for answer in after])  # type: ignore[misc]
        differences.add("KL, mean", "json", ours, row["choice_kl"]["mean"])


def check_table(differences: Differences, runs: Sequence[Path], metric: str, *options: str) -> None:
    printed = list(csv.DictReader(io.StringIO(mcqa("table", *runs, "--metric", metric, "--format", "csv", *options))))
    for path in runs:
        run, columns = read(path, metric), []
        for row in (row for row in printed if row["model"] == path.name):
            if row["task"] == "macro mean":
                value, low, high = share(*macro(columns))
                of = "macro mean"
            else:
                columns.append(part_of(run, *weights_in(run, row), row["filter"]))
                value, low, high = share(columns[-1].scores, columns[-1].design())
                of = "a column"
                differences.add("table: unread share", "csv", columns[-1].unread, row["unread"])
                differences.add("table: chance", "csv", columns[-1].chance, row["chance"])
            for ours, name in ((value, "value"), (low, "low"), (high, "high")):
                differences.add(f"table: {of}, {'value' if name == 'value' else 'interval'}", "csv", ours, row[name])


def macro(columns: Sequence[Part]) -> tuple[np.ndarray, Design]:
    """Scores and design of the mean in which every column counts once."""
    answers = [rows for column in columns for rows in column.answers]
    whole = Part(
        answers,
        [name for column in columns for name in column.names],
        np.concatenate([c.weights for c in columns]) / len(columns),
    )
    return whole.scores, whole.design(strata=True)


def mcqa(*words: Any) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mcqa_suite.cli", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.stdout


def made_up(seeds: int) -> Iterator[list[Path]]:
    for seed in range(seeds):
        with TemporaryDirectory() as folder:
            yield make(Path(folder), seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="a base and its variants (default: made-up runs)"
    )
    parser.add_argument("--metric", default="acc")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    differences = Differences()
    for base, *variants in [args.runs] if args.runs else made_up(args.seeds):
        check_comparison(differences, base, variants, args.metric)
        check_table(differences, [base, *variants], args.metric)
        if not args.runs:  # with one filter of each task there is a macro mean
            check_table(differences, [base, *variants], args.metric, "--filter", "none,strict")
    print(differences.table())
    return int(not differences.agree)


if __name__ == "__main__":
    sys.exit(main())
