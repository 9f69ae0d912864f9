"""Any server that speaks OpenAI's API, chat or completions.

The key comes from the environment (MCQA_API_KEY, else OPENAI_API_KEY), goes into a header, and is written nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from mcqa_suite.errors import ConfigError, EndpointError
from mcqa_suite.preferences.responses import Generate, Request, Sampling, Written

KEYS = ("MCQA_API_KEY", "OPENAI_API_KEY")
AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)  # worth another try; urllib3 heeds Retry-After
T = TypeVar("T")
U = TypeVar("U")


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
        retry = Retry(
            total=retries,
            backoff_factor=backoff,
            backoff_jitter=backoff,
            status_forcelist=AGAIN,
            allowed_methods=None,
            raise_on_status=False,
        )
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=64))
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
        answer = self._ask("POST", self.url, json=body)
        try:
            first = answer["choices"][0]
            text = first["message"]["content"] if self.chat else first["text"]
            return Written(text or "", str(first.get("finish_reason") or "stop"))
        except (KeyError, IndexError, TypeError) as error:
            raise EndpointError(
                f"{self.url}: an answer without choices: {str(answer)[:200]}; is it such an API?"
            ) from error

    def generate(self, settings: Sampling, parallel: int = 8) -> Generate:
        """What `responses.sample` calls, `parallel` requests at a time."""

        def each(requested: Iterable[Request]) -> Iterator[tuple[Request, Written]]:
            return in_parallel(lambda r: self.complete(r.prompt, settings, r.seed), requested, parallel)

        return each

    def _only_model(self) -> str:
        base = self.url.removesuffix("/completions").removesuffix("/chat")
        answer = self._ask("GET", f"{base}/models")
        names = [str(model["id"]) for model in answer.get("data", ())] if isinstance(answer, dict) else []
        if len(names) != 1:
            raise ConfigError(f"{base}: serves {len(names)} models ({', '.join(names[:5])}); name one of them")
        return names[0]

    def _without_key(self, text: str) -> str:
        """Some servers quote the key that they refuse."""
        key = self._headers.get("Authorization", "").removeprefix("Bearer ")
        return text.replace(key, "...") if key else text

    def _ask(self, method: str, url: str, **body: Any) -> Any:
        try:
            answer = self._session.request(method, url, headers=self._headers, timeout=(10, 600), **body)
        except requests.RequestException as error:
            reason = type(error).__name__
            raise EndpointError(
                f"{url}: no answer ({reason}); is the server running? The same command goes on where it stopped"
            ) from error
        if not answer.ok:
            words = " ".join(self._without_key(answer.text).split())[:200]
            hint = f"; set {KEYS[0]}" if answer.status_code in (401, 403) else ""
            raise EndpointError(f"{url}: HTTP {answer.status_code}: {words or answer.reason}{hint}")
        try:
            return answer.json()
        except ValueError as error:
            raise EndpointError(f"{url}: answered with no JSON; is it the address of such an API?") from error


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
