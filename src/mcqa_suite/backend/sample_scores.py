"""Scores of sampled responses: by a reward model, or by a model's own log-probability. Kept line by line as they come.

The file holds `{"id", "sample", "score", "text"}` rows, `text` being a fingerprint of what was scored, so that a run that was
cut off goes on where it stopped and a response that changed is scored again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from mcqa_suite.analysis.voting import Ballots
from mcqa_suite.backend.loading import load
from mcqa_suite.common.checkpoints import chat_template_of
from mcqa_suite.common.errors import CheckpointError, DatasetError

Pair = tuple[str, str]  # what came before the response, and the response


class Scored(NamedTuple):
    """A question's responses, and what the model reads before each."""

    id: str
    context: str
    texts: tuple[str, ...]


def score_with_reward(checkpoint: Path, ballots: Ballots, cache: Path, batch_size: int = 16) -> Path:
    """Scores every sample with a sequence-classification checkpoint of one output, read after prompt and response."""
    model, tokenizer = load(str(checkpoint), "AutoModelForSequenceClassification")
    if model.config.num_labels != 1:
        raise CheckpointError(f"{checkpoint}: has {model.config.num_labels} outputs; a reward model has one")
    model.config.pad_token_id = tokenizer.pad_token_id
    write = _conversation(tokenizer) if chat_template_of(checkpoint) else lambda pair: f"{pair[0]} {pair[1].strip()}"

    def score(pairs: Sequence[Pair]) -> list[float]:
        inputs = tokenizer([write(pair) for pair in pairs], return_tensors="pt", padding=True, truncation=True)
        return [float(value) for value in model(**inputs.to(model.device)).logits[:, 0]]

    asked = [Scored(*row) for row in zip(ballots.ids, ballots.prompts, ballots.texts, strict=True)]
    return _score_all(ballots.name, asked, cache, batch_size, score)


def score_with_logprob(checkpoint: Path, ballots: Ballots, cache: Path) -> Path:
    """Scores every sample with the sum of its tokens' log-probabilities after all that the model was shown."""
    asked = [Scored(*row) for row in zip(ballots.ids, ballots.contexts, ballots.texts, strict=True)]
    return score_texts(checkpoint, ballots.name, asked, cache)


def score_texts(checkpoint: Path, name: str, asked: Sequence[Scored], cache: Path, batch_size: int = 8) -> Path:
    """The same for any texts."""
    model, tokenizer = load(str(checkpoint), "AutoModelForCausalLM")

    def score(pairs: Sequence[Pair]) -> list[float]:
        return [_logprob(model, tokenizer, *pair) for pair in pairs]

    return _score_all(name, asked, cache, batch_size, score)


def _logprob(model: Any, tokenizer: Any, context: str, response: str) -> float:
    before = tokenizer(context).input_ids
    whole = tokenizer(context + response).input_ids
    if len(whole) == len(before):
        return 0.0
    logits = model(torch.tensor([whole], device=model.device)).logits[0, len(before) - 1 : -1].float()
    target = torch.tensor(whole[len(before) :], device=model.device)
    return float(logits.log_softmax(-1).gather(1, target[:, None]).sum())


def _conversation(tokenizer: Any) -> Callable[[Pair], str]:
    def write(pair: Pair) -> str:
        messages = [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1].strip()}]
        return str(tokenizer.apply_chat_template(messages, tokenize=False))

    return write


def _score_all(
    name: str,
    asked: Sequence[Scored],
    cache: Path,
    batch_size: int,
    score: Callable[[Sequence[Pair]], list[float]],
) -> Path:
    """Appends a line for every text that `cache` lacks; returns the file."""
    done = _kept(cache)
    todo = [
        (row.id, sample, row.context, text)
        for row in asked
        for sample, text in enumerate(row.texts)
        if done.get((row.id, sample)) != _fingerprint(row.context, text)
    ]
    try:
        with cache.open("a", encoding="utf-8") as out, torch.inference_mode():
            for batch in _batches(tqdm(todo, desc=f"scoring {name}", disable=not todo), batch_size):
                values = score([(prompt, text) for _, _, prompt, text in batch])
                for (row_id, sample, prompt, text), value in zip(batch, values, strict=True):
                    row = {"id": row_id, "sample": sample, "score": value, "text": _fingerprint(prompt, text)}
                    out.write(json.dumps(row) + "\n")
                out.flush()
    except OSError as error:
        raise DatasetError(f"{cache}: cannot be written: {error.strerror}; what was scored is kept") from error
    return cache


def _batches(items: Any, size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _kept(cache: Path) -> dict[tuple[str, int], str]:
    """What was scored before; a last line that was cut off is taken away."""
    if not cache.exists():
        return {}
    lines = cache.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
        cache.write_text("".join(lines), encoding="utf-8")
    rows = [json.loads(line) for line in lines]
    return {(row["id"], row["sample"]): row.get("text", "") for row in rows}


def _fingerprint(prompt: str, text: str) -> str:
    return hashlib.sha256(f"{prompt}\x1f{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
