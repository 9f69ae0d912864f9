"""`mcqa_*_harness`: documents and prompts of lm-evaluation-harness 0.4.13's own tasks, equal in every character.

The documents have the columns of `Question`, like those of the other formats, and the same ids; their texts are the data set's,
with the white space around them, where the built-in prompt keeps it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from datasets import Dataset

from mcqa_suite.harness.docs import as_question, canonical, parsed
from mcqa_suite.logs.scoring import Doc
from mcqa_suite.questions import parsers
from mcqa_suite.questions.question import Question, Row

SEED = 0  # `lm_eval` seeds `random` with it, unless --seed gives another


def _arc(row: Row, benchmark: str) -> Question:
    return replace(parsers.from_arc(row, benchmark), stem=row["question"])


def _openbookqa(row: Row, benchmark: str) -> Question:
    return replace(parsers.from_openbookqa(row, benchmark), stem=row["question_stem"])


def _sciq(row: Row, benchmark: str) -> Question:
    """The right option is always the last one."""
    choices = (row["distractor1"], row["distractor2"], row["distractor3"], row["correct_answer"])
    question = parsers.from_sciq(row, benchmark)
    return replace(question, stem=row["question"], choices=choices, gold=(3,), rationale=row["support"] or "")


def _gpqa(row: Row, benchmark: str, draw: random.Random) -> Question:
    """The options in the next order of `draw`; equal options count as the first of them."""
    texts = [_cleaned(row[f"Incorrect Answer {i}"]) for i in (1, 2, 3)] + [right := _cleaned(row["Correct Answer"])]
    draw.shuffle(texts)
    question = parsers.from_gpqa(row, benchmark)
    return replace(question, stem=row["Question"], choices=tuple(texts), gold=(texts.index(right),))


def _cleaned(text: str) -> str:
    return text.strip().replace(" [title]", ". ").replace("  ", " ")


arc_easy = parsed(_arc, "arc_easy")
arc_challenge = parsed(_arc, "arc_challenge")
openbookqa = parsed(_openbookqa, "openbookqa")
sciq = parsed(_sciq, "sciq")


def _in_drawn_order(benchmark: str) -> Callable[[Dataset], Dataset]:
    """`process_docs` that shuffles every row's options by one stream of random numbers, as a fresh `lm_eval` process does that
    runs the built-in task alone."""
    return lambda rows: canonical(rows, partial(_gpqa, draw=random.Random(SEED)), benchmark)  # noqa: S311


gpqa_main = _in_drawn_order("gpqa_main")
gpqa_diamond = _in_drawn_order("gpqa_diamond")
gpqa_extended = _in_drawn_order("gpqa_extended")


def mmlu_text(doc: Doc) -> str:
    return f"{doc['stem']}\n{_options(doc, '{}. {}')}\nAnswer:"


def arc_text(doc: Doc) -> str:
    return f"Question: {doc['stem']}\nAnswer:"


def sciq_text(doc: Doc) -> str:
    """The question below the data set's own supporting text, which often holds the answer."""
    return f"{doc['rationale'].lstrip()}\nQuestion: {doc['stem']}\nAnswer:"


def gpqa_text(doc: Doc) -> str:
    return f"What is the correct answer to this question:{doc['stem']}\nChoices:\n{_options(doc, '({}) {}')}\nAnswer:"


def gpqa_target(doc: Doc) -> str:
    return f"({as_question(doc).answer})"


def _options(doc: Doc, form: str) -> str:
    return "\n".join(form.format(letter, text) for letter, text in zip("ABCD", doc["choices"], strict=True))
