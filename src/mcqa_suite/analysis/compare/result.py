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
Verdict = Literal["not valid", "worse", "better", "unchanged", "equivalent", "undecided"]
Kind = Literal["task", "group", "noise floor"]
# Conditions that say something about the model: its scores are what it got, but not worth comparing.
OF_THE_MODEL = ("all equal", "unread", "below chance", "constant letter")
Method = Literal["score", "clustered score", "t", "clustered t", "unpaired"]


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

    The ends of `one_sided` are each a one-sided 95 % bound: it is the interval of level 90 %. `p` is McNemar's exact p, or for
    clusters, for weighted tasks and for scores other than 0 and 1 the p of the interval's own statistic. `fragile`: fewer pairs
    differ than a design effect needs. `no_change`: no answer changed. `questions`: how many independent ones, which is the
    number of clusters where there are some. `bootstrap`, `p_mcnemar` and `p_midp` are of pooled documents, None for weighted
    tasks.
    """

    base: Estimate
    variant: Estimate
    difference: Estimate
    one_sided: Estimate
    method: Method
    p: float
    p_equivalent: float
    power: Power
    bootstrap: Estimate | None = None
    p_mcnemar: float | None = None
    p_midp: float | None = None
    fragile: bool = False
    no_change: bool = False
    questions: int = 0


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
    """One variant against its parent, which is called base here, on one task or group.

    The corrected p-values are None for rows that are not valid and for noise floors, which are in no family. `chance` and
    `constant` are those of `logs.guessing`, None for a metric that is no accuracy. `members`: the tasks of a group; `left_out`:
    its tasks in which a check failed; `average`: how they are averaged. `clusters`: how many the documents form, by the field
    `clustered_by`; None where they are independent. `detectable`: the smallest difference that the row's test, corrected for
    its family, detects with power .8. `questions_to_settle`: how many questions would show equivalence within the margin, if
    there is no difference. `higher_is_better`: the direction of the metric. `title`: the name of the task, with the filter
    where its log has several. `warnings`: a line for each failed check of its tasks, and for what else to know before believing
    the verdict; `forced`: a line for each difference between the runs that was overridden.
    """

    task: str
    metric: str
    filter: str
    title: str
    variant: str
    parent: str
    kind: Kind
    n: int
    n_shot: int
    change: Change
    flips: Flips | None
    choices: Choices
    top_agreement: float | None
    unread_base: float | None
    unread_variant: float | None
    chance: float | None
    constant: tuple[str, float] | None
    p_holm: float | None = None
    p_bh: float | None = None
    verdict: Verdict = "undecided"
    members: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    average: str = ""
    clusters: int | None = None
    clustered_by: str = ""
    detectable: float = nan
    questions_to_settle: int | None = None
    warnings: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    higher_is_better: bool = True

    @property
    def gain(self) -> float:
        """The difference, above 0 where the variant is better."""
        value = self.change.difference.value
        return value if self.higher_is_better else -value

    @property
    def bound(self) -> float:
        """The one-sided 95 % bound of `gain`: below 0 the variant loses at most this, above 0 it gains at least this."""
        ends = self.change.one_sided
        return ends.low if self.higher_is_better else -ends.high


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
class PooledChange:
    """The difference of a variant to its parent over all documents of the compared tasks; `problem` says why there is none."""

    variant: str
    parent: str
    tasks: tuple[str, ...]
    change: Change | None
    higher_is_better: bool = True
    problem: str = ""


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`: every variant against its parent, see `analysis.compare.lineage`. `base` is the first model.

    `mismatches`: settings in which a task was asked differently; such tasks are in no row, unless the comparison was `forced`.
    `incomplete`: a line for each task and filter that one of two runs lacks. `unmatched`: a line for each glob of tasks that
    matches nothing. `problems`: a line for each run or task that could not be read, compared or trusted. `parents`: of each
    variant. `unpaired`: of each variant, by task and filter. `titles`: the names of tasks, with the filter where a log has
    several. `subset`: a note that names the documents compared; None for all.
    """

    base: str
    margin: float
    cluster: str | None
    families: tuple[Family, ...]
    rows: tuple[ComparisonRow, ...]
    parents: Mapping[str, str]
    unpaired: Mapping[str, Mapping[Key, UnpairedCounts]]
    titles: Mapping[Key, str]
    pooled: tuple[PooledChange, ...] = ()
    health: tuple[FailedCheck, ...] = ()
    mismatches: tuple[str, ...] = ()
    forced: bool = False
    incomplete: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    subset: str | None = None

    @property
    def against(self) -> str:
        """With what the variants are compared: the base's name, or "its parent" where that is not always the base."""
        return self.base if all(parent == self.base for parent in self.parents.values()) else "its parent"

    def by_task(self) -> dict[tuple[str, str, str], list[ComparisonRow]]:
        """Rows by task or group, filter and metric."""
        rows: dict[tuple[str, str, str], list[ComparisonRow]] = {}
        for row in self.rows:
            rows.setdefault((row.task, row.filter, row.metric), []).append(row)
        return rows
