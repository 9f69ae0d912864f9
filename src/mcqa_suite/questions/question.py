"""The one canonical form of a multiple-choice question, and a parser for each public dataset's rows."""

from __future__ import annotations

import hashlib
import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LETTERS = string.ascii_uppercase
# "A)5 km", "B. 6", "(C) 7": a label that a dataset writes in front of the option's text
OPTION_LABEL = re.compile(r"^\s*\(?[A-Z][).:]\s*")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """A question with its options.

    `id` is `<benchmark>/<row id>`. `gold` holds the indices of the right options: one, except where a dataset marks
    several. `rationale` is the dataset's own explanation, if it has one. Raises ValueError where no answer could ever be
    scored.
    """

    id: str
    stem: str
    choices: tuple[str, ...]
    gold: tuple[int, ...]
    subject: str = ""
    rationale: str = ""

    def __post_init__(self) -> None:
        if not 2 <= len(self.choices) <= len(LETTERS):
            raise ValueError(f"{self.id}: {len(self.choices)} options, expected 2 to {len(LETTERS)}")
        if not self.gold or not all(0 <= g < len(self.choices) for g in self.gold):
            raise ValueError(f"{self.id}: gold {list(self.gold)} does not point at one of {len(self.choices)} options")
        if not self.stem.strip() or not all(choice.strip() for choice in self.choices):
            raise ValueError(f"{self.id}: the question or an option is blank")

    @property
    def letters(self) -> list[str]:
        """The options' labels, A onwards."""
        return list(LETTERS[: len(self.choices)])

    @property
    def answer(self) -> str:
        """The letter of the (first) right option."""
        return LETTERS[self.gold[0]]


def text_id(*texts: str) -> str:
    """A short id from the row's own words, for datasets whose rows have none."""
    return hashlib.sha256("\x1f".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def shuffled(choices: Sequence[str], row_id: str) -> tuple[tuple[str, ...], int]:
    """`choices` in an order drawn from the row's own id, and where the first of them went.

    The order depends on nothing else, so a prompt is the same whatever was loaded before it.
    """
    order = random.Random(f"mcqa:{row_id}").sample(range(len(choices)), len(choices))  # noqa: S311
    return tuple(choices[i] for i in order), order.index(0)


def label_index(labels: Sequence[str], answer: str) -> int:
    """Where `answer` (a letter or a digit) stands among a row's own labels; ValueError if it does not."""
    wanted = str(answer).strip()
    if wanted not in labels:
        raise ValueError(f"answer {wanted!r} is not one of the labels {', '.join(labels)}")
    return list(labels).index(wanted)


def from_mmlu(row: Row, benchmark: str = "mmlu_stem") -> Question:
    """cais/mmlu: question, subject, choices, answer (an index)."""
    return Question(
        id=f"{benchmark}_{row['subject']}/{text_id(row['question'], *row['choices'])}",
        stem=row["question"].strip(),
        choices=tuple(row["choices"]),
        gold=(int(row["answer"]),),
        subject=row["subject"],
    )


def _from_labelled(row: Row, stem: str, benchmark: str) -> Question:
    labels, texts = row["choices"]["label"], row["choices"]["text"]
    return Question(
        id=f"{benchmark}/{row['id']}",
        stem=stem.strip(),
        choices=tuple(texts),
        gold=(label_index(labels, row["answerKey"]),),
    )


def from_arc(row: Row, benchmark: str = "arc") -> Question:
    """allenai/ai2_arc: question, choices {text, label}, answerKey, where labels are A-E or 1-5."""
    return _from_labelled(row, row["question"], benchmark)


def from_openbookqa(row: Row, benchmark: str = "openbookqa") -> Question:
    """allenai/openbookqa: question_stem, choices {text, label}, answerKey."""
    return _from_labelled(row, row["question_stem"], benchmark)


def from_sciq(row: Row, benchmark: str = "sciq") -> Question:
    """allenai/sciq: question, correct_answer, distractor1-3, support; the order is drawn from the row's words."""
    texts = (row["correct_answer"], row["distractor1"], row["distractor2"], row["distractor3"])
    row_id = text_id(row["question"], *texts)
    choices, gold = shuffled(texts, row_id)
    support = (row["support"] or "").strip()
    return Question(f"{benchmark}/{row_id}", row["question"].strip(), choices, (gold,), rationale=support)


def from_gpqa(row: Row, benchmark: str = "gpqa") -> Question:
    """Idavidrein/gpqa: Question, Correct Answer, Incorrect Answer 1-3, Record ID; the order is drawn from Record ID."""
    texts = [row["Correct Answer"], *(row[f"Incorrect Answer {i}"] for i in (1, 2, 3))]
    choices, gold = shuffled([text.strip() for text in texts], row["Record ID"])
    return Question(
        id=f"{benchmark}/{row['Record ID']}",
        stem=row["Question"].strip(),
        choices=choices,
        gold=(gold,),
        subject=row["Subdomain"] or "",
    )


def from_aqua_rat(row: Row, benchmark: str = "aqua_rat") -> Question:
    """deepmind/aqua_rat: question, options as `A)text`, rationale, correct (a letter)."""
    choices = tuple(OPTION_LABEL.sub("", option, count=1).strip() for option in row["options"])
    return Question(
        id=f"{benchmark}/{text_id(row['question'], *row['options'])}",
        stem=row["question"].strip(),
        choices=choices,
        gold=(label_index(LETTERS[: len(choices)], row["correct"]),),
        rationale=row["rationale"].strip(),
    )
