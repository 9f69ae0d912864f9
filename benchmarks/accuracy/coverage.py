"""Simulated coverage of the confidence intervals and false-positive rates of the tests, from a fixed seed.

    python benchmarks/accuracy/coverage.py            # about four minutes on one thread
    python benchmarks/accuracy/coverage.py --quick    # fewer tables and settings, in seconds

Prints Markdown to stdout and progress to stderr; the exit code is 1 if a bar is missed by more than three standard
errors of the simulation. Where few pairs differ, `mcqa compare` marks a row (†) and its interval may cover more than its bar.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t
from tqdm import tqdm

from mcqa_suite.stats import mcnemar_exact, mcnemar_midp, tango_bounds
from mcqa_suite.stats.intervals import FEWEST_EVENTS, degrees_of_freedom, wilson_bounds
from mcqa_suite.stats.paired import score_statistic

Z = 1.959964
SIZES = (50, 200, 1000, 5000)
ACCURACIES = (0.3, 0.5, 0.7, 0.9, 0.97)
DISCORDANCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
LOSSES = (0.5, 0.75, 0.95)  # share of the discordant pairs that are losses: .5 is no difference
CORRELATIONS = (0.0, 0.05, 0.2)  # within clusters, of which way a pair differs
# documents of the 19 subjects of MMLU-STEM
SUBJECTS = np.array([100, 135, 152, 144, 100, 100, 102, 100, 112, 100, 235, 145, 378, 310, 203, 100, 270, 151, 216.0])


@dataclass
class Line:
    """One setting: its columns, the figure that has a bar, the bar, and the number of simulated tables."""

    words: tuple[str, ...]
    figure: float
    low: float
    high: float
    tables: int
    marked: float = 0.0  # share of the tables that `mcqa compare` marks as too small

    @property
    def verdict(self) -> str:
        slack = 3 * (0.05 * 0.95 / self.tables) ** 0.5
        if self.low - slack <= self.figure <= self.high + slack:
            return "met"
        return "wide, marked †" if self.figure > self.high and self.marked > 0.25 else "MISSED"


def bar(n: int) -> tuple[float, float]:
    return (0.94, 0.96) if n >= 1000 else (0.94, 1.0)


def inside(bounds: tuple[np.ndarray, np.ndarray], difference: float) -> np.ndarray:
    return (bounds[0] <= difference + 1e-12) & (difference <= bounds[1] + 1e-12)


def agresti_min(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wald's interval with half a pair added to every cell (Statistics in Medicine 24, 2005, 729-740)."""
    return wald(a + 0.5, b + 0.5, c + 0.5, d + 0.5)


