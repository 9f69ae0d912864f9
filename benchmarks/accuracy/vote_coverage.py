"""Simulated coverage of the 95 % intervals of `mcqa vote`, over questions of which each is answered several times.

    python benchmarks/accuracy/vote_coverage.py            # a few minutes on two cores; started again, it goes on
    python benchmarks/accuracy/vote_coverage.py --quick    # a few trials of each setting, in a minute

Prints Markdown to stdout; the exit code is 1 if an interval covers less than 94 % by more than three standard errors of the
simulation, or less than Wilson's interval does for as many right and wrong answers at the strategy's accuracy: few answers have
few possible intervals, so that no method covers 95 % everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from scipy.stats import binom
from simulation import Results, Setting, command_line, misses, simulate, table

from mcqa_suite.analysis.voting.strategies import majority, pass_at
from mcqa_suite.stats import share_estimate, wilson

SAMPLES = 8
POPULATION = 60_000  # questions that measure a strategy's accuracy
LIKE = {0.3: "all samples alike", 2.0: "mixed", 20.0: "each sample by itself"}
STRATEGIES = ("one sample", "majority of 4", "majority of 8", "pass@2")


def results(rng: np.random.Generator, questions: int, accuracy: float, concentration: float) -> dict[str, np.ndarray]:
    """The result of each strategy for each question; wrong samples are all different, so that a vote needs two right ones."""
    likely = rng.beta(accuracy * concentration, (1 - accuracy) * concentration, size=(questions, 1))
    right = rng.random((questions, SAMPLES)) < likely
    answers = np.where(right, 0, 1 + np.arange(SAMPLES))
    return {
        "one sample": right.mean(axis=1),
        "majority of 4": np.asarray(majority(answers, right, 4).accuracy),
        "majority of 8": np.asarray(majority(answers, right, 8).accuracy, float),
        "pass@2": pass_at(right, 2),
    }


def coverage(rng: np.random.Generator, trials: int, questions: int, accuracy: float, concentration: float) -> Results:
    """How often each strategy's interval holds its accuracy over all such questions, and that accuracy."""
    truth = {name: float(values.mean()) for name, values in results(rng, POPULATION, accuracy, concentration).items()}
    covered = dict.fromkeys(STRATEGIES, 0)
    for _ in range(trials):
        for name, values in results(rng, questions, accuracy, concentration).items():
            estimate = share_estimate(values)
            covered[name] += estimate.low <= truth[name] <= estimate.high
    return {name: count / trials for name, count in covered.items()} | {
        f"accuracy, {name}": truth[name] for name in truth
    }


def wilsons_coverage(questions: int, accuracy: float) -> float:
    """The exact coverage of Wilson's interval for independent right and wrong answers."""
    intervals = [wilson(right, questions) for right in range(questions + 1)]
    inside = [estimate.low <= accuracy <= estimate.high for estimate in intervals]
    return float(binom.pmf(np.arange(questions + 1), questions, accuracy)[inside].sum())


def bar_of(questions: int, accuracy: float) -> float:
    """What an interval must cover; the accuracy is known within its standard error only."""
    error = 2 * (accuracy * (1 - accuracy) / POPULATION) ** 0.5
    near = [min(1.0, max(0.0, accuracy + step)) for step in (-error, 0, error)]
    return min(0.94, *(wilsons_coverage(questions, each) for each in near))


def settings(trials: int) -> Iterator[Setting]:
    for questions in (5, 20, 50, 200, 1000):
        for accuracy in (0.5, 0.9, 0.97, 0.995):
            for concentration, words in LIKE.items():
                arguments = (questions, accuracy, concentration)
                yield Setting("vote", (f"{questions}", f"{accuracy:g}", words), coverage, arguments, trials)


def main() -> int:
    args = command_line(__doc__, "mcqa_vote_coverage.jsonl")
    chosen = list(settings(20 if args.quick else 1000))
    figures = simulate(chosen, args.state, args.seed, args.jobs)
    rows, missed = [], False
    for setting in chosen:
        values = figures[setting.key]
        bars = {name: bar_of(setting.arguments[0], values[f"accuracy, {name}"]) for name in STRATEGIES}
        wrong = [name for name, bar in bars.items() if misses(values[name], setting.trials, at_least=bar)]
        missed |= bool(wrong)
        cells = [f"{values[name]:.3f}" for name in STRATEGIES]
        least = [f"{bar:.3f}" for bar in bars.values()]
        rows.append([*setting.words, *cells, ", ".join(least), f"MISSED: {', '.join(wrong)}" if wrong else "met"])
    print(f"{chosen[0].trials} trials a setting, {SAMPLES} samples a question, seed {args.seed}.\n")
    header = ["questions", "accuracy of a sample", "samples of a question", *STRATEGIES, "at least", "bar"]
    print(table("Coverage of the 95 % interval of each strategy", header, rows))
    return int(missed and not args.quick)


if __name__ == "__main__":
    sys.exit(main())
