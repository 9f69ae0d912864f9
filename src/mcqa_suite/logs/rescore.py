"""Sample logs read again without the model: new answers beside the recorded ones, and what changed."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.logs.files import failure
from mcqa_suite.logs.log_row import Columns, NotGeneratedError, Recorded, Row, metric_names, outcome, recorded_row
from mcqa_suite.logs.scoring import SCORES, Read, Scores, epfl_marked, read_all

SUFFIX = ".reread.jsonl"
MOST_REPORTS = 5  # broken lines named in one log; the rest are counted
REMEDY = "give samples_*.jsonl as lm_eval --log_samples writes them"
OUTCOMES = ("right", "wrong", "unread", "unscored")
ReadKey = tuple[str, str, str]  # filter, status, rule
Report = Callable[[str], None]


@dataclass(frozen=True)
class Reread:
    """What became of one log: counts by (filter, recorded outcome, new outcome), and of reads by (filter, status, rule).
    `failed`: rows without an answer, which are copied as they are."""

    path: Path
    output: Path
    broken: int = 0
    failed: int = 0
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    recorded: Counter[ReadKey] = field(default_factory=Counter)
    new: Counter[ReadKey] = field(default_factory=Counter)
    other_answer: Counter[ReadKey] = field(default_factory=Counter)


def reread_all(paths: Sequence[Path], output: Path | None, columns: Columns, report: Report) -> list[Reread]:
    """Every log of `paths`, in order; `report` is told of broken lines and of logs that are passed over.

    Raises DatasetError or ConfigError, before anything is written, for a log that cannot be read at all.
    """
    readable = [path for path in paths if _is_readable(path, columns, report)]
    if not readable:
        raise DatasetError(f"{paths[0]}: no generated answers to read; give the samples_*.jsonl of a cot or math task")
    if not any(line for path in readable for line in _lines(path)):
        raise DatasetError(f"{readable[0]}: no rows; {REMEDY}")
    logs = [reread(path, target, columns, report) for path, target in _targets(readable, output)]
    if not any(log.outcomes for log in logs):
        raise DatasetError(f"{readable[0]}: no line could be read; {REMEDY}")
    return logs


def reread(path: Path, output: Path, columns: Columns, report: Report) -> Reread:
    """One log, a line at a time; `output` appears when it is complete, and not at all where no line could be read."""
    broken = failed = 0
    outcomes: Counter[tuple[str, str, str]] = Counter()
    before: Counter[ReadKey] = Counter()
    after: Counter[ReadKey] = Counter()
    other: Counter[ReadKey] = Counter()
    with _replacing(output) as out:
        for number, line in _lines(path):
            try:
                row = _parsed(line)
                if failure(row) is not None:
                    out.write(json.dumps(row) + "\n")
                    failed += 1
                    continue
                old = recorded_row(row, columns)
                reads = read_all(old.kind, old.texts, old.doc)
            except ValueError as error:
                broken += 1
                if broken <= MOST_REPORTS:
                    report(f"{path}:{number}: {error}")
                continue
            scores = SCORES[old.kind](old.doc, reads)
            out.write(json.dumps(_new_row(row, old, reads, scores)) + "\n")
            outcomes[old.filter, old.outcome, outcome(scores["acc"], scores["parsed"])] += 1
            before.update(_key(old.filter, read) for read in old.reads)
            after.update(_key(old.filter, read) for read in reads)
            pairs = zip(old.reads, reads, strict=False)  # a filter such as take_first keeps one response of several
            other.update(_key(old.filter, new) for was, new in pairs if was["answer"] != new["answer"])
    if broken > MOST_REPORTS:
        report(f"{path}: ... and {broken - MOST_REPORTS} more broken lines")
    if failed:
        report(f"{path}: {failed} rows without an answer from the server, copied as they are and counted nowhere")
    if not outcomes and not broken:
        report(f"{path}: no rows")
        broken = 1
    return Reread(path, output, broken, failed, outcomes, before, after, other)


def _key(name: str, read: Read) -> ReadKey:
    return name, str(read["status"]), str(read["rule"] or "-")


def _new_row(row: Row, old: Recorded, reads: list[Read], scores: Scores) -> Row:
    """`row` with the new reads and scores in their places, and the recorded ones under `recorded`."""
    new: dict[str, Any] = epfl_marked(scores) if "epfl_mark" in row else {**scores}
    if "task_score" in row:
        new["task_score"] = [row["doc"].get("task_id"), scores["acc"]]
    kept = {name: row[name] for name in ("filter", "filtered_resps", *new) if name in row}
    metrics = list(dict.fromkeys([*metric_names(row), *new]))
    new |= {"filter": f"mcqa_{old.kind}", "filtered_resps": [reads], "metrics": metrics, "recorded": kept}
    return {**row, **new}


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that are not blank, with a bar once they have taken three seconds."""
    try:
        bar = tqdm(total=path.stat().st_size, desc=path.name, unit="B", unit_scale=True, delay=3, leave=False)
        with path.open("rb") as lines, bar:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
                bar.update(len(line))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"broken line ({error})") from error


