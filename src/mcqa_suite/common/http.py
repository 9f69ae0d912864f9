"""Requests through the `openai` client: why one failed, and whether to send it again (extra `server`)."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import openai
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
)
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

RETRIABLE = (408, 409, 425, 429)  # HTTP statuses, in addition to every 5xx
LONGEST_WAIT = 30.0  # seconds between two tries, unless the server asks for more
REASON_CHARACTERS = 200  # of the server's error message that are quoted
# Errors of the client, and those of reading an answer that has another form.
FAILURES = (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError)
T = TypeVar("T")


class UnusableAnswerError(ValueError):
    """An answer that another try would not improve."""


def first_choice(client: openai.OpenAI, url: str, body: Mapping[str, Any], headers: Any = None) -> dict[str, Any]:
    """Send one request; the first of the `choices` in its answer. Raises one of FAILURES."""
    answer: Any = client.post(url, cast_to=object, body=body, options={"headers": headers or {}})
    if isinstance(answer, str):  # a server that does not say that it sends JSON
        with suppress(ValueError):
            answer = json.loads(answer)
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError(f"an answer without choices: {answer}")
    return choices[0]


def retried(call: Callable[[], T], tries: int, backoff: float, seconds: float) -> T:
    """Call a function, and call it again after a failure that may be temporary; return its first result.

    `tries` is the largest number of calls; no call starts more than `seconds` after the first. The wait is `backoff` seconds
    before the second call and doubles before each further one. Where all calls fail, the last error is raised, with a note
    of the number of calls.
    """

    def wait(state: RetryCallState) -> float:
        pause = wait_exponential(multiplier=backoff, max=LONGEST_WAIT)(state)
        pause += random.uniform(0, backoff / 2)  # noqa: S311 - so that parallel requests come one by one
        error = state.outcome and state.outcome.exception()
        if isinstance(error, openai.APIStatusError) and (header := error.response.headers.get("Retry-After")):
            with suppress(InvalidHeader, ValueError):
                pause = max(pause, Retry().parse_retry_after(header))
        return pause

    retrying = Retrying(
        retry=retry_if_exception(_is_retriable),
        stop=stop_after_attempt(tries) | stop_before_delay(seconds),
        wait=wait,
        reraise=True,
    )
    try:
        return retrying(call)
    except FAILURES as error:
        if (n := retrying.statistics["attempt_number"]) > 1:
            error.add_note(f" ({n} tries)")
        raise


def _is_retriable(error: BaseException) -> bool:
    if isinstance(error, openai.APIStatusError):
        return error.status_code in RETRIABLE or error.status_code >= 500
    return isinstance(error, FAILURES) and not isinstance(error, UnusableAnswerError)


def reason_of(error: Exception, key: str) -> str:
    """Why there is no usable answer, in a few words, without the key: some servers quote the key that they refuse."""

    def shown(text: str) -> str:
        return " ".join((text.replace(key, "...") if key else text).split())[:REASON_CHARACTERS]

    match error:
        case openai.APITimeoutError():
            reason = "no answer (timed out)"
        case openai.APIConnectionError():
            reason = f"no answer ({type(error.__cause__ or error).__name__})"
        case openai.APIStatusError():
            reason = f"HTTP {error.status_code}: {shown(error.response.text)}"
        case _:
            reason = f"not an answer of OpenAI's API ({type(error).__name__}: {shown(str(error))})"
    return reason + "".join(getattr(error, "__notes__", ()))
