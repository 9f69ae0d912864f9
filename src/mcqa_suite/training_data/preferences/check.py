"""Is a file of labels fit to train on: what is missing, doubled, tied, and what a rule that knows nothing would score."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.stats import Estimate, wilson
from mcqa_suite.training_data.preferences.pairs import DECIDED, LABELS, key_of


@dataclass(frozen=True)
class Validation:
    """What a file of labels holds.

    `missing`: prompts without a label, and rows with a blank text; `repeated`: rows of a pair that came before;
    `repeated_texts`: other pairs with the same prompt and responses; `a_share`: how often the response sampled first was
    chosen; `longer_share`: how often the longer one was; `first_share`: how often the position shown first won; `agreement`:
    how often both orders gave one verdict. None where there is nothing to count.
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
        """Whether nothing is missing or doubled and there is a pair to train on."""
        return not self.missing and not self.repeated and any(self.labels[label] for label in DECIDED)


def check(rows: Sequence[Row], expected: Iterable[str] = ()) -> Validation:
    """Looks at labelled rows, and at which of the `expected` prompts, by their ids, have none."""
    first = once(rows)
    known = {str(row["id"]) for row in rows}
    keys = Counter(key_of(row) for row in rows)
    texts = Counter((row["prompt"], *sorted((row["a"].strip(), row["b"].strip()))) for row in first)
    decided = [(row, *chosen_and_rejected(row)) for row in first if row["label"] in DECIDED]
    lengths = [(len(chosen), len(rejected)) for _, chosen, rejected in decided]
    blank = [key_of(row) for row in first if not all(row[name].strip() for name in ("prompt", "a", "b"))]
    verdicts = [verdict["won"] for row in first for verdict in row.get("verdicts", ())]
    orders = [row["verdicts"] for row in first if len(row.get("verdicts", ())) == 2]
    unlike = [chosen > rejected for chosen, rejected in lengths if chosen != rejected]
    return Validation(
        rows=len(rows),
        missing=(*blank, *(row_id for row_id in expected if row_id not in known)),
        repeated=tuple(key for key, count in keys.items() if count > 1),
        repeated_texts=sum(count - 1 for count in texts.values()),
        labels={label: sum(row["label"] == label for row in first) for label in LABELS},
        a_share=_share([row["label"] == "a" for row, _, _ in decided]),
        longer_share=_share(unlike),
        length_ratio=fmean(a for a, _ in lengths) / fmean(b for _, b in lengths)
        if any(b for _, b in lengths)
        else None,
        first_share=_share([won == "first" for won in verdicts if won in ("first", "second")]),
        agreement=_share([row[0]["won"] + row[1]["won"] in AGREEING for row in orders]),
    )


AGREEING = ("firstsecond", "secondfirst", "tietie")


def _share(values: Sequence[bool]) -> Estimate | None:
    return wilson(sum(values), len(values)) if values else None


def once(rows: Sequence[Row]) -> list[Row]:
    """The rows without those of a pair that came before."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(key_of(row), row)
    return list(found.values())


def chosen_and_rejected(row: Row) -> tuple[str, str]:
    """Of a decided row."""
    return (row["a"], row["b"]) if row["label"] == "a" else (row["b"], row["a"])


def write_pairs(rows: Sequence[Row], path: Path) -> int:
    """The decided rows as `{"prompt", "chosen", "rejected"}`, each pair of texts once; returns how many.

    DatasetError where none is decided, and where two rows decide the same texts in opposite ways.
    """
    made: dict[tuple[str, str, str], None] = {}
    for row in once(rows):
        if row["label"] in DECIDED:
            chosen, rejected = chosen_and_rejected(row)
            if (row["prompt"], rejected, chosen) in made:
                raise DatasetError(
                    f"{key_of(row)}: the same two responses were decided the other way before; remove one"
                )
            made.setdefault((row["prompt"], chosen, rejected))
    if not made:
        raise DatasetError("no row is decided, so there is no pair to train on; label more, or sample again")
    names = ("prompt", "chosen", "rejected")
    lines = "".join(json.dumps(dict(zip(names, texts, strict=True)), ensure_ascii=False) + "\n" for texts in made)
    try:
        path.write_text(lines, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; choose another --pairs") from error
    return len(made)


def report(found: Validation) -> str:
    """The validation as lines for a terminal."""
    labels = ", ".join(f"{label} {count}" for label, count in found.labels.items())
    ratio = "-" if found.length_ratio is None else f"{found.length_ratio:.2f}"
    lines = [
        ("rows", f"{found.rows}"),
        ("missing", _named(found.missing)),
        (
            "duplicates",
            f"{_named(found.repeated)}; {found.repeated_texts} further pairs repeat a prompt and its responses",
        ),
        ("labels", labels),
        ("a chosen", f"{_percent(found.a_share)} of decided"),
        ("length", f"chosen / rejected {ratio}; the longer is chosen in {_percent(found.longer_share)}"),
        ("position", f"the first shown won {_percent(found.first_share)} of verdicts{_bias(found.first_share)}"),
        ("both orders", f"agree in {_percent(found.agreement)}"),
    ]
    return "\n".join(f"{name:12} {text}" for name, text in lines)


def _bias(share: Estimate | None) -> str:
    return "" if share is None or share.low <= 0.5 <= share.high else "  <- position bias"


def _percent(share: Estimate | None) -> str:
    if share is None:
        return "-"
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] of {share.n}"


def _named(keys: Sequence[str]) -> str:
    return f"{len(keys)}" + (f" ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})" if keys else "")
