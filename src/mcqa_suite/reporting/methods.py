"""The statistics of the page, each with what it says and where its formula is from."""

from __future__ import annotations

from mcqa_suite.analysis.compare import Comparison, family_text
from mcqa_suite.analysis.compare.measure import RESAMPLES, SEED

Method = tuple[str, str, str]


def methods(report: Comparison | None) -> list[Method]:
    """(statistic, how it is used here, source of the formula)."""
    always = [
        (
            "Interval of an accuracy",
            "95 %, Wilson's score interval; right at 0 and 100 % too",
            "Wilson, JASA 22, 1927, 209-212",
        ),
        (
            "Chance, commonest letter",
            "mean of 1 / number of options; the score of one letter said always",
            "counted over the documents",
        ),
        (
            "Bits per weight",
            "every stored tensor, embeddings and scales included, over the parameters of the unquantised model",
            "the run's manifest",
        ),
        ("Not separable (≈)", "paired test against the first model, corrected over models", "McNemar 1947; Holm 1979"),
    ]
    if report is None:
        return always
    margin = f"{100 * report.margin:g}"
    level = f"corrected within each family: {family_text(report.families)}"
    return [
        *always,
        (
            "Paired difference",
            "variant minus base on the same questions in the same words; 95 %, Tango's score interval",
            "Tango, Statistics in Medicine 17, 1998, 891-908",
        ),
        (
            "Clusters",
            f"by {report.cluster}" if report.cluster else "not used: documents are taken as independent",
            "Miller, arXiv 2411.00640; Korn and Graubard, Survey Methodology 24, 1998",
        ),
        (
            "p",
            "McNemar's test, exact and two-sided, on the pairs that differ; Student's t where scores are no 0 or 1",
            "McNemar, Psychometrika 12, 1947, 153-157",
        ),
        ("p Holm", f"family-wise error .05, {level}", "Holm, Scandinavian Journal of Statistics 6, 1979, 65-70"),
        (
            "Equivalent",
            f"two one-sided score tests at .05, margin ± {margin} points",
            "Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 1987, 657-680",
        ),
        (
            "Detectable difference",
            "(z.975 + z.80) sqrt(discordance / n) at the share of changed scores seen here; never under 6 / n",
            "Miller, arXiv 2411.00640",
        ),
        (
            "Bootstrap",
            f"{RESAMPLES} resamples of pairs, seed {SEED}; in the CSV of mcqa compare",
            "Efron, Annals of Statistics 7, 1979, 1-26",
        ),
        (
            "Flips, direction",
            "answers that changed; (gains - losses) / (gains + losses)",
            "Dutta et al., arXiv 2407.09141",
        ),
        (
            "Choice-KL",
            "KL(base || variant) over the softmax of the options' log-likelihoods, in nats; a volume, not a quality",
            "Kullback and Leibler, Annals of Mathematical Statistics 22, 1951, 79-86",
        ),
        (
            "Calibration error (ECE)",
            "15 bins of equal mass over the probability of the chosen option",
            "Nixon et al., arXiv 1904.01685",
        ),
        ("Brier score", "over the options, 0 at best and 2 at worst", "Brier, Monthly Weather Review 78, 1950, 1-3"),
        (
            "Kept above chance",
            "(variant - chance) / (base - chance)",
            "defined here",
        ),
        (
            "Noise floor",
            "the base against itself under other conditions (a batch size, say); never in the family",
            "the run given as --noise-floor",
        ),
    ]
