"""Generation whose rows leave as they end, whose prompts are read once, and whose texts are kept on disk.

A text is kept together with all requests beside which it was generated: rounding depends on how many rows share a pass, and
turns near ties. So a command that runs again gives the very tokens of an unbroken run, drawn ones too, wherever the device
computes the same twice; with another batch size, limit or set of tasks nothing old is found.
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
from tqdm import tqdm

from mcqa_suite.backend.prefix.decode import Chooser, Decoder, can_decode
from mcqa_suite.backend.prefix.forward import Forward
from mcqa_suite.backend.prefix.tree import Ints

# Rows of a pass where the batch size is left open: on two CPU cores more cost as much a row, and fewer cost more.
ROWS = {"cpu": 64, "cuda": 256}
AT_A_TIME = 4096  # requests that are encoded, padded and answered together
# Tokens of all rows of a pass on a CPU, where a process that needs too much memory is killed: 32 rows of 2,048 tokens. Keys,
# values and activations of a model with 135 million parameters take 4 GB for them.
MOST_TOKENS = 1 << 16


class PrefixGeneration(HFLM):  # type: ignore[misc]
    """HFLM's `generate_until` with a `_model_generate` of its own.

    Order, truncation, stop sequences and post-processing are HFLM's own. A batch size above 1 is the number of rows of a pass;
    1, the harness's default, leaves it to ROWS. Beams, penalties and other settings that a `Chooser` does not know go through
    transformers' own `generate`, batch by batch.
    """

    forward: Forward
    shares: Any
    cache: Any
    record: Any
    batch_size_per_gpu: Any
    _run_seed: int
    _times: Counter[bytes]  # how often each row, or batch, was requested in this call of `generate_until`
    _rows: int = AT_A_TIME  # of a pass; HFLM's own batches are smaller
    _bar: Any = None

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        self._run_seed, self._times = torch.initial_seed(), Counter()
        if not self.shares:
            return list(super().generate_until(requests, disable_tqdm=disable_tqdm))
        hidden = disable_tqdm or self.rank != 0
        with self._all_at_once(len(requests)), tqdm(total=len(requests), disable=hidden, desc=BAR) as self._bar:
            return list(super().generate_until(requests, disable_tqdm=True))

    @contextmanager
    def _all_at_once(self, n: int) -> Iterator[None]:
        """Let HFLM make one batch of all requests with the same settings."""
        self._rows, size = self._rows_of_a_pass(), self.batch_size_per_gpu
        self.batch_size_per_gpu = min(max(n, 1), AT_A_TIME)
        try:
            yield
        finally:
            self.batch_size_per_gpu = size
            self.forward.cut(0)

    def _rows_of_a_pass(self) -> int:
        size = self.batch_size_per_gpu
        return size if isinstance(size, int) and size > 1 else ROWS.get(self.device.type, ROWS["cuda"])

    def _model_generate(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Any:
        mask, width = generation_kwargs.get("attention_mask"), context.shape[1]
        if self.shares and mask is not None and can_decode(generation_kwargs):
            rows = [ids[real.bool()].cpu().numpy() for ids, real in zip(context, mask, strict=True)]
            new = [self._decoded(rows, max_length - width, stop, generation_kwargs).to(context.device)]
        else:
            new = []
            for part, settings in self._parts(context, generation_kwargs):
                length = max_length - width + part.shape[1]
                new.append(self._batch(part, length, stop, **settings)[:, part.shape[1] :])
                if self._bar is not None:
                    self._bar.update(len(part))
        return torch.cat([context, _side_by_side(new, self.tokenizer.pad_token_id)], dim=1)

    def _decoded(self, rows: list[Ints], most: int, stop: list[str], settings: Mapping[str, Any]) -> torch.Tensor:
        """New tokens of all rows, `most` at most, padded at their ends; from the cache, or generated and kept in it."""
        room = max(map(len, rows)) + most
        seats = min(self._rows_of(room), len(rows))
        request = rows_digest(rows, most, stop, settings) + f" {seats}".encode()
        seeds = [self._seed(row.tobytes()) for row in rows] if settings.get("do_sample") else []
        keys = [
            self.cache.key(request, f"{index} {seeds[index] if seeds else None}".encode())
            for index in range(len(rows) if self.cache else 0)
        ]
        stored = self.cache.find(keys) if self.cache else {}
        answers = {index: stored[key] for index, key in enumerate(keys) if key in stored}
        self.record.generation_cache_hits += len(answers)
        self._bar.update(len(answers))
        decoder = Decoder(self.forward, rows, seats=seats, room=room)
        for index, tokens in decoder(Chooser(settings, seeds), self._ends(stop, most), dict(answers)):
            answers[index] = tokens
            if self.cache:
                self.cache.add([(keys[index], tokens)])
            self._bar.update(1)
        self.record.generated_tokens += sum(map(len, answers.values()))
        return _side_by_side(
            [torch.tensor([answers[index]]) for index in range(len(rows))], self.tokenizer.pad_token_id
        )

    def _ends(self, stop: Sequence[str], most: int) -> Any:
        """Whether a row is complete after a token, as HFLM's stopping criteria see it."""
        eos = self.model.generation_config.eos_token_id
        last = set(eos if isinstance(eos, list) else [eos])
        stops = [text for text in stop if text]
        reach = max((len(self.tokenizer.encode(text, add_special_tokens=False)) for text in stops), default=0) + 2

        def ends(tokens: list[int]) -> bool:
            if len(tokens) >= most or tokens[-1] in last:
                return True
            tail = self.tokenizer.decode(tokens[-reach:])
            return any(text in tail for text in stops)

        return ends

    def _rows_of(self, width: int) -> int:
        """Rows of `width` tokens that a pass may have."""
        return max(1, min(self._rows, MOST_TOKENS // width)) if self.device.type == "cpu" else self._rows

    def _parts(
        self, context: torch.Tensor, settings: Mapping[str, Any]
    ) -> Iterator[tuple[torch.Tensor, dict[str, Any]]]:
        """Batches for transformers' own `generate`, without columns of padding alone."""
        mask, (rows, width) = settings.get("attention_mask"), context.shape
        if mask is None:
            yield context, dict(settings)
            return
        most = self._rows_of(width)
        for start in range(0, rows, most):
            real = mask[start : start + most]
            first = int(real.any(dim=0).int().argmax())
            yield context[start : start + most, first:], {**settings, "attention_mask": real[:, first:]}

    def _batch(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Any:
        """A batch by transformers' own `generate`, from the cache, or generated and kept in it."""
        request = request_digest(context, max_length, stop, generation_kwargs)
        seed = self._seed(request) if generation_kwargs.get("do_sample") is not False else None
        cache = self.cache if self.backend == "causal" else None
        key = cache.key(request, str(seed).encode()) if cache else b""
        if cache and (stored := cache.find([key])):
            self.record.generation_cache_hits += len(context)
            return torch.cat([context, torch.tensor(stored[key]).to(context)], dim=1)
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            generated = super()._model_generate(context, max_length, stop, **generation_kwargs)
        if cache:
            cache.add([(key, generated[:, context.shape[1] :].tolist())])
        return generated

    def _seed(self, request: bytes) -> int:
        """The seed of the draws of a row or batch: from the run's seed, the process, what is asked and how often it was before.

        The harness draws from one stream, so a run that skips a batch would draw other samples in the next. Models with the
        same requests share their noise.
        """
        number = self._times[request]
        self._times[request] += 1
        digest = hashlib.sha256(f"{self._run_seed} {self.rank} {number} ".encode() + request).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def passed_over(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> None:
        """Count a batch that another process generates, so that the same request draws other samples next time."""
        for part, settings in self._parts(context, generation_kwargs):
            length = max_length - context.shape[1] + part.shape[1]
            self._seed(request_digest(part, length, stop, settings))


BAR = "Running generate_until requests"


def _side_by_side(parts: Sequence[torch.Tensor], pad: int) -> torch.Tensor:
    """The rows of all parts, padded at their ends to one width."""
    width = max(part.shape[1] for part in parts)
    return torch.cat([torch.nn.functional.pad(part, (0, width - part.shape[1]), value=pad) for part in parts])


def rows_digest(rows: Sequence[Ints], most: int, stop: Sequence[str], settings: Mapping[str, Any]) -> bytes:
    """A digest of all that the new tokens of the rows depend on."""
    plain = {name: value for name, value in settings.items() if name != "attention_mask"}
    digest = hashlib.sha256(json.dumps([most, list(stop), plain], sort_keys=True, default=str).encode())
    for row in rows:
        digest.update(len(row).to_bytes(8, "big") + row.astype(">i8").tobytes())
    return digest.digest()


def request_digest(context: torch.Tensor, max_length: int, stop: Sequence[str], settings: Mapping[str, Any]) -> bytes:
    """A digest of all that `generate` reads: token ids and mask of every row, settings."""
    mask = settings.get("attention_mask")
    tensors = [context, *([] if mask is None else [mask])]
    arrays = [tensor.cpu().numpy().astype(np.int64).ravel() for tensor in tensors]
    return rows_digest(arrays, max_length, [*stop, str(list(context.shape))], settings)
