"""Simulated rates of false verdicts of a comparison, of "separable" in a leaderboard, and of what passes a gate.

    python benchmarks/accuracy/verdict_rates.py            # an hour on one core; started again, it goes on
    python benchmarks/accuracy/verdict_rates.py --quick    # a few trials of each setting, in a minute

Questions come in clusters of 1, 4 or 8 rows, as rotations do: where a model answers a question otherwise than another does, it
mostly does so in all its rows. Prints Markdown to stdout; the exit code is 1 if a bar is missed by more than three standard
errors of the simulation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from simulation import Results, Setting, command_line, misses, simulate, table

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, fail_if_worse, max_drop
from mcqa_suite.analysis.compare.measure import change
from mcqa_suite.analysis.compare.pairing import Answers, Pairs, joined
from mcqa_suite.analysis.compare.result import Change, Choices, PooledChange
from mcqa_suite.analysis.compare.verdicts import LEVEL, against_best, with_verdicts
from mcqa_suite.stats import Estimate, PairedMeans, Rows

MARGIN = 0.01
CHANGED = 0.08  # share of the questions that a variant answers independently of the base
WHOLE = 0.7  # share of the changed questions whose rows all change alike
QUESTIONS = 150  # of a task, times 0.5 to 2
ROWS = (1, 4, 8)
MEANS = ("pooled", "mean", "3:1")
FEW = (12, 300)  # questions of two tasks, one of them small


def base_rights(rng: np.random.Generator, questions: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """How likely each question is answered right, and the base's answers: questions x rows."""
    easy = rng.beta(2, 1.2, size=(questions, 1))
    return easy, answered(rng, easy, rows)


def answered(rng: np.random.Generator, easy: np.ndarray, rows: int) -> np.ndarray:
    """Answers of a model, most questions alike in all rows."""
    alike = rng.random(easy.shape) < WHOLE
    return np.where(alike, rng.random(easy.shape) < easy, rng.random((len(easy), rows)) < easy)


def variant_rights(
    rng: np.random.Generator, easy: np.ndarray, base: np.ndarray, loss: float = 0.0, changed: float = CHANGED
) -> np.ndarray:
    """A variant's answers: another draw on some questions; then a share `loss` of all questions is lost where it was right."""
    redrawn = rng.random(easy.shape) < changed
    rights = np.where(redrawn, answered(rng, easy, base.shape[1]), base)
    lost = rng.random(easy.shape) < loss / max(1e-9, float(easy.mean()))
    return rights & ~lost


def pairs_of(first: np.ndarray, second: np.ndarray, task: int) -> Pairs:
    """The pairs of two models' answers (questions x rows)."""
    n = first.size
    blank = np.zeros(n, np.int64)

    def answers(right: np.ndarray) -> Answers:
        flat = right.ravel()
        return Answers(flat.astype(float), blank, flat, blank, flat.astype(np.uint64), None, None, None, None)

    question = np.repeat(np.arange(len(first), dtype=np.uint64) + np.uint64(task * 1_000_000), first.shape[1])
    gold = np.zeros((n, 0), bool)
    return Pairs(answers(first), answers(second), np.arange(n), blank, gold, blank.astype(np.uint64), question)


def tested(parts: list[Pairs], weights: list[float] | None) -> Change:
    """What verdicts need of `change`, without the intervals, which take most of its time."""
    pairs = joined(parts)
    if weights is None:
        rows = Rows.pooled(pairs.n, pairs.cluster)
    else:
        rows = Rows.of_tasks([part.n for part in parts], weights, pairs.cluster)
    paired = PairedMeans.of(pairs.base.score, pairs.variant.score, rows)
    value = Estimate(paired.value, paired.value, paired.value, pairs.n)
    p_values = (paired.p_value(), paired.p_equivalent(MARGIN))
    return Change(value, value, value, value, "score", *p_values, paired.power(), questions=pairs.clusters or pairs.n)


