"""Rescoring: extract the answers of a sample log again without the model, and count what changed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.files import write_lines
from mcqa_suite.extract import Extraction
from mcqa_suite.logs.files import is_log, log_name, logs_of, results_of
from mcqa_suite.logs.log_row import Columns, LogRow, NotGeneratedError, log_row, outcome
from mcqa_suite.logs.rows import Sample, read_rows, write_extraction
from mcqa_suite.logs.scoring import SCORES, Scores, epfl_marked, read_all
from mcqa_suite.logs.settings import NO_FILTER
from mcqa_suite.logs.votes import voted_scores

SUFFIX = ".reread.jsonl"
MOST_REPORTS = 5  # broken lines named in one log; the rest are counted
COMBINING = {"majority_vote", "custom"}  # functions of a filter that may make one answer of several responses
COMBINED = "filter {} makes one answer of several responses, which is not compared with one response; use mcqa vote"
REMEDY = "give samples_*.jsonl as lm_eval --log_samples writes them"
Rule = tuple[str, str, str]  # filter, status, rule
Report = Callable[[str], object]


@dataclass
class RescoredLog:
    """Counts of one log: by (filter, recorded outcome, new outcome), and of extractions by (filter, status, rule).

    `broken`: lines that cannot be read. Copied unchanged are `failed`, rows without an answer from a server, and `combined`, by
    filter the rows with one answer made of several responses. `acc`: by (filter, "recorded" or "new"), the sum of the scores.
    """

    path: Path
    output: Path
    broken: int = 0
    failed: int = 0
    combined: Counter[str] = field(default_factory=Counter)
    acc: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    recorded: Counter[Rule] = field(default_factory=Counter)
    new: Counter[Rule] = field(default_factory=Counter)
    other_answer: Counter[Rule] = field(default_factory=Counter)


def rescore_all(paths: Sequence[Path], output: Path | None, columns: Columns, report: Report) -> list[RescoredLog]:
    """Rescore every log of `paths`, in order, and of results files among them; `report` receives broken lines and skipped logs.

    Raises DatasetError or ConfigError, before anything is written, for a log that cannot be read at all.
    """
    logs_of_all = [log for path in paths for log in ([path] if path.is_dir() else logs_of(path))]
    readable = [path for path in logs_of_all if _is_readable(path, columns, report)]
    if not readable:
        raise DatasetError(f"{paths[0]}: no answers to extract again; give the samples_*.jsonl of a cot or math task")
    logs = [rescore(path, target, columns, report) for path, target in _targets(readable, output)]
    empty = [log for log in logs if not log.outcomes and not log.broken]
    if len(empty) == len(logs):
        raise DatasetError(f"{readable[0]}: no rows; {REMEDY}")
    for log in empty:
        report(f"{log.path}: no rows")
        log.broken = 1
    if not any(log.outcomes for log in logs):
        raise DatasetError(f"{readable[0]}: no line could be read; {REMEDY}")
    return logs


def rescore(path: Path, output: Path, columns: Columns, report: Report) -> RescoredLog:
    """Rescore one log; `output` is written only where a line could be read."""
    log = RescoredLog(path, output)

    first_response = first_response_filters(path)

    def broken(line: str) -> None:
        log.broken += 1
        if log.broken <= MOST_REPORTS:
            report(line)

    def lines() -> Iterator[str]:
        rows = read_rows(path, failed=True, broken=broken)
        for sample in tqdm(rows, desc=path.name, unit=" rows", delay=3, leave=False):
            try:
                yield json.dumps(_rescored(sample, columns, log, first_response)) + "\n"
            except ValueError as error:
                broken(f"{path}:{sample.line}: {error}")

    rescored = lines()
    if (first := next(rescored, None)) is not None:
        with suppress(OSError):  # `write_lines` tells which file cannot be written
            output.parent.mkdir(parents=True, exist_ok=True)
        write_lines(output, chain([first], rescored))
    if log.broken > MOST_REPORTS:
        report(f"{path}: ... and {log.broken - MOST_REPORTS} more broken lines")
    if log.failed:
        report(f"{path}: {log.failed} rows without an answer from the server, copied unchanged and not counted")
    for name, rows in log.combined.items():
        report(f"{path}: {rows} rows copied unchanged and not counted: {COMBINED.format(name)}")
    return log


def _rescored(sample: Sample, columns: Columns, log: RescoredLog, first_response: Container[str]) -> Mapping[str, Any]:
    """The row with new extractions and scores, which `log` counts."""
    if sample.failure is not None:
        log.failed += 1
        return sample.row
    old = log_row(sample.row, columns)
    if _is_combined(old, first_response):
        log.combined[old.filter] += 1
        return sample.row
    new = read_all(old.kind, old.texts[: len(old.extractions) or None], old.doc)
    scores = voted_scores(old.kind, old.doc, new) if old.voted else SCORES[old.kind](old.doc, new)
    log.acc[old.filter, "recorded"] += old.acc or 0.0
    log.acc[old.filter, "new"] += scores["acc"]
    log.outcomes[old.filter, old.outcome, outcome(scores["acc"], scores["parsed"])] += 1
    log.recorded.update(_rule(old.filter, extraction) for extraction in old.extractions)
    log.new.update(_rule(old.filter, extraction) for extraction in new)
    pairs = zip(old.extractions, new, strict=False)  # a log may lack the filtered responses
    log.other_answer.update(_rule(old.filter, after) for before, after in pairs if before.answer != after.answer)
    return _new_row(sample, old, new, scores)


def _is_combined(row: LogRow, first_response: Container[str]) -> bool:
    """Whether the row's answer may be made of several responses, as a vote, so that no reading of one is like it."""
    return 0 < len(row.extractions) < len(row.texts) and row.filter not in first_response


