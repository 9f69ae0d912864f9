"""Model cards of checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.files import inside
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.logs.named_runs import named_path
from mcqa_suite.logs.runs import Run, read_run
from mcqa_suite.reporting.model_card.card import model_card
from mcqa_suite.reporting.model_card.facts import README
from mcqa_suite.reporting.model_card.files import card_of, content_of, merged_card, write_card
from mcqa_suite.reporting.model_card.merge import merge


@dataclass(frozen=True, repr=False)
class CardResult:
    """The card that was written, and where.

    `yours` names what people wrote and what therefore stayed in place of ours. `results` are the files of `.eval_results`.
    """

    output: Path
    text: str
    runs: tuple[Path, ...] = ()
    yours: tuple[str, ...] = ()
    results: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


def card(
    checkpoint: str | Path,
    *runs: str | Path,
    output: str | Path | None = None,
    base_model: str | None = None,
    dry_run: bool = False,
) -> CardResult:
    """Write a checkpoint's model card, or renew it; what people wrote in it stays.

    `runs` are one of the checkpoint and one of its parent: folders, FOLDER@STAMP or NAME=FOLDER; by default those of a ladder,
    in evaluations/ beside the folder of the checkpoint. `output` is the file (default: README.md in the checkpoint), `base_model`
    the hub's name of the parent; with `dry_run` nothing is written. McqaError where the checkpoint has no manifest, or a run is
    of other weights.
    """
    folder = Path(checkpoint)
    read = [_named(str(run)) for run in runs] if runs else runs_beside(folder)
    facts = card_of(folder, *read, base_model=base_model)
    path, used = Path(output) if output else folder / README, tuple(run.path for run in read)
    if dry_run:
        merged = merged_card(facts, path)
        return CardResult(path, merged.text, used, merged.yours)
    written = write_card(facts, path)
    return CardResult(path, written.merged.text, used, written.merged.yours, written.results)


def fresh_card(folder: Path) -> str:
    """The text of a checkpoint's card with the scores of its ladder, without a file."""
    return merge(model_card(card_of(folder, *runs_beside(folder))), None).text


def _named(text: str) -> Run:
    name, path = named_path(text)
    return read_run(path, name=name)


def runs_beside(folder: Path) -> list[Run]:
    """The runs of a checkpoint and its parent in the ladder that made it; empty where it was not evaluated there."""
    manifest = read_manifest(folder)
    evaluations = folder.resolve().parent.parent / "evaluations"
    names = [(manifest.content, manifest.name)]
    names += [(manifest.parent.content, manifest.parent.name)] if manifest.parent else []
    runs = []
    for content, name in names:
        try:
            run = read_run(inside(evaluations, name))
        except McqaError:
            continue
        if content_of(run) == content:
            runs.append(run)
    return runs if runs and content_of(runs[0]) == manifest.content else []
