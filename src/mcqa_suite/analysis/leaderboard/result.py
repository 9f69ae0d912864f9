"""What a leaderboard holds: columns, a row for each model, and an entry for each score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mcqa_suite.analysis.compare import ComparisonRow, FailedCheck, Family
from mcqa_suite.analysis.leaderboard.columns import Scores, TaskColumn
from mcqa_suite.analysis.leaderboard.published import PublishedModel
from mcqa_suite.logs.runs import Run
from mcqa_suite.stats import Estimate


@dataclass(frozen=True)
class Entry:
    """A model's score on a task or group.

    `checks`: the health checks that failed. `unread`: share of unread answers, None if nothing was generated.
    `change`: against the model's parent, None where the board compares nothing. `unpaired`: documents left out of it, because
    the runs differ in them. `differs`: why there is no difference where the parent was asked differently, else "".
    """

    column: TaskColumn
    accuracy: Estimate
    scores: Scores
    checks: tuple[FailedCheck, ...]
    unread: float | None
    change: ComparisonRow | None = None
    unpaired: int | None = None
    differs: str = ""

    @property
    def failed_check(self) -> str:
        """Why the score is not valid; "" where it is."""
        invalid = [check for check in self.checks if check.invalid]
        texts = [f"{check.condition}: {check.detail}" if check.of_input else check.condition for check in invalid]
        if len(self.column.tasks) == 1:
            return ", ".join(texts)
        if not texts:
            return ""
        return texts[0] if invalid[0].task == self.column.name else f"{texts[0]} in {invalid[0].task}"

    @property
    def is_sound(self) -> bool:
        """Whether the score enters means and ranks: a model that guesses is ranked by what it scored, a doctored log is not."""
        return not any(check.of_input for check in self.checks)

    @property
    def warnings(self) -> list[str]:
        """The details of failed checks in spite of which the score is valid."""
        valid = [check for check in self.checks if not check.invalid]
        return [c.detail if c.task == self.column.name else f"{c.task}: {c.detail}" for c in valid]


@dataclass(frozen=True)
class BoardRow:
    """A model: one entry for each column, None for a task that it lacks.

    `macro`: the mean over the columns that rank the rows, None if an entry is missing or its log cannot be trusted.
    `inseparable`: no significant difference to the first model. `unranked`: in what it was asked differently from the first run
    that was given, so that it has no rank; else "". A noise floor has no rank.
    """

    run: Run
    entries: tuple[Entry | None, ...]
    kind: Literal["base", "variant", "noise floor"] = "variant"
    parent: str | None = None
    macro: Estimate | None = None
    rank: str = ""
    inseparable: bool = False
    unranked: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """`ranked_by`: the columns whose mean ranks the rows; empty if the rows keep their given order.

    `families`: the rows whose p-values were corrected together. `nested`: two columns that share documents,
    so that there is no macro mean. `not_shown`: titles of tasks that are in no column; `no_means`: why the first run's groups
    have none. `subset`: a note that names the documents that were read; None for all. `published`: scores of other models.
    """

    columns: tuple[TaskColumn, ...]
    rows: tuple[BoardRow, ...]
    ranked_by: tuple[TaskColumn, ...] = ()
    families: tuple[Family, ...] = ()
    nested: tuple[str, str] | None = None
    not_shown: tuple[str, ...] = ()
    no_means: tuple[str, ...] = ()
    subset: str | None = None
    published: tuple[PublishedModel, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each score that is not valid for what was read."""
        entries = [entry for row in self.rows for entry in row.entries if entry]
        return tuple(dict.fromkeys(check.line for entry in entries for check in entry.checks if check.of_input))
