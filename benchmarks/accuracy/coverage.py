"""Simulated coverage of the confidence intervals and false-positive rates of the tests, from a fixed seed.

    python benchmarks/accuracy/coverage.py            # about four minutes on one core; started again, it goes on
    python benchmarks/accuracy/coverage.py --quick    # fewer tables of each setting, in seconds

Prints Markdown to stdout; the exit code is 1 if a bar is missed by more than three standard errors of the simulation. Where few
pairs differ, `mcqa compare` marks a row (†) and its interval may cover more than its bar.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np
from coverage_methods import METHODS, Clustered, Z, bootstrap, inside
from scipy.stats import norm, t
from simulation import Results, Setting, command_line, misses, simulate, table

from mcqa_suite.stats import mcnemar_exact, mcnemar_midp, tango_bounds
from mcqa_suite.stats.intervals import FEWEST_EVENTS
from mcqa_suite.stats.paired import score_statistic

SIZES = (50, 200, 1000, 5000)
ACCURACIES = (0.3, 0.5, 0.7, 0.9, 0.97)
DISCORDANCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
LOSSES = (0.5, 0.75, 0.95)  # share of the discordant pairs that are losses: .5 is no difference
CORRELATIONS = (0.0, 0.05, 0.2)  # within clusters, of which way a pair differs
BOOTSTRAPPED = 25  # the bootstrap is computed for one table in so many
# documents of the 19 subjects of MMLU-STEM
SUBJECTS = np.array([100, 135, 152, 144, 100, 100, 102, 100, 112, 100, 235, 145, 378, 310, 203, 100, 270, 151, 216.0])


def possible(accuracy: float, discordance: float, losses: float) -> np.ndarray | None:
    """Shares of both, only second, only first, neither right; None for an impossible combination."""
    gain, loss = discordance * (1 - losses), discordance * losses
    shares = np.array([accuracy - loss, gain, loss, 1 - accuracy - gain])
    return shares.clip(0) if (shares > -1e-12).all() else None


def independent(rng: np.random.Generator, trials: int, n: int, discordance: float) -> Results:
    """Coverage of each method, the lowest and the highest over accuracies and shares of losses."""
    rates: dict[str, list[float]] = {name: [] for name in (*METHODS, "bootstrap")}
    for accuracy in ACCURACIES:
        for losses in LOSSES:
            shares = possible(accuracy, discordance, losses)
            if shares is not None:
                for name, rate in coverages(rng, trials, n, shares).items():
                    rates[name].append(rate)
    return {f"{name}, {end.__name__}": end(values) for name, values in rates.items() for end in (min, max)}


def coverages(rng: np.random.Generator, trials: int, n: int, shares: np.ndarray) -> Results:
    difference, rates = shares[1] - shares[2], {}
    drawn = rng.multinomial(n, shares, size=trials)
    for name, method in METHODS.items():
        # Tango's and both Wald intervals depend on the pairs that differ alone: far fewer distinct tables.
        kinds = drawn if name == "Newcombe 10" else np.column_stack([n - drawn[:, 1] - drawn[:, 2], drawn[:, 1:3]])
        unique, counts = np.unique(kinds, axis=0, return_counts=True)
        rest = unique[:, 3] if unique.shape[1] == 4 else np.zeros(len(unique))
        covered = inside(method(unique[:, 0], unique[:, 1], unique[:, 2], rest), difference)
        rates[name] = float((covered * counts).sum() / trials)
    intervals = [bootstrap(one, rng) for one in drawn[::BOOTSTRAPPED]]
    rates["bootstrap"] = float(np.mean([inside(interval, difference) for interval in intervals]))
    return rates


def layouts(n: int) -> dict[str, np.ndarray]:
    """Sizes of clusters of about `n` documents."""
    sizes = {f"of {size}": np.full(n // size, float(size)) for size in (5, 10, 50) if n >= 10 * size}
    return {**sizes, "19, unequal": np.round(SUBJECTS / SUBJECTS.sum() * n)} if n >= 1000 else sizes


def clustered(
    rng: np.random.Generator, trials: int, sizes: np.ndarray, correlation: float, discordance: float, losses: float
) -> Results:
    gain, loss = discordance * (1 - losses), discordance * losses
    data = Clustered.drawn(rng, trials, sizes, gain, loss, correlation)
    n, difference, critical = data.n, gain - loss, float(t.ppf(0.975, data.freedom))
    value, effective = (data.gains - data.losses) / n, (data.gains + data.losses) / data.factor
    half = critical * np.sqrt(data.factor * (data.gains + data.losses - n * value**2)) / n
    return {
        "score, clustered": float(inside(data.bounds(critical), difference).mean()),
        "Student, clustered": float(inside((value - half, value + half), difference).mean()),
        "Tango, clusters ignored": float(inside(tango_bounds(data.gains, data.losses, n, Z), difference).mean()),
        "marked †": float(((effective > 0) & (effective < FEWEST_EVENTS)).mean()),
    }


def false_positives(rng: np.random.Generator, trials: int, n: int, discordance: float) -> Results:
    """Share of p < .05 of McNemar's test without a difference."""
    gains = rng.binomial(n, discordance / 2, size=trials)
    losses = rng.binomial(n - gains, discordance / 2 / (1 - discordance / 2))
    kinds, counts = np.unique(np.column_stack([gains, losses]), axis=0, return_counts=True)
    return {
        name: float(sum(k for (b, c), k in zip(kinds, counts, strict=True) if test(b, c) < 0.05) / trials)
        for name, test in (("exact", mcnemar_exact), ("mid-p", mcnemar_midp))
    }


