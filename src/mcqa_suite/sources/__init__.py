"""Questions as training rows: where they come from, and the prompt and completion they become."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from mcqa_suite import generated, prompts
from mcqa_suite.epfl import read_epfl
from mcqa_suite.errors import ConfigError, DatasetError
from mcqa_suite.manifest import Data
from mcqa_suite.question import Question
from mcqa_suite.sources.spec import Source


def _generated(source: Source) -> list[Question]:
    if not source.n:
        raise ConfigError("source 'generated': no 'n'; say how many questions to generate")
    try:
        return generated.generate("train", source.n, source.seed)
    except ValueError as error:
        raise DatasetError(f"source 'generated': {error}") from error


def _epfl(source: Source) -> list[Question]:
    """The first `n` questions of an EPFL-format file, or all of them."""
    if not source.path:
        raise ConfigError("source 'epfl': no 'path'; give an EPFL-format JSONL file")
    questions, _ = read_epfl(source.path)
    if source.n and source.n > len(questions):
        raise DatasetError(f"{source.path}: {len(questions)} questions, {source.n} asked for; lower n")
    return questions[: source.n]


def _explanation(question: Question) -> str:
    if not question.rationale:
        raise DatasetError(f"{question.id}: no explanation, and style 'cot' needs one; use style 'letter_text'")
    return question.rationale


def _letter(question: Question) -> tuple[str, str]:
    return prompts.letter(question), f" {question.answer}"


def _letter_text(question: Question) -> tuple[str, str]:
    return prompts.letter(question), f" {question.answer}. {question.choices[question.gold[0]]}"


def _cloze(question: Question) -> tuple[str, str]:
    return prompts.cloze(question), f" {question.choices[question.gold[0]]}"


def _cot(question: Question) -> tuple[str, str]:
    return prompts.cot(question), f" {_explanation(question)} The answer is {question.answer}."


SOURCES: dict[str, Callable[[Source], list[Question]]] = {"generated": _generated, "epfl": _epfl}
STYLES: dict[str, Callable[[Question], tuple[str, str]]] = {
    "letter": _letter,
    "letter_text": _letter_text,
    "cloze": _cloze,
    "cot": _cot,
}


def rows(source: Source) -> list[dict[str, str]]:
    """One row a question, in the source's order: `id`, `prompt`, `completion`."""
    for name, value, known in (("source", source.source, SOURCES), ("style", source.style, STYLES)):
        if value not in known:
            raise ConfigError(f"unknown {name} {value!r}; expected one of {', '.join(known)}")
    pairs = [(question.id, *STYLES[source.style](question)) for question in SOURCES[source.source](source)]
    return [{"id": name, "prompt": prompt, "completion": completion} for name, prompt, completion in pairs]


def fingerprint(source: Source, made: Iterable[dict[str, str]]) -> Data:
    """What a manifest says of the rows that were made from `source`."""
    digest, n = hashlib.sha256(), 0
    for row in made:
        digest.update("\x1f".join([row["prompt"], row["completion"], ""]).encode("utf-8", "surrogatepass"))
        n += 1
    return Data(source.source, n, digest.hexdigest())


def read(sources: Iterable[Source]) -> tuple[list[dict[str, str]], tuple[Data, ...]]:
    """All rows of several sources one after the other, and a fingerprint of each."""
    made = [(source, rows(source)) for source in sources]
    return [row for _, part in made for row in part], tuple(fingerprint(source, part) for source, part in made)
