"""Check a file of labels: missing and repeated pairs, ties, and the effects of length and position on the labels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.files import write_lines
from mcqa_suite.common.jsonl import Row
from mcqa_suite.stats import Estimate, wilson
from mcqa_suite.training_data.preferences.pairs import DECIDED, LABELS, carried, key_of

LENGTH_BIAS = 0.8  # the longer, or the shorter, answer is better in a larger share of pairs
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
        longer_share=longer_share(map(chosen_and_rejected, decided)),
        length_ratio=sum(chosen for chosen, _ in lengths) / total if total else None,
        first_share=_share([won == "first" for won in winners]),
        agreement=_share([set(row) in AGREEING for row in verdicts if len(row) == 2]),
    )


def biased_by_length(longer_share: Estimate | None, most: float) -> bool:
    """Whether the longer answer is surely the better one in more than `most` of the pairs, or the shorter one is."""
    return longer_share is not None and (longer_share.low > most or longer_share.high < 1 - most)


def longer_share(pairs: Iterable[tuple[str, str]]) -> Estimate | None:
    """How often the chosen one of (chosen, rejected) is the longer; None without pairs of different length."""
    lengths = [(len(chosen), len(rejected)) for chosen, rejected in pairs]
    return _share([chosen > rejected for chosen, rejected in lengths if chosen != rejected])


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


@dataclass(frozen=True)
class Pairs:
    """The rows to train on, and the number of rows that make no pair, by label ("repeated": a second row of one pair)."""

    rows: tuple[Row, ...]
    left_out: dict[str, int]


def pairs_to_train_on(rows: Sequence[Row]) -> Pairs:
    """The decided rows as `{"id", "group", "source", "topic", "pool", "prompt", "chosen", "rejected"}`, each pair of texts once.

    `id` is the key of the pair; group, source, topic and pool are those of its prompt, where it has any. DatasetError where no
    row is decided, and where two rows decide the same texts in opposite ways.
    """
    pairs: dict[tuple[str, str, str], Row] = {}
    first = unique(rows)
    left_out = Counter({"repeated": len(rows) - len(first)})
    for row in first:
        if row["label"] not in DECIDED:
            left_out[row["label"]] += 1
            continue
        texts = (row["prompt"], *chosen_and_rejected(row))
        if (texts[0], texts[2], texts[1]) in pairs:
            raise DatasetError(
                f"{key_of(row)}: the same two responses were decided the other way in an earlier row; remove one"
            )
        left_out["repeated"] += texts in pairs
        names = ("prompt", "chosen", "rejected")
        pairs.setdefault(texts, {"id": key_of(row), **carried(row), **dict(zip(names, texts, strict=True))})
    if not pairs:
        raise DatasetError("no row is decided, so there is no pair to train on; label more, or sample again")
    return Pairs(tuple(pairs.values()), {reason: count for reason, count in left_out.items() if count})


def write_pairs(rows: Sequence[Row], path: Path) -> Pairs:
    """Write `pairs_to_train_on`, and return them."""
    pairs = pairs_to_train_on(rows)
    write_lines(path, (json.dumps(row, ensure_ascii=False) + "\n" for row in pairs.rows), "--pairs")
    return pairs


def report(validation: Validation, length_bias: float = LENGTH_BIAS) -> str:
    """The validation as lines for a terminal; above the share `length_bias` a mark says that length decides."""
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
        "length": f"chosen / rejected {ratio}; {length_words(validation.longer_share, length_bias)}",
        "position": f"the first shown won {_percent(first)} of verdicts{bias}",
        "both orders": f"agree in {_percent(validation.agreement)}",
    }
    return "\n".join(f"{name:12} {text}" for name, text in lines.items())


def length_words(share: Estimate | None, most: float) -> str:
    bias = "  <- length bias" if biased_by_length(share, most) else ""
    return f"the longer is chosen in {_percent(share)}{bias}"


def _percent(share: Estimate | None) -> str:
    if share is None:
        return "-"
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] of {share.n}"


def _counted(keys: Sequence[str]) -> str:
    return f"{len(keys)}" + (f" ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})" if keys else "")
