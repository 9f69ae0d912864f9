"""A run of lm_eval: `results_*.json` and the `samples_*.jsonl` beside it, read into columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.foreign_text import one_line
from mcqa_suite.common.speed import read_speed
from mcqa_suite.logs.exact_match import rule_of
from mcqa_suite.logs.files import day_of, results_of, samples_file, stamp_of
from mcqa_suite.logs.groups import Group, Scores, TaskScores, read_groups, tasks_of
from mcqa_suite.logs.guessing import Asked, guessing
from mcqa_suite.logs.inspect_logs import is_inspect_log
from mcqa_suite.logs.integrity import INCOMPLETE, Fault, fault_lines, faults, recorded
from mcqa_suite.logs.metrics import METRICS, Directions, directions_of
from mcqa_suite.logs.origin import Origin, read_origin
from mcqa_suite.logs.results import Results
from mcqa_suite.logs.same_run import model_identity, model_name, run_files
from mcqa_suite.logs.samples import Samples, read_samples
from mcqa_suite.logs.settings import NO_FILTER, SHOTS, model_arguments, settings_of
from mcqa_suite.logs.weights import weights_of


@dataclass(frozen=True, eq=False)
class TaskRun:
    """One task's samples under one filter.

    `several_filters`: whether the log has others. `log` is their file. `settings` are how it was asked (logs.settings),
    `directions` whether higher is better, for each metric of which the results file says it, `parameters` how many the model
    has, `faults` what is wrong with the log.
    """

    task: str
    filter: str
    log: Path
    settings: Mapping[str, Any]
    samples: Samples
    directions: Directions = field(default_factory=dict)
    several_filters: bool = False
    parameters: int | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def title(self) -> str:
        """The task's name, with the filter where its log has several."""
        return with_filter(self.task, self.filter, several=self.several_filters)

    @property
    def n(self) -> int:
        return len(self.samples.doc_id)

    @property
    def size(self) -> int:
        """Its documents, those that got no answer from a model server included."""
        return self.n + len(self.samples.failed)

    @property
    def day(self) -> str:
        """The day of its log, from the time stamp in its name."""
        return day_of(self.log)

    @property
    def failed_share(self) -> float:
        """Share of the documents that got no answer from a model server."""
        return len(self.samples.failed) / self.size

    @property
    def complete(self) -> bool:
        """Whether it holds every sample that its results file speaks of, with an answer."""
        return not any(fault.condition in INCOMPLETE for fault in self.faults)

    @property
    def n_shot(self) -> int:
        return int(self.settings[SHOTS])

    @property
    def metrics(self) -> list[str]:
        """Its accuracies, in the order of METRICS."""
        return [metric for metric in METRICS if metric in self.samples.scores]

    @property
    def asked(self) -> Asked:
        """What `logs.guessing` needs."""
        return self.samples.options, self.samples.gold

    @property
    def chance(self) -> float | None:
        """Expected accuracy of a random option; None where an answer is not one of a few options."""
        return guessing([self.asked]).chance

    @property
    def constant(self) -> tuple[str, float] | None:
        """The option that is right most often, and how often; None where there are no options, or gold is unknown."""
        return guessing([self.asked]).constant

    @property
    def unread(self) -> float | None:
        """Share of generated answers in which no answer could be read; None for log-likelihood tasks."""
        shares = self.samples.unread
        return None if shares is None else float(shares.mean())


class WithFaults:
    """What was made of the `log` of a `task` in a `run`; what is wrong with the log is wrong with it."""

    run: str
    task: str
    log: TaskRun

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it cannot be trusted, a line each."""
        return fault_lines(f"{self.task}, {self.run}", self.log.faults, invalid=True)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about the log, a line each."""
        return fault_lines(f"{self.task}, {self.run}", self.log.faults, invalid=False)


def with_filter(name: str, filter_name: str, *, several: bool) -> str:
    """The name of a task or group, with the filter where it has `several`."""
    return f"{name}, {filter_name}" if several else name


@dataclass(frozen=True, eq=False)
class Run:
    """One model's evaluation. `model` identifies the model; `problems` has a line for each task that could not be read.

    `origin`: its checkpoint, and what that was made from. `weights`: what tells its weights from others (logs.weights).
    `notes`: what else to know of its results files and manifests. `unproven`: results of different days are joined, and nothing
    shows that the weights were the same.
    """

    name: str
    path: Path
    model: str | None
    tasks: Mapping[tuple[str, str], TaskRun]
    groups: Mapping[str, Group] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    origin: Origin = field(default_factory=lambda: Origin(""))
    weights: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unproven: bool = False

    def is_of_one_model(self, keys: Iterable[tuple[str, str]]) -> bool:
        """Whether nothing hides that these results are of different weights, so that they have a mean."""
        return not self.unproven or len({self.tasks[key].day for key in keys if key in self.tasks}) < 2

    @property
    def task_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(task for task, _filter in self.tasks))


