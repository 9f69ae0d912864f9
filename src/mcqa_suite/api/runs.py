"""One run as Python objects and pandas frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.logs import runs
from mcqa_suite.logs.named_runs import named_path
from mcqa_suite.logs.rows import HARNESS, Sample, parse_rows, read_extraction
from mcqa_suite.logs.same_run import sample_logs
from mcqa_suite.logs.sample_values import has_options
from mcqa_suite.questions.question import option_label
from mcqa_suite.reporting.tables import data_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Run:
    """What `lm_eval --output_path FOLDER --log_samples` wrote of one model; `log` holds its scores as arrays."""

    log: runs.Run

    @property
    def name(self) -> str:
        """The name in a manifest beside the run, else the folder's."""
        return self.log.name

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks, by name."""
        return self.log.task_names

    @property
    def problems(self) -> tuple[str, ...]:
        """The tasks that could not be read, a line each."""
        return self.log.problems

    def samples(self, task: str | None = None) -> pd.DataFrame:
        """A row for each document under each filter of one task, or of all.

        Columns: task, filter, doc_id, prompt, target, response (a text, or a list of several; None for log-likelihoods),
        loglikelihoods (of the options; None for texts), answer (read from the response, or the letter of the likeliest
        option), status (how the answer was read, by this suite's filters), failed (why a server gave no answer), and one
        column a metric.
        """
        logs = sample_logs(self.log.path)
        if task is not None and task not in logs:
            raise ConfigError(f"{self.log.path}: no samples of task {task!r}; it has {', '.join(logs)}")
        names = [task] if task else list(logs)
        return data_frame(
            [{"task": name} | row for name in names for row in parse_rows(logs[name], _row, HARNESS, failed=True)]
        )


def load_run(path: str | Path) -> Run:
    """Read a run: a folder, a results file, FOLDER@STAMP for an older run in it, or NAME=FOLDER.

    Raises DatasetError where no task can be read.
    """
    name, folder = named_path(str(path))
    return Run(runs.read_run(folder, name=name))


def _row(sample: Sample) -> dict[str, Any]:
    row: dict[str, Any] = {
        "filter": sample.filter,
        "doc_id": sample.doc_id,
        "prompt": sample.context,
        "target": sample.target,
        "response": None,
        "loglikelihoods": None,
        "answer": None,
        "status": None,
        "failed": sample.failure,
    }
    if sample.failure is not None:
        return row | sample.scores
    responses = sample.responses  # a log may leave out those of options
    if isinstance(responses[0], list) if responses else has_options(sample):
        if not (values := sample.loglikelihoods):
            raise ValueError("filtered_resps is empty")
        likeliest = max(range(len(values)), key=values.__getitem__)
        row |= {"loglikelihoods": values, "answer": option_label(likeliest)}
    else:
        extractions = [read_extraction(value) for value in sample.filtered]
        statuses = [extraction and extraction.status for extraction in extractions]
        row |= {"response": _single(responses), "answer": _single(sample.answers), "status": _single(statuses)}
    return row | sample.scores


def _single(values: list[Any]) -> Any:
    """The value of a list of one; a list of several stays."""
    return values[0] if len(values) == 1 else values
