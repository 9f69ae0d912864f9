"""Run calls on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from mcqa_suite.common.errors import EndpointError

MOST_AT_START = 5  # requests without an answer after which a server that answered nothing gets no more
MOST_IN_A_ROW = 20  # the same, for a server that had answered
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


def answered(request: Callable[[T], U], items: Iterable[T], parallel: int) -> Iterator[tuple[T, U]]:
    """`in_parallel` for requests to a server: those without an answer are left out, and EndpointError counts them at the end.

    It is raised earlier where the server seems to be gone.
    """

    def answer(item: T) -> U | EndpointError:
        try:
            return request(item)
        except EndpointError as error:
            return error

    failed = in_a_row = answers = 0
    for item, result in in_parallel(answer, items, parallel):
        if not isinstance(result, EndpointError):
            answers, in_a_row = answers + 1, 0
            yield item, result
            continue
        failed, in_a_row, error = failed + 1, in_a_row + 1, result
        if in_a_row >= (MOST_IN_A_ROW if answers else MOST_AT_START):
            raise error
    if failed:
        raise EndpointError(
            f"{failed} of {failed + answers} requests got no answer; rerun to send them again ({error})"
        )
