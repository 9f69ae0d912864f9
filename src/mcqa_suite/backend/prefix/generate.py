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
from typing import Any

import numpy as np
import torch
from lm_eval.models.huggingface import HFLM

from mcqa_suite.backend.prefix import tree as trees
from mcqa_suite.backend.prefix.compatibility import padded
from mcqa_suite.backend.prefix.encode import tokens_of
from mcqa_suite.backend.prefix.forward import CACHE, Forward
from mcqa_suite.backend.prefix.tree import Ints

SHORTEST = 32  # shared tokens that are worth a cache
# Tokens of a padded batch on a CPU, where a process that needs too much memory is killed: 32 rows of 2,048 tokens. Keys, values
# and activations of a model with 135 million parameters take 4 GB for them.
MOST_TOKENS = 1 << 16
# Settings with which a sequence does more than grow by one token at a time: beams, and candidates that are taken back.
NOT_PLAIN = ("num_beams", "num_return_sequences", "prompt_lookup_num_tokens", "assistant_model", "penalty_alpha")


class PrefixGeneration(HFLM):  # type: ignore[misc]
    """HFLM's `generate_until`, prompts of one prefix together, and a `_model_generate` that keeps their prefix.

    Batches, sorting, truncation, stop sequences and post-processing are HFLM's own. The new tokens of every batch are in the
    cache as soon as it is done, so a run after a crash goes on at the next batch (at `batch_size=1`, the next document).
    """

    forward: Forward
    shares: Any
    cache: Any
    record: Any
    _path: Ints | None = None  # the tokens that all prompts of the present group begin with
    _run_seed: int
    _times: Counter[bytes]  # how often each batch was requested in this call of `generate_until`

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        self._run_seed, self._times = torch.initial_seed(), Counter()
        if not self.shares or len(requests) < 2:
            return list(super().generate_until(requests, disable_tqdm=disable_tqdm))
        texts = [request.args[0] for request in requests]
        tokens = tokens_of(self, texts)
        answers: dict[int, str] = {}
        try:
            for group in by_prefix([tokens[text] for text in texts], self._smallest_group()):
                rows = [tokens[texts[index]] for index in group]
                self._path = rows[0][: min(trees.common(rows[0], row) for row in rows)]
                self.forward.cut(0)
                part = super().generate_until([requests[index] for index in group], disable_tqdm=disable_tqdm)
                answers.update(zip(group, part, strict=True))
        finally:
            self.forward.cut(0)
            self._path = None
        return [answers[index] for index in range(len(requests))]

    def _smallest_group(self) -> int:
        """Rows of a group: fewer would leave batches half empty, which costs more than a prefix."""
        return max(2, int(self.batch_size)) if str(self.batch_size).isdigit() else int(self.max_batch_size)

    def _model_generate(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Any:
        width = context.shape[1]
        parts = [
            self._batch(part, max_length - width + part.shape[1], stop, **settings)[:, part.shape[1] :]
            for part, settings in self._parts(context, generation_kwargs)
        ]
        return torch.cat([context, _side_by_side(parts, self.tokenizer.pad_token_id)], dim=1)

    def _parts(
        self, context: torch.Tensor, settings: Mapping[str, Any]
    ) -> Iterator[tuple[torch.Tensor, dict[str, Any]]]:
        """The batch, or on a CPU parts of it that have at most MOST_TOKENS, without columns of padding alone."""
        mask, (rows, width) = settings.get("attention_mask"), context.shape
        most = rows if self.device.type != "cpu" or mask is None else max(1, MOST_TOKENS // width)
        for start in range(0, rows, most):
            if most >= rows or mask is None:
                yield context, dict(settings)
                continue
            real = mask[start : start + most]
            first = int(real.any(dim=0).int().argmax())
            yield context[start : start + most, first:], {**settings, "attention_mask": real[:, first:]}

    def _batch(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Any:
        """A batch from the cache, or generated and kept in it."""
        request = request_digest(context, self._path, max_length, stop, generation_kwargs)
        seed = self._seed(request) if generation_kwargs.get("do_sample") is not False else None
        cache = self.cache if self.backend == "causal" else None
        key = cache.key(request, str(seed).encode()) if cache else b""
        if cache and (stored := cache.find([key])):
            self.record.generation_cache_hits += len(context)
            return torch.cat([context, torch.tensor(stored[key]).to(context)], dim=1)
        with torch.random.fork_rng(
            devices=[self.device] if self.device.type == "cuda" else [], enabled=seed is not None
        ):
            if seed is not None:
                torch.manual_seed(seed)
            generated = self._generate(context, max_length, stop, **generation_kwargs)
        if cache:
            cache.add([(key, generated[:, context.shape[1] :].tolist())])
        return generated

    def _seed(self, request: bytes) -> int:
        """The seed of the draws of a batch: from the run's seed, the process, the batch and how often it came before.

        The harness draws from one stream, so a run that skips a batch would draw other samples in the next. Models with the
        same requests share their noise; the repeats of a question differ wherever batches part them.
        """
        number = self._times[request]
        self._times[request] += 1
        digest = hashlib.sha256(f"{self._run_seed} {self.rank} {number} ".encode() + request).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def passed_over(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> None:
        """Count a batch that another process generates, so that the same request draws other samples next time."""
        for part, settings in self._parts(context, generation_kwargs):
            length = max_length - context.shape[1] + part.shape[1]
            self._seed(request_digest(part, self._path, length, stop, settings))

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


def _side_by_side(parts: Sequence[torch.Tensor], pad: int) -> torch.Tensor:
    """The rows of all parts, padded at their ends to one width."""
    width = max(part.shape[1] for part in parts)
    return torch.cat([torch.nn.functional.pad(part, (0, width - part.shape[1]), value=pad) for part in parts])


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


def by_prefix(rows: Sequence[Ints], least: int) -> list[list[int]]:
    """Indices of rows that begin alike for half of their length, `least` or more a group; the rest is the last group."""
    tree, where = trees.build(rows, [len(row) for row in rows])
    together = 2 * tree.shared[1:] >= np.minimum(tree.lengths[1:], tree.lengths[:-1])
    label = np.concatenate([[0], np.cumsum(~together)])[where]
    groups = [np.flatnonzero(label == each).tolist() for each in np.unique(label)]
    rest = sorted(index for group in groups if len(group) < least for index in group)
    return [group for group in groups if len(group) >= least] + ([rest] if rest else [])
