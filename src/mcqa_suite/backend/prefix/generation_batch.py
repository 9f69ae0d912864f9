"""One batch of generation: what its tokens depend on besides the model, and the seed of what is drawn.

A batch, not a prompt, is what is kept and found: its rows are padded to one length, which changes their rounding, and rounding
turns near ties. So a command that is run again gives the very tokens of an unbroken run, drawn ones too, wherever the device
computes the same twice; with another batch size, limit or set of tasks the batches are others and nothing old is found.
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
from numpy.typing import NDArray

from mcqa_suite.backend.prefix.tree import Ints


class Draws:
    """The seeds of one call of `generate_until`.

    The harness draws from one stream, so a run that skips a batch would draw other samples in the next. Here a batch has a
    stream of its own: seeded by the run's seed, the process's rank, what is asked, and how often the same was asked before, so
    that the repeats of a question differ wherever batches part them. Models that are asked the same share their noise.
    """

    def __init__(self, rank: int) -> None:
        self._run = f"{torch.initial_seed()} {rank}"  # what the harness's seed argument set
        self._before: Counter[bytes] = Counter()

    def seed(self, asked: bytes) -> int:
        """Of the next batch in which `asked` is asked."""
        number = self._before[asked]
        self._before[asked] += 1
        digest = hashlib.sha256(f"{self._run} {number} ".encode() + asked).digest()
        return int.from_bytes(digest[:8], "big") >> 1


def asked(
    context: torch.Tensor, path: Ints | None, max_length: int, stop: Sequence[str], settings: Mapping[str, Any]
) -> bytes:
    """A digest of everything `generate` is told: token ids and mask of every row, the prefix that is computed apart, settings."""
    told = {name: value for name, value in settings.items() if name != "attention_mask"}
    words = json.dumps([max_length, list(stop), told], sort_keys=True, default=str)
    mask = settings.get("attention_mask")
    arrays = [context, *([mask] if mask is not None else [])]
    digest = hashlib.sha256(f"{list(context.shape)} {words} ".encode())
    for array in (each.cpu().numpy() for each in arrays):
        digest.update(array.astype(">i8").tobytes())
    digest.update(b"" if path is None else b"path" + path.astype(">i8").tobytes())
    return digest.digest()


@contextmanager
def drawn_with(seed: int | None, device: torch.device) -> Iterator[None]:
    """Within it, what is drawn at random comes of `seed`; the stream outside is as it was before. None: nothing is drawn."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def rows_of(made: torch.Tensor, context: torch.Tensor) -> list[NDArray[np.int32]]:
    """The new tokens of each row."""
    return list(made[:, context.shape[1] :].cpu().numpy().astype(np.int32))


def joined(context: torch.Tensor, rows: Sequence[NDArray[np.int32]]) -> torch.Tensor:
    """What `generate` returned: each row of `context` with its new tokens."""
    new = torch.from_numpy(np.stack(rows).astype(np.int64))
    return torch.cat([context, new.to(context)], dim=1)
