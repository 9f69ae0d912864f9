"""Generation whose few-shot prefix goes through the model once, not once a prompt, and whose batches are kept on disk.

A batch, not a prompt, is kept and found: its rows are padded to one length, which changes their rounding, and rounding turns
near ties. So a command that runs again gives the very tokens of an unbroken run, drawn ones too, wherever the device computes
the same twice; with another batch size, limit or set of tasks the batches differ and nothing old is found.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from lm_eval.models.huggingface import HFLM
from numpy.typing import NDArray

from mcqa_suite.backend.prefix import tree as trees
from mcqa_suite.backend.prefix.compatibility import padded
from mcqa_suite.backend.prefix.encode import tokens_of
from mcqa_suite.backend.prefix.forward import CACHE, Forward
from mcqa_suite.backend.prefix.tree import Ints

SHORTEST = 32  # shared tokens that are worth a cache
# Settings with which a sequence does more than grow by one token at a time: beams, and candidates that are taken back.
NOT_PLAIN = ("num_beams", "num_return_sequences", "prompt_lookup_num_tokens", "assistant_model", "penalty_alpha")


class Draws:
    """The seeds of one call of `generate_until`.

    The harness draws from one stream, so a run that skips a batch would draw other samples in the next. Here a batch has a
    stream of its own: seeded by the run's seed, the process's rank, the request, and how often the same request came before,
    so that the repeats of a question differ wherever batches part them. Models with the same requests share their noise.
    """

    def __init__(self, rank: int) -> None:
        self._run = f"{torch.initial_seed()} {rank}"  # set by the harness's seed argument
        self._before: Counter[bytes] = Counter()

    def seed(self, request: bytes) -> int:
        """The seed of the next batch with this request."""
        number = self._before[request]
        self._before[request] += 1
        digest = hashlib.sha256(f"{self._run} {number} ".encode() + request).digest()
        return int.from_bytes(digest[:8], "big") >> 1


class PrefixGeneration(HFLM):  # type: ignore[misc]
    """HFLM's `generate_until`, prompts of one prefix together, and a `_model_generate` that keeps their prefix.

    Batches, sorting, truncation, stop sequences and post-processing are HFLM's own. The new tokens of every batch are in the
    cache as soon as it is done, so a run after a crash goes on at the next batch (at `batch_size=1`, the next document).
    """

    forward: Forward
    shares: Any
    cache: Any
    _path: Ints | None = None  # the tokens that all prompts of the present group begin with
    _draws: Draws
    _generation_defaults: bytes | None = None

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        self._draws = Draws(self.rank)
        if not self.shares or len(requests) < 2:
            return list(super().generate_until(requests, disable_tqdm=disable_tqdm))
        texts = [request.args[0] for request in requests]
        tokens = tokens_of(self, texts)
        answers: dict[int, str] = {}
        try:
            for group in by_prefix([tokens[text] for text in texts], self._smallest_group()):
                rows = [tokens[texts[index]] for index in group]
                self._path = rows[0][: min(trees.common(rows[0], row) for row in rows)]
                part = super().generate_until([requests[index] for index in group], disable_tqdm=disable_tqdm)
                answers.update(zip(group, part, strict=True))
                self.forward.cut(0)
        finally:
            self.forward.cut(0)
            self._path = None
        return [answers[index] for index in range(len(requests))]

    def _smallest_group(self) -> int:
        """Rows of a group: fewer would leave batches half empty, which costs more than a prefix."""
        return max(2, int(self.batch_size)) if str(self.batch_size).isdigit() else int(self.max_batch_size)

    def _model_generate(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Any:
        request = request_digest(context, self._path, max_length, stop, generation_kwargs)
        seed = None if generation_kwargs.get("do_sample") is False else self._draws.seed(request)
        cache = self.cache if self.backend == "causal" else None
        if cache is None:
            with drawn_with(seed, self.device):
                return self._generate(context, max_length, stop, **generation_kwargs)
        keys = [cache.batch_key(self._defaults(), request, seed, row) for row in range(len(context))]
        rows = cache.find_tokens(keys)
        if len(rows) == len(keys):
            new = torch.from_numpy(np.stack([rows[key] for key in keys]).astype(np.int64))
            return torch.cat([context, new.to(context)], dim=1)
        with drawn_with(seed, self.device):
            generated = self._generate(context, max_length, stop, **generation_kwargs)
        new_tokens: NDArray[np.int32] = generated[:, context.shape[1] :].cpu().numpy().astype(np.int32)
        cache.add_tokens(zip(keys, new_tokens, strict=True))
        return generated

    def passed_over(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> None:
        """Count a batch that another process generates, so that the same request draws other samples next time."""
        self._draws.seed(request_digest(context, self._path, max_length, stop, generation_kwargs))

    def _defaults(self) -> bytes:
        """What tokens depend on besides the model's identity and the request: its own settings, and how stops are read."""
        if self._generation_defaults is None:
            settings = json.dumps(self.model.generation_config.to_dict(), sort_keys=True, default=str)
            vocabulary = json.dumps(sorted(self.tokenizer.get_vocab().items()))
            self._generation_defaults = hashlib.sha256(f"{settings} {vocabulary}".encode()).digest()
        return self._generation_defaults

    def _generate(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Any:
        mask = generation_kwargs.get("attention_mask")
        plain = all(generation_kwargs.get(name) in (None, 1) for name in NOT_PLAIN)
        if self._path is None or mask is None or not plain:
            return super()._model_generate(context, max_length, stop, **generation_kwargs)
        rows = [ids[real.bool()].cpu().numpy() for ids, real in zip(context, mask, strict=True)]
        depth = min(min(trees.common(self._path, row), len(row) - 1) for row in rows)
        if depth < SHORTEST:  # or the prefix was cut off to make room
            return super()._model_generate(context, max_length, stop, **generation_kwargs)
        if not self.forward.cache.get_seq_length():
            tree, _ = trees.build([self._path], [len(self._path)])
            self.forward(trees.path_layout(tree, trees.Span(0, 1), len(self._path)), keep=True)
        ids, filled = padded(rows, depth, self.device, self.tokenizer.pad_token_id)
        cache = self.forward.expanded(len(rows), depth, room=max_length - depth)
        settings = generation_kwargs | {"attention_mask": filled, CACHE: cache}
        return super()._model_generate(ids, max_length, stop, **settings)


def request_digest(
    context: torch.Tensor, path: Ints | None, max_length: int, stop: Sequence[str], settings: Mapping[str, Any]
) -> bytes:
    """A digest of all that `generate` reads: token ids and mask of every row, the prefix that is computed apart, settings."""
    plain = {name: value for name, value in settings.items() if name != "attention_mask"}
    words = json.dumps([max_length, list(stop), plain], sort_keys=True, default=str)
    mask = settings.get("attention_mask")
    digest = hashlib.sha256(f"{list(context.shape)} {words} ".encode())
    for tensor in [context, *([] if mask is None else [mask])]:
        digest.update(tensor.cpu().numpy().astype(">i8").tobytes())
    digest.update(b"" if path is None else b"path" + path.astype(">i8").tobytes())
    return digest.digest()


@contextmanager
def drawn_with(seed: int | None, device: torch.device) -> Iterator[None]:
    """Draw random numbers from `seed` inside the block, and leave the stream outside as it was; None: nothing is drawn."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def by_prefix(rows: Sequence[Ints], least: int) -> list[list[int]]:
    """Indices of rows that begin alike for half of their length, `least` or more a group; the rest is the last group."""
    tree, where = trees.build(rows, [len(row) for row in rows])
    together = 2 * tree.shared[1:] >= np.minimum(tree.lengths[1:], tree.lengths[:-1])
    label = np.concatenate([[0], np.cumsum(~together)])[where]
    groups = [np.flatnonzero(label == each).tolist() for each in np.unique(label)]
    rest = sorted(index for group in groups if len(group) < least for index in group)
    return [group for group in groups if len(group) >= least] + ([rest] if rest else [])
