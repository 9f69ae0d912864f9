"""The samples of an Inspect log as rows of the harness's sample log: one for each question under each scorer."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcqa_suite.questions.question import LETTERS

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample
    from inspect_ai.model import ChatMessage
    from inspect_ai.scorer import Score

Row = dict[str, Any]
GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}  # correct, partly, incorrect, no answer
WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
NO_ANSWER = "N"
STOPPED = {"max_tokens": "truncated", "model_length": "truncated", "content_filter": "refused"}
CHOICE = "choice"  # the scorer of multiple_choice, for which a target of several letters means all of them
# Metadata that would be taken for a document's options or answer (logs.log_row): Inspect has them in choices and target.
TAKEN = {
    *("choices", "options", "endings", "gold", "answerKey", "answer", "answer_idx", "answer_index", "answer_number"),
    *("correct", "label", "output", "solution"),
}
FOLLOWING = "\n\n"


@dataclass(frozen=True)
class Scorer:
    """A scorer of a log. `is_accuracy`: its numbers are shares of right answers. `has_answers`: it records what it extracted."""

    name: str
    is_accuracy: bool
    has_answers: bool


def rows_of(log: EvalLog) -> Iterator[Row]:
    """The rows, question by question in the order of the log; the epochs of a question are its responses."""
    questions: defaultdict[int | str, list[EvalSample]] = defaultdict(list)
    for sample in log.samples or ():
        questions[sample.id].append(sample)
    scorers, reduced = _scorers(log), _reduced(log)
    for identity, epochs in questions.items():
        for scorer in scorers:
            row = _question(epochs[0], scorer.name)
            scored = [sample for sample in epochs if _failure(sample, scorer.name) is None]
            if scored:
                yield row | _answers(scored, scorer, reduced.get((scorer.name, identity), {}))
            else:
                yield row | {"failed": _failure(epochs[0], scorer.name)}


def number_of(value: Any) -> float | None:
    """A score's value as a number, as Inspect's metrics convert it; None where that is none."""
    if isinstance(value, str):
        value = GRADES.get(value, WORDS.get(value.lower(), value))
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def document_number(identity: int | str) -> int:
    """A sample's id as a number: itself where it is one, else 63 bits of its hash, so that it is the same in every log."""
    text = str(identity)
    if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and str(int(text)) == text:
        return int(text)
    return int(_hash(text)[:16], 16) >> 1


def _scorers(log: EvalLog) -> list[Scorer]:
    """The scorers of the samples; those of the task where every sample failed."""
    scores: defaultdict[str, list[Score]] = defaultdict(list)
    for sample in log.samples or ():
        for name, score in (sample.scores or {}).items():
            scores[name].append(score)
    with_accuracy = {score.name for score in (log.results.scores if log.results else ()) if "accuracy" in score.metrics}
    return [
        Scorer(name, name in with_accuracy or _are_grades(scores[name]), any(score.answer for score in scores[name]))
        for name in scores or [scorer.name for scorer in log.eval.scorers or ()] or ["none"]
    ]


def _are_grades(scores: Sequence[Score]) -> bool:
    """Whether values such as C and I, or True, say what is right; those that are no number do not count."""
    return all(isinstance(score.value, str | bool) for score in scores if number_of(score.value) is not None)


def _reduced(log: EvalLog) -> dict[tuple[str, int | str | None], dict[str, float]]:
    """What reducers other than the mean made of the epochs of a question: (scorer, sample id) -> reducer -> value."""
    values: defaultdict[tuple[str, int | str | None], dict[str, float]] = defaultdict(dict)
    for reduction in log.reductions or ():
        for score in reduction.samples if reduction.reducer not in (None, "mean") else ():
            if (value := number_of(score.value)) is not None:
                values[reduction.scorer, score.sample_id][str(reduction.reducer)] = value
    return values


def _failure(sample: EvalSample, name: str) -> str | None:
    """Why a sample has no score, in one line; None where it has one."""
    if sample.invalidation is not None:
        return f"invalidated: {sample.invalidation.reason or 'no reason given'}"
    score = (sample.scores or {}).get(name)
    if score is not None and (isinstance(score.value, Mapping) or number_of(score.value) is not None):
        return None
    if sample.error is not None:
        return " ".join(sample.error.message.split()) or "an error"
    return f"no score by {name}" if score is None else f"{name} gave {score.value!r:.80}"


