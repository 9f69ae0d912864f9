"""Run calls on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def in_parallel(call: Callable[[T], U], items: Iterable[T], parallel: int) -> Iterator[tuple[T, U]]:
    """Yield (item, call(item)) in the order of completion, at most `parallel` calls at a time; the first error stops the rest."""
    remaining = iter(items)
    with ThreadPoolExecutor(parallel) as pool:
        running: dict[Future[U], T] = {pool.submit(call, item): item for item in islice(remaining, parallel)}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
            running |= {pool.submit(call, item): item for item in islice(remaining, len(done))}
