"""One question in the prompts of a benchmark's own tasks, scored and written as `mcqa eval` does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from mcqa_suite.common.chat_template import Format
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.evaluation.ask.model import Model
from mcqa_suite.extract import Extraction
from mcqa_suite.harness.docs import as_question
from mcqa_suite.harness.tasks import check_names, listed, load_leaves, public_source
from mcqa_suite.logs.scoring import Doc, read_all
from mcqa_suite.questions.question import LETTERS, Question
from mcqa_suite.stats.probabilities import option_probabilities

SUFFIXES: dict[Format, str] = {"letter": "", "cloze": "_cloze", "written": "_cot"}
OWN = "typed"  # the id of a question that was typed
BREAK = "⏎"  # a line break in an option, where there is an option a line


@dataclass(frozen=True)
class Scores:
    """The options' log-likelihoods in one format, after the prompt `context`, and their shares of the probability."""

    context: str
    continuations: tuple[str, ...]
    loglikelihoods: tuple[float, ...]

    @property
    def shares(self) -> list[float]:
        values = np.array([self.loglikelihoods])
        return [float(share) for share in option_probabilities(values, np.ones(values.shape, bool))[0]]

    @property
    def chosen(self) -> int:
        """The index of the largest, the first of equal ones, as in the harness's accuracy."""
        return max(range(len(self.loglikelihoods)), key=self.loglikelihoods.__getitem__)


@dataclass(frozen=True)
class Written:
    """What a model wrote, and what was read from it."""

    text: str
    extraction: Extraction


def benchmarks() -> list[str]:
    """The tasks with letters whose questions are also asked as cloze and cot, and are on this machine."""
    tasks = listed()
    own = [name for name in tasks if all(name + suffix in tasks for suffix in SUFFIXES.values())]
    here = [name for name in own if public_source(tasks[name]).endswith("(bundled)") or not public_source(tasks[name])]
    return sorted(name for name in here if tasks[name].get("output_type") == "multiple_choice")


def check_benchmark(name: str) -> None:
    """ConfigError for a task that cannot be asked in all three formats."""
    tasks = listed()
    check_names([name], list(tasks))
    if not all(name + suffix in tasks for suffix in SUFFIXES.values()):
        raise ConfigError(f"task {name!r}: not asked as letter, cloze and cot; give one such as {benchmarks()[0]}")


@cache
def task_of(benchmark: str, format: Format) -> Any:
    """The harness's task object; McqaError where its questions cannot be loaded."""
    return load_leaves([benchmark + SUFFIXES[format]])[0]


def drawn(benchmark: str, number: int | None = None) -> Question:
    """A question of a task, by its number in the log or at random."""
    docs = task_of(benchmark, "letter").eval_docs
    if number is not None and not 0 <= number < len(docs):
        raise ConfigError(f"{benchmark}: no document {number}; give a number from 0 to {len(docs) - 1}")
    return as_question(docs[random.randrange(len(docs)) if number is None else number])  # noqa: S311


def typed(stem: str, options: str, right: str = "") -> Question:
    """A question from what was typed, an option a line; ConfigError says what is missing."""
    choices = tuple(line.replace(BREAK, "\n") for line in options.split("\n") if line.strip())
    letter = right.strip().upper()
    if letter and letter not in LETTERS[: len(choices)]:
        raise ConfigError(f"right option {right.strip()[:20]!r}: give a letter of the options, or nothing")
    try:
        return Question(OWN, stem, choices, (LETTERS.index(letter) if letter else 0,))
    except ValueError as error:
        raise ConfigError(str(error).removeprefix(f"{OWN}: ")) from error


def as_lines(question: Question) -> str:
    """The options, one a line, as `typed` reads them."""
    return "\n".join(choice.replace("\n", BREAK) for choice in question.choices)


def shuffled(question: Question) -> Question:
    """The same question with its options in another order."""
    order = list(range(len(question.choices)))
    while order == sorted(order):
        random.shuffle(order)
    gold = tuple(order.index(index) for index in question.gold)
    return replace(question, choices=tuple(question.choices[index] for index in order), gold=gold)


def scored(model: Model, benchmark: str, question: Question, format: Format) -> Scores:
    """The log-likelihood of each option; LoglikelihoodError where one has none."""
    requests = _requests(model, benchmark, question, format)
    with model.lock:
        answers = model.lm.loglikelihood(requests, disable_tqdm=True)
    context = str(requests[0].args[0])
    return Scores(context, tuple(str(each.args[1]) for each in requests), tuple(value for value, _ in answers))


def written(model: Model, benchmark: str, question: Question, most: int | None = None) -> Written:
    """What the model writes, of at most so many tokens (None: as many as the task allows), and what is read from it."""
    [request] = _requests(model, benchmark, question, "written")
    context, settings = request.args
    request.arguments = (context, settings | ({"max_gen_toks": most} if most else {}))
    with model.lock:
        [text] = model.lm.generate_until([request], disable_tqdm=True)
    [extraction] = read_all("letters", [text], _doc(question))
    return Written(text, extraction)


def _requests(model: Model, benchmark: str, question: Question, format: Format) -> Sequence[Any]:
    """What the harness sends for this question, with the chat template where the checkpoint's manifest says so."""
    task, chat, doc = task_of(benchmark, format), model.chat[format], _doc(question)
    how = {"apply_chat_template": chat, "chat_template": model.lm.apply_chat_template if chat else None}
    context = task.fewshot_context(
        doc,
        num_fewshot=task.config.num_fewshot or 0,
        fewshot_as_multiturn=chat,
        gen_prefix=task.doc_to_prefix(doc),
        **how,
    )
    built = task.construct_requests(doc=doc, ctx=context, metadata=(task.task_name, 0, task.config.repeats), **how)
    return built if isinstance(built, list) else [built]


def _doc(question: Question) -> Doc:
    """The document that a task has of a question."""
    return vars(question) | {"choices": list(question.choices), "gold": list(question.gold)}
