"""Pairs of a right answer that the data has and a response that a model wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.logs.scoring import SCORES, read_all
from mcqa_suite.questions.question import option_label
from mcqa_suite.training_data.preferences.check import Pairs
from mcqa_suite.training_data.preferences.correctness import kind_and_doc
from mcqa_suite.training_data.preferences.pairs import carried

# The columns of a prompt's row that may hold the right answer in words, the first one counts; ANSWERS are whole answers
ANSWERS = ("reference", "completion")
TEXTS = (*ANSWERS, "rationale", "explanation", "solution")


def contrasted(responses: Mapping[str, Sequence[Row]], per_prompt: int | None = 1) -> Pairs:
    """For each prompt up to `per_prompt` pairs (None: all): the data's own answer is chosen, a sampled response rejected.

    A response that is right, or the same text, makes no pair. DatasetError where no pair is left, and where a row has no answer.
    """
    left_out: Counter[str] = Counter()
    rows: list[Row] = []
    for name, sampled in responses.items():
        pairs = list(_pairs(name, sampled, left_out))
        left_out["beyond --pairs-per-prompt"] += len(pairs[per_prompt:]) if per_prompt else 0
        rows += pairs[:per_prompt]
    if not rows:
        raise DatasetError(f"no pair is left ({_words(left_out) or 'no response'}); sample more responses")
    return Pairs(tuple(rows), {reason: count for reason, count in left_out.items() if count})


def _pairs(name: str, sampled: Sequence[Row], left_out: Counter[str]) -> Iterator[Row]:
    data, prompt = sampled[0].get("data") or {}, sampled[0]["prompt"]
    try:
        kind, doc = kind_and_doc(data, prompt)
    except ValueError as error:
        kind, doc = "", {}
        if not any(data.get(key) for key in TEXTS):
            raise DatasetError(f"{name}: {error}, or its text in one of {', '.join(TEXTS)}") from error
    chosen = _answer(data, kind, doc)
    for row in sampled:
        response = row["response"]
        if response.strip() in ("", chosen.strip()):
            left_out["blank or equal"] += 1
        elif kind and SCORES[kind](doc, read_all(kind, [response], doc))["acc"]:
            left_out["right"] += 1
        else:
            texts = {"prompt": prompt, "chosen": chosen, "rejected": response}
            yield {"id": f"{name}#{row.get('index', 0)}", **carried(data), **texts}


def _answer(data: Row, kind: str, doc: Row) -> str:
    """The data's own words. An explanation gets a sentence that says the letter or number; so does an answer without it."""
    key = next((key for key in TEXTS if data.get(key)), "")
    text = str(data[key]).strip() if key else ""
    if not kind or (key in ANSWERS and SCORES[kind](doc, read_all(kind, [text], doc))["acc"]):
        return text
    letters = kind == "letters"
    sentence = f"The answer is ({option_label(doc['gold'][0])})." if letters else f"The final answer is {doc['gold']}."
    return f"{text} {sentence}".strip()


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items() if count)
