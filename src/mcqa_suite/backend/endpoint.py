"""Model servers with OpenAI's API, chat or completions, through the `openai` client.

The key comes from the environment (MCQA_API_KEY, else OPENAI_API_KEY), goes into a header, and is written nowhere.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import openai

from mcqa_suite.backend.sampling import Generate, Request, Response, Sampling
from mcqa_suite.common.errors import ConfigError, EndpointError
from mcqa_suite.common.http import FAILURES, first_choice, reason_of
from mcqa_suite.common.parallel import in_parallel

KEYS = ("MCQA_API_KEY", "OPENAI_API_KEY")
HINTS = {
    "no answer": "is the server running? Rerun to resume",
    "HTTP 401": f"set {KEYS[0]}",
    "HTTP 403": f"set {KEYS[0]}",
    "not an answer": "check the address",
}
CONNECT, SILENCE = 10.0, 600.0  # seconds before a request counts as failed
T = TypeVar("T")


class Endpoint:
    """One model behind a URL: `http://host:8000/v1` (chat), or the full address of /chat/completions or /completions.

    Without `model`, the only model that the server lists. The client tries a request again, `retries` times, after a timeout,
    a lost connection and an answer 408, 409, 429 or 5xx. EndpointError where no usable answer comes.
    """

    def __init__(self, url: str, model: str | None = None, *, retries: int = 5) -> None:
        base = checked_url(url)
        self.chat = not base.endswith("/completions") or base.endswith("/chat/completions")
        base = base.removesuffix("/completions").removesuffix("/chat")
        self.url = f"{base}/chat/completions" if self.chat else f"{base}/completions"
        self._key = next((value for name in KEYS if (value := os.environ.get(name))), "")
        self._client = openai.OpenAI(
            base_url=base,
            api_key=self._key or "none",
            max_retries=retries,
            timeout=openai.Timeout(SILENCE, connect=CONNECT),
        )
        # The client wants a key; a server without one is sent no header.
        self._headers = None if self._key else {"Authorization": openai.Omit()}
        weakref.finalize(self, self._client.close)  # its connections do not outlive the endpoint
        self.model = model or self._only_model(base)

    def complete(self, prompt: str, settings: Sampling, seed: int) -> Response:
        """One response to a prompt."""
        prompt = prompt.encode("utf-8", "replace").decode()  # half of a surrogate pair cannot be sent
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "max_tokens": settings.max_tokens,
            "seed": seed,
            **({"messages": [{"role": "user", "content": prompt}]} if self.chat else {"prompt": prompt}),
            **({"stop": list(settings.stop)} if settings.stop else {}),
        }

        def response() -> Response:
            choice = first_choice(self._client, self.url, body, self._headers)
            text = choice["message"]["content"] or "" if self.chat else choice["text"]
            if not isinstance(text, str):
                raise TypeError("a choice without text")
            return Response(text, choice.get("finish_reason") or "stop")

        return self._request(self.url, response)

    def generate(self, settings: Sampling, parallel: int = 8) -> Generate:
        """The function that `preferences.responses.sample` calls; it sends `parallel` requests at a time."""

        def responses(requests: Iterable[Request]) -> Iterator[tuple[Request, Response]]:
            return in_parallel(lambda r: self.complete(r.prompt, settings, r.seed), requests, parallel)

        return responses

    def _only_model(self, base: str) -> str:
        models = self._client.models
        names = self._request(f"{base}/models", lambda: [m.id for m in models.list(extra_headers=self._headers).data])
        if len(names) != 1:
            raise ConfigError(f"{base}: serves {len(names)} models ({', '.join(names[:5])}); name one of them")
        return names[0]

    def _request(self, url: str, call: Callable[[], T]) -> T:
        """`call()`; an error of the client, and an answer in another form, as an EndpointError without the key."""
        try:
            return call()
        except FAILURES as error:
            reason = reason_of(error, self._key)
            hint = next((f"; {hint}" for start, hint in HINTS.items() if reason.startswith(start)), "")
            raise EndpointError(f"{url}: {reason}{hint}") from error


def checked_url(url: str) -> str:
    """The URL without a slash at its end; ConfigError for one that is not valid, or that holds a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"{url}: not the URL of a server; expected e.g. http://localhost:8000/v1")
    if "@" in parts.netloc:
        raise ConfigError(f"{parts.hostname}: a password in the URL would appear in messages; set {KEYS[0]} instead")
    return url.rstrip("/")
