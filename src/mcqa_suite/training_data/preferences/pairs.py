"""Two responses to one prompt, and what was decided about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from tqdm import tqdm

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.journal import Journal, journal
from mcqa_suite.common.jsonl import Row, numbered_rows

LABELS = ("a", "b", "tie", "unread", "skip", "equal")  # a or b was chosen; for the others there is no pair to train on
DECIDED = ("a", "b")


@dataclass(frozen=True)
class Pair:
    """Responses `a` and `b` to a prompt, by their `indices` among its responses; `data` is the prompt's own row."""

    id: str
    indices: tuple[int, int]
    prompt: str
    a: str
    b: str
    data: Row

    @property
    def key(self) -> str:
        return f"{self.id}#{self.indices[0]}-{self.indices[1]}"

    @property
    def equal(self) -> bool:
        return self.a.strip() == self.b.strip()

    def labelled(self, by: str, label: str, **details: object) -> Row:
        """The row that a label is written as."""
        texts = {"prompt": self.prompt, "a": self.a, "b": self.b}
        return {"id": self.id, "pair": list(self.indices), **texts, "by": by, "label": label, **details}


Decide = Callable[[Iterable[Pair]], Iterator[tuple[Pair, Row]]]


def pairs_of(responses: dict[str, list[Row]], per_prompt: int | None = 1) -> list[Pair]:
    """The first `per_prompt` pairs of each prompt's responses (None: all), in the order of the prompts."""
    made = []
    for row_id, rows in responses.items():
        for number, (a, b) in enumerate(combinations(rows, 2)):
            if per_prompt is not None and number >= per_prompt:
                break
            indices = (int(a.get("index", 0)), int(b.get("index", 1)))
            made.append(Pair(row_id, indices, a["prompt"], a["response"], b["response"], a.get("data") or {}))
    if not made:
        raise DatasetError("no prompt has two responses; sample at least two (--n 2)")
    return made


def label(pairs: list[Pair], by: str, decide: Decide, output: Path) -> int:
    """Writes the labels that `output` lacks, one a row as it is decided; returns how many.

    Responses that are equal are recorded as such, and nobody is asked. ConfigError where `output` holds labels by something else.
    """
    with journal(output) as file:
        left = unlabelled(pairs, by, file)
        for pair in left:
            if pair.equal:
                file.append(pair.labelled(by, "equal"))
        asked = [pair for pair in left if not pair.equal]
        with tqdm(total=len(pairs), initial=len(pairs) - len(asked), unit="pair", desc=output.name) as bar:
            for _pair, row in decide(asked):
                file.append(row)
                bar.update()
    return len(left)


def unlabelled(pairs: list[Pair], by: str, file: Journal) -> list[Pair]:
    """The pairs for which the file has no row; ConfigError where its rows were labelled by something else."""
    for row in file.rows[:1]:
        if row.get("by") != by:
            raise ConfigError(f"{file.path}: labelled by {row.get('by')!r}, not {by!r}; choose another --output")
    done = {key_of(row) for row in file.rows}
    return [pair for pair in pairs if pair.key not in done]


def key_of(row: Row) -> str:
    """Which pair a labelled row is about."""
    return f"{row['id']}#{row['pair'][0]}-{row['pair'][1]}"


def read_labels(path: Path) -> list[Row]:
    """The rows of a file of labels; DatasetError for a row that is none."""
    rows = []
    for number, row in numbered_rows(path, growing=True):
        rows.append(row)
        texts = all(isinstance(row.get(name), str) for name in ("prompt", "a", "b"))
        pair = row.get("pair")
        if (
            not texts
            or row.get("label") not in LABELS
            or "id" not in row
            or not isinstance(pair, list)
            or len(pair) != 2
        ):
            raise DatasetError(f"{path}:{number}: no label; expected rows of `mcqa preferences label`")
    return rows
