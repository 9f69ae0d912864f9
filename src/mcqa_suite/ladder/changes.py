"""What changed since a folder was made, in words: its settings, its rows, and what its tasks read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mcqa_suite.common.lists import first_of
from mcqa_suite.common.manifest import Data, LeftOut, TaskData
from mcqa_suite.ladder.recipe import FILES
from mcqa_suite.ladder.sweep import shown

SHOWN = 2  # changes that are named; more are counted
MOST_CHARACTERS = 40  # of a value
CHOOSE_ROWS = ("data", "validation", "calibration", "rows")  # settings of a stage: where one changed, its rows did too


def summary(changes: Sequence[str]) -> str:
    """The first changes, and how many more there are."""
    more = len(changes) - SHOWN
    return "; ".join(changes[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def setting_changes(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """A line for each innermost key whose value changed, such as "trainer.learning_rate: 0.002 -> 0.003"."""
    if before == now:
        return
    if _is(dict, before, now):
        before, now = before or {}, now or {}
        for name in {**before, **now}:
            yield from setting_changes(before.get(name), now.get(name), f"{key}.{name}".removeprefix("."))
    elif _is(list, before, now) and any(isinstance(item, dict) for item in [*(before or ()), *(now or ())]):
        before, now = before or [], now or []
        for number, (old, new) in enumerate(zip(before, now, strict=False)):
            yield from setting_changes(old, new, f"{key}[{number}]")
        yield from (f"{key}: + {_label(item)}" for item in now[len(before) :])
        yield from (f"{key}: - {_label(item)}" for item in before[len(now) :])
    elif _is(list, before, now) and (words := _members(before or [], now or [])):
        yield f"{key}: {words}"
    else:
        yield f"{key}: {' -> '.join(_shortened(_text(before), _text(now)))}"


def data_changes(before: Sequence[Data], now: Sequence[Data], noun: str = "rows") -> Iterator[str]:
    """A line for each source whose content changed, and for each that came or went; `noun` is what a source's `n` counts."""
    for old, new in zip(before, now, strict=False):
        if old.name != new.name:
            yield f"data: {old.name} -> {new.name}"
        elif old != new:
            yield f"{noun} of {new.name} changed ({_counts(old.n, new.n, noun)})"
    yield from (f"data: + {data.name}" for data in now[len(before) :])
    yield from (f"data: - {data.name}" for data in before[len(now) :])


def left_out_changes(before: LeftOut | None, now: LeftOut | None) -> Iterator[str]:
    """A line where other rows are left out than before."""
    counts = tuple(rows.n if rows else 0 for rows in (before, now))
    if counts[0] != counts[1]:
        yield f"training rows left out: {counts[0]:,} -> {counts[1]:,}"
    elif before and now and before.sha256 != now.sha256:
        yield f"other training rows left out ({now.n:,})"


def task_changes(
    before: Iterable[TaskData], now: Iterable[TaskData], plan: Sequence[Any], plan_now: Sequence[Any]
) -> Iterator[str]:
    """A line for each file or data set that changed, then one for all YAMLs; only what the plans do not explain.

    An entry without any task now has data that cannot be loaded; whether that changed is not known.
    """
    old, new = ({(task.entry, task.task): task for task in tasks} for tasks in (before, now))
    old_entries, new_entries = ({entry for entry, _ in tasks} for tasks in (old, new))
    same_tasks, same_metadata = (_entries_with_same(key, plan, plan_now) for key in ("tasks", "metadata"))
    added = [key for key in new if key not in old and key[0] in same_tasks]
    removed = [key for key in old if key not in new and key[0] in same_tasks & new_entries]
    if names := [name for entry, name in added if entry not in old_entries]:
        yield f"{first_of(names, SHOWN)} can be loaded now"
    signs = [f"+ {name}" for entry, name in added if entry in old_entries] + [f"- {name}" for _, name in removed]
    if signs:  # of a group
        yield f"tasks: {first_of(signs, SHOWN)}"
    pairs = [(old[key], new[key]) for key in new if key in old]
    yield from _document_changes([pair for pair in pairs if pair[0].entry in same_metadata and _read_changed(*pair)])
    if yamls := [(first, second) for first, second in pairs if first.yaml != second.yaml]:
        first, second = yamls[0]
        version = "" if first.version == second.version else f" (version {first.version} -> {second.version})"
        yield f"YAML of {first_of([task.task for _, task in yamls], SHOWN)} changed{version}"