def clustered_false_positives(
    rng: np.random.Generator, trials: int, sizes: np.ndarray, correlation: float, discordance: float
) -> Results:
    data = Clustered.drawn(rng, trials, sizes, discordance / 2, discordance / 2, correlation)
    return {"rate": float((2 * t.sf(np.abs(data.statistic(0.0)), data.freedom) < 0.05).mean())}


def at_the_margin(rng: np.random.Generator, trials: int, n: int, margin: float, discordance: float) -> Results:
    """How often two one-sided tests accept equivalence when the difference equals the margin."""
    gain, loss = (discordance - margin) / 2, (discordance + margin) / 2
    gains = rng.binomial(n, gain, size=trials)
    losses = rng.binomial(n - gains, loss / (1 - gain))
    above, below = (score_statistic(gains, losses, n, edge) for edge in (-margin, margin))
    return {"called equivalent": float((np.maximum(norm.sf(above), norm.cdf(below)) < 0.05).mean())}


def clustered_at_the_margin(rng: np.random.Generator, trials: int, sizes: np.ndarray, correlation: float) -> Results:
    data = Clustered.drawn(rng, trials, sizes, 0.02, 0.03, correlation)
    tails = t.sf(data.statistic(-0.01), data.freedom), t.cdf(data.statistic(0.01), data.freedom)
    return {"called equivalent": float((np.maximum(*tails) < 0.05).mean())}


def settings(trials: int) -> Iterator[Setting]:
    for n in SIZES:
        for d in DISCORDANCES:
            yield Setting("independent", (f"{n}", f"{100 * d:g} %"), independent, (n, d), trials)
            yield Setting("McNemar", (f"{n}", f"{100 * d:g} %"), false_positives, (n, d), trials)
        for name, sizes in layouts(n).items():
            for correlation in CORRELATIONS:
                for d in (0.01, 0.05, 0.3):
                    words = (f"{sizes.sum():g}", name, f"{correlation:g}", f"{100 * d:g} %")
                    for losses in LOSSES[:2]:
                        given = (sizes, correlation, d, losses)
                        yield Setting("clustered", (*words, f"{losses:g}"), clustered, given, trials)
                    given = (sizes, correlation, d)
                    yield Setting("clustered test", words, clustered_false_positives, given, trials)
    yield from settings_of_equivalence(trials)


