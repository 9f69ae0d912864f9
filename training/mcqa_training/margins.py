"""The scores of held-out preference pairs after a stage, and their summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mcqa_training import rows

import numpy as np
import torch

from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.manifest import HELD_OUT
from mcqa_suite.stats import share_estimate


@dataclass(frozen=True)
class Scored:
    """The scores of a pair's two answers, with the row's id and its question."""

    id: str
    group: str
    chosen: float
    rejected: float


def score_pairs(pairs: Sequence[rows.Row], scores: Callable[[str], list[float]]) -> list[Scored]:
    """Score every pair; `scores` returns the scores of all answers for a key, "chosen" or "rejected"."""
    return [
        Scored(row["id"], row["group"], chosen, rejected)
        for row, chosen, rejected in zip(pairs, scores("chosen"), scores("rejected"), strict=True)
    ]


def sequence_logps(
    model: Any, tokenizer: Any, pairs: Sequence[rows.Row], key: str, chat: ChatTemplate, batch_size: int
) -> list[tuple[float, int]]:
    """For each row the sum of the log-probabilities of the answer's tokens, and their number."""
    sums = []
    for prompts, answers, logits, tokens in _batches(model, tokenizer, pairs, key, chat, batch_size):
        logps = torch.log_softmax(logits[:, :-1].float(), -1).gather(-1, tokens[:, 1:, None])[..., 0]
        for row, prompt, answer in zip(logps, prompts, answers, strict=True):
            part = row[len(prompt) - 1 : len(prompt) + len(answer) - 1]
            sums.append((part.double().sum().item(), len(answer)))
    return sums


def sequence_scores(
    model: Any, tokenizer: Any, pairs: Sequence[rows.Row], key: str, chat: ChatTemplate, batch_size: int
) -> list[float]:
    """For each row the score of prompt and answer by a sequence classifier with one label."""
    batches = _batches(model, tokenizer, pairs, key, chat, batch_size)
    return [score.item() for _, _, logits, _ in batches for score in logits[:, 0].double()]


@torch.no_grad()
def _batches(model: Any, tokenizer: Any, pairs: Any, key: str, chat: ChatTemplate, batch_size: int) -> Any:
    """Prompts, answers, logits and padded tokens of each batch, in the order of the rows."""
    model.eval()
    encoded = rows.encode(pairs, key, tokenizer, chat)
    for start in range(0, len(encoded), batch_size):
        prompts, answers = zip(*encoded[start : start + batch_size], strict=True)
        wholes = [torch.tensor(prompt + answer) for prompt, answer in zip(prompts, answers, strict=True)]
        pad = torch.nn.utils.rnn.pad_sequence
        tokens = pad(wholes, batch_first=True, padding_value=tokenizer.pad_token_id).to(model.device)
        mask = pad([torch.ones_like(whole) for whole in wholes], batch_first=True).to(model.device)
        yield prompts, answers, model(input_ids=tokens, attention_mask=mask).logits, tokens


def summary(scored: Sequence[Scored], pairs: Sequence[rows.Row]) -> dict[str, Any]:
    """Reward accuracy (a tie is an error) with its 95 % interval, the mean margin, and the accuracy of choosing by length."""
    if not scored:
        return {"held_out_pairs": 0}
    margins = [pair.chosen - pair.rejected for pair in scored]
    questions, of_pair = np.unique([pair.group for pair in scored], return_inverse=True)
    right = np.array([margin > 0 for margin in margins])
    # pairs of one question are not independent
    accuracy = share_estimate(right, of_pair)
    shorter = [len(row["rejected"]) - len(row["chosen"]) for row in pairs]
    return {
        "held_out_pairs": len(scored),
        "held_out_questions": len(questions),
        "reward_accuracy": accuracy.value,
        "reward_accuracy_low": accuracy.low,
        "reward_accuracy_high": accuracy.high,
        "reward_ties": sum(margin == 0 for margin in margins),
        "reward_margin": sum(margins) / len(margins),
        "shorter_accuracy": sum(more > 0 for more in shorter) / len(shorter),
        "longer_accuracy": sum(more < 0 for more in shorter) / len(shorter),
    }


def as_files(scored: Sequence[Scored]) -> dict[str, str]:
    """The scores as {file name: text}, for `weights.save_trained`."""
    return {HELD_OUT: "".join(json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in scored)}
