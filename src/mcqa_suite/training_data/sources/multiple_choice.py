"""Multiple-choice sources, and the styles in which a question is answered."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.questions import parsers, prompts, question
from mcqa_suite.questions.epfl import read_epfl
from mcqa_suite.questions.question import Question, label_index, text_id
from mcqa_suite.training_data.sources import hub
from mcqa_suite.training_data.sources.source import Identity, MixEntry, Reader, check_choice, group_of, required

# MathQA: "a ) 38 , b ) 27.675 , c ) 30 , d ) data inadequate , e ) none of these"
MATH_QA_OPTION = re.compile(r"(?:^|,)\s*([a-e]) \)\s*")
BUNDLED = ("config", "data")  # keys of a data set of which some splits come with this package


def _text_of_gold(question: Question) -> str:
    return question.choices[question.gold[0]]


def _cot(question: Question) -> tuple[str, str]:
    if not question.rationale:
        raise DatasetError(f"{question.id}: no explanation, and style 'cot' needs one; use style 'cot_answer'")
    return prompts.cot(question), f" {prompts.cot_solution(question)}"


# Style -> prompt and completion; the completion begins with the space between the two.
STYLES: dict[str, Callable[[Question], tuple[str, str]]] = {
    "letter": lambda q: (prompts.letter(q), f" {q.answer}"),
    "letter_text": lambda q: (prompts.letter(q), f" {q.answer}. {_text_of_gold(q)}"),
    "correct_answer": lambda q: (prompts.letter(q), f" The correct answer is {q.answer}. {_text_of_gold(q)}"),
    "cloze": lambda q: (prompts.cloze(q), f" {_text_of_gold(q)}"),
    "cot": _cot,
    "cot_answer": lambda q: (prompts.cot(q), f" {prompts.cot_answer(q)}"),
}


def identity(question: Question) -> Identity:
    return Identity(question.id, group_of(question.stem, *question.choices), question.subject)


def _identified(questions: Iterable[Question]) -> Iterator[tuple[Identity, Question]]:
    return ((identity(question), question) for question in questions)


def from_math_qa(row: question.Row, benchmark: str = "math_qa") -> Question:
    """MathQA: Problem, Rationale, options (one string), correct (a to e), category."""
    _, *parts = MATH_QA_OPTION.split(row["options"].strip())
    labels, choices = parts[::2], [text.strip(" ,") for text in parts[1::2]]
    if labels != list("abcde"[: len(labels)]):
        raise ValueError(f"options {row['options']!r} are not labelled a ) to e ) in order")
    return Question(
        id=f"{benchmark}/{text_id(row['Problem'], row['options'])}",
        stem=row["Problem"].strip(),
        choices=tuple(choices),
        gold=(label_index(labels, row["correct"]),),
        subject=row.get("category") or "",
        rationale=row["Rationale"].strip('" \n'),
    )


def from_mmlu_auxiliary(row: question.Row, benchmark: str = "mmlu_auxiliary") -> Question:
    """cais/mmlu's auxiliary_train, whose subjects are blank."""
    parsed = parsers.from_mmlu(row, benchmark)
    return dataclasses.replace(parsed, id=f"{benchmark}/{parsed.id.rpartition('/')[2]}")


def _epfl(source: MixEntry) -> Iterator[tuple[Identity, Question]]:
    return _identified(read_epfl(required(source, "path", "give an EPFL-format JSONL file"))[0])


def _on_hub(
    repository: str,
    configs: dict[str, str],
    parse: Callable[..., Question],
    split: str = "train",
    keys: tuple[str, ...] = ("config",),
) -> Reader[MixEntry]:
    """A reader of a data set on the hub; a source without a config reads all of `configs` (config -> benchmark in its ids).

    Options keep the order of the data set; where it has none, a hash of the row's text decides it.
    """

    def load(source: MixEntry) -> Iterator[tuple[Identity, Question]]:
        if source.config:
            check_choice(f"config of source {source.source!r}", source.config, configs)
        questions: list[Question] = []
        for config in [source.config] if source.config else configs:
            rows = hub.load(repository, config, source.split or split, source.data)
            questions += hub.parsed(repository, rows, partial(parse, benchmark=configs[config]))
        # Style 'cot' leaves out the questions without an explanation.
        return _identified(q for q in questions if q.rationale or source.style != "cot")

    return Reader(load, STYLES, keys, "own")


MULTIPLE_CHOICE: dict[str, Reader[MixEntry]] = {
    "epfl": Reader(_epfl, STYLES, ("path",), "made"),
    "sciq": _on_hub("allenai/sciq", {"default": "sciq"}, parsers.from_sciq),
    "arc": _on_hub(
        "allenai/ai2_arc", {"ARC-Easy": "arc_easy", "ARC-Challenge": "arc_challenge"}, parsers.from_arc, keys=BUNDLED
    ),
    "openbookqa": _on_hub("allenai/openbookqa", {"main": "openbookqa"}, parsers.from_openbookqa, keys=BUNDLED),
    # In its own config each row is wrapped in a column "train"; in "all" rows have the same columns as the other splits.
    "mmlu_auxiliary": _on_hub("cais/mmlu", {"all": "mmlu_auxiliary"}, from_mmlu_auxiliary, "auxiliary_train"),
    "aqua_rat": _on_hub("deepmind/aqua_rat", {"raw": "aqua_rat"}, parsers.from_aqua_rat, keys=BUNDLED),
    # allenai/math_qa as parquet, which the harness's own task reads too
    "math_qa": _on_hub("regisss/math_qa", {"default": "math_qa"}, from_math_qa),
}
