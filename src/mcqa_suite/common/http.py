"""Requests to a server with OpenAI's API: bounded in time and size, tried again, and an answer that can do no harm.

aiohttp and tenacity come with the extras `server` and `rank`.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
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
from yarl import URL

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.json_text import loads
from mcqa_suite.common.masking import has_secret, mask_of_secrets, masked, without_secrets

RETRIABLE = (408, 409, 425, 429)  # HTTP statuses, in addition to every 5xx
CONNECT = 10.0  # seconds until a server has to accept a connection
SHORTEST_CALL = 0.1  # seconds, of the last try
LONGEST_WAIT = 30.0  # seconds between two tries, unless the server asks for more
MOST_BYTES = 32 << 20  # of an answer
REASON_CHARACTERS = 200  # of the server's error message that are quoted
EXAMPLE = "http://localhost:8000/v1"
T = TypeVar("T")


class StatusError(Exception):
    """An answer with an HTTP status that is no success."""

    def __init__(self, status: int, text: str, retry_after: str | None) -> None:
        super().__init__(text)
        self.status, self.text, self.retry_after = status, text, retry_after


class UnusableAnswerError(ValueError):
    """An answer that another try would not improve."""


# Errors of the client, and those of reading an answer that has another form.
ANSWER_ERRORS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
FAILURES = (StatusError, aiohttp.ClientError, OSError, *ANSWER_ERRORS)


@dataclass(frozen=True)
class Client:
    """Sends requests with `headers`; each takes at most `seconds` and MOST_BYTES, from the connection to the last byte.

    Redirects are not followed, so nothing is sent to another address. Compressed answers are refused: the client does not ask
    for any, and a small one can fill the memory. Raises one of FAILURES.
    """

    seconds: float
    headers: Mapping[str, str]
    certificates: ssl.SSLContext | bool = True

    def within(self, seconds: float) -> Client:
        """The same client, with requests of at most `seconds`."""
        return replace(self, seconds=min(self.seconds, seconds))

    def get(self, url: str) -> Any:
        """The JSON value at an address."""
        return self._answer("GET", url, None)

    def first_choice(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request; the first of the `choices` in its answer."""
        answer = self._answer("POST", url, body)
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise ValueError(f"an answer without choices: {answer}")
        return choices[0]

    def _answer(self, method: str, url: str, body: Mapping[str, Any] | None) -> Any:
        # in a thread, as a notebook has an event loop of its own
        with ThreadPoolExecutor(1) as thread:
            content = thread.submit(lambda: asyncio.run(self._exchange(method, url, body))).result()
        try:
            value = loads(content)
        except (ValueError, RecursionError) as error:
            shown = content[: 2 * REASON_CHARACTERS].decode("utf-8", "replace")
            raise ValueError(f"no JSON ({error}): {shown}") from error
        return without_secrets(value, mask_of_secrets())

    async def _exchange(self, method: str, url: str, body: Mapping[str, Any] | None) -> bytes:
        timeout = aiohttp.ClientTimeout(total=self.seconds, sock_connect=CONNECT)
        headers = {**self.headers, "Accept-Encoding": "identity"}
        options: Any = {"headers": headers, "proxy": _proxy(url), "ssl": self.certificates, "allow_redirects": False}
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
            session.request(method, url, json=body, **options) as response,
        ):
            content = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                content += chunk
                if len(content) > MOST_BYTES:
                    raise ValueError(f"an answer of more than {MOST_BYTES >> 20} MB")
            if (encoding := response.headers.get("Content-Encoding", "identity").lower()) != "identity":
                raise ValueError(f"a compressed answer ({encoding}), which was not asked for")
            if not 200 <= response.status < 300:
                text = content[: 10 * REASON_CHARACTERS].decode("utf-8", "replace")
                raise StatusError(response.status, text, response.headers.get("Retry-After"))
            return bytes(content)


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for an address."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def text_of(choice: Mapping[str, Any]) -> str:
    """The text of a choice, chat or completion; ValueError where it has none, as where a model only thought or was blocked."""
    text = choice["message"]["content"] if "message" in choice else choice["text"]
    if text is None and choice.get("finish_reason") == "length":
        return ""  # the model spent all its tokens on thinking: an answer, and an empty one
    if not isinstance(text, str):
        raise ValueError(f"no text but {type(text).__name__}, finish_reason {choice.get('finish_reason')!r}")
    return text


