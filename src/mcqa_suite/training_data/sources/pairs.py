"""Preference pairs: from files in several formats, from sampled solutions, and of a question's right and wrong options."""

from __future__ import annotations

import dataclasses
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row, numbered_items
from mcqa_suite.logs.log_row import Columns, log_row
from mcqa_suite.logs.scoring import SCORES, read_all
from mcqa_suite.questions.answer_key import read_answer
from mcqa_suite.questions.epfl import answer_at_end
from mcqa_suite.questions.question import Question
from mcqa_suite.training_data.preferences.pairs import DECIDED, LABELS, key_of, left_out_text
from mcqa_suite.training_data.sources.multiple_choice import MULTIPLE_CHOICE, STYLES
from mcqa_suite.training_data.sources.source import Identity, MixEntry, PairSource, Reader, as_texts, group_of, required

log = logging.getLogger(__name__)
CRITERIA = ("correctness", "relevance", "clarity", "completeness")
UNDECIDED = {"AB", "None", None}
OVERALL = {"A", "B", *UNDECIDED}

Item = tuple[Identity, tuple[str, str, str]]  # prompt, chosen and rejected
Answers = tuple[Identity, tuple[Question, Question]]  # with the right option, and with a wrong one
# Of a row with this id: pairs, and for what is no pair the reason.
Parser = Callable[[PairSource, Row, str], Iterator[Item | str]]


def _right_and_wrong(reader: Reader[MixEntry]) -> Callable[[PairSource], Iterator[Answers]]:
    """A loader of each question of a multiple-choice source with its right option, and with a wrong one as if that were right.

    The wrong one is drawn with the seed and the question's id; a question whose options are all right makes no pair.
    """

    def load(source: PairSource) -> Iterator[Answers]:
        for identity, question in reader.load(source):
            if wrong := [i for i in range(len(question.choices)) if i not in question.gold]:
                drawn = random.Random(f"{source.seed}:{question.id}").choice(wrong)  # noqa: S311 - not cryptography
                yield identity, (question, dataclasses.replace(question, gold=(drawn,)))

    return load


def _answered(style: Callable[[Question], tuple[str, str]], answers: tuple[Question, Question]) -> tuple[str, str, str]:
    (prompt, chosen), (_, rejected) = map(style, answers)
    return prompt, chosen, rejected


def _from_file(parse: Parser) -> Callable[[PairSource], list[Item]]:
    """A loader of the pairs in the source's file.

    Pairs of equal responses are dropped before `keep_first` applies, and undecided ones; the numbers of all that is left out
    are logged.
    """

    def load(source: PairSource) -> list[Item]:
        path = Path(required(source, "path", "give a file of preference data"))
        items: list[Item] = []
        groups: set[str] = set()
        left_out: Counter[str] = Counter()
        for number, row in numbered_items(path, "a JSON or JSONL file of preference data"):
            try:
                parsed = list(parse(source, row, f"{source.source}/{path.stem}/{number}"))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                reason = f"no key {error}" if isinstance(error, KeyError) else error
                raise DatasetError(f"{path}:{number}: {reason}; correct the row, or choose another source") from error
            for item in parsed:
                if isinstance(item, str):
                    left_out[item] += 1
                    continue
                group, (_, chosen, rejected) = item[0].group, item[1]
                if chosen.strip() == rejected.strip():
                    left_out["equal"] += 1
                elif source.keep_first and group in groups:
                    left_out["not the first of its question"] += 1
                else:
                    items.append(item)
                    groups.add(group)
        if left_out:
            log.warning("%s: %d pairs; left out: %s", path, len(items), left_out_text(left_out))
        return items

    return load


def _evaluator(source: PairSource, row: Row, name: str) -> Iterator[Item]:
    """`{"prompt", "chosen", "rejected"}`, optionally with id, group, topic and pool."""
    prompt, chosen, rejected = (_text(row, key) for key in ("prompt", "chosen", "rejected"))
    defaults = {"id": name, "group": group_of(prompt), "topic": "", "pool": ""}
    own = {key: str(row.get(key) or text) for key, text in defaults.items()}
    yield Identity(own["id"], own["group"], own["topic"], own["pool"]), _texts(prompt, chosen, rejected)


def _persuasion(source: PairSource, row: Row, name: str) -> Iterator[Item | str]:
    """The form of `_evaluator`, or a row with a, b and a label; only labels "a" and "b" make a pair. Both need `group`."""
    if "group" not in row:
        raise ValueError(
            "no key 'group', the dialogue that the pair is from; `mcqa preferences prompts` gives it to a prompt"
        )
    _text(row, "group")
    if "label" not in row:
        yield from _evaluator(source, row, name)
    elif row["label"] not in LABELS:
        raise ValueError(f"label {row['label']!r}; expected one of {', '.join(LABELS)}")
    elif row["label"] in DECIDED:
        other = "b" if row["label"] == "a" else "a"
        row_id = key_of(row) if "pair" in row else name  # the responses to a prompt may be in several pairs
        yield from _evaluator(source, {**row, "chosen": row[row["label"]], "rejected": row[other], "id": row_id}, name)
    else:
        yield row["label"]


