"""Keys and values of rows of different lengths, each in a seat of its own, so that rows can come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

from mcqa_suite.backend.prefix.forward import CACHE, Forward


class Rows:
    """Rows that all get their next token in one pass through the model; `lengths` has their numbers of tokens, by seat.

    At most `seats` rows of at most `room` tokens. A CPU takes memory as it is written to, a GPU at once.
    """

    def __init__(self, forward: Forward, seats: int, room: int) -> None:
        """Keys and values have the shape of those of the cached path in `forward`, which must not be empty."""
        self.forward = forward
        self.lengths: list[int] = []
        self._layers = [RowsLayer(layer.keys, layer.values, seats, room) for layer in forward.cache.layers]
        self._cache = Cache(layers=list(self._layers))
        self._columns = torch.arange(room, device=forward.device)

    def add(self) -> None:
        """A row in the next seat, which holds the cached path of `forward`."""
        for layer, path in zip(self._layers, self.forward.cache.layers, strict=True):
            layer.write(len(self.lengths), path.keys[0], path.values[0])
        self.lengths.append(self.forward.cache.get_seq_length())

    def add_empty(self, length: int) -> None:
        """A row in the next seat that takes part in every pass, and whose logits mean nothing."""
        self.lengths.append(length)

    def remove(self, seat: int) -> None:
        """Drop the row of `seat`; the row of the last seat moves there."""
        last, length = len(self.lengths) - 1, self.lengths.pop()
        if seat != last:
            self.lengths[seat] = length
            for layer in self._layers:
                layer.write(seat, *(buffer[last, :, :length] for buffer in layer.buffers))

    def pass_over(self, steps: int) -> None:
        """As many steps, of which nothing is needed."""
        self.lengths = [length + steps for length in self.lengths]

    @torch.inference_mode()
    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Logits [rows, vocabulary] after one more token of each row."""
        forward, width = self.forward, max(self.lengths) + 1
        positions = torch.tensor(self.lengths, device=forward.device)
        mask = torch.zeros(len(tokens), width, dtype=forward.dtype, device=forward.device)
        mask.masked_fill_(self._columns[None, :width] > positions[:, None], torch.finfo(forward.dtype).min)
        seats = torch.arange(len(tokens), device=forward.device)
        for layer in self._layers:
            layer.seats, layer.positions, layer.width = seats, positions, width
        with forward.autocasting():
            logits: torch.Tensor = forward.model(
                input_ids=torch.tensor(tokens, device=forward.device)[:, None],
                position_ids=positions[:, None],
                attention_mask=mask[:, None, None],
                use_cache=True,
                **{CACHE: self._cache},
            ).logits[:, -1]
        self.pass_over(1)
        forward.computed += len(tokens)
        return logits


class RowsLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values, in buffers [seats, heads, room, size] that are never copied as a whole.

    `seats`, `positions` and `width`: the rows, where the next token of each goes, and how many columns are in use then.
    """

    seats: torch.Tensor
    positions: torch.Tensor
    width: int

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, seats: int, room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lazy_initialization(keys, values)
        # Zeros, since a hidden value that is not a number would still spoil a sum.
        self.buffers = [
            torch.zeros(seats, part.shape[1], room, part.shape[3], dtype=part.dtype, device=part.device)
            for part in (keys, values)
        ]

    def write(self, seat: int, *parts: torch.Tensor) -> None:
        """Keys and values [heads, tokens, size] from the start of a seat."""
        for buffer, part in zip(self.buffers, parts, strict=True):
            buffer[seat, :, : part.shape[1]] = part

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        for buffer, new in zip(self.buffers, (key_states, value_states), strict=True):
            buffer[self.seats, :, self.positions] = new[:, :, 0]
        self.keys, self.values = (buffer[: len(self.seats), :, : self.width] for buffer in self.buffers)
        return self.keys, self.values
