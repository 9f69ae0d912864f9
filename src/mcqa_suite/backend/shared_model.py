"""A model of the harness in several processes, each of which answers its part of the requests.

The harness's own way shares out the documents: it needs one a process at least, asks some twice to even the parts out and
counts those answers as repeats, and logs the samples in another order. Here every process holds all requests and, in the
end, all answers, as if it were the only one: results, groups, scores that need every item, and order are those of one
process. Documents are shared out where tokens are scored (equal to rounding, which depends on the batch); whole batches
where text is generated, so that each is the very batch of one process, drawn samples of `hf-prefix` too.
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
    "the processes were not asked the same; remove what only one of them found, such as --use_cache's files, and repeat"
)
Batches = dict[int, torch.Tensor]  # new tokens by the batch's number


class SharedModel(HFLM):  # type: ignore[misc]
    """To be mixed in before a subclass of HFLM: its answers come from all processes, and are in each of them."""

    _number = 0  # of the next batch of generation
    _made: Batches | None = None  # by this process
    _known: Batches | None = None  # by all of them

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._splits = not kwargs.get("tp_plan")  # else the processes are parts of one model
        if self._splits:
            processes.join()
        super().__init__(*args, **kwargs)
        # to the harness every process is the only one, which evaluates all documents
        self._rank, self._world_size = 0, 1
        self._everyone: list[dict[str, Any]] = []

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Any]:
        return self._by_document("loglikelihood", requests, disable_tqdm)

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[Any]:
        return self._by_document("loglikelihood_rolling", requests, disable_tqdm)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        if not self._splits or self.backend != "causal" or str(self.batch_size).startswith("auto"):
            return self._by_document("generate_until", requests, disable_tqdm)
        self._check_same(requests)
        self._number, self._made = 0, {}
        try:
            with self._nothing_kept():  # the texts of the batches that others make are empty as yet
                super().generate_until(requests, disable_tqdm=disable_tqdm or not processes.is_main())
            parts = processes.gathered((self._made, self._own_sharing()))
            self._everyone = [told for _, told in parts]
            self._known = {number: tokens for made, _ in parts for number, tokens in made.items()}
            self._number = 0
            return list(super().generate_until(requests, disable_tqdm=True))
        finally:
            self._made = self._known = None

    def _model_generate(self, context: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        number, self._number = self._number, self._number + 1
        if self._known is not None:
            return torch.cat([context, self._known[number].to(context)], dim=1)
        if self._made is None:
            return super()._model_generate(context, *args, **kwargs)
        if number % processes.world() != processes.index():
            if passed_over := getattr(self, "passed_over", None):
                passed_over(context, *args, **kwargs)
            return context
        made = super()._model_generate(context, *args, **kwargs)
        self._made[number] = made[:, context.shape[1] :].to("cpu", torch.int32)
        return made

    def _by_document(self, kind: str, requests: list[Any], disable_tqdm: bool) -> list[Any]:
        """The answers to `requests`; all that belong to one document are one process's."""
        answer = getattr(super(), kind)
        if not self._splits:
            return list(answer(requests, disable_tqdm=disable_tqdm))
        self._check_same(requests)
        owners: dict[Any, int] = {}
        places: list[list[int]] = [[] for _ in range(processes.world())]
        for place, request in enumerate(requests):
            document = request.task_name, request.doc_id
            places[owners.setdefault(document, len(owners) % processes.world())].append(place)
        mine = [requests[place] for place in places[processes.index()]]
        found = list(answer(mine, disable_tqdm=disable_tqdm or not processes.is_main())) if mine else []
        parts = processes.gathered((found, self._own_sharing()))
        answers: list[Any] = [None] * len(requests)
        for part, (some, _) in zip(places, parts, strict=True):
            for place, each in zip(part, some, strict=True):
                answers[place] = each
        self._everyone = [told for _, told in parts]
        return answers

    def _check_same(self, requests: list[Any]) -> None:
        digest = hashlib.sha256()
        for request in requests:
            digest.update(repr((request.task_name, request.doc_id, request.args)).encode())
        if len(set(processes.gathered(digest.hexdigest()))) > 1:
            raise ConfigError(DIFFERENT)

    @contextmanager
    def _nothing_kept(self) -> Iterator[None]:
        """Within it the harness's `--use_cache` learns nothing."""
        before = vars(self)["cache_hook"]
        self.cache_hook = CacheHook(None)
        try:
            yield
        finally:
            self.cache_hook = before

    def _own_sharing(self) -> dict[str, Any]:
        own = getattr(super(), "sharing", None)
        return dict(own()) if own else {}

    def sharing(self) -> dict[str, Any]:
        """Counts of all processes together; what is no count is the main process's."""
        every = self._everyone or [self._own_sharing()]
        return {key: _together(key, [told[key] for told in every]) for key in every[0]}


def _together(key: str, values: list[Any]) -> Any:
    if key == "max_pass_tokens":
        return min(values)
    return sum(values) if isinstance(values[0], int) else values[0]


@cache
def shared(cls: type) -> type:
    """The model class for the processes that there are: itself for one, and where the harness leaves it to itself."""
    if processes.world() == 1 or not issubclass(cls, HFLM):
        return cls
    return type(cls.__name__, (SharedModel, cls), {"__module__": cls.__module__})


@contextmanager
def shared_models() -> Iterator[None]:
    """Within it the harness finds every `hf` model of its registry shared out over the processes."""
    from lm_eval.api import registry

    whole = registry.get_model
    registry.get_model = lambda name: shared(whole(name))
    try:
        yield
    finally:
        registry.get_model = whole