def _question(sample: EvalSample, name: str) -> Row:
    """What every sample of a question has: its document, what the model was asked, the target and their hashes."""
    prompt = _prompt(sample)
    content = sample.input if isinstance(sample.input, str) else [_content(message) for message in sample.input]
    return {
        "doc_id": document_number(sample.id),
        "filter": name,
        "doc": _document(sample, name),
        "target": sample.target if isinstance(sample.target, str) else ", ".join(sample.target),
        "arguments": [[FOLLOWING.join(_text(message, alone=len(prompt) == 1) for message in prompt), {}]],
        "doc_hash": _hash([content, sample.choices]),
        "prompt_hash": _hash([_content(message) for message in prompt]),
        "target_hash": _hash(sample.target),
    }


def _prompt(sample: EvalSample) -> list[ChatMessage]:
    """The messages before the first one that the model wrote."""
    first = next((i for i, message in enumerate(sample.messages) if message.source == "generate"), len(sample.messages))
    return list(sample.messages[:first])


def _content(message: ChatMessage) -> dict[str, Any]:
    return dict(message.model_dump(include={"role", "content"}, exclude_none=True))


def _text(message: ChatMessage, *, alone: bool) -> str:
    return message.text if alone else f"{message.role}: {message.text}"


def _document(sample: EvalSample, name: str) -> dict[str, Any]:
    """The document in our columns, beside its metadata. `gold` is missing where several options or none are right."""
    text = sample.input if isinstance(sample.input, str) else FOLLOWING.join(message.text for message in sample.input)
    doc = {key: value for key, value in sample.metadata.items() if key not in TAKEN}
    doc |= {"id": sample.id, "question": text}
    if sample.choices:
        doc["choices"] = sample.choices
        if (gold := _gold(sample.target, sample.choices)) is not None:
            doc["gold"] = [gold] if name == CHOICE else gold  # another scorer may judge something else
    return doc


def _gold(target: str | list[str], choices: Sequence[str]) -> int | None:
    """The index of the right option; None where the target is not one letter or the text of one option."""
    text = target if isinstance(target, str) else target[0] if len(target) == 1 else ""
    if (letter := _letter(text, choices)) is not None:
        return LETTERS.index(letter)
    return choices.index(text) if text in choices else None


def _letter(text: str, choices: Sequence[str]) -> str | None:
    letter = text.strip().upper()
    return letter if len(letter) == 1 and letter in LETTERS[: len(choices)] else None


def _answers(samples: Sequence[EvalSample], scorer: Scorer, reduced: Mapping[str, float]) -> Row:
    """The responses of a question's epochs, what was extracted from each, and the mean of their scores."""
    scores = [(sample.scores or {})[scorer.name] for sample in samples]
    values = {**_means(scores, scorer), **reduced}
    extractions = [_extraction(sample, score, scorer) for sample, score in zip(samples, scores, strict=True)]
    return {
        "resps": [[sample.output.completion for sample in samples]],
        "filtered_resps": [extractions],
        "metrics": list(values),
        **values,
    }


def _means(scores: Sequence[Score], scorer: Scorer) -> dict[str, float]:
    """Metric -> mean over the epochs: `acc`, the scorer's name where its numbers are no accuracy, or the keys of its values."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for score in scores:
        single = {"acc" if scorer.is_accuracy else scorer.name: score.value}
        for name, value in (score.value if isinstance(score.value, Mapping) else single).items():
            if (number := number_of(value)) is not None:
                values[name].append(number)
    return {name: math.fsum(numbers) / len(numbers) for name, numbers in values.items()}


def _extraction(sample: EvalSample, score: Score, scorer: Scorer) -> dict[str, Any]:
    """The answer that the scorer extracted, in the form of our filters; the whole response where it does not record answers."""
    response = sample.output.completion
    answer = (score.answer if scorer.has_answers else response) or ""
    if score.value == NO_ANSWER or not answer.strip():
        status = STOPPED.get(sample.output.stop_reason, "none" if response.strip() else "empty")
        return {"answer": None, "status": status, "rule": None, "span": None}
    letter = _letter(answer, sample.choices or ())
    return {"answer": letter or answer, "status": "answered", "rule": scorer.name, "span": None}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()
