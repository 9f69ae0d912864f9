"""Requests to a generator of text, be it a checkpoint or a server, and its responses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mcqa_suite.common.errors import ConfigError


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn; temperature 0 is greedy. A string of `stop` ends a response and is no part of it."""

    temperature: float = 0.7
    top_p: float = 0.9
    max_tokens: int = 512
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 10:
            raise ConfigError(f"--temperature {self.temperature:g}: expected 0 to 10")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"--top-p {self.top_p:g}: expected a share above 0 and at most 1")
        if self.max_tokens < 1:
            raise ConfigError(f"--max-tokens {self.max_tokens}: expected at least 1")


@dataclass(frozen=True)
class Request:
    """One response to sample; `seed` depends on the row's id alone, not on what else is sampled."""

    id: str
    index: int
    prompt: str
    seed: int


@dataclass(frozen=True)
class Response:
    """A generated text, and why it ended: "stop", or "length" where it was cut off."""

    text: str
    finish: str


Generate = Callable[[Iterable[Request]], Iterator[tuple[Request, Response]]]


def seed_of(seed: int, row_id: str, index: int = 0) -> int:
    """A seed of 31 bits from the SHA-256 of the arguments."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{row_id}:{index}".encode()).digest()[:4], "big") >> 1
