"""The scores of preference pairs by a model or a reward model, and their summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from mcqa_suite.backend.row_tokens import Row, encode
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.manifest import HELD_OUT
from mcqa_suite.stats import share_estimate


@dataclass(frozen=True)
class Scored:
    """The scores of a pair's two answers, with the row's id and its question."""

    id: str
    group: str
    chosen: float
    rejected: float


@dataclass(frozen=True)
class Reward(Scored):
    """`chosen` and `rejected` are beta times the gain in log-probability over the reference model."""

    reference_chosen: float
    reference_rejected: float


Sums = Mapping[str, Sequence[float]]  # "chosen" and "rejected" -> the log-probability of each pair's answer


def rewards(pairs: Sequence[Row], policy: Sums, reference: Sums, beta: float) -> list[Reward]:
    """DPO's implicit rewards, row by row, so that pairs with the same prompt do not share reference values.

    Source: Rafailov et al., Direct Preference Optimization, 2023, equation 5 without the term that cancels in a pair.
    """
    keys = ("chosen", "rejected")
    gains = {key: [beta * (new - old) for new, old in zip(policy[key], reference[key], strict=True)] for key in keys}
    return [
        Reward(
            row["id"], row["group"], *(gains[key][number] for key in keys), *(reference[key][number] for key in keys)
        )
        for number, row in enumerate(pairs)
    ]


def score_pairs(pairs: Sequence[Row], scores: Callable[[str], list[float]]) -> list[Scored]:
    """Score every pair; `scores` returns the scores of all answers for a key, "chosen" or "rejected"."""
    return [
        Scored(row["id"], row["group"], chosen, rejected)
        for row, chosen, rejected in zip(pairs, scores("chosen"), scores("rejected"), strict=True)
    ]


def sequence_logps(
    model: Any, tokenizer: Any, pairs: Sequence[Row], key: str, chat: ChatTemplate, batch_size: int
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
    model: Any, tokenizer: Any, pairs: Sequence[Row], key: str, chat: ChatTemplate, batch_size: int
) -> list[float]:
    """For each row the score of prompt and answer by a sequence classifier with one label."""
    batches = _batches(model, tokenizer, pairs, key, chat, batch_size)
    return [score.item() for _, _, logits, _ in batches for score in logits[:, 0].double()]


@torch.no_grad()
def _batches(model: Any, tokenizer: Any, pairs: Any, key: str, chat: ChatTemplate, batch_size: int) -> Any:
    """Prompts, answers, logits and padded tokens of each batch, in the order of the rows."""
    model.eval()
    encoded = _separated(pairs, key, tokenizer, chat, model)
    for start in tqdm(range(0, len(encoded), batch_size), desc=f"scoring {key} answers", leave=False):
        prompts, answers = zip(*encoded[start : start + batch_size], strict=True)
        wholes = [torch.tensor(prompt + answer) for prompt, answer in zip(prompts, answers, strict=True)]
        pad = torch.nn.utils.rnn.pad_sequence
        tokens = pad(wholes, batch_first=True, padding_value=tokenizer.pad_token_id).to(model.device)
        mask = pad([torch.ones_like(whole) for whole in wholes], batch_first=True).to(model.device)
        yield prompts, answers, model(input_ids=tokens, attention_mask=mask).logits, tokens


def _separated(
    pairs: Sequence[Row], key: str, tokenizer: Any, chat: ChatTemplate, model: Any
) -> list[tuple[list[int], list[int]]]:
    """The tokens of prompts and answers; DatasetError for one that cannot be separated or does not fit the model."""
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    separated = []
    for row, (prompt, answer) in zip(pairs, encode(pairs, key, tokenizer, chat), strict=True):
        if not answer:
            raise DatasetError(f"{row['id']}: the {key} answer has no tokens of its own; begin it with a space")
        if most and (length := len(prompt) + len(answer)) > most:
            raise DatasetError(
                f"{row['id']}: {length} tokens do not fit the model's context of {most}; take the pair out"
            )
        separated.append((prompt, answer))
    return separated


def summary(scored: Sequence[Scored], pairs: Sequence[Row]) -> dict[str, Any]:
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
