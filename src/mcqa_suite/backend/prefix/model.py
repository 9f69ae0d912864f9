"""`hf-prefix`, the class that the harness sees: its `hf` model with the prefix tree in front."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lm_eval.api.registry import register_model
from tqdm import tqdm

from mcqa_suite.backend.loglik_cache import Answer, LoglikCache
from mcqa_suite.backend.prefix import NAME
from mcqa_suite.backend.prefix import compatibility as gate
from mcqa_suite.backend.prefix.cache_identity import open_cache
from mcqa_suite.backend.prefix.encode import encode_pairs, row_of
from mcqa_suite.backend.prefix.forward import Forward
from mcqa_suite.backend.prefix.generate import PrefixGeneration
from mcqa_suite.backend.prefix.record import Record, count_ties
from mcqa_suite.backend.prefix.scorer import Scorer
from mcqa_suite.backend.prefix.tree import Ints
from mcqa_suite.common.errors import ConfigError, LoglikelihoodError

log = logging.getLogger(__name__)
# Tokens of a pass. Attention within a pass is dense, so on a CPU more tokens cost more than they save.
BUDGET = {"cpu": 512}
BUDGET_GPU = 4096

TokenRequest = tuple[tuple[str, str] | None, Ints, Ints]


@register_model(NAME)
class PrefixLM(PrefixGeneration):
    """HFLM that computes each token of the requests' prefix tree once, where the model allows it; else it is HFLM.

    More model_args: `max_pass_tokens` (an upper bound; halved when memory runs out), `cache` (a file for log-likelihoods, or
    `off`; default: MCQA_CACHE) and `content` (the folder of a model that is passed as an object, for the cache's key).
    """

    def __init__(
        self,
        pretrained: Any,
        *args: Any,
        max_pass_tokens: int | None = None,
        cache: str | None = None,
        content: str | None = None,
        **kwargs: Any,
    ) -> None:
        if max_pass_tokens is not None and max_pass_tokens < 16:
            raise ConfigError(f"max_pass_tokens={max_pass_tokens}: give at least 16, or leave it out")
        super().__init__(pretrained, *args, **kwargs)
        # bf16 sums of log-probabilities make exact ties
        self.softmax_dtype: torch.dtype = self.softmax_dtype or torch.float32
        self.record = Record()
        self.forward = Forward(self.model, device=self.device, autocast=self.mixed_precision_dtype)
        self.scorer = Scorer(
            self.forward, max_pass_tokens or BUDGET.get(self.device.type, BUDGET_GPU), self.softmax_dtype
        )
        self.record.refusal = gate.refusal(
            self.model, backend=self.backend, max_length=self.max_length
        ) or gate.self_test(self.forward, max_length=self.max_length)
        if self.record.refusal:
            log.warning("hf-prefix: scored as the stock hf backend does, because of %s", self.record.refusal)
        self._told, self._content = cache, content
        self.settings = {name: value for name, value in kwargs.items() if isinstance(value, str | int | float | None)}
        self._cache: LoglikCache | None = None

    @property
    def shares(self) -> bool:
        """Whether the prefix tree is used; if not, `record.refusal` says why."""
        return self.record.refusal is None

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Answer]:
        """The harness's contract; LoglikelihoodError for an option without tokens and for a score that is not finite."""
        if self.enable_thinking or self.backend != "causal":
            return list(super().loglikelihood(requests, disable_tqdm=disable_tqdm))
        names = [f"{request.task_name or 'request'} document {request.doc_id}" for request in requests]
        pairs = [request.args for request in requests]
        encoded = encode_pairs(self, pairs, names)
        answers = self._loglikelihood_tokens(
            [(pair, *tokens) for pair, tokens in zip(pairs, encoded, strict=True)], disable_tqdm=disable_tqdm
        )
        for name, (_, option), (value, _) in zip(names, pairs, answers, strict=True):
            if not math.isfinite(value):
                raise LoglikelihoodError(
                    f"{name}: the log-likelihood of {option[:40]!r} is {value} in {self.model.dtype};"
                    " try --model_args dtype=float32, or check the checkpoint's weights"
                )
        count_ties(self.record, requests, answers)
        return answers

    def _loglikelihood_tokens(
        self, requests: Sequence[TokenRequest], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[Answer]:
        if override_bs is not None or self.backend != "causal":  # windows of a text share nothing
            return list(super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm, override_bs=override_bs))
        bar = tqdm(total=len(requests), disable=disable_tqdm or self.rank != 0, desc="Running loglikelihood requests")
        rows, targets = self._rows(requests)
        answers: list[Answer | None] = [None] * len(requests)
        cache = self.cache
        keys = [cache.key(*pair) for pair in zip(rows, targets, strict=True)] if cache else []
        known = cache.find(keys) if cache else {}
        for request, key in enumerate(keys):
            answers[request] = known.get(key)
        left = [request for request, answer in enumerate(answers) if answer is None]
        bar.update(len(requests) - len(left))
        self.record.requests += len(requests)
        for done in self._compute(requests, rows, targets, left):
            for request, answer in done:
                answers[request] = answer
                if (texts := requests[request][0]) is not None:
                    self.cache_hook.add_partial("loglikelihood", texts, answer)
            if cache:
                cache.add((keys[request], *answer) for request, answer in done if math.isfinite(answer[0]))
            bar.update(len(done))
        bar.close()
        return [answer for answer in answers if answer is not None]

    def _rows(self, requests: Sequence[TokenRequest]) -> tuple[list[Ints], list[Ints]]:
        """What the model reads and what is scored; requests that read the same share an array."""
        longest = max((len(before) + len(after) for _, before, after in requests), default=0)
        if longest > self.max_length + 1:
            log.warning(
                "hf-prefix: contexts longer than the model's %d tokens are cut from the left (the longest has %d)",
                self.max_length,
                longest,
            )
        known: dict[tuple[int, bytes], Ints] = {}
        rows = [
            known.setdefault((id(before), after[:-1].tobytes()), row_of(before, after, self.max_length))
            for _, before, after in requests
        ]
        return rows, [after for _, _, after in requests]

    def _compute(
        self, requests: Sequence[TokenRequest], rows: list[Ints], targets: list[Ints], left: list[int]
    ) -> Iterator[list[tuple[int, Answer]]]:
        """Answers of the requests that are `left`, as they come."""
        if not left:
            return
        if not self.shares:
            yield list(zip(left, self._stock([requests[request] for request in left]), strict=True))
            return
        for scores in self.scorer([rows[request] for request in left], [targets[request] for request in left]):
            yield [
                (left[place], (float(value), bool(greedy)))
                for place, value, greedy in zip(scores.requests, scores.loglikelihoods, scores.greedy, strict=True)
            ]

    def _stock(self, requests: Sequence[TokenRequest]) -> list[Answer]:
        """HFLM's own way. Its `logits_cache` gives a wrong value where the same tokens are split in two places."""
        plain = [(texts, before.tolist(), after.tolist()) for texts, before, after in requests]
        whole = {(tuple(before + after), len(after)) for _, before, after in plain}
        told = bool(getattr(self, "logits_cache", False))
        self.logits_cache = told and len({tokens for tokens, _ in whole}) == len(whole)
        try:
            return list(super()._loglikelihood_tokens(plain, disable_tqdm=True))
        finally:
            self.logits_cache = told

    @property
    def cache(self) -> LoglikCache | None:
        """Opened at first use: the content hash of a large model takes seconds."""
        if self._told != "off" and self._cache is None:
            self._cache = open_cache(self, self._told, self._content)
            self._told = self._told if self._cache else "off"
        return self._cache

    def get_model_info(self) -> dict[str, Any]:
        """The harness's facts about the model, and how its scores came about."""
        return {**super().get_model_info(), "prefix_sharing": self.sharing()}

    def sharing(self) -> dict[str, Any]:
        """How the scores so far came about, for the results."""
        return self.record.summary(self.scorer, self._cache)