def read_run(
    path: Path,
    *,
    name: str | None = None,
    cluster: str | None = None,
    wanted: Callable[[str], bool] = lambda task: True,
) -> Run:
    """One model's run: a results file, a folder of them (the newest of each task counts), or FOLDER@STAMP for an older one.

    `cluster` names a field of the documents to keep; only tasks that are `wanted` are read. A task that cannot be read becomes
    a line of `problems`; DatasetError where none can be.
    """
    joined = run_files(path)
    files = joined.files
    problems: list[str] = []
    tasks: dict[tuple[str, str], TaskRun] = {}
    groups: dict[str, Group] = {}
    seen: set[str] = set()
    for file, results in files:
        for task in tasks_of(results):
            if task not in seen and wanted(task):
                seen.add(task)
                try:
                    tasks |= _task_runs(file, results, task, cluster)
                except DatasetError as error:
                    problems.append(str(error))
    for file, results in reversed(files):
        groups |= read_groups(file, results, _scores_in(tasks))
    newest, content = files[0]
    if not tasks:
        raise DatasetError(problems[0] if problems else f"{newest}: holds no task; run lm_eval again")
    speed = read_speed((content.get("config") or {}).get("speed"))
    origin = read_origin(path if path.is_dir() else newest.parent, model_arguments(content), speed)
    ordered = dict(sorted(tasks.items(), key=lambda item: item[0][0]))
    is_named = origin.checkpoint or not is_inspect_log(path)  # one folder may have Inspect's logs of many models
    label = name or (origin.name if is_named else str(model_name(content)).rpartition("/")[2])
    problems += [line for group in groups.values() for line in _group_faults(group, label)]
    return Run(
        name=label,
        path=path,
        model=model_identity(content),
        tasks=ordered,
        groups=groups,
        problems=tuple(problems),
        origin=origin,
        weights=weights_of(content, origin.checkpoint),
        notes=(*joined.notes, *origin.notes),
        unproven=joined.unproven,
    )


def read_log(log: Path) -> list[TaskRun]:
    """The samples of one log under each filter; empty where it has no results file beside it."""
    owner = results_of(log)
    return list(_task_runs(*owner, None).values()) if owner else []


def _task_runs(path: Path, results: Results, task: str, cluster: str | None) -> dict[tuple[str, str], TaskRun]:
    log = samples_file(path, results, task)
    if log is None:
        raise DatasetError(f"{path}: samples_{task}_{stamp_of(path)}.jsonl is missing; run lm_eval with --log_samples")
    config = results["configs"][task]
    by_filter = read_samples(
        log,
        multiple_choice=kind == "multiple_choice" if (kind := config.get("output_type")) else None,
        delimiter=config.get("target_delimiter", " "),
        field=cluster,
        exact_match=rule_of(config),
    )
    parameters = (results.get("config") or {}).get("model_num_parameters")
    parameters = parameters if isinstance(parameters, int) and parameters > 0 else None  # -1: of a server
    shown = one_line(task)
    return {
        (shown, name): TaskRun(
            task=shown,
            filter=name,
            log=log,
            settings=settings_of(results, task, name),
            samples=samples,
            directions=directions_of(results, task),
            several_filters=len(by_filter) > 1,
            parameters=parameters,
            faults=faults(samples, recorded(results, task, name)),
        )
        for name, samples in by_filter.items()
    }


def _group_faults(group: Group, run: str) -> Iterator[str]:
    """A line for each logged mean of a group that its tasks contradict."""
    for (_, filter_name), fault in group.faults.items():
        yield fault.line(f"{with_filter(group.name, filter_name, several=filter_name != NO_FILTER)}, {run}")


def _scores_in(tasks: Mapping[tuple[str, str], TaskRun]) -> Scores:
    """Look up a task's scores under a metric and filter."""

    def scores(task: str, key: tuple[str, str]) -> TaskScores | None:
        run = tasks.get((task, key[1]))
        if run is None or key[0] not in run.samples.scores:
            return None
        return TaskScores(run.samples.scores[key[0]], run.complete)

    return scores
