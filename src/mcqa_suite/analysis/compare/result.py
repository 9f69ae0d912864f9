"""The results of a comparison. Accuracies, differences and shares are fractions of 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Literal

from mcqa_suite.logs.agreement import UnpairedCounts
from mcqa_suite.logs.integrity import Fault
from mcqa_suite.stats import Estimate, Power, Spread

Key = tuple[str, str]  # task and filter
Verdict = Literal["equivalent", "no detectable change", "worse", "better", "underpowered", "at chance", "not valid"]
Kind = Literal["task", "group", "noise floor"]
# Conditions that say something about the model: its scores are what it got, but not worth comparing.
OF_THE_MODEL = ("all equal", "unread", "below chance", "constant letter")
Method = Literal["score", "clustered score", "t", "clustered t"]


@dataclass(frozen=True)
class Flips:
    """Documents whose answer changed, by whether it was right before and after."""

    right_to_wrong: int
    wrong_to_right: int
    wrong_to_wrong: int

    @property
    def total(self) -> int:
        return self.right_to_wrong + self.wrong_to_right + self.wrong_to_wrong

    @property
    def direction(self) -> float | None:
        """Gains minus losses over their sum, from -1 (only losses) to 1 (only gains); None if there are neither."""
        crossing = self.wrong_to_right + self.right_to_wrong
        return (self.wrong_to_right - self.right_to_wrong) / crossing if crossing else None


@dataclass(frozen=True)
class Change:
    """The paired difference, variant minus base, with its tests.

    `p` is McNemar's exact p, or for clusters, for weighted tasks and for scores other than 0 and 1 the p of the interval's own
    statistic. `fragile`: fewer pairs differ than a design effect needs. `bootstrap`, `p_mcnemar` and `p_midp` are of pooled
    documents, None for weighted tasks.
    """

    base: Estimate
    variant: Estimate
    difference: Estimate
    method: Method
    p: float
    p_equivalent: float
    power: Power
    bootstrap: Estimate | None = None
    p_mcnemar: float | None = None
    p_midp: float | None = None
    fragile: bool = False


@dataclass(frozen=True)
class Choices:
    """Both models' distributions over the options; None without log-likelihoods. Letters are shares, from A on."""

    kl: Spread | None = None
    jensen_shannon: float | None = None
    gold_change: float | None = None
    ece_base: float | None = None
    ece_variant: float | None = None
    brier_base: float | None = None
    brier_variant: float | None = None
    letters_base: tuple[float, ...] = ()
    letters_variant: tuple[float, ...] = ()
    letters_gold: tuple[float, ...] = ()


@dataclass(frozen=True)
class ComparisonRow:
    """One variant against the base on one task or group.

    The corrected p-values are None for rows that are not valid and for noise floors, which are in no family. `chance` and
    `constant` are those of `logs.guessing`, None for a metric that is no accuracy. `members`: the tasks of a group; `left_out`:
    its tasks in which a check failed; `average`: how they are averaged. `clusters`: how many the documents form, by the field
    `clustered_by`; None where they are independent. `detectable`: the smallest difference that the row's test, corrected for its
    family, detects with power .8. `higher_is_better`: the direction of the metric. `title`: the name of the task, with the
    filter where its log has several. `warnings`: a line for each failed check of its tasks; `forced`: a line for each difference
    between the runs that was overridden.
    """

    task: str
    metric: str
    filter: str
    title: str
    variant: str
    kind: Kind
    n: int
    n_shot: int
    change: Change
    flips: Flips | None
    choices: Choices
    top_agreement: float
    unread_base: float | None
    unread_variant: float | None
    chance: float | None
    constant: tuple[str, float] | None
    p_holm: float | None = None
    p_bh: float | None = None
    verdict: Verdict = "no detectable change"
    members: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    average: str = ""
    clusters: int | None = None
    clustered_by: str = ""
    detectable: float = nan
    warnings: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    higher_is_better: bool = True

    @property
    def gain(self) -> float:
        """The difference, above 0 where the variant is better."""
        value = self.change.difference.value
        return value if self.higher_is_better else -value


@dataclass(frozen=True)
class Family:
    """Rows of one kind, metric and filter, whose p-values are corrected together; `rows` is their number."""

    kind: str
    metric: str
    filter: str
    rows: int


@dataclass(frozen=True)
class FailedCheck:
    """A health check that failed in a run of a task; `invalid` if the scores are not valid."""

    task: str
    run: str
    condition: str
    detail: str
    invalid: bool
    filter: str = "none"

    @property
    def of_input(self) -> bool:
        """Whether the scores are not valid for what was read, not for how the model answers."""
        return self.invalid and self.condition not in OF_THE_MODEL

    @property
    def line(self) -> str:
        return Fault(self.condition, self.detail, self.invalid).line(f"{self.task}, {self.run}")


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`.

    `mismatches`: settings in which a task was asked differently; such tasks are in no row, unless the comparison was `forced`.
    `incomplete`: a line for each task and filter that one of two runs lacks. `problems`: a line for each run or task that
    could not be read, compared or trusted. `unpaired`: of each variant, by task and filter. `titles`: the names of tasks, with
    the filter where a log has several. `subset`: a note that names the documents compared; None for all.
    """

    base: str
    margin: float
    cluster: str | None
    families: tuple[Family, ...]
    rows: tuple[ComparisonRow, ...]
    unpaired: Mapping[str, Mapping[Key, UnpairedCounts]]
    titles: Mapping[Key, str]
    health: tuple[FailedCheck, ...] = ()
    mismatches: tuple[str, ...] = ()
    forced: bool = False
    incomplete: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    subset: str | None = None

    def by_task(self) -> dict[tuple[str, str, str], list[ComparisonRow]]:
        """Rows by task or group, filter and metric."""
        rows: dict[tuple[str, str, str], list[ComparisonRow]] = {}
        for row in self.rows:
            rows.setdefault((row.task, row.filter, row.metric), []).append(row)
        return rows
