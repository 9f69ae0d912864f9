"""Scores of sampled responses: by a reward model, or by a model's own log-probability. Written line by line.

The file holds `{"id", "sample", "score", "text"}` rows, `text` being a fingerprint of what was scored: a run that was cut off
resumes, and a response that changed is scored again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from mcqa_suite.analysis.voting.ballots import Ballots, Question, score_lines
from mcqa_suite.backend.loading import load
from mcqa_suite.common.checkpoints import optional_manifest, verified_content
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.jsonl import journal
from mcqa_suite.grids import Candidate, by_loglikelihood, encoder
from mcqa_suite.logs.grid_answers import GridAnswers

RESPONSE = "response"  # stands for one
Pair = tuple[str, str]  # what came before the response, and the response
Candidates = Mapping[str, Mapping[int, Sequence[Candidate]]]  # by ARC task and output


class Responses(NamedTuple):
    """A question's responses, and what the model reads before each."""

    id: str
    context: str
    texts: tuple[str, ...]


def score_with_reward(checkpoint: Path, ballots: Ballots, cache: Path, batch_size: int = 16) -> Path:
    """Score every sample with a sequence-classification checkpoint of one output, which reads prompt and response."""
    model, tokenizer = load(str(checkpoint), "AutoModelForSequenceClassification")
    if model.config.num_labels != 1:
        raise CheckpointError(f"{checkpoint}: has {model.config.num_labels} outputs; a reward model has one")
    model.config.pad_token_id = tokenizer.pad_token_id
    manifest = optional_manifest(checkpoint)
    chat = bool(manifest and manifest.rows_written and manifest.rows_written["written"])

    # as row_tokens.py ends a row
    end = _in_chat(tokenizer, "prompt", RESPONSE).rpartition(RESPONSE)[2] if chat else tokenizer.eos_token or ""
    before = "" if chat else " "

    def score(pairs: Sequence[Pair]) -> list[float]:
        # a template has the special tokens in its text
        texts = [f"{context}{before}{response.strip()}{end}" for context, response in pairs]
        inputs = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, add_special_tokens=not chat)
        return [float(value) for value in model(**inputs.to(model.device)).logits[:, 0]]

    rows = [Responses(row.id, reward_context(tokenizer, chat, row), row.texts) for row in ballots.questions]
    return _score_all(ballots.name, rows, cache, batch_size, score)


def reward_context(tokenizer: Any, chat: bool, question: Question) -> str:
    """What a reward model reads before a response, in the form of its training rows: in a chat, or as plain text.

    It is what the model was shown; where that has the other form, the bare question.
    """
    shown_in_chat = any(token in question.context for token in tokenizer.all_special_tokens)
    if shown_in_chat is chat:
        return question.context
    return _in_chat(tokenizer, question.prompt) if chat else question.prompt


def _in_chat(tokenizer: Any, prompt: str, response: str | None = None) -> str:
    """A conversation as text, up to where the response begins or with a response."""
    messages = [{"role": "user", "content": prompt}]
    if response is not None:
        messages.append({"role": "assistant", "content": response})
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=response is None))


def score_with_logprob(checkpoint: Path, ballots: Ballots, cache: Path) -> Path:
    """Score every sample with the sum of its tokens' log-probabilities after all that the model was shown."""
    rows = [Responses(row.id, row.context, row.texts) for row in ballots.questions]
    return _score_texts(checkpoint, ballots.name, rows, cache)


def ranked_by_logprob(
    checkpoint: Path, rows: Sequence[GridAnswers], candidates: Candidates, log: Path
) -> dict[str, dict[int, list[Candidate]]]:
    """The candidates of each ARC output, ranked by log-probability summed over its views; scores are kept beside the log."""
    outputs = [candidates[row.task_id][row.index] for row in rows]
    responses = []
    for number, (row, output) in enumerate(zip(rows, outputs, strict=True)):
        form = encoder(row.form)
        texts = tuple(form.encode(row.view.forward(candidate.grid)) for candidate in output)
        responses.append(Responses(str(number), row.context, texts))
    cache = log.with_name(f"grid-logprob-{verified_content(checkpoint)[:8]}.{log.stem}.jsonl")
    scores = score_lines(_score_texts(checkpoint, log.stem, responses, cache))

    totals: dict[tuple[str, int], dict[str, float]] = {}
    for number, (row, output) in enumerate(zip(rows, outputs, strict=True)):
        sums = totals.setdefault((row.task_id, row.index), {})
        for sample, candidate in enumerate(output):
            key = json.dumps(candidate.grid)
            sums[key] = sums.get(key, 0.0) + scores[str(number), sample]
    return {
        task: {index: by_loglikelihood(output, totals[task, index]) for index, output in by_index.items()}
        for task, by_index in candidates.items()
    }


def _score_texts(checkpoint: Path, name: str, rows: Sequence[Responses], cache: Path) -> Path:
    model, tokenizer = load(str(checkpoint), "AutoModelForCausalLM")

    def logprob(context: str, response: str) -> float:
        before, whole = tokenizer(context).input_ids, tokenizer(context + response).input_ids
        if len(whole) == len(before):
            return 0.0
        logits = model(torch.tensor([whole], device=model.device)).logits[0, len(before) - 1 : -1].float()
        target = torch.tensor(whole[len(before) :], device=model.device)
        return float(logits.log_softmax(-1).gather(1, target[:, None]).sum())

    return _score_all(name, rows, cache, 8, lambda pairs: [logprob(*pair) for pair in pairs])


def _score_all(
    name: str, rows: Sequence[Responses], cache: Path, batch_size: int, score: Callable[[Sequence[Pair]], list[float]]
) -> Path:
    """Append a row for every text that `cache` lacks; return the file."""
    with journal(cache) as file, torch.inference_mode(), tqdm(desc=f"scoring {name}", leave=False) as bar:
        done = {(row["id"], row["sample"]): row.get("text") for row in file.rows}
        todo: list[tuple[dict[str, Any], Pair]] = [
            ({"id": row.id, "sample": sample, "text": mark}, (row.context, text))
            for row in rows
            for sample, text in enumerate(row.texts)
            if done.get((row.id, sample)) != (mark := _fingerprint(row.context, text))
        ]
        bar.reset(len(todo))
        for start in range(0, len(todo), batch_size):
            batch = todo[start : start + batch_size]
            for (row, _), value in zip(batch, score([pair for _, pair in batch]), strict=True):
                file.append({**row, "score": value})
                bar.update()
    return cache


def _fingerprint(prompt: str, text: str) -> str:
    return hashlib.sha256(f"{prompt}\x1f{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
