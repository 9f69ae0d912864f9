"""How each task was asked, as the results files record it: questions and limits, few-shot examples, generation settings, data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.same_run import run_files
from mcqa_suite.logs.settings import CHAT_TEMPLATE, DATA, SHOTS
from mcqa_suite.reporting.repeat_commands import limit_text
from mcqa_suite.reporting.task_names import code, readable

LONGEST = 160  # characters of a value


@dataclass(frozen=True)
class AskedTask:
    """A task in words: a value for each column of COLUMNS. Where the runs differ, each value has the names of its runs."""

    title: str
    code: str
    values: tuple[str, ...]


COLUMNS = ("questions", "few-shot", "chat template", "generation settings", "version", "data", "runs")


def asked_tasks(runs: Sequence[Run]) -> list[AskedTask]:
    """Every task of the runs, in the order of their logs."""
    counts = {run.name: question_counts(run) for run in runs}
    titles = {key: task.title for run in runs for key, task in run.tasks.items()}
    lines = []
    for key, title in titles.items():
        tasks = {run.name: run.tasks[key] for run in runs if key in run.tasks}
        having = {name: task.settings for name, task in tasks.items()}
        values = [
            _by_value({name: counts[name].get(key[0]) or f"{tasks[name].size:,}" for name in having}),
            *(_by_value({name: read(settings) for name, settings in having.items()}) for read in READ.values()),
            "all" if len(having) == len(runs) else f"only {', '.join(having)}",
        ]
        lines.append(AskedTask(readable(title), code(title), tuple(values)))
    return lines


def question_counts(run: Run) -> dict[str, str]:
    """For each task "100 of 2,376 (limit 100)", or "500" where no limit was set."""
    counts: dict[str, str] = {}
    for _path, results in run_files(run.path).files:
        limit = (results.get("config") or {}).get("limit")
        for task, samples in (results.get("n-samples") or {}).items():
            n, total = samples.get("effective"), samples.get("original")
            if n is None:
                continue
            of = "" if total in (None, n) else f" of {total:,}"
            counts.setdefault(task, f"{n:,}{of}" + (f" (limit {text})" if (text := limit_text(limit)) else ""))
    return counts


def limits_of(run: Run) -> dict[str, str]:
    """The limit with which each task was asked: "100", or "none"."""
    limits: dict[str, str] = {}
    for _path, results in run_files(run.path).files:
        limit = limit_text((results.get("config") or {}).get("limit")) or "none"
        limits |= {task: limit for task in results.get("configs") or {} if task not in limits}
    return limits


def generation_text(logged: str) -> str:
    """Generation settings, logged as JSON, as `do_sample=false, max_gen_toks=256`."""
    return short(", ".join(f"{name}={json.dumps(value)}" for name, value in json.loads(logged or "{}").items()))


def short(value: object, most: int = LONGEST) -> str:
    text = "none" if value in (None, "") else str(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _by_value(values: Mapping[str, str]) -> str:
    """The value that all runs share, else each with the names of its runs."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{value or 'not recorded'} ({', '.join(runs)})" for value, runs in names.items())


READ: Mapping[str, Callable[[Mapping[str, object]], str]] = {
    "few-shot": lambda settings: str(settings[SHOTS]),
    "chat template": lambda settings: f"yes ({settings[CHAT_TEMPLATE]})" if settings[CHAT_TEMPLATE] else "no",
    "generation settings": lambda settings: (
        generation_text(str(settings["generation settings"])) if settings["generation settings"] else "–"
    ),
    "version": lambda settings: short(settings["task version"]),
    "data": lambda settings: short(settings[DATA]),
}
