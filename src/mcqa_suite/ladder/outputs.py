"""Write a run's tables and HTML report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mcqa_suite.analysis.leaderboard import rung_leaderboard
from mcqa_suite.common.errors import DatasetError, McqaError
from mcqa_suite.common.files import write_file
from mcqa_suite.ladder.results import LadderResult, RungResult
from mcqa_suite.ladder.sweep_results import board, figure, table
from mcqa_suite.logs.runs import Run, read_run
from mcqa_suite.reporting import html, leaderboard


def save_leaderboard(result: LadderResult) -> str:
    """Write leaderboard.md and leaderboard.csv into the run folder; return the Markdown, "" where nothing was evaluated."""
    rungs = [rung for rung in result.rungs if rung.evaluation]
    if not rungs:
        return ""
    parents = {rung.name: rung.manifest.parent.name if rung.manifest.parent else None for rung in rungs}
    board = rung_leaderboard([_read(rung) for rung in rungs], parents)
    text = leaderboard.markdown_by_task(board)
    write_file(result.output / "leaderboard.md", text)
    write_file(result.output / "leaderboard.csv", leaderboard.as_csv(board))
    return text


TRAINED = ("stage", "kind", "parent", "s", "tokens/s", "steps", "loss", "token accuracy %", "layer loss")
PREFERRED = ("stage", "reward accuracy %", "95 % interval", "pairs", "ties", "margin", "shorter is right %", "longer %")


def save_training(result: LadderResult) -> str:
    """Writes training.md, what the manifests tell of every stage; returns it. Empty where there is no stage."""
    made = [rung for rung in result.rungs if rung.manifest.parent]
    if not made:
        return ""
    text = _table(TRAINED, 3, [_trained(rung) for rung in made])
    if scored := [rung for rung in made if rung.manifest.metrics.get("held_out_pairs")]:
        text += "\n" + _table(PREFERRED, 1, [_preferred(rung) for rung in scored])
        text += (
            "\nReward accuracy is over pairs of questions kept from training; a tie is no success. Beside it stands what a rule "
            "scores on the same pairs that takes the shorter response, or the longer.\n"
        )
    write_file(result.output / "training.md", text)
    return text


def save_sweeps(result: LadderResult) -> str:
    """Write sweep_<name>.md, .csv and .svg; return the Markdown of all sweeps."""
    parts = []
    rungs = {rung.name: board.Entry(rung.manifest.metrics, rung.evaluation, rung.checkpoint) for rung in result.rungs}
    for sweep in result.recipe.sweeps:
        scores = board.score(sweep, rungs)
        parts.append(table.markdown(scores, rungs))
        path = result.output / f"sweep_{sweep.name}.md"
        write_file(path, parts[-1])
        write_file(path.with_suffix(".csv"), table.as_csv(scores))
        figure.save(scores, path.with_suffix(".svg"))
    return "\n".join(parts)


def _trained(rung: RungResult) -> list[str]:
    manifest = rung.manifest
    parent = manifest.parent.name if manifest.parent else ""
    right = manifest.metrics.get("mean_token_accuracy")
    figures = [_figure(manifest.metrics.get(key)) for key in ("steps", "loss")]
    share, layers = _figure(right and 100 * right), _figure(manifest.metrics.get("mean_layer_loss"))
    speed = _figure(manifest.tokens_per_second and round(manifest.tokens_per_second))
    return [rung.name, manifest.kind, parent, f"{manifest.seconds:.0f}", speed, *figures, share, layers]


def _preferred(rung: RungResult) -> list[str]:
    m = rung.manifest.metrics
    low, high = (f"{100 * m[f'reward_accuracy_{end}']:.1f}" for end in ("low", "high"))
    counts = [_figure(m["held_out_pairs"]), _figure(m["reward_ties"]), _figure(m["reward_margin"])]
    rules = [f"{100 * m[key]:.1f}" for key in ("shorter_accuracy", "longer_accuracy")]
    return [rung.name, f"{100 * m['reward_accuracy']:.1f}", f"{low} to {high}", *counts, *rules]


def _table(header: Sequence[str], words: int, lines: list[list[str]]) -> str:
    """Markdown, without the columns that are empty in every line; the first `words` columns are no numbers."""
    kept = [i for i in range(len(header)) if any(line[i] for line in lines)]
    rule = "|" + "".join("---|" if i < words else "---:|" for i in kept)
    rows = ["| " + " | ".join(line[i] for i in kept) + " |" for line in [list(header), *lines]]
    return "\n".join([rows[0], rule, *rows[1:]]) + "\n"


def _figure(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def save_report(result: LadderResult) -> str:
    """Write report.html beside the leaderboard; return a line that says where."""
    folders = [str(rung.evaluation) for rung in result.rungs if rung.evaluation]
    if not folders:
        return "no report: nothing was evaluated"
    output = result.output / "report.html"
    logs = {rung.name: rung.checkpoint / "training_log.jsonl" for rung in result.rungs}
    try:
        page = html.write_report(folders[1:], output, base=folders[0], logs=logs)
    except McqaError as error:  # the checkpoints and tables are there all the same
        return f"no report.html: {error}"
    return "\n".join([f"report in {output}", *page.problems])


def _read(rung: RungResult) -> Run:
    """The rung's run, with the size that its manifest gives; DatasetError where a task cannot be read."""
    assert rung.evaluation is not None
    run = read_run(rung.evaluation, name=rung.name)
    if run.problems:
        raise DatasetError(run.problems[0])
    size = rung.manifest.size
    return replace(
        run,
        bits_per_weight=size.bits_per_weight if size else None,
        size_mb=size.bytes_on_disk / 1e6 if size else None,
        tokens_per_second=(rung.record or {}).get("tokens_per_second"),
    )
