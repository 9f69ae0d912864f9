"""Check a file of labels: missing and repeated pairs, ties, and the effects of length and position on the labels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.stats import Estimate, wilson
from mcqa_suite.training_data.preferences.pairs import DECIDED, LABELS, key_of

AGREEING = ({"first", "second"}, {"tie"})  # the winners of both orders where they agree


@dataclass(frozen=True)
class Validation:
    """The state of a file of labels; shares are None where there is nothing to count.

    `missing`: prompts without a label, and pairs with a blank text; `repeated`: pairs with a second row; `repeated_texts`:
    further pairs with the same prompt and responses; `a_share`: how often the response sampled first was chosen;
    `longer_share`: how often the longer one was; `first_share`: how often the response shown first won; `agreement`: how often
    both orders gave one verdict.
    """

    rows: int
    missing: tuple[str, ...]
    repeated: tuple[str, ...]
    repeated_texts: int
    labels: dict[str, int]
    a_share: Estimate | None
    longer_share: Estimate | None
    length_ratio: float | None
    first_share: Estimate | None
    agreement: Estimate | None

    @property
    def fit(self) -> bool:
        """Whether no label is missing, no pair is repeated, and at least one pair is decided."""
        return not self.missing and not self.repeated and any(self.labels[label] for label in DECIDED)


def check(rows: Sequence[Row], expected: Iterable[str] = ()) -> Validation:
    """The validation of labelled rows; `expected` are the ids of prompts that should have a label."""
    first = unique(rows)
    ids = {str(row["id"]) for row in rows}
    keys = Counter(key_of(row) for row in rows)
    texts = Counter((row["prompt"], *sorted((row["a"].strip(), row["b"].strip()))) for row in first)
    decided = [row for row in first if row["label"] in DECIDED]
    lengths = [(len(chosen), len(rejected)) for chosen, rejected in map(chosen_and_rejected, decided)]
    total = sum(rejected for _, rejected in lengths)
    blank = [key_of(row) for row in first if not all(row[name].strip() for name in ("prompt", "a", "b"))]
    verdicts = [[verdict["won"] for verdict in row.get("verdicts", ())] for row in first]
    winners = [won for row in verdicts for won in row if won in ("first", "second")]
    return Validation(
        rows=len(rows),
        missing=(*blank, *(row_id for row_id in expected if row_id not in ids)),
        repeated=tuple(key for key, count in keys.items() if count > 1),
        repeated_texts=sum(count - 1 for count in texts.values()),
        labels={label: sum(row["label"] == label for row in first) for label in LABELS},
        a_share=_share([row["label"] == "a" for row in decided]),
        longer_share=_share([chosen > rejected for chosen, rejected in lengths if chosen != rejected]),
        length_ratio=sum(chosen for chosen, _ in lengths) / total if total else None,
        first_share=_share([won == "first" for won in winners]),
        agreement=_share([set(row) in AGREEING for row in verdicts if len(row) == 2]),
    )


def _share(values: Sequence[bool]) -> Estimate | None:
    return wilson(sum(values), len(values)) if values else None


def unique(rows: Sequence[Row]) -> list[Row]:
    """The first row of each pair."""
    by_key: dict[str, Row] = {}
    for row in rows:
        by_key.setdefault(key_of(row), row)
    return list(by_key.values())


def chosen_and_rejected(row: Row) -> tuple[str, str]:
    """The two responses of a decided row, the better one first."""
    return (row["a"], row["b"]) if row["label"] == "a" else (row["b"], row["a"])


def write_pairs(rows: Sequence[Row], path: Path) -> int:
    """Write the decided rows as `{"prompt", "chosen", "rejected"}`, each pair of texts once; returns the number of pairs.

    DatasetError where no row is decided, and where two rows decide the same texts in opposite ways.
    """
    pairs: dict[tuple[str, str, str], None] = {}
    for row in unique(rows):
        if row["label"] in DECIDED:
            chosen, rejected = chosen_and_rejected(row)
            if (row["prompt"], rejected, chosen) in pairs:
                raise DatasetError(
                    f"{key_of(row)}: the same two responses were decided the other way in an earlier row; remove one"
                )
            pairs[row["prompt"], chosen, rejected] = None
    if not pairs:
        raise DatasetError("no row is decided, so there is no pair to train on; label more, or sample again")
    names = ("prompt", "chosen", "rejected")
    lines = [json.dumps(dict(zip(names, texts, strict=True)), ensure_ascii=False) + "\n" for texts in pairs]
    try:
        path.write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; choose another --pairs") from error
    return len(pairs)


def report(validation: Validation) -> str:
    """The validation as lines for a terminal."""
    ratio = "-" if validation.length_ratio is None else f"{validation.length_ratio:.2f}"
    first = validation.first_share
    bias = "" if first is None or first.low <= 0.5 <= first.high else "  <- position bias"
    more = f"{validation.repeated_texts} further pairs repeat a prompt and its responses"
    lines = {
        "rows": f"{validation.rows}",
        "missing": _counted(validation.missing),
        "duplicates": f"{_counted(validation.repeated)}; {more}",
        "labels": ", ".join(f"{label} {count}" for label, count in validation.labels.items()),
        "a chosen": f"{_percent(validation.a_share)} of decided",
        "length": f"chosen / rejected {ratio}; the longer is chosen in {_percent(validation.longer_share)}",
        "position": f"the first shown won {_percent(first)} of verdicts{bias}",
        "both orders": f"agree in {_percent(validation.agreement)}",
    }
    return "\n".join(f"{name:12} {text}" for name, text in lines.items())


def _percent(share: Estimate | None) -> str:
    if share is None:
        return "-"
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] of {share.n}"


def _counted(keys: Sequence[str]) -> str:
    return f"{len(keys)}" + (f" ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})" if keys else "")
