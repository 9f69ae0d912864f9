"""Preference pairs: files in the forms that are in use, sampled solutions, and pairs made of multiple-choice questions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import numbered_items
from mcqa_suite.logs.log_row import Columns, log_row
from mcqa_suite.logs.scoring import SCORES, read_all
from mcqa_suite.questions import prompts
from mcqa_suite.questions.question import LETTERS, Question
from mcqa_suite.training_data.sources import choice
from mcqa_suite.training_data.sources.adaptor import PARTS, Identity, Pair, PairAdaptor, group_of
from mcqa_suite.training_data.sources.spec import PairSource

CRITERIA = ("correctness", "relevance", "clarity", "completeness")
UNDECIDED = {"AB", "None", None}


def right_against_wrong(question: Question, seed: int) -> Pair:
    """The letter and text of the right option against those of a wrong one, drawn by the seed and the question's id."""
    wrong = [i for i in range(len(question.choices)) if i not in question.gold]
    rejected = random.Random(f"{seed}:{question.id}").choice(wrong)  # noqa: S311 - not cryptography
    chosen, other = (f"{LETTERS[i]}. {question.choices[i]}" for i in (question.gold[0], rejected))
    return Pair(choice.identity(question), prompts.letter(question), chosen, other)


def _generated(source: PairSource) -> list[Pair]:
    return [right_against_wrong(question, source.seed) for question in choice.generate(source)]


def _pairs_of(parse: Callable[[PairSource, dict[str, Any], str], Iterator[Pair]]) -> Callable[[PairSource], list[Pair]]:
    """The pairs that `parse` makes of each object of the source's file, the first of each question where it asks so.

    Equal responses are no pair: they go before the first of a question is taken.
    """

    def load(source: PairSource) -> list[Pair]:
        if not source.path:
            raise ConfigError(f"source {source.source!r}: no 'path'; give a file of preference data")
        path = Path(source.path)
        made: list[Pair] = []
        for number, row in numbered_items(path, "a JSON or JSONL file of preference data"):
            try:
                found = list(parse(source, row, f"{source.source}/{path.stem}/{number}"))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                reason = f"no key {error}" if isinstance(error, KeyError) else error
                raise DatasetError(f"{path}:{number}: {reason}; mend the row, or choose another source") from error
            made += [pair for pair in found if pair.chosen.strip() != pair.rejected.strip()]
        return _firsts(made) if source.keep_first else made

    return load


def _firsts(pairs: list[Pair]) -> list[Pair]:
    first: dict[str, Pair] = {}
    for pair in pairs:
        first.setdefault(pair.identity.group, pair)
    return list(first.values())


def _evaluator(source: PairSource, row: dict[str, Any], name: str) -> Iterator[Pair]:
    """`{"prompt", "chosen", "rejected"}`, with id, group and topic where the file has them."""
    prompt, chosen, rejected = (_text(row, key) for key in ("prompt", "chosen", "rejected"))
    identity = Identity(row.get("id") or name, row.get("group") or group_of(prompt), row.get("topic") or "")
    yield Pair(identity, prompt, chosen, rejected)


def _persuasion(source: PairSource, row: dict[str, Any], name: str) -> Iterator[Pair]:
    """The evaluator's form, or a labelled row with a, b and label; with the prompt's `group`, by which its pool is known.

    Only a label of a or b makes a pair: a tie, an "equal" or a skipped one does not.
    """
    _text(row, "group")
    if "label" not in row:
        yield from _evaluator(source, row, name)
    elif row["label"] in ("a", "b"):
        other = "b" if row["label"] == "a" else "a"
        sides = {"chosen": row[row["label"]], "rejected": row[other]}
        yield from _evaluator(source, {**row, **sides, "id": name}, name)


def _epfl_raw(source: PairSource, row: dict[str, Any], name: str) -> Iterator[Pair]:
    """A question with its `preference` list; a pair without a preferred side is left out."""
    prompt = _text(row, "question_complete")
    for number, preference in enumerate(row["preference"]):
        overall = preference["overall"]
        if overall not in ("A", "B"):
            continue
        judged = [preference["criteria"].get(criterion) for criterion in CRITERIA]
        agree = sum(side == overall or (source.tolerance and side in UNDECIDED) for side in judged)
        if agree >= source.min_agreement:
            other = "B" if overall == "A" else "A"
            # By its words and not its id, so that the evaluator's form of the question is the same group.
            identity = Identity(f"{name}/{number}", group_of(prompt), str(row.get("course_id") or ""))
            yield Pair(identity, prompt, _text(preference, overall), _text(preference, other))


def _solutions(source: PairSource, row: dict[str, Any], name: str) -> Iterator[Pair]:
    """Sampled responses to a question, right ones against wrong ones, each used once; unread ones are neither.

    Rows are those of a sample log, or `{"question", "gold", "responses"}` with `choices` where the answer is a letter and
    `prompt` where the question was asked in other words than its own. The extractors say what is right.
    """
    if "responses" in row:
        row = {"doc": {key: value for key, value in row.items() if key != "responses"}, "resps": [row["responses"]]}
        recorded = log_row(row, Columns(kind="letters" if "choices" in row["doc"] else "numbers"))
    else:
        recorded = log_row(row, Columns())
    doc = row["doc"]
    asked = row.get("arguments", {}).get("gen_args_0", {}).get("arg_0")
    prompt = doc.get("prompt") or asked or _text(doc, "question")
    right: list[str] = []
    wrong: list[str] = []
    for text, read in zip(recorded.texts, read_all(recorded.kind, recorded.texts, recorded.doc), strict=True):
        if read.answer is not None:
            (right if SCORES[recorded.kind](recorded.doc, [read])["acc"] else wrong).append(text)
    group = doc.get("group") or group_of(doc.get("question") or prompt)
    for number, (chosen, rejected) in enumerate(zip(right, wrong, strict=False)):
        yield Pair(Identity(f"{name}/{number}", group, doc.get("topic") or ""), prompt, chosen, rejected)


def _text(row: dict[str, Any], key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key!r} is {'blank' if isinstance(value, str) else type(value).__name__}, expected text")
    return value


FILE = ("path", "keep_first", *PARTS)
PAIRS = {
    "generated": PairAdaptor(_generated),
    "evaluator": PairAdaptor(_pairs_of(_evaluator), FILE),
    "epfl_raw": PairAdaptor(_pairs_of(_epfl_raw), (*FILE, "min_agreement", "tolerance")),
    "solutions": PairAdaptor(_pairs_of(_solutions), FILE),
    "persuasion": PairAdaptor(_pairs_of(_persuasion), FILE),
}