def _epfl_raw(source: PairSource, row: Row, name: str) -> Iterator[Item | str]:
    """A question with its `preference` list; pairs without a preferred response are left out."""
    prompt = _text(row, "question_complete")
    if (answer := answer_at_end(prompt)) is not None:
        raise ValueError(f"'question_complete' ends in the answer, {answer!r}")
    for number, preference in enumerate(row["preference"]):
        overall = preference["overall"]
        if overall not in OVERALL:
            raise ValueError(f"'overall' is {overall!r}, expected 'A', 'B', 'AB' or 'None'")
        if overall not in ("A", "B"):
            yield "undecided"
            continue
        sides = [preference["criteria"].get(criterion) for criterion in CRITERIA]
        agreeing = sum(side == overall or (source.tolerance and side in UNDECIDED) for side in sides)
        if agreeing >= source.min_agreement:
            other = "B" if overall == "A" else "A"
            # The group is made of the prompt, so that the same question in the form of `_evaluator` has the same group.
            identity = Identity(f"{name}/{number}", group_of(prompt), str(row.get("course_id") or ""))
            yield identity, _texts(prompt, _text(preference, overall), _text(preference, other))
        else:
            yield "below min_agreement"


def _solutions(source: PairSource, row: Row, name: str) -> Iterator[Item]:
    """Pairs of a right and a wrong sampled response to a question; each response is in at most one pair, an unread one in none.

    A row is a line of a sample log, or `{"question", "gold", "responses"}`, with `choices` where the answer is a letter and with
    `prompt` where the model's prompt was not the question.
    """
    columns = Columns()
    if "responses" in row:
        fields = {key: value for key, value in row.items() if key != "responses"}
        if isinstance(fields.get("choices"), list) and "answer" in fields and "gold" not in fields:
            fields["gold"] = list(read_answer(fields["answer"], list(map(str, fields["choices"]))).gold)
        row = {"doc": fields, "resps": [row["responses"]]}
        columns = Columns(kind="letters" if "choices" in row["doc"] else "numbers")
    logged = log_row(row, columns)
    doc = row["doc"]
    argument = row.get("arguments", {}).get("gen_args_0", {}).get("arg_0")
    prompt = doc.get("prompt") or argument or _text(doc, "question")
    right: list[str] = []
    wrong: list[str] = []
    for text, extraction in zip(logged.texts, read_all(logged.kind, logged.texts, logged.doc), strict=True):
        if extraction.answer is not None:
            (right if SCORES[logged.kind](logged.doc, [extraction])["acc"] else wrong).append(text)
    group = doc.get("group") or group_of(doc.get("question") or prompt)
    for number, (chosen, rejected) in enumerate(zip(right, wrong, strict=False)):
        identity = Identity(f"{name}/{number}", group, doc.get("topic") or "")
        yield identity, _texts(prompt, chosen, rejected)


def _text(row: Row, key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key!r} is {'blank' if isinstance(value, str) else type(value).__name__}, expected text")
    return value


def _texts(prompt: str, chosen: str, rejected: str) -> tuple[str, str, str]:
    """The texts of a row, with a space between the prompt and each response."""
    first, second = (text if text[:1].isspace() else f" {text}" for text in (chosen, rejected))
    return prompt, first, second


# The styles of an option, the first being the default; an explanation (`cot`) is of the right one alone.
OPTION_STYLES = {
    name: partial(_answered, STYLES[name])
    for name in ("letter_text", "letter", "correct_answer", "cloze", "cot_answer")
}
TEXTS = {"pair": as_texts}
FILE_KEYS = ("path", "keep_first")
PAIRS: dict[str, Reader[PairSource]] = {
    **{
        name: Reader(_right_and_wrong(reader), OPTION_STYLES, reader.keys, reader.splits)
        for name, reader in MULTIPLE_CHOICE.items()
    },
    "evaluator": Reader(_from_file(_evaluator), TEXTS, FILE_KEYS, "made"),
    "epfl_raw": Reader(_from_file(_epfl_raw), TEXTS, (*FILE_KEYS, "min_agreement", "tolerance"), "made"),
    "solutions": Reader(_from_file(_solutions), TEXTS, FILE_KEYS, "made"),
    "persuasion": Reader(_from_file(_persuasion), TEXTS, FILE_KEYS, "made"),
}
