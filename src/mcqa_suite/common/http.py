"""Requests to a model server, tried again while that may help, within a number of tries and of seconds.

`mcqa eval`, `mcqa preferences` and `mcqa rank` all ask through this. A server that answers 500, is silent for too long or sends
half of its JSON may do better the next time; one that refuses the key, or the request, will not.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, TypeVar

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

AGAIN = (408, 409, 425, 429)  # and every 5xx
LONGEST = 30.0  # seconds between two tries, unless the server asks for more
WORDS = 200  # characters of what a server says that are passed on
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Patience:
    """`tries` in all; `backoff` seconds before the second, twice as many before each further one; no new try begins later than
    `seconds` after the first. `timeout`: seconds to connect, and of silence."""

    tries: int = 6
    backoff: float = 0.5
    seconds: float = 900.0
    timeout: tuple[float, float] = (10.0, 600.0)

    def pause(self, tried: int) -> float:
        """Seconds before the next try; drawn by chance, so that parallel requests do not all come back at one moment."""
        return min(LONGEST, self.backoff * 2.0 ** (tried - 1)) * random.uniform(0.75, 1.25)  # noqa: S311


class NoAnswerError(Exception):
    """No answer that can be used: the message says why. `again`: another try may help, after `pause` seconds at least."""

    def __init__(self, reason: str, *, status: int | None = None, again: bool = True, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.status, self.again, self.pause = status, again, pause


def patiently(ask: Callable[[], T], patience: Patience) -> T:
    """What `ask` returns; the last NoAnswerError, with the number of tries in its message, once patience is at an end."""
    started = time.monotonic()
    for tried in count(1):
        try:
            return ask()
        except NoAnswerError as error:
            pause = max(error.pause, patience.pause(tried))
            late = time.monotonic() - started + pause > patience.seconds
            if not error.again or tried >= patience.tries or late:
                if tried > 1:
                    error.args = (f"{error} ({tried} tries)",)
                raise
            time.sleep(pause)
    raise AssertionError("unreachable")


def send(
    session: requests.Session, method: str, url: str, patience: Patience, headers: Mapping[str, str], **options: Any
) -> Any:
    """One try: the JSON that the server answers with. NoAnswerError otherwise; a key that it quotes is not passed on."""
    try:
        answer = session.request(method, url, headers=headers, timeout=patience.timeout, **options)
    except requests.Timeout as error:
        raise NoAnswerError(f"no answer (timed out after {patience.timeout[1]:g} s)") from error
    except requests.RequestException as error:
        # an address that is none is a ValueError too
        raise NoAnswerError(f"no answer ({type(error).__name__})", again=not isinstance(error, ValueError)) from error
    if not answer.ok:
        words = " ".join(_without_key(answer.text, headers).split())[:WORDS]
        again = answer.status_code in AGAIN or answer.status_code >= 500
        reason = f"HTTP {answer.status_code}: {words or answer.reason}"
        raise NoAnswerError(reason, status=answer.status_code, again=again, pause=_asked_to_wait(answer))
    try:
        return answer.json()
    except ValueError as error:
        raise NoAnswerError("answered with no JSON, or half of it") from error


def _asked_to_wait(answer: requests.Response) -> float:
    """Seconds that the server's Retry-After names; 0 where there is none."""
    told = answer.headers.get("Retry-After", "")
    try:
        return float(Retry().parse_retry_after(told)) if told else 0.0
    except (InvalidHeader, ValueError):
        return 0.0


def _without_key(text: str, headers: Mapping[str, str]) -> str:
    """Some servers quote the key that they refuse."""
    key = headers.get("Authorization", "").removeprefix("Bearer ")
    return text.replace(key, "...") if key else text


def in_parallel(call: Callable[[T], U], items: Iterable[T], parallel: int) -> Iterator[tuple[T, U]]:
    """`call` of each item, as they finish, at most `parallel` at a time; the first error stops what has not begun."""
    waiting = iter(items)
    with ThreadPoolExecutor(parallel) as pool:
        running: dict[Future[U], T] = {pool.submit(call, item): item for item in islice(waiting, parallel)}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
            running |= {pool.submit(call, item): item for item in islice(waiting, len(done))}
