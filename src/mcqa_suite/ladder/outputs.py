"""Write a run's tables and HTML report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mcqa_suite.analysis.leaderboard import Leaderboard, rung_leaderboard
from mcqa_suite.backend.gguf_file import GgufFile
from mcqa_suite.common.checkpoints import measured_size
from mcqa_suite.common.errors import DatasetError, McqaError
from mcqa_suite.common.files import remove_file, write_file
from mcqa_suite.ladder import sweep_results
from mcqa_suite.ladder.recipe import Stage
from mcqa_suite.ladder.steps import LadderResult, RungResult
from mcqa_suite.logs.runs import Run, read_run
from mcqa_suite.reporting import html, leaderboard
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task
from mcqa_suite.reporting.rung_table import rung_tables
from mcqa_suite.reporting.speed_table import speed_table
from mcqa_suite.reporting.tables import Table, markdown, percent

LEADERBOARD, REPORT = "leaderboard.md", "report.html"


def remove_tables(folder: Path) -> None:
    """Delete the tables and the report of an earlier run, so that none stays beside a newer one."""
    for name in (REPORT, LEADERBOARD, "leaderboard.csv", "training.md"):
        remove_file(folder / name)


def board_of(result: LadderResult) -> Leaderboard:
    """The evaluated rungs, each with its differences to its parent."""
    evaluated = [rung for rung in result.rungs if rung.evaluation]
    parents, folders = _parents(result.rungs), {rung.name: rung.checkpoint for rung in result.rungs}
    runs = [_read(rung, folders.get(parents[rung.name] or "")) for rung in evaluated]
    return rung_leaderboard(runs, parents)


def save_leaderboard(result: LadderResult, board: Leaderboard | None = None) -> tuple[str, tuple[str, ...]]:
    """Write leaderboard.md and .csv into the run folder; return the first tables of the Markdown, rungs by tasks.

    "" where nothing was evaluated. The second value has a line for each score that cannot be trusted. `board` is that of the
    result, where it has been made. A table for each task, with intervals and bounds, follows in the file.
    """
    if not any(rung.evaluation for rung in result.rungs):
        return "", ()
    board = board or board_of(result)
    *tables, last = rung_tables(board)
    last = replace(last, notes=[*last.notes, *_origin_of_base(result.rungs[0])])
    summary = "\n".join(map(markdown, [*tables, last]))
    speeds = speed_table(board)
    parts = [summary, markdown_by_task(board), *([markdown(speeds)] if speeds else [])]
    write_file(result.output / LEADERBOARD, "\n".join(parts))
    write_file(result.output / "leaderboard.csv", leaderboard.as_csv(board))
    return summary, board.problems


def _origin_of_base(base: RungResult) -> list[str]:
    """A line about a base that was converted from GGUF: its weights may have been quantised before."""
    settings = base.manifest.settings
    if not (facts := settings.get("gguf")):
        return []
    return [f"{base.name}: {settings['base']}, {GgufFile(**facts).made_from}."]


def _parents(rungs: Sequence[RungResult]) -> dict[str, str | None]:
    """The parent of each rung. A manifest may have a base under the name that another run gave it."""
    names = {rung.name for rung in rungs}
    by_content = {rung.manifest.content: rung.name for rung in reversed(rungs)}
    parents: dict[str, str | None] = {}
    for rung in rungs:
        if (parent := rung.manifest.parent) is None:
            parents[rung.name] = None
        else:
            parents[rung.name] = parent.name if parent.name in names else by_content.get(parent.content)
    return parents


TRAINED = (
    "stage",
    "kind",
    "parent",
    "s",
    "tokens/s",
    "peak GB",
    "rows left out",
    "rows too long",
    "steps",
    "loss",
    "validation loss",
    "token accuracy %",
    "layer loss",
)
PREFERENCE_NOTE = (
    "Reward accuracy is over pairs of questions kept from training; a tie is no success. Shorter and longer: the accuracy of "
    "always taking the shorter or the longer response of the same pairs, which is never right for two of one length."
)
PREFERRED = ("stage", "reward accuracy %", "95 % interval", "pairs", "ties", "margin", "shorter is right %", "longer %")


def save_training(result: LadderResult) -> str:
    """Write training.md, what the manifests say about every stage; return it, "" where there is no stage."""
    rungs = [rung for rung in result.rungs if rung.manifest.parent]
    if not rungs:
        return ""
    stages = [Table("", TRAINED, [_training_cells(rung) for rung in rungs], left=3)]
    if scored := [rung for rung in rungs if rung.manifest.metrics.get("held_out_pairs")]:
        stages.append(Table("", PREFERRED, [_preference_cells(rung) for rung in scored], (PREFERENCE_NOTE,)))
    text = "\n".join(markdown(table.without_empty_columns()) for table in stages)
    write_file(result.output / "training.md", text)
    return text


def save_sweeps(result: LadderResult) -> str:
    """Write sweep_<name>.md, .csv and .svg; return the Markdown of all sweeps."""
    from mcqa_suite.ladder import sweep_figure

    parts = []
    points = {rung.name: rung for rung in result.rungs}
    for sweep in result.recipe.sweeps:
        scores = sweep_results.score(sweep, points)
        parts.append(sweep_results.markdown(scores, points))
        path = result.output / f"sweep_{sweep.name}.md"
        write_file(path, parts[-1])
        write_file(path.with_suffix(".csv"), sweep_results.as_csv(scores))
        sweep_figure.save(scores, path.with_suffix(".svg"))
    return "\n".join(parts)


def save_steps(result: LadderResult, board: Leaderboard | None = None) -> tuple[Path, ...]:
    """Write steps_<stage>.svg, accuracy against step, for every stage that kept steps and whose rungs were evaluated."""
    keeping = [stage for stage in result.recipe.stages if getattr(stage.settings, "keep_steps", None)]
    if not keeping or not any(rung.evaluation for rung in result.rungs):
        return ()
    from mcqa_suite.ladder import step_figure

    board = board or board_of(result)
    manifests = {rung.name: rung.manifest for rung in result.rungs}
    parents, paths = _parents(result.rungs), []
    for stage in keeping:
        rungs = [stage.name, *(other.name for other in result.recipe.stages if _kept_from(other) == stage.name)]
        steps = sorted((int(manifests[name].metrics.get("steps", 0)), name) for name in rungs if name in manifests)
        path = result.output / f"steps_{stage.name}.svg"
        step_figure.save(stage.name, board, [(0, parents[stage.name] or ""), *steps], path)
        paths.append(path)
    return tuple(paths)


def _kept_from(stage: Stage) -> str | None:
    return getattr(stage.settings, "kept_from", None)


def _training_cells(rung: RungResult) -> list[str]:
    manifest, metrics = rung.manifest, rung.manifest.metrics
    accuracy, speed = metrics.get("mean_token_accuracy"), manifest.tokens_per_second
    figures = (
        speed and round(speed),
        manifest.peak_memory_mb and manifest.peak_memory_mb / 1000,
        manifest.left_out and manifest.left_out.n,
        metrics.get("rows_too_long"),
        metrics.get("steps"),
        metrics.get("loss"),
        metrics.get("validation_loss"),
        accuracy and 100 * accuracy,
        metrics.get("mean_layer_loss"),
    )
    parent = manifest.parent.name if manifest.parent else ""
    return [rung.name, manifest.kind, parent, f"{manifest.seconds:.0f}", *map(sweep_results.figure_text, figures)]


def _preference_cells(rung: RungResult) -> list[str]:
    metrics = rung.manifest.metrics
    keys = ("reward_accuracy", "reward_accuracy_low", "reward_accuracy_high", "shorter_accuracy", "longer_accuracy")
    accuracy, low, high, shorter, longer = (percent(metrics[key]) for key in keys)
    counts = [sweep_results.figure_text(metrics[key]) for key in ("held_out_pairs", "reward_ties", "reward_margin")]
    return [rung.name, accuracy, f"{low} to {high}", *counts, shorter, longer]


def save_report(result: LadderResult) -> str:
    """Write the report beside the leaderboard; return where it is and a line for each problem in it.

    DatasetError where it cannot be written; the tables are complete without it.
    """
    folders = [str(rung.evaluation) for rung in result.rungs if rung.evaluation]
    output = result.output / REPORT
    logs = {rung.name: rung.checkpoint / "training_log.jsonl" for rung in result.rungs}
    recipe = result.recipe.name if result.recipe else ""
    try:
        page = html.write_report(folders, output, logs=logs, recipe=recipe)
    except McqaError as error:
        raise DatasetError(f"no report: {error}") from error
    return "\n".join([f"report: {output}", *page.problems])


def _read(rung: RungResult, parent: Path | None) -> Run:
    """The rung's run, with the size of its files; `parent` is its parent's folder. DatasetError where a task cannot be read."""
    assert rung.evaluation is not None
    run = read_run(rung.evaluation, name=rung.name)
    if run.problems:
        raise DatasetError(run.problems[0])
    size = measured_size(rung.checkpoint, rung.manifest, parent)
    origin = replace(
        run.origin,
        bits_per_weight=size.bits_per_weight if size else None,
        size_mb=size.bytes_on_disk / 1e6 if size else None,
    )
    return replace(run, origin=origin)
