"""`local-completions` and `local-chat-completions`: the harness's own, except for requests that fail.

The harness ends the whole run at the first request that failed three times, and reads some broken answers as empty ones. Here
a request is tried again within bounds (`max_retries` tries, `retry_seconds`, waits that double from `retry_backoff`), then its
item is `Failed`, and the run goes on. A wrong key or address, and a server that never answers, end the run in one line.
"""

from __future__ import annotations

import copy
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from tqdm import tqdm

from mcqa_suite.common.errors import ConfigError, EndpointError
from mcqa_suite.common.http import (
    FAILURES,
    Client,
    StatusError,
    UnusableAnswerError,
    checked_header,
    checked_url,
    reason_of,
    retried,
    text_of,
)
from mcqa_suite.common.parallel import MOST_AT_START, MOST_IN_A_ROW, in_parallel
from mcqa_suite.evaluation.failed_requests import Failed, marked_for_harness

EXAMPLE = "http://localhost:8000"
ROUNDING = 1e-4  # by which a log-probability may exceed 0


class NoPromptLogprobsError(UnusableAnswerError):
    """A server that does not score the prompt: every other request will fail too."""


@dataclass(frozen=True)
class ServerRequest:
    """`method` and `key` are the harness's names for it in its cache; `read` takes the answer from the first choice."""

    method: str
    key: Any
    body: dict[str, Any]
    read: Callable[[dict[str, Any]], Any]
    cached: bool = True