def without_files(plan: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The plan as JSON has it, without the names of files, whose content is in the fingerprints of the tasks."""
    plain: list[dict[str, Any]] = json.loads(json.dumps(plan))
    for entry in plain:
        metadata = {key: value for key, value in entry.pop("metadata", {}).items() if key not in FILES}
        entry |= {"metadata": metadata} if metadata else {}
    return plain


def _entries_with_same(key: str, plan: Sequence[Any], plan_now: Sequence[Any]) -> set[int]:
    pairs = enumerate(zip(plan, plan_now, strict=False))
    return {number for number, (old, new) in pairs if old.get(key) == new.get(key)}


def _read_changed(old: TaskData, new: TaskData) -> bool:
    both_show = bool(old.shots and new.shots)  # else the plan or the YAML changed
    return old.documents != new.documents or (both_show and old.examples != new.examples)


def _document_changes(pairs: Iterable[tuple[TaskData, TaskData]]) -> Iterator[str]:
    """One line for all tasks that read the same data set of the hub or the same file."""
    groups: dict[tuple[str, str], list[tuple[TaskData, TaskData]]] = {}
    for old, new in pairs:
        groups.setdefault((old.source, new.source), []).append((old, new))
    for (source, source_now), members in groups.items():
        old, new = members[0]
        names, rows = first_of([task.task for _, task in members], SHOWN), ""
        if {(a.n, b.n) for a, b in members} == {(old.n, new.n)}:  # else each has its own
            rows = _counts(old.n, new.n)
        if source != source_now:
            yield f"questions of {names} changed ({source}: {old.n:,} rows -> {source_now}: {new.n:,} rows)"
        elif "/" in source:  # a name on the hub
            about = f"{len(members)} tasks" if len(members) > 1 else rows
            yield f"data set {source} changed ({about})"
        elif all(a.documents == b.documents for a, b in members):
            yield f"few-shot examples of {names} changed ({_counts(old.shots, new.shots)})"
        else:
            yield f"questions of {names} changed ({source}{': ' if rows else ''}{rows})"


def _counts(before: int, now: int, noun: str = "rows") -> str:
    return f"{now:,} {noun}" if before == now else f"{before:,} {noun} -> {now:,} {noun}"


def _is(kind: type, before: Any, now: Any) -> bool:
    """Whether one of the two is of this kind, and the other is too or is missing."""
    return isinstance(before or now, kind) and all(value is None or isinstance(value, kind) for value in (before, now))


def _members(before: Sequence[Any], now: Sequence[Any]) -> str:
    """The names that came and went; "" where these do not say it all: numbers, another order, or one name for another."""
    if not all(isinstance(value, str) for value in (*before, *now)) or len(before) == len(now) == 1:
        return ""
    signs = [f"+ {_text(name)}" for name in now if name not in before]
    signs += [f"- {_text(name)}" for name in before if name not in now]
    return first_of(signs, SHOWN)


def _label(item: Any) -> str:
    """An entry of the plan by its tasks, a source of rows by its name."""
    fields: Mapping[str, Any] = item if isinstance(item, dict) else {}
    return (
        first_of(fields["tasks"], SHOWN)
        if "tasks" in fields
        else str(fields.get("source") or _shortened(_text(item), "")[0])
    )


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float) and float(text := shown(value)) == value:
        return text
    if isinstance(value, list) and len(value) == 1:
        return _text(value[0])
    return value if isinstance(value, str) and value and value.isprintable() else json.dumps(value, ensure_ascii=False)


def _shortened(before: str, now: str) -> tuple[str, str]:
    """Both texts; of long ones the part from shortly before their first difference."""
    if max(len(before), len(now)) <= MOST_CHARACTERS:
        return before, now
    same = next((i for i, pair in enumerate(zip(before, now, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, same - MOST_CHARACTERS // 2)
    return _window(before, start), _window(now, start)


def _window(text: str, start: int) -> str:
    end = start + MOST_CHARACTERS
    return ("..." if start else "") + text[start:end] + ("..." if len(text) > end else "")
