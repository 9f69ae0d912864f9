"""ARC grids: choose two attempts per output by vote, score them, and write a submission for ARC Prize."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.extras import naming_extras
from mcqa_suite.common.files import write_file
from mcqa_suite.grids import Candidate, Task, submission
from mcqa_suite.logs.files import is_log, logs_of
from mcqa_suite.logs.grid_answers import GridReport, judge, ranked, read_answers
from mcqa_suite.logs.integrity import fault_lines
from mcqa_suite.logs.runs import read_log
from mcqa_suite.reporting.tables import Table, markdown, percent

if TYPE_CHECKING:
    import pandas as pd

Ranked = Mapping[str, Mapping[int, Sequence[Candidate]]]
NOTE = "Two attempts per output; the better one counts. Task score: mean over tasks of the share of their outputs."


@dataclass(frozen=True, eq=False)
class GridVotesResult:
    """Scores of a run's answers under each way to choose two grids: `scores` and, by task and output, the `ranked` grids.

    `problems`, `warnings`: what makes the log's scores invalid, or doubtful, a line each.
    """

    scores: dict[str, GridReport]
    ranked: dict[str, Ranked]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """A row for each way to choose; scores are fractions."""
        import pandas as pd

        doubts = {"not_valid": "; ".join(self.problems), "warnings": "; ".join(self.warnings)}
        return pd.DataFrame([{"chosen by": name} | vars(score) | doubts for name, score in self.scores.items()])

    def text(self) -> str:
        """The scores as Markdown."""
        header = ("chosen by", "outputs", "task score %", "exact %", "shape %", "cells %", "unread %")
        rows = []
        for name, score in self.scores.items():
            shares = (score.task_score, score.exact, score.shape, score.cells, score.unread)
            rows.append((name, str(score.outputs), *map(percent, shares)))
        return markdown(Table("", header, rows, (NOTE, *self.problems, *self.warnings)))

    def save_submission(self, path: str | Path) -> None:
        """Write the attempts of the last way to choose as ARC Prize's JSON."""
        answers = {
            task: [[candidate.grid for candidate in outputs.get(index, [])] for index in range(max(outputs) + 1)]
            for task, outputs in list(self.ranked.values())[-1].items()
        }
        write_file(Path(path), json.dumps(submission(answers)) + "\n")


@naming_extras
def grid_votes(samples: str | Path, *, logprob: str | Path | None = None) -> GridVotesResult:
    """Choose two grids per output by vote over all attempts and views of a run.

    `samples` is a `samples_mcqa_arc_grid_*.jsonl` or the folder of one. `logprob` names a checkpoint that also ranks the
    grids, by its log-probability summed over the views.
    """
    log = _log(Path(samples))
    rows = read_answers(log)
    chosen = {"votes": ranked(rows)}
    if logprob is not None:
        from mcqa_suite.backend.sample_scores import ranked_by_logprob

        chosen["summed log-probability"] = ranked_by_logprob(Path(logprob), rows, chosen["votes"], log)
    faults = [fault for task in read_log(log)[:1] for fault in task.faults]
    problems, warnings = (fault_lines(str(log), faults, invalid=invalid) for invalid in (True, False))
    scores = {name: judge(rows, grids) for name, grids in chosen.items()}
    return GridVotesResult(scores, dict(chosen), problems, warnings)


def grid_answers(task: Task, samples: str | Path) -> Mapping[int, Sequence[Candidate]]:
    """A run's answers to a task by test output, most votes first."""
    log = _log(Path(samples))
    answers = ranked(read_answers(log)).get(task.id)
    if answers is None:
        raise ConfigError(f"{log}: holds no answer to task {task.id}; show one of the tasks that it ran")
    return answers


def _log(path: Path) -> Path:
    files = logs_of(path, "mcqa_arc_grid_*")
    if len(files) != 1 or not is_log(files[0]):
        count = "no log" if not files or not is_log(files[0]) else f"{len(files)} logs"
        raise ConfigError(f"{path}: {count} of a grid task; give one samples_mcqa_arc_grid_*.jsonl")
    return files[0]
