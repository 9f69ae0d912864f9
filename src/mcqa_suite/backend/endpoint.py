"""Model servers with OpenAI's API, chat or completions.

The key comes from the environment (MCQA_API_KEY, else OPENAI_API_KEY), goes into a header, and is written nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from mcqa_suite.backend.sampling import Generate, Request, Response, Sampling
from mcqa_suite.common.errors import ConfigError, EndpointError
from mcqa_suite.common.foreign_text import encodable
from mcqa_suite.common.http import FAILURES, Client, checked_header, checked_url, reason_of, retried, text_of
from mcqa_suite.common.parallel import answered

KEYS = ("MCQA_API_KEY", "OPENAI_API_KEY")
HINTS = {
    "no answer": "is the server running? Rerun to resume",
    "HTTP 401": f"set {KEYS[0]}",
    "HTTP 403": f"set {KEYS[0]}",
    "not an answer": "check the address",
}
SECONDS = 600.0  # that a request may take as a whole
LIST_SECONDS = 30.0  # the same, for the list of models
PATIENCE = 900.0  # seconds after the first try in which all others end
T = TypeVar("T")


class Endpoint:
    """One model behind a URL: `http://host:8000/v1` (chat), or the full address of /chat/completions or /completions.

    Without `model`, the only model that the server lists. A request is sent again, `retries` times, after a timeout, a lost
    connection, an answer of another form, and one with the status 408, 409, 425, 429 or 5xx; the wait is `backoff` seconds and
    doubles. EndpointError where no usable answer comes.
    """

    def __init__(self, url: str, model: str | None = None, *, retries: int = 5, backoff: float = 0.5) -> None:
        base = checked_url(url)
        self.chat = not base.endswith("/completions") or base.endswith("/chat/completions")
        base = base.removesuffix("/completions").removesuffix("/chat")
        self.url = f"{base}/chat/completions" if self.chat else f"{base}/completions"
        variable = next((name for name in KEYS if os.environ.get(name)), "")
        key = checked_header(os.environ.get(variable, ""), variable)
        self._client = Client(SECONDS, {"Authorization": f"Bearer {key}"} if key else {})
        self._retries = retries + 1, backoff
        self.model = model or self._only_model(base)

    def complete(self, prompt: str, settings: Sampling, seed: int) -> Response:
        """One response to a prompt."""
        prompt = encodable(prompt)
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "max_tokens": settings.max_tokens,
            "seed": seed,
            **({"messages": [{"role": "user", "content": prompt}]} if self.chat else {"prompt": prompt}),
            **({"stop": list(settings.stop)} if settings.stop else {}),
        }

        def response(seconds: float) -> Response:
            choice = self._client.within(seconds).first_choice(self.url, body)
            return Response(text_of(choice), str(choice.get("finish_reason") or "stop"))

        return self._request(self.url, response)

    def generate(self, settings: Sampling, parallel: int = 8) -> Generate:
        """The function that `preferences.responses.sample` calls; it sends `parallel` requests at a time."""

        def responses(requests: Iterable[Request]) -> Iterator[tuple[Request, Response]]:
            return answered(lambda r: self.complete(r.prompt, settings, r.seed), requests, parallel)

        return responses

    def _only_model(self, base: str) -> str:
        client, url = self._client.within(LIST_SECONDS), f"{base}/models"
        names = self._request(url, lambda seconds: [str(m["id"]) for m in client.within(seconds).get(url)["data"]])
        if len(names) != 1:
            raise ConfigError(f"{base}: serves {len(names)} models ({', '.join(names[:5])}); name one of them")
        return names[0]

    def _request(self, url: str, call: Callable[[float], T]) -> T:
        """The result of `call`, tried again; its last failure as an EndpointError."""
        try:
            return retried(call, *self._retries, PATIENCE)
        except FAILURES as error:
            reason = reason_of(error)
            hint = next((f"; {hint}" for start, hint in HINTS.items() if reason.startswith(start)), "")
            raise EndpointError(f"{url}: {reason}{hint}") from error