def wald(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = a + b + c + d
    difference, half = (b - c) / n, Z * np.sqrt(np.maximum(0, b + c - (b - c) ** 2 / n)) / n
    return difference - half, difference + half


def tango(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tango_bounds(b, c, a + b + c + d, Z)


def newcombe(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newcombe's method 10 (Statistics in Medicine 17, 1998, 2635-2650): Wilson intervals joined by square-and-add, with
    their correlation (continuity-corrected where it is positive)."""
    n = a + b + c + d
    second, first = (a + b) / n, (a + c) / n
    margins, product = (a + b) * (c + d) * (a + c) * (b + d), a * d - b * c
    corrected = np.where(product > 0, np.maximum(product - n / 2, 0), product)
    phi = np.where(margins > 0, corrected / np.sqrt(np.where(margins > 0, margins, 1)), 0.0)
    (low2, high2), (low1, high1) = wilson_bounds(second, n, Z), wilson_bounds(first, n, Z)
    below, above = joined(second - low2, high1 - first, phi), joined(high2 - second, first - low1, phi)
    return second - first - below, second - first + above


def joined(x: np.ndarray, y: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Half-width of a difference, from the half-widths of its two estimates."""
    return np.sqrt(np.maximum(0.0, x * x - 2 * correlation * x * y + y * y))


def bootstrap(table: np.ndarray, rng: np.random.Generator) -> tuple[tuple[float, float], tuple[float, float]]:
    """Percentile and studentised intervals of one table, 999 resamples."""
    n, difference = table.sum(), (table[1] - table[2]) / table.sum()
    shares = np.array([table[1], table[2], table[0] + table[3]]) / n
    drawn = rng.multinomial(n, shares, size=999)
    values = (drawn[:, 0] - drawn[:, 1]) / n
    errors = np.sqrt(np.maximum(0, (drawn[:, 0] + drawn[:, 1]) / n - values**2) / n)
    percentile = tuple(np.quantile(values, [0.025, 0.975]))
    error = np.sqrt(max(0, shares[0] + shares[1] - difference**2) / n)
    ratios = np.divide(values - difference, errors, out=np.zeros_like(values), where=errors > 0)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return percentile, (difference - high * error, difference - low * error)


METHODS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "Tango": tango,
    "Newcombe 10": newcombe,
    "Agresti-Min": agresti_min,
    "Wald": wald,
}


def possible(accuracy: float, discordance: float, losses: float) -> np.ndarray | None:
    """Shares of both, only second, only first, neither right; None for an impossible combination."""
    gain, loss = discordance * (1 - losses), discordance * losses
    shares = np.array([accuracy - loss, gain, loss, 1 - accuracy - gain])
    return shares if (shares > -1e-12).all() else None


def independent(rng: np.random.Generator, tables: int, quick: bool, show: Callable[[], None]) -> Iterator[Line]:
    """Coverage of each method, the lowest and highest over accuracies and shares of losses."""
    for n in SIZES:
        for discordance in DISCORDANCES[:: 2 if quick else 1]:
            rates: dict[str, list[float]] = {name: [] for name in (*METHODS, "bootstrap", "bootstrap-t")}
            for accuracy in ACCURACIES:
                for losses in LOSSES:
                    shares = possible(accuracy, discordance, losses)
                    if shares is not None:
                        coverages(rates, rng, tables, n, shares.clip(0))
            show()
            words = [f"{min(values):.3f} to {max(values):.3f}" for values in rates.values()]
            ends = (min(rates["Tango"]), max(rates["Tango"]))
            low, high = bar(n)
            worst = ends[0] if low - ends[0] > ends[1] - high else ends[1]
            yield Line((f"{n}", f"{100 * discordance:g} %", *words), worst, low, high, tables)


def coverages(rates: dict[str, list[float]], rng: np.random.Generator, tables: int, n: int, shares: np.ndarray) -> None:
    difference = shares[1] - shares[2]
    drawn = rng.multinomial(n, shares, size=tables)
    for name, method in METHODS.items():
        # Tango's and both Wald intervals depend on the pairs that differ alone: far fewer distinct tables.
        kinds = drawn if name == "Newcombe 10" else np.column_stack([n - drawn[:, 1] - drawn[:, 2], drawn[:, 1:3]])
        unique, counts = np.unique(kinds, axis=0, return_counts=True)
        rest = unique[:, 3] if unique.shape[1] == 4 else np.zeros(len(unique))
        covered = inside(method(unique[:, 0], unique[:, 1], unique[:, 2], rest), difference)
        rates[name].append(float((covered * counts).sum() / tables))
    both = [bootstrap(table, rng) for table in drawn[: min(400, tables)]]
    for name, pick in (("bootstrap", 0), ("bootstrap-t", 1)):
        hit = [low <= difference + 1e-12 and difference <= high + 1e-12 for low, high in (pair[pick] for pair in both)]
        rates[name].append(float(np.mean(hit)))


def layouts(n: int) -> Iterator[tuple[str, np.ndarray]]:
    yield "of 5", np.full(n // 5, 5.0)
    if n >= 200:
        yield "of 10", np.full(n // 10, 10.0)
    if n >= 1000:
        yield "of 50", np.full(n // 50, 50.0)
        yield "19, unequal", np.round(SUBJECTS / SUBJECTS.sum() * n)


def clustered_counts(
    rng: np.random.Generator, tables: int, sizes: np.ndarray, gain: float, loss: float, correlation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Gains and losses of each cluster; each cluster's shares are drawn from a Dirichlet distribution."""
    shape, whole = (tables, len(sizes)), sizes.astype(int)
    if correlation == 0:
        gains = rng.binomial(whole, gain, size=shape)
        return gains, rng.binomial(whole - gains, loss / (1 - gain))
    weight = 1 / correlation - 1
    draws = [rng.standard_gamma(max(share * weight, 1e-12), size=shape) for share in (gain, loss, 1 - gain - loss)]
    total = np.maximum(draws[0] + draws[1] + draws[2], 1e-300)
    gains = rng.binomial(whole, draws[0] / total)
    rest = np.maximum(draws[1] + draws[2], 1e-300)
    return gains, rng.binomial(whole - gains, np.minimum(1.0, draws[1] / rest))


def cautious_factors(totals: np.ndarray, sizes: np.ndarray, gains: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The design effects of `stats.PairedMeans` for many data sets at once; `totals`: gains minus losses of each cluster."""
    n = sizes.sum()
    squares = gains + losses - (gains - losses) ** 2 / n
    residuals = totals - sizes * (totals.sum(axis=-1, keepdims=True) / n)
    clustered = (residuals**2 / (1 - sizes / n)).sum(axis=-1)
    most = (sizes**2).sum() / n
    estimable = clustered > 1e-9 * squares
    factor = np.where(estimable, clustered / np.where(estimable, squares, 1.0), most)
    missing = np.maximum(0.0, 1 - (gains + losses) / factor / FEWEST_EVENTS)
    return np.maximum(factor, factor + (most - factor) * missing)


@dataclass
class Clustered:
    """Many simulated data sets: counts, design effects, degrees of freedom."""

    gains: np.ndarray
    losses: np.ndarray
    n: float
    factor: np.ndarray
    freedom: float

    @classmethod
    def of(cls, gains: np.ndarray, losses: np.ndarray, sizes: np.ndarray) -> Clustered:
        b, c = gains.sum(axis=1).astype(float), losses.sum(axis=1).astype(float)
        factor = cautious_factors((gains - losses).astype(float), sizes, b, c)
        return cls(b, c, float(sizes.sum()), factor, degrees_of_freedom(sizes))

    def bounds(self, critical: float) -> tuple[np.ndarray, np.ndarray]:
        return tango_bounds(self.gains / self.factor, self.losses / self.factor, self.n / self.factor, critical)

    def statistic(self, difference: float) -> np.ndarray:
        return score_statistic(self.gains, self.losses, self.n, difference) / np.sqrt(self.factor)


def clustered(rng: np.random.Generator, tables: int, quick: bool, show: Callable[[], None]) -> Iterator[Line]:
    for n in SIZES:
        for name, sizes in layouts(n):
            for correlation in CORRELATIONS:
                for discordance in (0.01, 0.05, 0.3)[:: 2 if quick else 1]:
                    for losses in LOSSES[:2]:
                        yield clustered_line(rng, tables, (name, sizes), correlation, discordance, losses)
                show()


def clustered_line(
    rng: np.random.Generator,
    tables: int,
    layout: tuple[str, np.ndarray],
    correlation: float,
    discordance: float,
    losses: float,
) -> Line:
    name, sizes = layout
    gain, loss = discordance * (1 - losses), discordance * losses
    data = Clustered.of(*clustered_counts(rng, tables, sizes, gain, loss, correlation), sizes)
    n, difference, critical = data.n, gain - loss, float(t.ppf(0.975, data.freedom))
    ignoring = inside(tango_bounds(data.gains, data.losses, n, Z), difference).mean()
    value = (data.gains - data.losses) / n
    half = critical * np.sqrt(data.factor * (data.gains + data.losses - n * value**2)) / n
    student = inside((value - half, value + half), difference).mean()
    ours = float(inside(data.bounds(critical), difference).mean())
    effective = (data.gains + data.losses) / data.factor
    marked = float(((effective > 0) & (effective < FEWEST_EVENTS)).mean())
    low, high = bar(int(n) if n < 900 else 1000)
    words = (f"{n:g}", name, f"{correlation:g}", f"{100 * discordance:g} %", f"{losses:g}")
    figures = (f"{ours:.3f}", f"{student:.3f}", f"{ignoring:.3f}", f"{100 * marked:.0f} %")
    return Line((*words, *figures), ours, low, high, tables, marked)


def type_one(rng: np.random.Generator, tables: int, show: Callable[[], None]) -> Iterator[Line]:
    """False-positive rate (p < .05) of McNemar's test without a difference."""
    for n in SIZES:
        for discordance in DISCORDANCES:
            gains = rng.binomial(n, discordance / 2, size=tables)
            losses = rng.binomial(n - gains, discordance / 2 / (1 - discordance / 2))
            kinds, counts = np.unique(np.column_stack([gains, losses]), axis=0, return_counts=True)
            exact, midp = (
                float(sum(k for (b, c), k in zip(kinds, counts, strict=True) if test(b, c) < 0.05) / tables)
                for test in (mcnemar_exact, mcnemar_midp)
            )
            yield Line((f"{n}", f"{100 * discordance:g} %", f"{exact:.4f}", f"{midp:.4f}"), exact, 0, 0.05, tables)
        show()


def equivalence(rng: np.random.Generator, tables: int, show: Callable[[], None]) -> Iterator[Line]:
    """Rate at which two one-sided tests accept equivalence when the difference equals the margin."""
    for margin in (0.01, 0.03):
        for n in (*SIZES[1:], 15_000):
            for discordance in (0.012, 0.02, 0.05, 0.1, 0.3):
                if discordance <= margin:
                    continue
                gain, loss = (discordance - margin) / 2, (discordance + margin) / 2
                gains = rng.binomial(n, gain, size=tables)
                losses = rng.binomial(n - gains, loss / (1 - gain))
                above, below = (score_statistic(gains, losses, n, edge) for edge in (-margin, margin))
                rate = float((np.maximum(norm.sf(above), norm.cdf(below)) < 0.05).mean())
                words = (f"{100 * margin:g}", f"{n}", f"{100 * discordance:g} %", "independent", f"{rate:.4f}")
                yield Line(words, rate, 0, 0.05, tables)
            show()
    for n in SIZES[2:]:
        for name, sizes in layouts(n):
            for correlation in CORRELATIONS[:2]:
                data = Clustered.of(*clustered_counts(rng, tables, sizes, 0.02, 0.03, correlation), sizes)
                tails = t.sf(data.statistic(-0.01), data.freedom), t.cdf(data.statistic(0.01), data.freedom)
                rate = float((np.maximum(*tails) < 0.05).mean())
                words = ("1", f"{data.n:g}", "5 %", f"clusters {name}, {correlation:g}", f"{rate:.4f}")
                yield Line(words, rate, 0, 0.05, tables)
            show()


def clustered_type_one(rng: np.random.Generator, tables: int, show: Callable[[], None]) -> Iterator[Line]:
    for n in SIZES:
        for name, sizes in layouts(n):
            for correlation in CORRELATIONS:
                for discordance in (0.01, 0.05, 0.3):
                    half = discordance / 2
                    data = Clustered.of(*clustered_counts(rng, tables, sizes, half, half, correlation), sizes)
                    rate = float((2 * t.sf(np.abs(data.statistic(0.0)), data.freedom) < 0.05).mean())
                    words = (f"{data.n:g}", name, f"{correlation:g}", f"{100 * discordance:g} %", f"{rate:.4f}")
                    yield Line(words, rate, 0, 0.06, tables)
            show()


def section(title: str, header: str, lines: list[Line]) -> str:
    columns = [*header.split(" | "), "bar"]
    text = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|" + "---:|" * len(columns)]
    for line in lines:
        text.append("| " + " | ".join((*line.words, line.verdict)) + " |")
    counts = Counter(line.verdict for line in lines)
    text += ["", ", ".join(f"{count} {word}" for word, count in counts.items()) + "."]
    return "\n".join(text) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng, tables = np.random.default_rng(args.seed), 500 if args.quick else 10_000
    clusters = "n | clusters | correlation | discordance"
    with tqdm(total=24 + 33 + 33 + 4 + 16 + 11 - (12 if args.quick else 0), file=sys.stderr) as progress:
        show = progress.update
        unclustered = list(independent(rng, tables, args.quick, show))
        in_clusters = list(clustered(rng, tables, args.quick, show))
        mcnemar = list(type_one(rng, tables, show))
        clustered_tests = list(clustered_type_one(rng, tables, show))
        equivalent = list(equivalence(rng, tables, show))
    print(
        f"{tables} tables a setting, seed {args.seed}. A bar is missed if the figure is more than three standard errors away.\n"
    )
    names = " | ".join((*METHODS, "bootstrap", "bootstrap-t"))
    about = f"lowest to highest over accuracy {ACCURACIES} and share of losses {LOSSES}; bootstraps: 400 tables"
    print(
        section(f"Coverage of 95 % intervals, independent items ({about})", f"n | discordance | {names}", unclustered)
    )
    header = (
        f"{clusters} | share of losses | score, clustered | Student, clustered | Tango, clusters ignored | marked †"
    )
    print(section("Coverage of 95 % intervals, items in clusters", header, in_clusters))
    print(section("McNemar, no difference: share of p < .05", "n | discordance | exact | mid-p", mcnemar))
    print(
        section(
            "Clustered score test, no difference: share of p < .05 (bar .06)", f"{clusters} | rate", clustered_tests
        )
    )
    print(
        section(
            "Equivalence, difference at the margin", "margin | n | discordance | items | called equivalent", equivalent
        )
    )
    return int(
        any(line.verdict == "MISSED" for line in (*unclustered, *in_clusters, *mcnemar, *clustered_tests, *equivalent))
    )


if __name__ == "__main__":
    sys.exit(main())
