"""Any server that speaks OpenAI's API, chat or completions.

The key comes from the environment (MCQA_API_KEY, else OPENAI_API_KEY), goes into a header, and is written nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from mcqa_suite.backend.generation import Generate, Request, Sampling, Written
from mcqa_suite.common.errors import ConfigError, EndpointError
from mcqa_suite.common.http import NoAnswerError, Patience, in_parallel, patiently, send

KEYS = ("MCQA_API_KEY", "OPENAI_API_KEY")
T = TypeVar("T")


class Endpoint:
    """One model behind a URL: `http://host:8000/v1` (chat), or the full address of /chat/completions or /completions.

    Without a name, the one model that the server lists. EndpointError where it cannot be reached, refuses, or answers with
    something else; ConfigError where the model has to be named.
    """

    def __init__(self, url: str, model: str | None = None, *, retries: int = 5, backoff: float = 0.5) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"{url}: no URL of a server; expected e.g. http://localhost:8000/v1")
        if "@" in urlsplit(url).netloc:
            raise ConfigError(
                f"{urlsplit(url).hostname}: a URL with a password ends up in messages; set {KEYS[0]} instead"
            )
        url = url.rstrip("/")
        self.url = url if url.endswith("/completions") else f"{url}/chat/completions"
        self.chat = self.url.endswith("/chat/completions")
        self._patience = Patience(tries=retries + 1, backoff=backoff)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=64))
        key = next((value for name in KEYS if (value := os.environ.get(name))), None)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.model = model or self._only_model()

    def complete(self, prompt: str, settings: Sampling, seed: int) -> Written:
        """One response to a prompt."""
        asked = {"messages": [{"role": "user", "content": prompt}]} if self.chat else {"prompt": prompt}
        body = {
            "model": self.model,
            **asked,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "max_tokens": settings.max_tokens,
            "seed": seed,
            **({"stop": list(settings.stop)} if settings.stop else {}),
        }
        return self._ask("POST", self.url, self._read, json=body)

    def generate(self, settings: Sampling, parallel: int = 8) -> Generate:
        """What `responses.sample` calls, `parallel` requests at a time."""

        def each(requested: Iterable[Request]) -> Iterator[tuple[Request, Written]]:
            return in_parallel(lambda r: self.complete(r.prompt, settings, r.seed), requested, parallel)

        return each

    def _read(self, answer: Any) -> Written:
        try:
            first = answer["choices"][0]
            text = first["message"]["content"] if self.chat else first["text"]
            return Written(text or "", str(first.get("finish_reason") or "stop"))
        except (KeyError, IndexError, TypeError) as error:
            raise NoAnswerError(f"an answer without choices: {str(answer)[:200]}; is it such an API?") from error

    def _only_model(self) -> str:
        base = self.url.removesuffix("/completions").removesuffix("/chat")
        names = self._ask("GET", f"{base}/models", _names)
        if len(names) != 1:
            raise ConfigError(f"{base}: serves {len(names)} models ({', '.join(names[:5])}); name one of them")
        return names[0]

    def _ask(self, method: str, url: str, read: Callable[[Any], T], **body: Any) -> T:
        """What `read` makes of the server's JSON; EndpointError where patience comes to its end."""
        try:
            return patiently(
                lambda: read(send(self._session, method, url, self._patience, self._headers, **body)), self._patience
            )
        except NoAnswerError as error:
            hint = ""
            if error.status in (401, 403):
                hint = f"; set {KEYS[0]}"
            elif error.status is None and str(error).startswith("no answer"):
                hint = "; is the server running? The same command goes on where it stopped"
            raise EndpointError(f"{url}: {error}{hint}") from error


def _names(answer: Any) -> list[str]:
    return [str(model["id"]) for model in answer.get("data", ())] if isinstance(answer, dict) else []