def row_of(measured: Change, variant: str, task: str) -> ComparisonRow:
    """A row with what verdicts need."""
    return ComparisonRow(
        task=task,
        metric="acc",
        filter="none",
        title=task,
        variant=variant,
        parent="base",
        kind="task",
        n=measured.base.n,
        n_shot=0,
        change=measured,
        flips=None,
        choices=Choices(),
        top_agreement=0.0,
        unread_base=None,
        unread_variant=None,
        chance=None,
        constant=None,
    )


def sizes(rng: np.random.Generator, tasks: int) -> list[int]:
    return [int(QUESTIONS * scale) for scale in rng.uniform(0.5, 2, size=tasks)]


def equal_models(rng: np.random.Generator, trials: int, variants: int, tasks: int, rows: int) -> Results:
    """How often a comparison of equal models calls any row worse, and how often better."""
    worse = better = 0
    for _ in range(trials):
        compared = []
        for task, questions in enumerate(sizes(rng, tasks)):
            easy, base = base_rights(rng, questions, rows)
            for variant in range(variants):
                pairs = pairs_of(base, variant_rights(rng, easy, base), task)
                compared.append(row_of(tested([pairs], None), f"{variant}", f"{task}"))
        words = {row.verdict for row in with_verdicts(compared, MARGIN)[0]}
        worse += "worse" in words
        better += "better" in words
    return {"worse": worse / trials, "better": better / trials}


def group_parts(rng: np.random.Generator, rows: int, loss: float, few: bool) -> list[Pairs]:
    parts = []
    for task, questions in enumerate(FEW if few else sizes(rng, 6)):
        easy, base = base_rights(rng, questions, rows)
        parts.append(pairs_of(base, variant_rights(rng, easy, base, loss), task))
    return parts


def group_weights(mean: str, parts: list[Pairs]) -> list[float] | None:
    return {"pooled": None, "mean": [1.0] * len(parts), "3:1": [3.0, *[1.0] * (len(parts) - 1)]}[mean]


def group_of_equal(rng: np.random.Generator, trials: int, mean: str, rows: int, few: bool) -> Results:
    """How often a group's mean of equal models differs significantly, and how often its interval covers 0."""
    wrong = covered = 0
    for _ in range(trials):
        parts = group_parts(rng, rows, 0.0, few)
        measured = change(parts, group_weights(mean, parts), MARGIN, resamples=0)
        wrong += measured.p < LEVEL
        covered += measured.difference.low <= 0 <= measured.difference.high
    return {"worse or better": wrong / trials, "covered": covered / trials}


