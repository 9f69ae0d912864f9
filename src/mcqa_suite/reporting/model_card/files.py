"""Write a model card into a checkpoint's folder, and the hub's `.eval_results` beside it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from mcqa_suite.common.errors import ConfigError, McqaError
from mcqa_suite.common.files import read_text, write_file
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.model_card.card import model_card
from mcqa_suite.reporting.model_card.facts import README, Facts, read_facts
from mcqa_suite.reporting.model_card.merge import Merged, merge
from mcqa_suite.reporting.model_card.scores import hub_results, scores_of

EVAL_RESULTS = ".eval_results"
OWN_RESULT = "# Written by mcqa card; delete this line to keep your changes.\n"


@dataclass(frozen=True)
class WrittenCard:
    """`merged.yours` are keys of the front matter, headings and files that a person wrote and that stand in place of ours.

    `results`: the files of `.eval_results`.
    """

    merged: Merged
    results: tuple[Path, ...]


def card_of(folder: Path, *runs: Run, base_model: str | None = None, parents: tuple[Path, ...] = ()) -> Facts:
    """The facts of a checkpoint with the scores of its run, beside those of its parent's.

    ConfigError for a run of other weights, and where there is one of the parent alone.
    """
    facts = read_facts(folder, *parents, base_model=base_model)
    manifest = facts.manifest
    contents = {manifest.parent.content: "parent"} if manifest.parent else {}
    contents[manifest.content] = "own"  # where a stage changed nothing, its own too
    named: dict[str, Run] = {}
    for run in runs:
        if (role := contents.get(content_of(run) or "")) is None:
            parent = f", nor of its parent {manifest.parent.name}" if manifest.parent else ""
            raise ConfigError(
                f"{run.path}: not a run of {folder}{parent}; evaluate the checkpoint with its manifest.json"
            )
        if role in named:
            raise ConfigError(f"{run.path} and {named[role].path}: of the same weights; give one of them")
        named[role] = run
    if named and "own" not in named:
        raise ConfigError(f"{named['parent'].path}: a run of the parent alone; give one of {folder} too")
    return replace(facts, scores=scores_of(named["own"], named.get("parent"))) if named else facts


def content_of(run: Run) -> str | None:
    """The content hash of the checkpoint that a run evaluated: by its manifest, else by its results file."""
    content = run.origin.checkpoint or run.weights.get("content")
    return str(content) if content else None


def merged_card(facts: Facts, existing: Path) -> Merged:
    """The card, put into the text of an existing one, if there is one; ConfigError for one that cannot be read."""
    return merge(model_card(facts), read_card(existing), str(existing))


def write_card(facts: Facts, output: Path, *, existing: Path | None = None) -> WrittenCard:
    """Write the card to a file, and the results of benchmarks' own protocols into `.eval_results` beside it.

    What people wrote in the file, or in `existing` where it is another one, stays. ConfigError where that cannot be read as a
    card or the file cannot be written; nothing is written then.
    """
    merged = merged_card(facts, existing or output)
    results = list(hub_results(facts.scores)) if facts.scores else []
    written = []
    write_file(output, merged.text)
    for name, entry in results:
        path = output.parent / EVAL_RESULTS / name
        if path.exists() and OWN_RESULT not in read_text(path):
            merged = replace(merged, yours=(*merged.yours, f"{EVAL_RESULTS}/{name}"))
            continue
        path.parent.mkdir(exist_ok=True)
        write_file(path, OWN_RESULT + yaml.safe_dump([entry], sort_keys=False))
        written.append(path)
    return WrittenCard(merged, tuple(written))


def write_first_card(folder: Path, output: Path, *parents: Path) -> None:
    """Write README.md into a new checkpoint's temporary `folder`, in place of a library's; `output` is where the folder goes.

    What a person wrote in the card of an earlier checkpoint at `output` stays. A card that cannot be written fails nothing: the
    earlier one stays, and one line says why.
    """
    card, earlier = folder / README, output / README
    card.unlink(missing_ok=True)
    try:
        write_card(read_facts(folder, *parents, run_folder=output.parent.parent), card, existing=earlier)
    except McqaError as error:
        print(f"no new model card: {error}", file=sys.stderr)
        if earlier.is_file():
            shutil.copyfile(earlier, card)


def read_card(path: Path) -> str | None:
    """The text of a card; None where there is none. ConfigError for a file that is no text."""
    try:
        return read_text(path)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigError(f"{path}: {reason}; give a text file, or another --output: nothing was changed") from error
