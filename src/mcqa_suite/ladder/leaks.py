"""Compare the rows of a recipe's stages with the questions that it evaluates; leave out, refuse or allow rows that hold some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.files import write_file
from mcqa_suite.common.manifest import Data, LeftOut
from mcqa_suite.ladder.audit import StageRows, evaluation_items, stage_rows
from mcqa_suite.ladder.questions import LoadedTasks
from mcqa_suite.ladder.recipe import Recipe, Stage
from mcqa_suite.ladder.stage_settings import GptqSettings, Leaks, LeaveOut, RowSettings
from mcqa_suite.reporting.audits import StageAudit, read_audit, write_audit
from mcqa_suite.training_data.audit import Audit, audit
from mcqa_suite.training_data.audit.items import Item
from mcqa_suite.training_data.audit.report import left_out_table, markdown
from mcqa_suite.training_data.sources.mix import fingerprint

MOST_TASKS = 3  # that a line names


@dataclass(frozen=True)
class StageData:
    """The fingerprints of a stage's sources and of those that it is measured on, and the rows that it leaves out."""

    sources: tuple[Data, ...]
    validation: tuple[Data, ...] = ()
    leave_out: LeaveOut | None = None

    @property
    def left_out(self) -> LeftOut | None:
        """What the manifest says about `leave_out`."""
        return self.leave_out.record if self.leave_out else None


def check_rows(recipe: Recipe, loaded: LoadedTasks, folder: Path) -> dict[str, StageData]:
    """Read the rows of every stage, audit them against the evaluated tasks, write audits/ and print what was found.

    DatasetError where a stage with `leaks: stop` has a leak, and where all rows of a source would be left out.
    """
    data: dict[str, StageData] = {}
    groups = []
    for group in stage_rows(recipe):
        data |= {stage.name: StageData(group.data, group.validation) for stage in group.stages}
        groups += [group] if isinstance(group.stages[0].settings, RowSettings) else []
    if recipe.evaluate and groups:
        items, lines = evaluation_items(loaded), [f"not audited: {error}" for error in loaded.missing]
        for group in groups:
            leave_out, printed = check_group(recipe, group, items, folder, complete=not loaded.missing)
            data |= {name: StageData(group.data, group.validation, rows) for name, rows in leave_out.items()}
            lines += printed
        n = f"{sum(len(group.rows) for group in groups):,} training rows against {len(items):,} evaluation documents"
        print("\n".join([f"audit: {n}; {folder / 'audits'}", *(f"    {line}" for line in lines)]), flush=True)
    return data


def check_group(
    recipe: Recipe, group: StageRows, items: Sequence[Item], folder: Path, complete: bool = True
) -> tuple[dict[str, LeaveOut | None], list[str]]:
    """Audit the rows of a group and write the files of audits/; return what each stage leaves out, and lines to print.

    Where the questions are not `complete`, because some could not be loaded, rows that an earlier run left out stay out.
    """
    audited = audit(group.rows, items)
    leaking = set(audited.leaking_rows)
    leave_out: dict[str, LeaveOut | None] = {}
    names: dict[str, list[str]] = {}  # a line -> the stages that it is about
    for stage in group.stages:
        where, numbers = f"{recipe.path}: stage {stage.name}", set[int]()
        if _rule(stage) == "drop":
            numbers = leaking | (set() if complete else _left_out_before(stage, group.data, folder))
        _write(audited, stage, group, numbers, folder)
        if audited.leaks and _rule(stage) == "stop":
            raise DatasetError(
                f"{where}: {leak_summary(audited)}; set leaks: drop to leave such rows out, or evaluate other tasks (list all: "
                f"mcqa audit {recipe.path})"
            )
        _check_sources(where, group.data, numbers)
        leave_out[stage.name] = _leave_out(group, numbers)
        if line := _line(audited, stage, group, numbers):
            names.setdefault(line, []).append(stage.name)
    if leaking and any(leave_out.values()):
        rest = audit([row for number, row in enumerate(group.rows) if number not in leaking], items)
        assert not rest.leaks, f"a leak is left: {leak_summary(rest)}"
    more = {line: f" and {len(stages) - 1} more" if len(stages) > 1 else "" for line, stages in names.items()}
    return leave_out, [f"{stages[0]}{more[line]}: {line}" for line, stages in names.items()]


def _rule(stage: Stage) -> Leaks:
    assert isinstance(stage.settings, RowSettings)
    return stage.settings.leaks


def _left_out_before(stage: Stage, data: tuple[Data, ...], folder: Path) -> set[int]:
    """The rows that the last run left out, if the data is the same."""
    before = read_audit(folder, stage.name)
    return set(before.left_out) if before and before.data == data else set()


def _write(audited: Audit, stage: Stage, group: StageRows, numbers: Collection[int], folder: Path) -> None:
    """Write audits/<stage>.md for people, and .json for the report and the next run."""
    note = ""
    if numbers:
        leaks = audited.leaking_rows
        note = left_out_table(
            [(group.rows[number]["id"], leaks.get(number, ())) for number in sorted(numbers)], audited
        )
    elif audited.leaks and _rule(stage) == "allow":
        note = "Allowed by the stage's settings (`leaks: allow`).\n"
    items = dict(Counter(leak.task for leak in audited.leaks))
    record = StageAudit(stage.name, _rule(stage), group.data, tuple(sorted(numbers)), items, audited.documents)
    (folder / "audits").mkdir(parents=True, exist_ok=True)
    write_file(folder / "audits" / f"{stage.name}.md", markdown(audited, note))
    write_audit(folder, record)


def _check_sources(where: str, data: Sequence[Data], numbers: Collection[int]) -> None:
    """DatasetError for a source of which no row is left."""
    for source, end in zip(data, accumulate(source.n for source in data), strict=True):
        if source.n and all(number in numbers for number in range(end - source.n, end)):
            raise DatasetError(
                f"{where}: all {source.n:,} rows of source {source.name!r} hold questions of the evaluation; give it other rows, "
                "evaluate other tasks, or set leaks: allow"
            )


def _leave_out(group: StageRows, numbers: Collection[int]) -> LeaveOut | None:
    if not numbers:
        return None
    rows = tuple(sorted(numbers))
    text = fingerprint("left out", [group.rows[number] for number in rows])
    return LeaveOut(rows=rows, sha256=text.sha256, data=group.data)


def _line(audited: Audit, stage: Stage, group: StageRows, numbers: Collection[int]) -> str:
    """What happened to the leaks of a stage; "" where it has none."""
    if numbers:
        kind = "calibration" if isinstance(stage.settings, GptqSettings) else "training"
        tasks = list(dict.fromkeys(leak.task for leak in audited.leaks)) or ["the evaluation"]
        return f"{len(numbers):,} of {len(group.rows):,} {kind} rows hold questions of {_first(tasks)}: left out"
    return f"{leak_summary(audited)}: allowed (leaks: allow)" if audited.leaks else ""


def leak_summary(audited: Audit) -> str:
    """The number of leaked items by task, and one example."""
    first = audited.leaks[0]
    counts = Counter(leak.task for leak in audited.leaks)
    parts = [f"{n} of {audited.documents[task]} items of {task}" for task, n in counts.items()]
    return f"{_first(parts)} are in its training rows, such as item {first.item} in row {first.row} ({first.kind})"


def _first(tasks: Sequence[str]) -> str:
    """The first tasks, and how many more there are."""
    more = len(tasks) - MOST_TASKS
    return ", ".join(tasks[:MOST_TASKS]) + (f" and {more} more {'task' if more == 1 else 'tasks'}" if more > 0 else "")
