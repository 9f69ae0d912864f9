"""Run the steps of a ladder on this machine; `on_ray` has the executor for a cluster."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from mcqa_suite.ladder.graph import Step
from mcqa_suite.ladder.results import StepResult

Call = Callable[[], StepResult]


class Executor(Protocol):
    """`submit` takes a step whose predecessors are done; `next` returns the next finished one, or raises its error."""

    def submit(self, step: Step, call: Call) -> None: ...

    def next(self) -> tuple[Step, StepResult]: ...

    def close(self) -> None: ...


class LocalExecutor:
    """On this machine, `slots` steps at a time, the one with the lowest number first: with one slot, in order."""

    def __init__(self, slots: int = 1) -> None:
        self._slots = slots
        self._ready: list[tuple[int, Step, Call]] = []
        self._running: dict[Future[StepResult], Step] = {}
        self._pool = ThreadPoolExecutor(slots)

    def submit(self, step: Step, call: Call) -> None:
        heapq.heappush(self._ready, (step.number, step, call))

    def next(self) -> tuple[Step, StepResult]:
        if self._slots == 1:  # in this thread, so that Ctrl-C ends the process
            _, step, call = heapq.heappop(self._ready)
            return step, call()
        while self._ready and len(self._running) < self._slots:
            _, step, call = heapq.heappop(self._ready)
            self._running[self._pool.submit(call)] = step
        done = wait(self._running, return_when=FIRST_COMPLETED).done
        future = min(done, key=lambda future: self._running[future].number)
        return self._running.pop(future), future.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