def _is_readable(path: Path, columns: Columns, report: Report) -> bool:
    """Whether a log holds generated answers, by its first whole line; DatasetError where it is no log at all."""
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise DatasetError(f"{path}: {what}; {REMEDY}")
    if path.name.endswith(SUFFIX):
        report(f"passed over: {path}: written by this command")
        return False
    for number, line in _lines(path):
        try:
            row = _parsed(line)
        except ValueError:
            continue
        if failure(row) is not None:
            continue
        try:
            recorded_row(row, columns)
        except NotGeneratedError as error:
            report(f"passed over: {path}: {error}")
            return False
        except ValueError as error:
            raise DatasetError(f"{path}:{number}: {error}") from error
        return True
    return True  # every line is broken: the first will be named


def _targets(paths: Sequence[Path], output: Path | None) -> list[tuple[Path, Path]]:
    """Where each log goes: beside it, into a folder, or (a single one) to a file."""
    names = [path.name.removesuffix(".jsonl") + SUFFIX for path in paths]
    if output is None:
        targets = [path.with_name(name) for path, name in zip(paths, names, strict=True)]
    elif output.suffix == ".jsonl" and not output.is_dir():
        if len(paths) > 1:
            raise ConfigError(f"--output {output}: one file for {len(paths)} logs; give a folder")
        targets = [output]
    elif output.exists() and not output.is_dir():
        raise ConfigError(f"--output {output}: is neither a folder nor named *.jsonl")
    else:
        targets = [output / name for name in names]
    inputs, taken = {path.resolve() for path in paths}, dict[Path, Path]()
    for path, target in zip(paths, targets, strict=True):
        if target.resolve() in inputs:
            raise ConfigError(f"--output {target}: is one of the logs to be read")
        if (other := taken.setdefault(target.resolve(), path)) is not path:
            raise ConfigError(f"{target}: {other} and {path} would both be written there; run them apart")
    return list(zip(paths, targets, strict=True))


@contextmanager
def _replacing(target: Path) -> Iterator[TextIO]:
    """A file that takes `target`'s place when it is complete; an empty one is left out."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as out:
            yield out
        if partial.stat().st_size:
            partial.replace(target)
    except OSError as error:
        raise DatasetError(f"{target}: cannot be written ({error.strerror})") from error
    finally:
        if partial.exists():
            partial.unlink()


def table(logs: Sequence[Reread]) -> str:
    """Accuracy a log, then for each filter how outcomes moved and which rules read what, in Markdown."""
    filters = list(dict.fromkeys(name for log in logs for name, _, _ in log.outcomes))
    return "\n\n".join([_accuracies(logs), *(_of_filter(logs, name) for name in filters)])


def _accuracies(logs: Sequence[Reread]) -> str:
    lines = [
        "| samples | filter | rows | acc % recorded | acc % now | unread % recorded | unread % now |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for log in logs:
        for name in dict.fromkeys(name for name, _, _ in log.outcomes):
            was, now = (_outcomes([log], name, place) for place in (1, 2))
            shares = [_share(counts, key) for key in ("right", "unread") for counts in (was, now)]
            lines.append(f"| {log.path.name} | {name} | {now.total()} | {' | '.join(shares)} |")
    return "\n".join(lines)


def _outcomes(logs: Sequence[Reread], name: str, place: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for log in logs:
        for key, count in log.outcomes.items():
            if key[0] == name:
                counts[key[place]] += count
    return counts


def _share(counts: Counter[str], key: str) -> str:
    scored = counts.total() - counts["unscored"]
    return f"{100 * counts[key] / scored:.1f}" if scored else "-"


def _of_filter(logs: Sequence[Reread], name: str) -> str:
    moves: Counter[tuple[str, str]] = Counter()
    was, now, other = (_reads(logs, which, name) for which in ("recorded", "new", "other_answer"))
    for log in logs:
        moves.update({(old, new): n for (which, old, new), n in log.outcomes.items() if which == name})
    lines = [f"{name}: recorded -> now", "", "| | right | wrong | unread |", "|---|---:|---:|---:|"]
    for old in OUTCOMES:
        counts = [moves[old, new] for new in OUTCOMES[:3]]
        if any(counts) or old != "unscored":
            lines.append(f"| {old} | {' | '.join(map(str, counts))} |")
    lines += ["", "| status | rule | recorded | now | other answer |", "|---|---|---:|---:|---:|"]
    for status, rule in sorted(was.keys() | now.keys()):
        key = (status, rule)
        lines.append(f"| {status} | {rule} | {was[key]} | {now[key]} | {other[key]} |")
    return "\n".join(lines)


def _reads(logs: Sequence[Reread], which: str, name: str) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for log in logs:
        counts.update({(status, rule): n for (f, status, rule), n in getattr(log, which).items() if f == name})
    return counts