def at_the_margin(rng: np.random.Generator, trials: int, mean: str, rows: int, questions: int) -> Results:
    """How often a true loss of the margin is called equivalent."""
    called = 0
    for _ in range(trials):
        parts = []
        for task in range(1 if mean == "task" else 3):
            easy, base = base_rights(rng, questions // (1 if mean == "task" else 3), rows)
            parts.append(pairs_of(base, variant_rights(rng, easy, base, MARGIN, changed=0.02), task))
        weights = None if mean == "task" else group_weights(mean, parts)
        called += tested(parts, weights).p_equivalent < LEVEL
    return {"equivalent": called / trials}


def leaderboard_of_equal(rng: np.random.Generator, trials: int, models: int, tasks: int, rows: int) -> Results:
    """How often any of some equal models is marked as separable from the best, by the mean over tasks."""
    separable = 0
    for _ in range(trials):
        scores: list[list[np.ndarray]] = [[] for _ in range(models)]
        for questions in sizes(rng, tasks):
            easy, base = base_rights(rng, questions, rows)
            for model in range(models):
                scores[model].append(variant_rights(rng, easy, base))
        means = [float(np.mean([rights.mean() for rights in of_model])) for of_model in scores]
        best = int(np.argmax(means))
        p_values = []
        for model in set(range(models)) - {best}:
            both = zip(scores[best], scores[model], strict=True)
            parts = [pairs_of(first, second, task) for task, (first, second) in enumerate(both)]
            p_values.append(tested(parts, [1.0] * tasks if tasks > 1 else None).p)
        separable += min(against_best(p_values, models)) < LEVEL
    return {"separable": separable / trials}


def gates(rng: np.random.Generator, trials: int, beside: int) -> Results:
    """How often a harmful variant (a loss of 4 points in each of 3 tasks) fails its gate beside harmless ones."""
    failed = 0
    for _ in range(trials):
        compared = []
        for task in range(3):
            easy, base = base_rights(rng, 800, 1)
            for variant in range(beside + 1):
                loss = 0.04 if variant == 0 else 0.0
                pairs = pairs_of(base, variant_rights(rng, easy, base, loss, changed=0.04), task)
                compared.append(row_of(tested([pairs], None), f"{variant}", f"{task}"))
        failed += any(line.startswith("0:") for line in fail_if_worse(comparison_of(compared)).lines)
    return {"failed": failed / trials}


def comparison_of(rows: list[ComparisonRow], pooled: tuple[PooledChange, ...] = ()) -> Comparison:
    judged, families = with_verdicts(rows, MARGIN)
    return Comparison("base", MARGIN, None, families, tuple(judged), {}, {}, {}, pooled)


def harmless(rng: np.random.Generator, questions: int, rows: int, changed: float, loss: float) -> Pairs:
    """A base that is right on two thirds, and a variant of which a share `changed` turns, `loss` more to wrong than back."""
    base = rng.random((questions, 1)) < 2 / 3
    lost, gained = (changed + loss) / 2 / base.mean(), (changed - loss) / 2 / (1 - base.mean())
    turned = rng.random((questions, 1)) < np.where(base, lost, gained)
    return pairs_of(np.repeat(base, rows, 1), np.repeat(base ^ turned, rows, 1), 0)


def passed(rng: np.random.Generator, trials: int, questions: int, rows: int, points: float, loss: float) -> Results:
    """How often a variant passes `--max-drop points`, where 1.5 % of its answers turn (more, where it loses more)."""
    count = 0
    for _ in range(trials):
        pairs = harmless(rng, questions, rows, max(0.015, 1.2 * loss), loss)
        measured = change([pairs], None, MARGIN, resamples=0)
        gate = max_drop(comparison_of([], (PooledChange("variant", "base", ("task",), measured),)), points)
        count += gate.exit_code == 0
    return {"passed": count / trials}


def detected(rng: np.random.Generator, trials: int, family: int, rows: int) -> Results:
    """How often a true difference as large as the detectable one is significant after a correction for the family."""
    questions, loss = 2400 // rows, 0.0

    def sample() -> Change:
        easy, base = base_rights(rng, questions, rows)
        variant = variant_rights(rng, easy, base, loss, changed=max(0.0, CHANGED - loss))
        return tested([pairs_of(base, variant, 0)], None)

    for _ in range(4):  # the detectable difference depends on how many rows change, and so on the difference
        loss = float(np.mean([sample().power.detectable(LEVEL / family) for _ in range(40)]))
    shown = np.mean([sample().p < LEVEL / family for _ in range(trials)])
    return {"detected": float(shown), "difference": loss}


def settings(trials: int) -> Iterator[Setting]:
    clusters = {1: "independent", 4: "of 4 rows", 8: "of 8 rows"}
    for rows in ROWS:
        for variants in (1, 4, 16):
            for tasks in (1, 5, 20):
                words = (f"{variants}", f"{tasks}", clusters[rows])
                count = max(2, trials // (1 + variants * tasks // 120))
                yield Setting("equal", words, equal_models, (variants, tasks, rows), count)
        for mean in MEANS:
            for few in (False, True):
                words = (mean, "12 and 300 questions" if few else "6 tasks", clusters[rows])
                yield Setting("groups", words, group_of_equal, (mean, rows, few), 2 * trials)
        for mean in ("task", *MEANS):
            for questions in (900, 6000):
                words = (mean, f"{questions}", clusters[rows])
                yield Setting("equivalent", words, at_the_margin, (mean, rows, questions), 2 * trials)
        for models in (2, 4, 16):
            for tasks in (1, 5, 20):
                words = (f"{models}", f"{tasks}", clusters[rows])
                count = max(2, trials // (1 + models * tasks // 100))
                yield Setting("separable", words, leaderboard_of_equal, (models, tasks, rows), count)
        for family in (1, 12, 320):
            yield Setting("detected", (f"{family}", clusters[rows]), detected, (family, rows), trials)
    for beside in (0, 12):
        yield Setting("gate", (f"{beside}",), gates, (beside,), max(2, trials // 4))
    for rows in ROWS:
        for questions, points in ((500, 1.0), (2000, 1.0), (2000, 2.0), (8000, 0.5)):
            for loss in (0.0, points):
                words = (f"{questions}", clusters[rows], f"{points:g}", f"{loss:g}")
                section = "loss passes" if loss else "harmless passes"
                yield Setting(section, words, passed, (questions, rows, points, loss / 100), 5 * trials)


# Section -> title, header of the settings
TITLES = {
    "equal": ("Equal models: any row worse, any row better", ("variants", "tasks", "questions")),
    "groups": ("Group rows of equal models", ("mean", "tasks", "questions")),
    "equivalent": ("A true loss of the margin, called equivalent", ("mean", "rows", "questions")),
    "separable": ("Equal models: any marked as separable from the best", ("models", "tasks", "questions")),
    "detected": ("A true difference as large as the detectable one", ("rows of the family", "questions")),
    "harmless passes": ("--max-drop, a variant that loses nothing", ("questions", "rows", "points", "true loss")),
    "loss passes": ("--max-drop, a variant that loses what is allowed", ("questions", "rows", "points", "true loss")),
    "gate": ("--fail-if worse: a loss of 4 points in each of 3 tasks", ("harmless variants beside it",)),
}
# Figure -> the smallest and largest value that meets its bar
BARS = {
    **dict.fromkeys(("worse", "better", "worse or better", "equivalent", "separable"), (0.0, 0.05)),
    **{"covered": (0.94, 1.0), "detected": (0.75, 1.0), "failed": (0.8, 1.0)},
    **{"passed": (0.0, 1.0), "harmless passes": (0.95, 1.0), "loss passes": (0.0, 0.05)},
}


def bar_of(setting: Setting, figure: str) -> tuple[float, float]:
    """The bar of a figure. A gate promises to pass harmless variants only where there are enough questions."""
    if setting.section == "harmless passes" and setting.words[0] == "500":
        return 0.0, 1.0
    return BARS[f"{setting.section}"] if figure == "passed" else BARS[figure]


def main() -> int:
    args = command_line(__doc__, "mcqa_verdict_rates.jsonl")
    chosen = list(settings(4 if args.quick else 800))
    figures = simulate(chosen, args.state, args.seed, args.jobs)
    missed = False
    print(f"Seed {args.seed}. Bars are missed where a figure is more than three standard errors outside.\n")
    for name, (title, header) in TITLES.items():
        rows = []
        for setting in (setting for setting in chosen if setting.section == name):
            values = figures[setting.key]
            bars = {key: bar_of(setting, key) for key in values if key in BARS}
            wrong = [
                key
                for key, (low, high) in bars.items()
                if misses(values[key], setting.trials, at_least=low, at_most=high)
            ]
            missed |= bool(wrong)
            cells = [f"{values[key]:.4f}" for key in values]
            rows.append(
                [*setting.words, f"{setting.trials}", *cells, f"MISSED: {', '.join(wrong)}" if wrong else "met"]
            )
        print(table(title, [*header, "trials", *figures[setting.key], "bar"], rows))
    return int(missed and not args.quick)


if __name__ == "__main__":
    sys.exit(main())
