"""The score that is explained: the log-odds of one option against the others, from the options' log-likelihoods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mcqa_suite.backend.prefix.encode import encode_pairs
from mcqa_suite.backend.prefix.tree import Ints
from mcqa_suite.common.errors import CheckpointError, DatasetError


@dataclass(frozen=True, eq=False)
class OptionScores:
    """The options of one question for one model: `before` are the tokens of the prompt, `afters` those of each option."""

    lm: Any
    before: Ints
    afters: tuple[Ints, ...]
    option: int

    @classmethod
    def of(cls, lm: Any, context: str, continuations: Sequence[str], option: int) -> OptionScores:
        """The tokens of a question; DatasetError where the evaluation has cut its prompt."""
        pairs = [(context, text) for text in continuations]
        encoded = encode_pairs(lm, pairs, [f"option {number + 1}" for number in range(len(pairs))])
        before, afters = encoded[0][0], tuple(after for _, after in encoded)
        if (length := len(before) + max(map(len, afters)) - 1) > lm.max_length:
            raise DatasetError(
                f"the prompt and the longest option have {length} tokens, and the model reads {lm.max_length}: "
                "the evaluation cut the prompt; explain a shorter question"
            )
        return cls(lm, before, afters, option)

    def loglikelihoods(self, contexts: Sequence[Ints]) -> NDArray[np.float64]:
        """contexts x options, by the scoring of `mcqa eval`."""
        requests = [(None, context, after) for context in contexts for after in self.afters]
        answers = self.lm._loglikelihood_tokens(requests, disable_tqdm=True)
        return np.array([value for value, _ in answers]).reshape(len(contexts), len(self.afters))

    def without(self, removed: Sequence[int]) -> Ints:
        """The prompt without these tokens; where none is left, the token before an empty prompt."""
        rest = np.delete(self.before, list(removed))
        return rest if len(rest) else np.array([self.lm.prefix_token_id])

    def of_contexts(self, contexts: Sequence[Ints]) -> torch.Tensor:
        """The log-odds of the option after each prompt."""
        return log_odds(torch.from_numpy(self.loglikelihoods(contexts)), self.option)

    def embeddings(self) -> torch.Tensor:
        """The input embeddings of the prompt, 1 x tokens x width."""
        ids = torch.from_numpy(self.before)[None].to(self.lm.device)
        with torch.no_grad():
            vectors: torch.Tensor = self.lm.model.get_input_embeddings()(ids)
        return vectors

    def of_embeddings(self, prompts: torch.Tensor) -> torch.Tensor:
        """The log-odds of the option after each of several prompts that are given as embeddings, with gradients."""
        table, passes, totals = self.lm.model.get_input_embeddings(), dict[bytes, torch.Tensor](), []
        for after in self.afters:
            ids = torch.from_numpy(after).to(prompts.device)
            if (key := after[:-1].tobytes()) not in passes:  # letters share one pass
                inputs = torch.cat([prompts, table(ids[:-1]).detach().expand(len(prompts), -1, -1)], dim=1)
                logits = self.lm.model(inputs_embeds=inputs).logits[:, len(self.before) - 1 :]
                passes[key] = logits.to(self.lm.softmax_dtype).log_softmax(-1)
            totals.append(passes[key].gather(-1, ids.expand(len(prompts), -1)[..., None]).sum((1, 2)))
        return log_odds(torch.stack(totals, -1), self.option)


def log_odds(loglikelihoods: torch.Tensor, option: int) -> torch.Tensor:
    """ln(p / (1 - p)), where p is the option's share of the probability of all options (last dimension)."""
    others = [index for index in range(loglikelihoods.shape[-1]) if index != option]
    return loglikelihoods[..., option] - torch.logsumexp(loglikelihoods[..., others], -1)


def check_gradient(name: str, error: RuntimeError) -> CheckpointError | None:
    """The error for a model whose layers give no gradient, as quantised ones may; None for another failure."""
    words = str(error)
    if "grad" not in words and "Inference tensors" not in words:
        return None
    return CheckpointError(
        f"{name}: its layers, which may be quantised, give no gradient; use --method leave-one-out, which needs none"
    )
