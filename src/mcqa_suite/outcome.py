"""What a climbed ladder leaves for people: its rungs, their leaderboard and their report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.errors import McqaError
from mcqa_suite.manifest import Manifest
from mcqa_suite.recipe import Recipe
from mcqa_suite.report import html, leaderboard
from mcqa_suite.runs import read_run


@dataclass(frozen=True)
class RungResult:
    """`evaluation` is the folder with the harness's results and `record` its rung.json; None where nothing was asked."""

    name: str
    checkpoint: Path
    manifest: Manifest
    evaluation: Path | None
    record: dict[str, Any] | None


@dataclass(frozen=True)
class LadderResult:
    """The rungs in the recipe's order, the base first."""

    recipe: Recipe
    output: Path
    rungs: tuple[RungResult, ...]
    seconds: float


def save_leaderboard(result: LadderResult) -> str:
    """Writes leaderboard.md and leaderboard.csv into the run's folder; returns the Markdown."""
    rungs = [_on_board(rung, rung.evaluation) for rung in result.rungs if rung.evaluation]
    if not rungs:
        return f"nothing to compare: {result.recipe.path} has no evaluate"
    for name, text in (("leaderboard.md", leaderboard.markdown(rungs)), ("leaderboard.csv", leaderboard.as_csv(rungs))):
        partial = result.output / f".{name}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(result.output / name)
    return leaderboard.markdown(rungs)


def save_report(result: LadderResult) -> str:
    """Writes report.html beside the leaderboard where what draws it is installed; returns a line that says where."""
    folders = [str(rung.evaluation) for rung in result.rungs if rung.evaluation]
    if not folders:
        return "no report: nothing was evaluated"
    if not html.available():
        return f"no report.html: {html.INSTALL}"
    output = result.output / "report.html"
    try:
        page = html.write_report(folders[1:], output, base=folders[0])
    except McqaError as error:  # the checkpoints and tables are there all the same
        return f"no report.html: {error}"
    return "\n".join([f"report in {output}", *page.problems])


def _on_board(rung: RungResult, evaluation: Path) -> leaderboard.Rung:
    size = rung.manifest.size
    return leaderboard.Rung(
        name=rung.name,
        tasks=read_run(evaluation),
        parent=rung.manifest.parent.name if rung.manifest.parent else None,
        bits_per_weight=size.bits_per_weight if size else None,
        size_mb=size.bytes_on_disk / 1e6 if size else None,
        tokens_per_second=(rung.record or {}).get("tokens_per_second"),
    )
