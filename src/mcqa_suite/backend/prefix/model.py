"""`hf-prefix`, the class that the harness sees: its `hf` model with the prefix tree in front."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from lm_eval.models.utils_hf import get_dtype
from tqdm import tqdm

from mcqa_suite.backend.decoding import task_alone_decodes
from mcqa_suite.backend.loading import apply_dtype, keep_dequantised, kernel_for
from mcqa_suite.backend.loglik_cache import LoglikCache, cache_path, contents_of, identity
from mcqa_suite.backend.prefix.compatibility import refusal, self_test
from mcqa_suite.backend.prefix.encode import encode_pairs, row_of
from mcqa_suite.backend.prefix.forward import Forward
from mcqa_suite.backend.prefix.generate import PrefixGeneration
from mcqa_suite.backend.prefix.scorer import BUDGET_CPU, BUDGET_GPU, SMALLEST_BUDGET, Answer, Scorer
from mcqa_suite.backend.prefix.tree import Ints
from mcqa_suite.backend.pretrained import create_whole
from mcqa_suite.backend.speed import measure
from mcqa_suite.common.errors import ConfigError, LoglikelihoodError, McqaError
from mcqa_suite.common.speed import Speed

log = logging.getLogger(__name__)
HALVES = (torch.bfloat16, torch.float16)
STOCK_BATCHES = 16  # batches between two writes of the cache where nothing is shared

TokenRequest = tuple[tuple[str, str] | None, Ints, Ints]


@dataclass
class Record:
    """Counts over all requests so far, as the results name them. `reason`: why the stock backend is used, if it is."""

    reason: str | None
    loglikelihood_requests: int = 0
    cache_hits: int = 0
    generation_cache_hits: int = 0
    generated_tokens: int = 0


class PrefixLM(PrefixGeneration):
    """HFLM that computes each token of the requests' prefix tree once, where the model allows it; else it is HFLM.

    Without a `dtype`, a CPU computes in float32 what is stored in 16 bits. More model_args: `max_pass_tokens` (an upper bound;
    halved when memory runs out) and `cache` (on, off or a file for log-likelihoods; default: MCQA_CACHE).
    """

    _config: Any  # HFLM's

    def __init__(
        self, pretrained: Any, *args: Any, max_pass_tokens: int | None = None, cache: Any = None, **kwargs: Any
    ) -> None:
        if max_pass_tokens is not None and not (type(max_pass_tokens) is int and max_pass_tokens >= SMALLEST_BUDGET):
            raise ConfigError(
                f"max_pass_tokens={max_pass_tokens}: expected a whole number of at least {SMALLEST_BUDGET}"
            )
        self._cache_path = cache_path(cache)
        start = time.perf_counter()
        with redirect_stdout(sys.stderr):  # the banner of GPTQModel; what is printed are results
            super().__init__(pretrained, *args, **kwargs)
        self.load_seconds = time.perf_counter() - start
        keep_dequantised(self.model)
        self.dropped_decoding = task_alone_decodes(self.model, "hf-prefix")
        # bf16 sums of log-probabilities make exact ties
        self.softmax_dtype: torch.dtype = self.softmax_dtype or torch.float32
        self.forward = Forward(self.model, device=self.device, autocast=self.mixed_precision_dtype)
        budget = max_pass_tokens or (BUDGET_CPU if self.device.type == "cpu" else BUDGET_GPU)
        self.scorer = Scorer(self.forward, budget, self.softmax_dtype)
        reason = refusal(self.model, backend=self.backend, max_length=self.max_length)
        self.record = Record(reason or self_test(self.forward, max_length=self.max_length))
        if self.record.reason:
            log.warning("hf-prefix: scored as the stock hf backend does, because of %s", self.record.reason)
        self.settings = {name: value for name, value in kwargs.items() if isinstance(value, str | int | float | None)}

    def _get_config(self, pretrained: str, **kwargs: Any) -> None:
        super()._get_config(pretrained, **kwargs)
        self._config = kernel_for(self.device.type, self._config)

    def _create_model(self, pretrained: str, *args: Any, dtype: Any = "auto", **kwargs: Any) -> None:
        stored = getattr(self._config, "dtype", None)
        if dtype == "auto" and self.device.type == "cpu" and stored in HALVES:
            name = str(stored).removeprefix("torch.")
            log.info(
                "hf-prefix: computes in float32, since most CPUs are several times slower in %s (dtype=%s)", name, name
            )
            dtype = "float32"
        create_whole(super()._create_model, self, pretrained, *args, dtype=dtype, **kwargs)
        if (wanted := get_dtype(dtype)) != "auto":
            apply_dtype(self._model, wanted)

    @cached_property
    def contents(self) -> dict[str, str | None]:
        """The content of the weights and of an adapter on them; None for what is not known."""
        return contents_of(self)

    @property
    def shares(self) -> bool:
        """Whether the prefix tree is used; if not, `record.reason` says why."""
        return self.record.reason is None

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Answer]:
        """As the harness defines it; LoglikelihoodError for an option without tokens and for a score that is not finite."""
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
        return answers

    def _loglikelihood_tokens(
        self, requests: Sequence[TokenRequest], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[Answer]:
        if override_bs is not None or self.backend != "causal":  # windows of a text share nothing
            return list(super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm, override_bs=override_bs))
        longest = max((len(before) + len(after) for _, before, after in requests), default=0)
        if longest > self.max_length + 1:
            log.warning(
                "hf-prefix: contexts longer than the model's %d tokens are cut from the left (the longest has %d)",
                self.max_length,
                longest,
            )
        rows = [row_of(before, after, self.max_length) for _, before, after in requests]
        targets = [after for _, _, after in requests]
        answers: dict[int, Answer] = {}
        if cache := self.cache:
            keys = [cache.key(row.tobytes(), target.tobytes()) for row, target in zip(rows, targets, strict=True)]
            stored = cache.find(keys)
            answers = {index: tuple(stored[key]) for index, key in enumerate(keys) if key in stored}
        self.record.loglikelihood_requests += len(requests)
        self.record.cache_hits += len(answers)
        left = [index for index in range(len(requests)) if index not in answers]
        hidden = disable_tqdm or self.rank != 0
        with tqdm(
            total=len(requests), initial=len(answers), disable=hidden, desc="Running loglikelihood requests"
        ) as bar:
            for done in self._compute(requests, rows, targets, left):
                answers |= done
                for index, answer in done.items():
                    if (texts := requests[index][0]) is not None:
                        self.cache_hook.add_partial("loglikelihood", texts, answer)
                if cache:
                    cache.add((keys[index], answer) for index, answer in done.items() if math.isfinite(answer[0]))
                bar.update(len(done))
        return [answers[index] for index in range(len(requests))]

    def _compute(
        self, requests: Sequence[TokenRequest], rows: list[Ints], targets: list[Ints], left: list[int]
    ) -> Iterator[dict[int, Answer]]:
        """Answers of the requests that are `left`, pass by pass."""
        if left and not self.shares:
            # In the harness's order, so that its batches are the same; in parts, so that the cache and the bar follow.
            left = sorted(left, key=lambda index: (-len(rows[index]), (*requests[index][1], *requests[index][2])))
            size = self.batch_size_per_gpu * STOCK_BATCHES if isinstance(self.batch_size_per_gpu, int) else len(left)
            for start in range(0, len(left), size):
                part = left[start : start + size]
                yield dict(zip(part, self._stock([requests[index] for index in part]), strict=True))
        elif left:
            for answers in self.scorer([rows[index] for index in left], [targets[index] for index in left]):
                yield {left[index]: answer for index, answer in answers.items()}

    def _stock(self, requests: Sequence[TokenRequest]) -> list[Answer]:
        """Score as HFLM does. Its `logits_cache` gives a wrong value where the same tokens are split in two places."""
        plain = [(texts, before.tolist(), after.tolist()) for texts, before, after in requests]
        whole = {(tuple(before + after), len(after)) for _, before, after in plain}
        setting = bool(getattr(self, "logits_cache", False))
        self.logits_cache = setting and len({tokens for tokens, _ in whole}) == len(whole)
        try:
            return list(super()._loglikelihood_tokens(plain, disable_tqdm=True))
        finally:
            self.logits_cache = setting

    @cached_property
    def cache(self) -> LoglikCache | None:
        """Opened at first use: the content hash of a large model takes seconds. None where the model's content is unknown."""
        try:
            return LoglikCache(self._cache_path, identity(self)) if self._cache_path else None
        except McqaError as error:
            log.warning("log-likelihoods are not kept: %s", error)
            return None

    def get_model_info(self) -> dict[str, Any]:
        """The harness's facts about the model, the content of its files, which its path does not tell, how its scores came
        about, and its speed."""
        digests = list(self.contents.values())
        content = "" if None in digests else "+".join(map(str, digests))
        ours = {"model_content": content, "prefix_sharing": self.sharing(), "speed": asdict(self.speed)}
        return {**super().get_model_info(), **ours}

    @cached_property
    def speed(self) -> Speed:
        """Measured at first use, which takes seconds; nothing for an encoder-decoder."""
        return measure(self, self.load_seconds) if self.backend == "causal" else Speed(self.load_seconds)

    def sharing(self) -> dict[str, Any]:
        """How the scores so far came about, for the results file."""
        cache = vars(self).get("cache")  # which this does not open
        return {
            "backend": "prefix tree" if self.shares else "stock hf",
            **asdict(self.record),
            "dropped_decoding": self.dropped_decoding,
            "tokens_computed": self.forward.computed,
            "unique_tokens": self.scorer.nodes,
            "cache": cache.path.name if cache else None,
            "cache_damaged": cache.damaged if cache else 0,
        }
