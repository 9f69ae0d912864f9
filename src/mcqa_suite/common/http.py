"""JSON requests to a model server, repeated where that may help (extra `server`).

A request is repeated after HTTP 5xx, a timeout or broken JSON, but not where the server refuses the key or the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential, wait_random
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

RETRIABLE = (408, 409, 425, 429)  # HTTP statuses, in addition to every 5xx
LONGEST_WAIT = 30.0  # seconds between two tries, unless the server asks for more
REASON_CHARACTERS = 200  # of the server's error message that are quoted
T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """At most `tries` requests, the last at most `seconds` after the first.

    The wait is `backoff` seconds before the second request and doubles for each further one. `timeout` has the seconds to
    connect and the seconds without data.
    """

    tries: int = 6
    backoff: float = 0.5
    seconds: float = 900.0
    timeout: tuple[float, float] = (10.0, 600.0)


class NoAnswerError(Exception):
    """A request without a usable answer; where it is `retriable`, the next try comes after at least `wait` seconds."""

    def __init__(self, reason: str, *, status: int | None = None, retriable: bool = True, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.status, self.retriable, self.wait = status, retriable, wait


def retried(call: Callable[[], T], policy: RetryPolicy) -> T:
    """`call()`, repeated after each retriable NoAnswerError; where all tries fail, the last error with their number."""
    # Random waits keep parallel requests from being repeated all at the same time.
    backoff = wait_exponential(multiplier=policy.backoff, max=LONGEST_WAIT) + wait_random(0, policy.backoff / 2)

    def wait(state: RetryCallState) -> float:
        return max(backoff(state), getattr(state.outcome and state.outcome.exception(), "wait", 0.0))

    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, NoAnswerError) and error.retriable),
        stop=stop_after_attempt(policy.tries) | stop_before_delay(policy.seconds),
        wait=wait,
        reraise=True,
    )
    try:
        return retrying(call)
    except NoAnswerError as error:
        if (tries := retrying.statistics["attempt_number"]) > 1:
            error.args = (f"{error} ({tries} tries)",)
        raise


def send(
    session: requests.Session, method: str, url: str, policy: RetryPolicy, headers: Mapping[str, str], **options: Any
) -> Any:
    """Send one request and return the JSON of the answer; NoAnswerError, which never quotes the key, otherwise."""
    try:
        answer = session.request(method, url, headers=headers, timeout=policy.timeout, **options)
    except requests.Timeout as error:
        raise NoAnswerError(f"no answer (timed out after {policy.timeout[1]:g} s)") from error
    except requests.RequestException as error:
        # for an address that is not valid, requests raises an error that is also a ValueError
        invalid = isinstance(error, ValueError)
        raise NoAnswerError(f"no answer ({type(error).__name__})", retriable=not invalid) from error
    if not answer.ok:
        status = answer.status_code
        reason = " ".join(_without_key(answer.text, headers).split())[:REASON_CHARACTERS] or answer.reason
        raise NoAnswerError(
            f"HTTP {status}: {reason}",
            status=status,
            retriable=status in RETRIABLE or status >= 500,
            wait=_retry_after(answer),
        )
    try:
        return answer.json()
    except ValueError as error:
        raise NoAnswerError("the answer is not valid JSON") from error


def _retry_after(answer: requests.Response) -> float:
    """The seconds in the Retry-After header; 0 without a valid one."""
    header = answer.headers.get("Retry-After", "")
    try:
        return float(Retry().parse_retry_after(header)) if header else 0.0
    except (InvalidHeader, ValueError):
        return 0.0


def _without_key(text: str, headers: Mapping[str, str]) -> str:
    """`text` without the API key, which some servers quote when they refuse it."""
    key = headers.get("Authorization", "").removeprefix("Bearer ")
    return text.replace(key, "...") if key else text
