"""Where runs came from, as their own files tell it: what has to agree beyond the tasks, and what to print under Methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mcqa_suite.analysis.compare import Comparison
from mcqa_suite.analysis.compare.health import FAILED
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import Manifest, read_manifest
from mcqa_suite.logs.files import load_results, results_files
from mcqa_suite.logs.runs import Run

SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
SETTINGS = {
    "harness version": "harness",
    "few-shot count": "n_shot",
    "chat template": "chat_template",
    "task version": "version",
    "generation settings": "generation",
}


@dataclass(frozen=True)
class Origin:
    """One run. `facts` are (name, value) as recorded; `command` does the same evaluation again."""

    name: str
    facts: dict[str, str]
    command: str


@dataclass(frozen=True)
class Check:
    """One line of the checklist: a state and a word for each run, in the order of the runs."""

    what: str
    cells: tuple[tuple[str, str], ...]


def origin(run: Run) -> Origin:
    """What the newest results and the manifest of a run say; absolute paths become their last part."""
    results = load_results(results_files(run.path)[-1])
    config = results.get("config") or {}
    manifest = _manifest(run.path)
    settings = manifest.settings if manifest else {}
    seeds = [config.get(name) for name in SEEDS]
    facts = {
        "model": _place(results.get("model_name") or config.get("model")),
        "model arguments": _arguments(config.get("model_args")),
        "dtype": str(config.get("model_dtype") or settings.get("dtype") or ""),
        "batch size": str(config.get("batch_size") or settings.get("batch_size") or ""),
        "seeds": "" if seeds == [None] * 4 else ", ".join(map(str, seeds)),
        "limit": str(config.get("limit") or ""),
        "lm_eval": str(results.get("lm_eval_version") or ""),
        "transformers": str(results.get("transformers_version") or ""),
        "commit": str(results.get("git_hash") or ""),
        "model commit": str(config.get("model_sha") or ""),
        "content": manifest.content[:16] if manifest else "",
        "made from": f"{manifest.parent.name} ({manifest.parent.content[:16]})" if manifest and manifest.parent else "",
        "hardware": (manifest.hardware.gpu or manifest.hardware.cpu) if manifest else "",
        "date": _date(results.get("date")),
    }
    return Origin(run.name, {name: value for name, value in facts.items() if value}, _command(results, manifest, run))


def _manifest(path: Path) -> Manifest | None:
    try:
        return read_manifest(path)
    except CheckpointError:
        return None


def _place(value: object) -> str:
    text = str(value or "")
    return Path(text).name if text.startswith(("/", "~")) else text


def _arguments(given: Any) -> str:
    pairs = (
        given.items() if isinstance(given, dict) else [part.partition("=")[::2] for part in str(given or "").split(",")]
    )
    return ",".join(f"{name}={_place(value)}" if value else str(name) for name, value in pairs)


def _date(value: Any) -> str:
    try:
        return datetime.fromtimestamp(float(value), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (TypeError, ValueError, OSError, OverflowError):
        return ""


def _command(results: dict[str, Any], manifest: Manifest | None, run: Run) -> str:
    config = results.get("config") or {}
    tasks = [
        task for entry in (manifest.settings.get("plan", []) if manifest else []) for task in entry.get("tasks", [])
    ]
    if not tasks:
        inner = {task for group in run.groups.values() for task in group.tasks}
        tops = [
            g.name for g in run.groups.values() if not any(set(g.tasks) < set(o.tasks) for o in run.groups.values())
        ]
        tasks = [*tops, *(task for task in run.by_task if task not in inner)]
    arguments = _arguments(config.get("model_args"))
    model = str(config.get("model") or "hf")
    if not arguments and model.startswith("/"):  # the ladder hands a loaded model over, and the log keeps its folder
        model, arguments = "hf", f"pretrained={_place(model)}"
    words = [
        "mcqa eval --model",
        model,
        *(["--model_args", arguments] if arguments else []),
        "--tasks",
        ",".join(tasks),
    ]
    shots = {task.n_shot for task in run.tasks.values()}
    words += ["--num_fewshot", str(shots.pop())] if len(shots) == 1 else []
    words += (
        ["--batch_size", str(size)] if (size := config.get("batch_size") or _setting(manifest, "batch_size")) else []
    )
    seeds = [config.get(name) for name in SEEDS]
    words += ["--seed", ",".join(map(str, seeds))] if None not in seeds else []
    words += ["--limit", str(config["limit"])] if config.get("limit") else []
    return " ".join([*words, "--log_samples --output_path", _place(run.name)])


def _setting(manifest: Manifest | None, name: str) -> Any:
    return manifest.settings.get(name) if manifest else None


def mismatched(base: Run, others: Sequence[Run]) -> dict[str, dict[str, list[str]]]:
    """For every run, what does not agree with the base: "few-shot count" -> lines."""
    found: dict[str, dict[str, list[str]]] = {}
    for run in others:
        for key in base.tasks.keys() & run.tasks.keys():
            for what, here, there in base.tasks[key].setting.differences(run.tasks[key].setting):
                found.setdefault(run.name, {}).setdefault(what, []).append(f"{key[0]}: {here} (base), {there}")
    return found


def checklist(report: Comparison, base: Run, others: Sequence[Run], origins: dict[str, Origin]) -> list[Check]:
    """What has to hold before a difference means anything. States: good, bad, note, unknown."""
    wrong = mismatched(base, others)
    checks = []
    for what, name in SETTINGS.items():
        here = sorted({_value(getattr(task.setting, name)) for task in base.tasks.values()})
        cells = [_setting_cell(wrong.get(run.name, {}).get(what)) for run in others]
        checks.append(Check(what, (("", ", ".join(here[:3])), *cells)))
    for what in ("seeds", "dtype", "batch size", "transformers", "commit", "limit"):
        known = origins[base.name].facts.get(what, "")
        cells = [_fact_cell(what, known, origins[run.name].facts.get(what, "")) for run in others]
        if {state for state, _ in cells} != {"unknown"}:
            checks.append(Check(what, (("", known or "none"), *cells)))
    pairs = (("", ""), *(_hashes(report, run) for run in others))
    checks.append(Check("same documents, prompts, targets", pairs))
    checks.append(Check("samples complete", tuple(_complete(run) for run in (base, *others))))
    checks.append(Check("scores look sound", tuple(_health(report, run) for run in (base, *others))))
    return checks


def _value(value: object) -> str:
    text = "none" if value in (None, "") else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _setting_cell(lines: list[str] | None) -> tuple[str, str]:
    if not lines:
        return "good", "same"
    more = f" and {len(lines) - 2} more" if len(lines) > 2 else ""
    return "bad", "; ".join(sorted(lines)[:2]) + more


def _fact_cell(what: str, here: str, there: str) -> tuple[str, str]:
    if here == there:
        return ("good", "same") if here else ("unknown", "not recorded") if what != "limit" else ("good", "none")
    text = f"{here or 'none recorded'} (base), {there or 'none recorded'}"
    return ("bad" if here and there and what in ("seeds", "limit") else "note", text)


def _hashes(report: Comparison, run: Run) -> tuple[str, str]:
    lost = report.unpaired.get(run.name, {})
    total = sum(unpaired.total for unpaired in lost.values())
    return ("bad", f"{total} documents left out, in {len(lost)} tasks") if total else ("good", "all pair")


def _complete(run: Run) -> tuple[str, str]:
    short = [task.task for task in run.tasks.values() if task.expected is not None and task.n < task.expected]
    if short or run.problems:
        return "bad", f"{len(short) + len(run.problems)} tasks without all their samples"
    if failed := sum(len(task.samples.failed) for task in run.tasks.values()):
        worst = max(run.tasks.values(), key=lambda task: task.failed_share)
        state = "bad" if worst.failed_share > FAILED else "note"
        return state, f"{failed} items got no answer (of {worst.task}, {100 * worst.failed_share:.1f} %)"
    return "good", "all there"


def _health(report: Comparison, run: Run) -> tuple[str, str]:
    found = sorted({f"{f.condition} ({f.task})" for f in report.health if f.run == run.name and f.broken})
    if not found:
        return "good", "no finding"
    more = f" and {len(found) - 2} more" if len(found) > 2 else ""
    return "bad", ", ".join(found[:2]) + more


def harness_values(path: Path) -> Iterator[tuple[str, str, str]]:
    """(task, metric, value) of a run's newest results, as the harness printed them: all there is where samples are missing."""
    for task, values in load_results(results_files(path)[-1]).get("results", {}).items():
        for name, value in values.items():
            if isinstance(value, (int, float)) and "," in name and "_stderr" not in name:
                error = values.get(name.replace(",", "_stderr,", 1))
                shown = f" ± {error:.4f}" if isinstance(error, float) else ""
                yield task, name.split(",")[0], f"{value:.4f}{shown}"
