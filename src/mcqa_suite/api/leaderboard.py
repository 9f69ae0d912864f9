"""Runs in rows, tasks and their macro mean in columns, from best to worst."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.compare import read_folders
from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.analysis.leaderboard import leaderboard as ranked
from mcqa_suite.reporting.leaderboard import FORMATS, leaderboard_rows
from mcqa_suite.reporting.tables import data_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class LeaderboardResult:
    """The table, and what could not be read, a line each."""

    board: Leaderboard
    problems: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """A row for each model and task, and one for its macro mean; values are fractions."""
        return data_frame(leaderboard_rows(self.board))

    def text(self, style: str = "md") -> str:
        """The table as "md", "csv" or "latex"."""
        return FORMATS[style](self.board)

    def _repr_html_(self) -> str:
        wide = self.to_frame().pivot(index=["model", "rank"], columns="task", values="value")
        order = list(dict.fromkeys(row.run.name for row in self.board.rows))
        return wide.reindex(order, level="model").to_html(na_rep="", float_format="{:.4f}".format)


def leaderboard(
    runs: Iterable[str | Path], *, metric: str | None = None, subset: str | Path | None = None
) -> LeaderboardResult:
    """Rank runs: folders, FOLDER@STAMP or NAME=FOLDER.

    `metric` is acc by default, else exact_match; `subset` is the clean.json of an audit, of which only the documents count.
    Raises McqaError where no run can be read; what else cannot be read is in `problems`.
    """
    folders = read_folders([str(run) for run in runs], subset=Path(subset) if subset else None)
    table = replace(ranked(folders.readable, metric), subset=folders.subset)
    return LeaderboardResult(table, (*folders.errors, *(line for run in folders.readable for line in run.problems)))
