"""A parser for the rows of each public multiple-choice data set.

Options keep the data set's order; where it has none (SciQ, GPQA) the order is drawn from the row's id.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from mcqa_suite.questions.question import LETTERS, OPTION_LABEL, Question, Row, label_index, text_id


def shuffled(choices: Sequence[str], row_id: str) -> tuple[tuple[str, ...], int]:
    """`choices` in an order drawn from the row's own id and nothing else, and the new index of the first of them."""
    order = random.Random(f"mcqa:{row_id}").sample(range(len(choices)), len(choices))  # noqa: S311
    return tuple(choices[i] for i in order), order.index(0)


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