class RetryingCompletions(LocalCompletionsAPI):  # type: ignore[misc]
    """`--model local-completions`."""

    path = "/v1/completions"

    def __init__(
        self, *args: Any, retry_seconds: float = 900, retry_backoff: float = 1, num_concurrent: int = 1, **settings: Any
    ) -> None:
        # One request a batch: a batch would fail as a whole, and servers make batches themselves.
        super().__init__(*args, num_concurrent=num_concurrent, **{**settings, "batch_size": 1})
        if not self.base_url:
            raise ConfigError(f"--model_args: no base_url; give the whole address, such as {EXAMPLE}{self.path}")
        checked_url(self.base_url)
        self._retries = max(1, self.max_retries), float(retry_backoff), float(retry_seconds)
        headers = {name: checked_header(value, "OPENAI_API_KEY") for name, value in self.header.items()}
        certificates = ssl.create_default_context(cafile=self.ca_cert_path) if self.verify_certificate else False
        self._client = Client(self.timeout, headers, certificates)
        self._answered = self._answered_earlier = False
        self._failures, self._down = 0, ""  # in a row; why no more requests are sent

    def set_cache_hook(self, cache_hook: Any) -> None:
        super().set_cache_hook(cache_hook)
        self._answered_earlier = bool(cache_hook.dbdict)  # what is requested now may be what failed before

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[Any]:
        if len(requests[0].args) > 2:
            raise ConfigError(f"{requests[0].task_name}: pictures are not sent to a server; use --model hf")
        return self._answers(self._generations(requests), len(requests))

    def _generations(self, requests: Sequence[Any]) -> Iterator[ServerRequest]:
        repeats: Counter[int] = Counter()
        for request in requests:
            context, settings = request.args
            if self.tokenized_requests:
                room = self.max_length - settings.get("max_gen_toks", self._max_gen_toks)
                message = self.tok_encode([context], add_special_tokens=self.add_bos_token)[0][-room:]
            else:
                message = context
            body = self._create_payload(
                self.create_message([message]),
                generate=True,
                gen_kwargs=copy.deepcopy(settings),
                # with one seed a server draws the same sample for each of a question's repeats
                seed=self._seed + repeats[id(request)],
                eos=self.eos_string,
            )
            repeats[id(request)] += 1
            cached = not settings.get("do_sample")  # as the harness, which takes no samples from its cache
            yield ServerRequest("generate_until", (context, settings), body, self._text, cached)

    def _text(self, choice: dict[str, Any]) -> str:
        if not (text := text_of(choice)):
            return text
        return str(self.parse_generations({"choices": [{**choice, "index": 0}]})[0])

    def _loglikelihood_tokens(self, requests: Sequence[Any], **_: Any) -> list[Any]:
        return self._answers(map(self._option, requests), len(requests))

    def _option(self, request: Any) -> ServerRequest:
        [tokens], [context], [key] = self.batch_loglikelihood_requests([[request]])
        body = self._create_payload(self.create_message([tokens]), generate=False, seed=self._seed, eos=self.eos_string)
        return ServerRequest("loglikelihood", key, body, lambda choice: self._score(choice, tokens, context))

    def _score(self, choice: dict[str, Any], tokens: list[int], context: int) -> tuple[float, bool]:
        """The harness's sum over the option's tokens, where the server scored exactly these tokens."""
        scored = (choice.get("logprobs") or {}).get("token_logprobs")
        if not scored or len(scored) == 1 < len(tokens):
            raise NoPromptLogprobsError("no log-probabilities of the prompt")
        if len(scored) != len(tokens) + 1:
            raise UnusableAnswerError(
                f"the server scored {len(scored) - 1} tokens where the tokenizer has {len(tokens)}: is it the model's, and "
                "does one of them add a token at the start (add_bos_token=True)?"
            )
        if not all(type(value) in (int, float) and -inf < value <= ROUNDING for value in scored[context:-1]):
            raise ValueError("a log-probability that is no number of at most 0")
        return self.parse_logprobs({"choices": [{**choice, "index": 0}]}, [tokens], [context])[0]  # type: ignore[no-any-return]

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[Any]:
        try:
            return super().loglikelihood(requests, disable_tqdm)  # type: ignore[no-any-return]
        except NoPromptLogprobsError as error:
            raise ConfigError(
                f"{requests[0].task_name}: compares log-likelihoods of its options, and {self.base_url} returns none of a "
                "prompt (`echo` and `logprobs` are ignored): use the task's _cot form, or a server such as vLLM's"
            ) from error

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        raise ConfigError(f"{requests[0].task_name}: scores whole texts, which is not done through a server; use hf")

    def _answers(self, requests: Iterator[ServerRequest], n: int) -> list[Any]:
        """An answer or a Failed for each request, in order; each answer is cached as it comes."""
        answers: list[Any] = [None] * n
        with tqdm(total=n, desc="Requesting API") as bar:
            for (index, request), answer in in_parallel(
                lambda item: self._send(item[1]), enumerate(requests), self._concurrent
            ):
                answers[index] = answer
                bar.update()
                self._count(answer)
                if request.cached and not isinstance(answer, Failed):
                    self.cache_hook.add_partial(request.method, request.key, answer)
        if not (self._answered or self._answered_earlier):
            raise self._unreachable(answers[-1])
        return marked_for_harness(answers)

    def _send(self, request: ServerRequest) -> Any:
        if self._down:
            return Failed(self._down)

        def answer(seconds: float) -> Any:
            return request.read(self._client.within(seconds).first_choice(self.base_url, request.body))

        try:
            return retried(answer, *self._retries)
        except NoPromptLogprobsError:
            raise
        except FAILURES as error:
            reason = reason_of(error)
            remedies = dict.fromkeys((401, 403), "set OPENAI_API_KEY")
            remedies[404] = (
                f"give the whole address as base_url, such as {EXAMPLE}{self.path}, and a model that it serves"
            )
            if not self._answered and isinstance(error, StatusError) and (remedy := remedies.get(error.status)):
                raise EndpointError(f"{self.base_url}: {reason}; {remedy}") from error
            return Failed(reason)

    def _count(self, answer: Any) -> None:
        """End the run against a server that never answers; stop sending to one that stopped answering."""
        if not isinstance(answer, Failed):
            self._answered, self._failures = True, 0
            return
        self._failures += 1
        if not (self._answered or self._answered_earlier) and self._failures >= MOST_AT_START:
            raise self._unreachable(answer)
        if self._failures >= MOST_IN_A_ROW and not self._down:
            self._down = f"not sent, as the {MOST_IN_A_ROW} requests before failed ({answer.reason})"

    def _unreachable(self, failure: Failed) -> EndpointError:
        silent = failure.reason.startswith("no answer (")
        hint = "is the server running?" if silent else f"is it the address of such an API, as {EXAMPLE}{self.path}?"
        return EndpointError(f"{self.base_url}: nothing was answered ({failure.reason}); {hint}")


class RetryingChat(RetryingCompletions, LocalChatCompletion):  # type: ignore[misc]
    """`--model local-chat-completions`."""

    path = "/v1/chat/completions"

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[Any]:
        raise ConfigError(
            f"{requests[0].task_name}: compares log-likelihoods of its options, which no chat server returns: use the task's "
            "_cot form, or --model local-completions with a server such as vLLM's"
        )


def register() -> None:
    """Replace the harness's models of the same names, which its registry does not let others take over."""
    from lm_eval.api.registry import model_registry

    logging.getLogger("httpx").setLevel(logging.WARNING)  # else it logs every request
    models = {"local-completions": RetryingCompletions, "local-chat-completions": RetryingChat}
    model_registry._objs.update(models)
