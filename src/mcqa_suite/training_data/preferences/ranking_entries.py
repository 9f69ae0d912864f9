"""What is ranked: one response of each model to every prompt that all of them answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.training_data.preferences.responses import read_responses

# Where a prompt's row may hold the text that a response is compared with, the first that is there
REFERENCES = ("reference", "completion", "rationale", "solution", "support")


@dataclass(frozen=True)
class Entry:
    """A prompt, each model's response to it by the model's name, and the reference, "" where there is none."""

    id: str
    prompt: str
    responses: dict[str, str]
    reference: str


def read_entries(files: Sequence[str]) -> tuple[list[Entry], tuple[str, ...]]:
    """The prompts that every model (`FILE` or `NAME=FILE`) answered, and the ids of those that one did not.

    ConfigError for fewer than two models or two of one name; DatasetError where they share no prompt, or where an id stands
    for another prompt in another file.
    """
    models: dict[str, dict[str, list[Row]]] = {}
    for given in files:
        name, _, path = given.rpartition("=") if not Path(given).is_file() else (Path(given).stem, "", given)
        name = name or Path(path).stem
        if name in models:
            raise ConfigError(f"{given}: a second model called {name}; name it with NAME=FILE")
        models[name] = read_responses(Path(path))
    if len(models) < 2:
        raise ConfigError("one model cannot be ranked; give the responses of at least two")
    first, *others = models.values()
    shared = [row_id for row_id in first if all(row_id in other for other in others)]
    alone = sorted({row_id for model in models.values() for row_id in model} - set(shared))
    if not shared:
        raise DatasetError(f"{', '.join(models)}: no prompt in common; sample all from the same file")
    return [_entry(row_id, {name: rows[row_id][0] for name, rows in models.items()}) for row_id in shared], tuple(alone)


def _entry(row_id: str, rows: dict[str, Row]) -> Entry:
    found = {row["prompt"] for row in rows.values()}
    if len(found) > 1:
        raise DatasetError(f"{row_id}: not the same prompt for every model; sample all from the same file")
    data = next(iter(rows.values())).get("data") or {}
    reference = next((str(data[key]) for key in REFERENCES if data.get(key)), "")
    return Entry(row_id, found.pop(), {name: row["response"] for name, row in rows.items()}, reference)