def settings_of_equivalence(trials: int) -> Iterator[Setting]:
    for margin in (0.01, 0.03):
        for n in (*SIZES[1:], 15_000):
            for d in (0.012, 0.02, 0.05, 0.1, 0.3):
                words = (f"{100 * margin:g}", f"{n}", f"{100 * d:g} %", "independent")
                if d > margin:
                    yield Setting("equivalence", words, at_the_margin, (n, margin, d), trials)
    for n in SIZES[2:]:
        for name, sizes in layouts(n).items():
            for correlation in CORRELATIONS[:2]:
                words = ("1", f"{sizes.sum():g}", "5 %", f"clusters {name}, {correlation:g}")
                yield Setting("equivalence", words, clustered_at_the_margin, (sizes, correlation), trials)


CLUSTERS = ("n", "clusters", "correlation", "discordance")
# Section -> title, and the header of its settings
TITLES = {
    "independent": (
        f"Coverage of 95 % intervals, independent items (lowest to highest over accuracy {ACCURACIES} and share of losses "
        f"{LOSSES}; bootstrap: one table in {BOOTSTRAPPED})",
        ("n", "discordance"),
    ),
    "clustered": ("Coverage of 95 % intervals, items in clusters", (*CLUSTERS, "share of losses")),
    "McNemar": ("McNemar, no difference: share of p < .05", ("n", "discordance")),
    "clustered test": ("Clustered score test, no difference: share of p < .05 (bar .06)", CLUSTERS),
    "equivalence": ("Equivalence, difference at the margin", ("margin", "n", "discordance", "items")),
}


def word(setting: Setting, figures: Results) -> str:
    """met; wide, marked †; or MISSED."""
    if setting.section not in ("independent", "clustered"):
        most = 0.06 if setting.section == "clustered test" else 0.05
        return "MISSED" if misses(next(iter(figures.values())), setting.trials, at_most=most) else "met"
    bar = {"at_least": 0.94, "at_most": 0.96 if float(setting.words[0]) >= 1000 else 1.0}
    ours = ("Tango, min", "Tango, max") if setting.section == "independent" else ("score, clustered",)
    if not any(misses(figures[name], setting.trials, **bar) for name in ours):
        return "met"
    wide = figures[ours[0]] > bar["at_most"] and figures.get("marked †", 0.0) > 0.25
    return "wide, marked †" if wide else "MISSED"


def cells(section: str, figures: Results) -> dict[str, str]:
    """The figures as text, by the title of their column."""
    if section == "independent":
        names = (*METHODS, "bootstrap")
        return {name: f"{figures[f'{name}, min']:.3f} to {figures[f'{name}, max']:.3f}" for name in names}
    if section == "clustered":
        return {
            name: f"{100 * value:.0f} %" if name == "marked †" else f"{value:.3f}" for name, value in figures.items()
        }
    return {name: f"{value:.4f}" for name, value in figures.items()}


def main() -> int:
    args = command_line(__doc__, "mcqa_coverage.jsonl")
    chosen = list(settings(500 if args.quick else 10_000))
    figures = simulate(chosen, args.state, args.seed, args.jobs)
    words = Counter[str]()
    print(f"{chosen[0].trials} tables a setting, seed {args.seed}. Bars are missed beyond three standard errors.\n")
    for section, (title, header) in TITLES.items():
        own = [setting for setting in chosen if setting.section == section]
        shown = [cells(section, figures[setting.key]) for setting in own]
        ends = [word(setting, figures[setting.key]) for setting in own]
        rows = [[*s.words, *texts.values(), end] for s, texts, end in zip(own, shown, ends, strict=True)]
        print(table(title, [*header, *shown[0], "bar"], rows))
        print(", ".join(f"{count} {text}" for text, count in Counter(ends).items()) + ".\n")
        words.update(ends)
    return int(words["MISSED"] > 0 and not args.quick)


if __name__ == "__main__":
    sys.exit(main())
