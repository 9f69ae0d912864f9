"""Two responses to one prompt, and the rows that label which is better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path

from tqdm import tqdm

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import Journal, Row, journal, numbered_rows

LABELS = ("a", "b", "tie", "unread", "skip", "equal")  # only a pair labelled a or b is used for training
DECIDED = ("a", "b")
CARRIED = ("group", "source", "topic", "pool")  # keys of a prompt's row that its labels and pairs have too


@dataclass(frozen=True)
class ResponsePair:
    """Responses `a` and `b` to a prompt; `indices` are their numbers among its responses, `data` is the prompt's row."""

    id: str
    indices: tuple[int, int]
    prompt: str
    a: str
    b: str
    data: Row

    @property
    def key(self) -> str:
        return f"{self.id}#{self.indices[0]}-{self.indices[1]}"

    def labelled(self, by: str, label: str, **details: object) -> Row:
        """The pair as a row with its label, and with the group, source, topic and pool of its prompt."""
        texts = {"prompt": self.prompt, "a": self.a, "b": self.b}
        return {
            "id": self.id, "pair": list(self.indices), **carried(self.data), **texts, "by": by, "label": label, **details
        }  # fmt: skip


Decided = tuple[ResponsePair, tuple[str, Row]]  # the label, and further columns for the row


def pairs_of(responses: dict[str, list[Row]], per_prompt: int | None = 1) -> list[ResponsePair]:
    """The first `per_prompt` pairs of each prompt's responses (None: all), in the order of the prompts."""
    pairs = []
    for row_id, rows in responses.items():
        for a, b in islice(combinations(rows, 2), per_prompt):
            indices = (int(a.get("index", 0)), int(b.get("index", 1)))
            pairs.append(ResponsePair(row_id, indices, a["prompt"], a["response"], b["response"], a.get("data") or {}))
    if not pairs:
        raise DatasetError("no prompt has two responses; sample at least two (--n 2)")
    return pairs


def label(
    pairs: list[ResponsePair], by: str, decide: Callable[[Iterable[ResponsePair]], Iterator[Decided]], output: Path
) -> int:
    """Append the labels that are missing in `output`, one by one; returns how many.

    ConfigError where `output` has labels by another method.
    """
    with journal(output, id=str, pair=list) as file:
        before = len(file.rows)
        undecided = label_equal(pairs, by, file)
        done = len(pairs) - len(undecided)
        decisions = tqdm(decide(undecided), total=len(pairs), initial=done, unit="pair", desc=output.name)
        for pair, (decision, details) in decisions:
            file.append(pair.labelled(by, decision, **details))
        return len(file.rows) - before


def label_equal(pairs: list[ResponsePair], by: str, file: Journal) -> list[ResponsePair]:
    """Append a label for each new pair of equal responses, and return the other pairs without a label in `file`."""
    for row in file.rows[:1]:
        if row.get("by") != by:
            raise ConfigError(f"{file.path}: labelled by {row.get('by')!r}, not {by!r}; choose another --output")
    done = {key_of(row) for row in file.rows}
    undecided = []
    for pair in pairs:
        if pair.key in done:
            continue
        if pair.a.strip() == pair.b.strip():
            file.append(pair.labelled(by, "equal"))
        else:
            undecided.append(pair)
    return undecided


def key_of(row: Row) -> str:
    """The `ResponsePair.key` of a labelled row."""
    return f"{row['id']}#{row['pair'][0]}-{row['pair'][1]}"


def carried(row: Row) -> Row:
    """The part of a prompt's row that its labels and pairs repeat."""
    return {key: row[key] for key in CARRIED if row.get(key)}


def left_out_text(counts: Mapping[str, int]) -> str:
    """Numbers of pairs that are not used, by reason: "3 tie, 1 equal"."""
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())


def read_labels(path: Path) -> list[Row]:
    """The rows of a file of labels; DatasetError for a row of another form."""
    rows = []
    for number, row in numbered_rows(path, growing=True):
        texts = all(isinstance(row.get(name), str) for name in ("prompt", "a", "b"))
        pair = isinstance(row.get("pair"), list) and len(row["pair"]) == 2
        verdicts = row.get("verdicts", [])
        judged = isinstance(verdicts, list) and all(
            isinstance(of_order, dict) and "won" in of_order for of_order in verdicts
        )
        if not texts or not pair or not judged or row.get("label") not in LABELS or "id" not in row:
            raise DatasetError(f"{path}:{number}: not a label; expected rows of `mcqa preferences label`")
        rows.append(row)
    return rows
