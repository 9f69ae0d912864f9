"""Measure what a loaded model costs to use, on inputs of one size, so that models can be compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from mcqa_suite.backend.memory import peak_memory_mb
from mcqa_suite.backend.prefix.forward import CACHE
from mcqa_suite.common.speed import Speed

ROWS, LENGTH, WRITTEN = 8, 128, 32  # of a batch, of a prompt and of an answer
REPEATS, MOST_SECONDS, SLOWEST_BATCH = 5, 2.0, 30.0


def measure(lm: Any, load_seconds: float) -> Speed:
    """The speed of a harness model of transformers. Each figure is the best of up to five passes, none of which begins after
    two seconds; the batch is left out where it would take more than 30 seconds, as with a large model on a CPU."""
    length = min(LENGTH, int(lm.max_length) - WRITTEN) if lm.max_length > 2 * WRITTEN else int(lm.max_length)
    tokens = torch.arange(ROWS * length, device=lm.device).reshape(ROWS, length) % int(lm.vocab_size)
    with torch.inference_mode():
        one = best(lambda: lm.model(tokens[:1]), lm.device)
        batch = best(lambda: lm.model(tokens), lm.device) if ROWS * one < SLOWEST_BATCH else None
        written = tokens_written(lm, tokens[:1]) if lm.max_length > 2 * WRITTEN else None
    return Speed(load_seconds, 1000 * one, batch and ROWS * length / batch, written, peak_memory_mb())


def best(call: Callable[[], Any], device: Any) -> float:
    """Seconds of the fastest call; the first one warms up, and counts only where it is too slow to be repeated."""
    first = timed(call, device)
    if first > MOST_SECONDS:
        return first
    passes: list[float] = []
    while len(passes) < REPEATS and sum(passes) < MOST_SECONDS:
        passes.append(timed(call, device))
    return min(passes)


def timed(call: Callable[[], Any], device: Any) -> float:
    start = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - start


def tokens_written(lm: Any, prompt: torch.Tensor) -> float | None:
    """Tokens a second of an answer of 32 tokens, or of as many as two seconds allow; None without a cache of past tokens."""
    past = getattr(lm.model(prompt, use_cache=True), CACHE, None)
    if past is None:
        return None
    start, done = time.perf_counter(), 0
    while done < WRITTEN and time.perf_counter() - start < MOST_SECONDS:
        past = getattr(lm.model(prompt[:, :1], **{CACHE: past}, use_cache=True), CACHE)
        synchronise(lm.device)
        done += 1
    return done / (time.perf_counter() - start)


def synchronise(device: Any) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