def first_response_filters(log: Path) -> set[str]:
    """The filters of a log that keep each document's first response, as far as the results file beside it defines them."""
    beside = results_of(log)
    config = beside[1]["configs"].get(beside[2], {}) if beside else {}
    definitions = [part for part in config.get("filter_list") or [] if isinstance(part, dict)]
    functions = {
        str(part.get("name")): {step.get("function") for step in part.get("filter") or [] if isinstance(step, dict)}
        for part in definitions
    }
    first = {name for name, names in functions.items() if "take_first" in names and not names & COMBINING}
    return first if definitions else {NO_FILTER}  # which keeps the first response


def _rule(name: str, extraction: Extraction) -> Rule:
    return name, extraction.status, extraction.rule or "-"


def _new_row(sample: Sample, old: LogRow, extractions: list[Extraction], scores: Scores) -> Mapping[str, Any]:
    """The row with new extractions and scores in their places, and the recorded ones under `recorded`."""
    row = sample.row
    new: dict[str, Any] = epfl_marked(scores) if "epfl_mark" in row else {**scores}
    if "task_score" in row:
        new["task_score"] = [row["doc"].get("task_id"), scores["acc"]]
    recorded = {name: row[name] for name in ("filter", "filtered_resps", *new) if name in row}
    metrics = list(dict.fromkeys([*sample.metrics, *new]))
    logged = [[write_extraction(extraction) for extraction in extractions]]
    return {
        **row,
        **new,
        "filter": f"mcqa_{old.kind}",
        "filtered_resps": logged,
        "metrics": metrics,
        "recorded": recorded,
    }


def _is_readable(path: Path, columns: Columns, report: Report) -> bool:
    """Whether a log holds answers to extract again, by its first such line; DatasetError for a file that is not a log."""
    if not is_log(path):
        what = "a folder" if path.is_dir() else "no such file"
        raise DatasetError(f"{path}: {what}; {REMEDY}")
    if path.name.endswith(SUFFIX):
        report(f"skipped: {path}: written by this command")
        return False
    first_response, combined = first_response_filters(path), dict[str, None]()
    for sample in read_rows(path, broken=lambda line: None):
        try:
            row = log_row(sample.row, columns)
        except NotGeneratedError as error:
            report(f"skipped: {path}: {error}")
            return False
        except ValueError as error:
            raise DatasetError(f"{path}:{sample.line}: {error}") from error
        if not _is_combined(row, first_response):
            return True
        combined[row.filter] = None
    for name in combined:
        report(f"skipped: {path}: {COMBINED.format(name)}")
    return not combined  # without one, no line can be read, which `rescore` reports


def _targets(paths: Sequence[Path], output: Path | None) -> list[tuple[Path, Path]]:
    """Each log with its output file: beside it, in a folder, or (a single log) a file of that name."""
    names = [log_name(path) + SUFFIX for path in paths]
    if output is None:
        targets = [path.with_name(name) for path, name in zip(paths, names, strict=True)]
    elif output.suffix == ".jsonl" and not output.is_dir():
        if len(paths) > 1:
            raise ConfigError(f"--output {output}: one file for {len(paths)} logs; give a folder")
        targets = [output]
    elif output.exists() and not output.is_dir():
        raise ConfigError(f"--output {output}: give a folder or a file named *.jsonl")
    else:
        targets = [output / name for name in names]
    inputs, taken = {path.resolve() for path in paths}, dict[Path, Path]()
    for path, target in zip(paths, targets, strict=True):
        if target.resolve() in inputs:
            raise ConfigError(f"--output {target}: is one of the logs to be rescored")
        if (other := taken.setdefault(target.resolve(), path)) is not path:
            raise ConfigError(
                f"{target}: {other} and {path} would both be written there; give them to separate commands"
            )
    return list(zip(paths, targets, strict=True))
