"""How each run was made, read from its own files, and the checks that runs can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mcqa_suite.analysis.compare import Comparison
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.lists import first_of
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.logs.agreement import asked_differently
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.same_run import run_files
from mcqa_suite.logs.settings import RECORDED
from mcqa_suite.reporting.audits import audits_of, leak_cell
from mcqa_suite.reporting.repeat_commands import SEEDS, basename, commands, limit_text, model_arguments_text
from mcqa_suite.reporting.task_settings import generation_text, limits_of, short

Cell = tuple[str, str]  # a state (good, bad, note, unknown, or "" for the base's own value) and a text


@dataclass(frozen=True)
class Origin:
    """The recorded `facts` of one run, the `commands` that repeat it, and the tasks that it `skipped`, with reasons."""

    name: str
    facts: dict[str, str]
    commands: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def origin(run: Run) -> Origin:
    """Read the newest results and the manifest of a run; of an absolute path only the last part is kept."""
    files = run_files(run.path).files
    results = files[0][1]
    config = results.get("config") or {}
    try:
        manifest = read_manifest(run.path)
    except CheckpointError:
        manifest = None
    settings = manifest.settings if manifest else {}
    seeds = [config.get(name) for name in SEEDS]
    batch = config.get("batch_size") or settings.get("batch_size")
    facts = {
        "model": basename(results.get("model_name") or config.get("model")),
        "model arguments": model_arguments_text(config.get("model_args")),
        "dtype": config.get("model_dtype") or settings.get("dtype"),
        "batch size": batch,
        "seeds": "" if seeds == [None] * 4 else ", ".join(map(str, seeds)),
        "limit": ", ".join(_limits(content.get("config") or {} for _, content in files)),
        "lm_eval": results.get("lm_eval_version"),
        "inspect_ai": results.get("inspect_ai_version"),
        "transformers": results.get("transformers_version"),
        "commit": results.get("git_hash"),
        "model commit": config.get("model_sha"),
        "content": manifest and manifest.content[:16],
        "made from": manifest and manifest.parent and f"{manifest.parent.name} ({manifest.parent.content[:16]})",
        "hardware": manifest and (manifest.hardware.gpu or manifest.hardware.cpu),
        "date": _date(results.get("date")),
    }
    recorded = {name: str(value) for name, value in facts.items() if value}
    entries = (manifest.metrics if manifest else {}).get("skipped", ())
    skipped = tuple(f"{', '.join(entry['tasks'])}: {entry['reason']}" for entry in entries)
    return Origin(run.name, recorded, tuple(commands(run)), skipped)


def _limits(configs: Iterable[Mapping[str, Any]]) -> list[str]:
    """The different limits of some results files."""
    limits = [config.get("limit") for config in configs]
    return sorted({limit_text(limit) or "none" for limit in limits} if any(limits) else ())


def _date(value: Any) -> str:
    try:
        return datetime.fromtimestamp(float(value), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (TypeError, ValueError, OSError, OverflowError):
        return ""


def mismatched(runs: Sequence[Run], parents: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """For each run, the settings in which it was asked differently from its parent: {run: {"few-shot count": lines}}.

    `parents`: run name -> parent's name.
    """
    lines: dict[str, dict[str, list[str]]] = {}
    named = {run.name: run for run in runs}
    for run in runs:
        if (base := named.get(parents.get(run.name, ""))) is None:
            continue
        for key in base.tasks.keys() & run.tasks.keys():
            for what, expected, value in asked_differently(base.tasks[key], run.tasks[key]):
                of_setting = lines.setdefault(run.name, {}).setdefault(what, [])
                if (line := f"{key[0]}: {expected} ({base.name}), {value}") not in of_setting:  # once for all filters
                    of_setting.append(line)
    return lines


def split_checks(checks: Mapping[str, list[Cell]]) -> tuple[dict[str, list[Cell]], dict[str, list[Cell]]]:
    """The checks that say more than that all runs agree, and the others."""
    speaking = {what: cells for what, cells in checks.items() if any(state not in ("good", "") for state, _ in cells)}
    return speaking, {what: cells for what, cells in checks.items() if what not in speaking}


def checklist(
    report: Comparison, base: Run, others: Sequence[Run], origins: dict[str, Origin]
) -> dict[str, list[Cell]]:
    """Check that the runs can be compared: for each check a cell of the base and of each other run."""
    wrong = mismatched((base, *others), dict.fromkeys((run.name for run in others), base.name))
    checks: dict[str, list[Cell]] = {}
    for what in next(iter(base.tasks.values())).settings:
        show = generation_text if what == "generation settings" else short
        recorded = {task.settings[what] for task in base.tasks.values()}
        if what in RECORDED and recorded == {None}:
            continue
        values = sorted(map(show, recorded))
        checks[what] = [
            ("", ", ".join(values[:3])),
            *(_setting_cell(wrong.get(run.name, {}).get(what)) for run in others),
        ]
    checks["limit"] = [("", origins[base.name].facts.get("limit", "none")), *(_limit_cell(base, run) for run in others)]
    for what in ("seeds", "batch size", "transformers", "commit"):
        value = origins[base.name].facts.get(what, "")
        cells = [_fact_cell(what, value, origins[run.name].facts.get(what, "")) for run in others]
        if {state for state, _ in cells} != {"unknown"}:
            checks[what] = [("", value or "none"), *cells]
    checks["same documents, prompts, targets"] = [("", ""), *(_paired_cell(report, run) for run in others)]
    checks["samples complete and sound"] = [_complete_cell(run) for run in (base, *others)]
    audits = {run.name: audits_of(run) for run in others}
    if any(audits.values()):
        checks["test questions in training rows"] = [("", ""), *(leak_cell(audits[run.name]) for run in others)]
    checks["scores look valid"] = [_health_cell(report, run) for run in (base, *others)]
    return checks


def _setting_cell(lines: list[str] | None) -> Cell:
    return ("bad", first_of(sorted(lines), 2, "; ")) if lines else ("good", "same")


def _fact_cell(what: str, expected: str, value: str) -> Cell:
    if expected == value:
        return ("good", "same") if value else ("unknown", "not recorded")
    text = f"{expected or 'none recorded'} (base), {value or 'none recorded'}"
    return ("bad" if expected and value and what == "seeds" else "note", text)


def _limit_cell(base: Run, run: Run) -> Cell:
    """Whether each task that both were asked had the same limit. Other tasks of one of them do not count."""
    expected, limits = limits_of(base), limits_of(run)
    lines = [
        f"{task}: {expected[task]} (base), {limits[task]}"
        for task in sorted(expected.keys() & limits.keys())
        if expected[task] != limits[task]
    ]
    return ("bad", first_of(lines, 2, "; ")) if lines else ("good", "same")


def _paired_cell(report: Comparison, run: Run) -> Cell:
    tasks = report.unpaired.get(run.name, {})
    total = sum(unpaired.total for unpaired in tasks.values())
    return ("bad", f"{total} documents left out, in {len(tasks)} tasks") if total else ("good", "all paired")


def _complete_cell(run: Run) -> Cell:
    faults = [(task.title, fault) for task in run.tasks.values() for fault in task.faults]
    lines = [*run.problems, *dict.fromkeys(f"{task}: {fault.detail}" for task, fault in faults)]
    bad = bool(run.problems) or any(fault.invalid for _, fault in faults)
    return ("bad" if bad else "note", first_of(lines, 2, "; ")) if lines else ("good", "all, and none twice")


def _health_cell(report: Comparison, run: Run) -> Cell:
    invalid = [check for check in report.health if check.run == run.name and check.invalid]
    checks = sorted({f"{check.condition} ({report.titles[check.task, check.filter]})" for check in invalid})
    return ("bad", first_of(checks, 2)) if checks else ("good", "all checks passed")