def checked_url(url: str) -> str:
    """The URL without a slash at its end; ConfigError for one that is not valid, or that holds a password or key."""
    if has_secret(url) or "@" in url.partition("://")[2].partition("/")[0]:
        raise ConfigError(
            f"{masked(url)}: a password or key in a URL would appear in messages; set MCQA_API_KEY instead"
        )
    try:
        parsed = URL(url)
        valid = parsed.scheme in ("http", "https") and bool(parsed.host) and parsed.port not in (None, 0)
    except ValueError:
        valid = False
    if not valid or not url.isprintable() or " " in url:
        raise ConfigError(f"{url}: not the URL of a server; expected e.g. {EXAMPLE}")
    return url.rstrip("/")


def checked_header(value: str, variable: str) -> str:
    """A header without white space around it; ConfigError names the `variable` of a key that no header can hold."""
    if not (value.isascii() and value.strip().isprintable()):
        raise ConfigError(f"{variable}: holds a character that no HTTP header can; copy the key again")
    return value.strip()


def retried(call: Callable[[float], T], tries: int, backoff: float, seconds: float) -> T:
    """Call a function, and call it again after a failure that may be temporary; return its first result.

    `tries` is the largest number of calls. All that follow the first end `seconds` after its start: each gets as its argument
    how many are left (the first: infinity). The wait is `backoff` seconds
    before the second call and doubles before each further one. Where all calls fail, the last error is raised, with a note
    of the number of calls.
    """

    def wait(state: RetryCallState) -> float:
        pause = wait_exponential(multiplier=backoff, max=LONGEST_WAIT)(state)
        pause += random.uniform(0, backoff / 2)  # noqa: S311 - so that parallel requests come one by one
        error = state.outcome and state.outcome.exception()
        if isinstance(error, StatusError) and error.retry_after:
            with suppress(InvalidHeader, ValueError, OverflowError):
                pause = max(pause, Retry().parse_retry_after(error.retry_after))
        return pause

    retrying = Retrying(
        retry=retry_if_exception(_is_retriable),
        stop=stop_after_attempt(tries) | stop_before_delay(seconds),
        wait=wait,
        reraise=True,
    )
    end = time.monotonic() + seconds

    def within() -> T:
        first = retrying.statistics["attempt_number"] == 1
        return call(inf if first else max(end - time.monotonic(), SHORTEST_CALL))

    try:
        return retrying(within)
    except FAILURES as error:
        if (n := retrying.statistics["attempt_number"]) > 1:
            error.add_note(f" ({n} tries)")
        raise


def _is_retriable(error: BaseException) -> bool:
    if isinstance(error, StatusError):
        return error.status in RETRIABLE or error.status >= 500
    return isinstance(error, FAILURES) and not isinstance(error, UnusableAnswerError)


def reason_of(error: BaseException) -> str:
    """Why there is no usable answer, in a few printable words without a secret."""
    match error:
        case TimeoutError():
            reason = "no answer (timed out)"
        case StatusError():
            reason = f"HTTP {error.status}: {_quoted(error.text)}"
        case aiohttp.ClientError() | OSError():
            reason = f"no answer ({type(error).__name__})"
        case _:
            reason = f"not an answer of OpenAI's API ({type(error).__name__}: {_quoted(str(error))})"
    return reason + "".join(getattr(error, "__notes__", ()))


def _quoted(text: str) -> str:
    words = " ".join(masked(text).split())[:REASON_CHARACTERS]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in words)
