"""A model of the harness in several processes, each of which answers its part of the requests.

The harness's own data parallelism splits the documents: it needs one a process at least, repeats some to even the parts out,
counts those answers as repeats, and logs the samples in another order. Here every process has all requests and, in the end,
all answers, as if it were the only one: results, groups, scores over all items, and order are those of one process. Documents
are split where tokens are scored and where `hf-prefix` generates (equal to rounding, which depends on the batch, with the same
draws); whole batches where another model generates, so that each batch is the very one of a single process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from lm_eval.api.model import CacheHook
from lm_eval.models.huggingface import HFLM

from mcqa_suite.backend import processes
from mcqa_suite.common.errors import ConfigError

DIFFERENT = (
    "the processes got different requests; remove what only one of them has, such as --use_cache's files, and rerun"
)
Batches = dict[int, torch.Tensor]  # new tokens by the batch's number


class SharedModel(HFLM):  # type: ignore[misc]
    """A mix-in before a subclass of HFLM: its answers come from all processes, and each process gets all of them."""

    cache_hook: CacheHook
    _next_batch = 0
    _own_batches: Batches | None = None  # while this process generates its own
    _all_batches: Batches | None = None  # once all of them are generated

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._splits = not kwargs.get("tp_plan")  # else the processes are parts of one model
        if self._splits:
            processes.join()
        super().__init__(*args, **kwargs)
        # to the harness every process is the only one, which evaluates all documents
        self._rank, self._world_size = 0, 1
        self._records: list[dict[str, Any]] = []  # of all processes

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Any]:
        return self._by_document("loglikelihood", requests, disable_tqdm)

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[Any]:
        return self._by_document("loglikelihood_rolling", requests, disable_tqdm)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        own_batches = getattr(self, "shares", False) or str(self.batch_size).startswith("auto")
        if not self._splits or self.backend != "causal" or own_batches:
            return self._by_document("generate_until", requests, disable_tqdm)
        self._check_same(requests)
        hook, self.cache_hook = (
            self.cache_hook,
            CacheHook(None),
        )  # the texts of other processes' batches are still empty
        self._next_batch, self._own_batches = 0, {}
        try:
            super().generate_until(requests, disable_tqdm=disable_tqdm or not processes.is_main())
            batches = self._exchanged(self._own_batches)
            self._all_batches = {number: tokens for part in batches for number, tokens in part.items()}
            self._next_batch, self.cache_hook = 0, hook
            return list(super().generate_until(requests, disable_tqdm=True))
        finally:
            self._own_batches = self._all_batches = None
            self.cache_hook = hook

    def _model_generate(self, context: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        number, self._next_batch = self._next_batch, self._next_batch + 1
        if self._all_batches is not None:
            return torch.cat([context, self._all_batches[number].to(context)], dim=1)
        if self._own_batches is None:
            return super()._model_generate(context, *args, **kwargs)
        if number % processes.world() != processes.index():
            if passed_over := getattr(self, "passed_over", None):
                passed_over(context, *args, **kwargs)
            return context
        tokens = super()._model_generate(context, *args, **kwargs)
        self._own_batches[number] = tokens[:, context.shape[1] :].to("cpu", torch.int32)
        return tokens

    def _by_document(self, kind: str, requests: list[Any], disable_tqdm: bool) -> list[Any]:
        """The answers to `requests`; one process answers all requests of a document."""
        answer = getattr(super(), kind)
        if not self._splits:
            return list(answer(requests, disable_tqdm=disable_tqdm))
        self._check_same(requests)
        owners: dict[Any, int] = {}
        parts: list[list[int]] = [[] for _ in range(processes.world())]
        for index, request in enumerate(requests):
            document = request.task_name, request.doc_id
            parts[owners.setdefault(document, len(owners) % processes.world())].append(index)
        own = [requests[index] for index in parts[processes.index()]]
        own_answers = list(answer(own, disable_tqdm=disable_tqdm or not processes.is_main())) if own else []
        answers: list[Any] = [None] * len(requests)
        for part, part_answers in zip(parts, self._exchanged(own_answers), strict=True):
            for index, part_answer in zip(part, part_answers, strict=True):
                answers[index] = part_answer
        return answers

    def _check_same(self, requests: list[Any]) -> None:
        digest = hashlib.sha256()
        for request in requests:
            digest.update(repr((request.task_name, request.doc_id, request.args)).encode())
        if len(set(processes.gathered(digest.hexdigest()))) > 1:
            raise ConfigError(DIFFERENT)

    def _exchanged(self, value: Any) -> list[Any]:
        """The values of all processes; their records are kept for `sharing`, which only the main process may call."""
        pairs = processes.gathered((value, getattr(super(), "sharing", dict)()))
        self._records = [record for _, record in pairs]
        return [value for value, _ in pairs]

    def sharing(self) -> dict[str, Any]:
        """Counts summed over the processes; the rest is the main process's."""
        records = self._records or [super().sharing()]
        sums = {key: sum(r[key] for r in records) for key, value in records[0].items() if isinstance(value, int)}
        return records[0] | sums


@cache
def shared(cls: type) -> type:
    """The model class for several processes; `cls` itself for one process, and for classes that are not HFLM's."""
    if processes.world() == 1 or not issubclass(cls, HFLM):
        return cls
    return type(cls.__name__, (SharedModel, cls), {"__module__": cls.__module__})


@contextmanager
def shared_models() -> Iterator[None]:
    """Let the harness find every `hf` model of its registry split over the processes, inside the block."""
    from lm_eval.api import registry

    original = registry.get_model
    registry.get_model = lambda name: shared(original(name))
    try:
        yield
    finally:
        registry.get_model = original
