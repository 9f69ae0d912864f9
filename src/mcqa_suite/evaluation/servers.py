"""`local-completions` and `local-chat-completions`: the harness's own, except in what becomes of a request that fails.

The harness ends the whole run at the first request that failed three times, and takes some broken answers for empty ones. Here
a request is tried again within bounds (`max_retries` tries, `retry_seconds`, waits that double from `retry_backoff`), then its
item is `Failed`, and the run goes on. A wrong key or address, and a server that never answered, end the run in one line.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from requests.adapters import HTTPAdapter
from tqdm import tqdm

from mcqa_suite.common.errors import ConfigError, EndpointError, McqaError
from mcqa_suite.common.http import NoAnswerError, RetryPolicy, retried, send
from mcqa_suite.common.parallel import in_parallel
from mcqa_suite.evaluation.failed_requests import Failed

NEVER = 5  # failures in a row that end a run in which nothing was answered yet
EXAMPLE = "http://localhost:8000"
DOWN = 20  # failures in a row after which a server that had answered is not asked any more
Read = Callable[[dict[str, Any]], Any]


class NoPromptLogprobsError(NoAnswerError):
    """A server that does not score the prompt: no other request will fare better."""


@dataclass(frozen=True)
class Asked:
    """A request: `method` and `key` are the harness's names for it in its cache; `read` makes an answer of the JSON."""

    method: str
    key: Any
    body: dict[str, Any]
    read: Read
    keep: bool = True


class PatientCompletions(LocalCompletionsAPI):  # type: ignore[misc]
    """`--model local-completions`."""

    path = "/v1/completions"

    def __init__(
        self, *args: Any, retry_seconds: float = 900, retry_backoff: float = 1, num_concurrent: int = 1, **known: Any
    ) -> None:
        # The harness's own way of sending is not used; a batch would fail as a whole, and servers make batches themselves.
        super().__init__(*args, num_concurrent=num_concurrent, **{**known, "batch_size": 1})
        self._policy = RetryPolicy(
            max(1, self.max_retries), float(retry_backoff), float(retry_seconds), (10.0, float(self.timeout))
        )
        self._session = requests.Session()
        self._session.verify = (self.verify_certificate and self.ca_cert_path) or self.verify_certificate
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=self._concurrent))
        self._answered, self._known, self._in_a_row, self._down = False, False, 0, ""

    def set_cache_hook(self, cache_hook: Any) -> None:
        super().set_cache_hook(cache_hook)
        self._known = bool(cache_hook.dbdict)  # an earlier run had answers, and asked for is what may fail again

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[Any]:
        if len(requests[0].args) > 2:
            raise ConfigError(
                f"{requests[0].task_name}: has pictures, which are not sent to a server here; use --model hf"
            )
        return self._answers(self._generations(requests), len(requests))

    def _generations(self, requests: Sequence[Any]) -> Iterator[Asked]:
        times: Counter[int] = Counter()
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
                seed=self._seed + times[id(request)],
                eos=self.eos_string,
            )
            times[id(request)] += 1
            sampled = bool(settings.get("do_sample"))  # such answers the harness does not take from its cache either
            yield Asked("generate_until", (context, settings), body, self._text, keep=not sampled)

    def _text(self, answer: dict[str, Any]) -> str:
        choice = _first_choice(answer)
        text = choice["message"]["content"] if "message" in choice else choice["text"]
        if text is None and choice.get("finish_reason") == "length":
            return ""  # the model spent all its tokens on thinking: that is an answer, and an empty one
        if not isinstance(text, str):
            raise NoAnswerError(f"an answer without text (finish_reason {choice.get('finish_reason')!r})")
        return str(self.parse_generations({"choices": [{**choice, "index": 0}]})[0])

    def _loglikelihood_tokens(self, requests: Sequence[Any], **_: Any) -> list[Any]:
        asked = (self._option(request) for request in requests)
        return self._answers(asked, len(requests))

    def _option(self, request: Any) -> Asked:
        [tokens], [context], [key] = self.batch_loglikelihood_requests([[request]])
        body = self._create_payload(self.create_message([tokens]), generate=False, seed=self._seed, eos=self.eos_string)
        return Asked("loglikelihood", key, body, lambda answer: self._score(answer, tokens, context))

    def _score(self, answer: dict[str, Any], tokens: list[int], context: int) -> tuple[float, bool]:
        """The harness's sum over the option's tokens, where the server scored the tokens that were meant."""
        choice = _first_choice(answer)
        scored = (choice.get("logprobs") or {}).get("token_logprobs")
        if not scored or len(scored) == 1 < len(tokens):
            raise NoPromptLogprobsError("no log-probabilities of the prompt", retriable=False)
        if len(scored) != len(tokens) + 1:
            raise NoAnswerError(
                f"the server scored {len(scored) - 1} tokens where the tokenizer has {len(tokens)}: is it the model's, and "
                "does one of them add a token at the start (add_bos_token=True)?",
                retriable=False,
            )
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
        raise ConfigError(f"{requests[0].task_name}: scores whole texts, which is not done through a server here")

    def _answers(self, asked: Iterator[Asked], n: int) -> list[Any]:
        """An answer or a Failed for each, in order; answers go into the cache as they come."""
        found: list[Any] = [None] * n
        with tqdm(total=n, desc="Requesting API") as bar:
            for (index, one), answer in in_parallel(
                lambda item: self._ask(item[1]), enumerate(asked), self._concurrent
            ):
                found[index] = answer
                bar.update()
                self._watch(answer)
                if one.keep and not isinstance(answer, Failed):
                    self.cache_hook.add_partial(one.method, one.key, answer)
        if not (self._answered or self._known):
            raise self._never(next(answer for answer in found if isinstance(answer, Failed)))
        return found

    def _ask(self, one: Asked) -> Any:
        if self._down:
            return Failed(self._down)

        def once() -> Any:
            answer = send(self._session, "POST", self.base_url, self._policy, self.header, json=one.body)
            try:
                return one.read(answer)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise NoAnswerError(f"an answer of another form ({error!r})") from error

        try:
            return retried(once, self._policy)
        except NoPromptLogprobsError:
            raise
        except NoAnswerError as error:
            if error.status in (401, 403, 404) and not self._answered:
                raise EndpointError(f"{self.base_url}: {error}; {self._remedy(error.status)}") from error
            return Failed(str(error))

    def _watch(self, answer: Any) -> None:
        """Ends a run against a server that never answers, and spares one that stopped answering."""
        if not isinstance(answer, Failed):
            self._answered, self._in_a_row = True, 0
            return
        self._in_a_row += 1
        if not (self._answered or self._known) and self._in_a_row >= NEVER:
            raise self._never(answer)
        if self._in_a_row >= DOWN and not self._down:
            self._down = f"not asked, as the {DOWN} requests before had failed ({answer.reason})"

    def _never(self, last: Failed) -> McqaError:
        silent = last.reason.startswith("no answer (")
        question = "is the server running?" if silent else f"is it the address of such an API, as {EXAMPLE}{self.path}?"
        return EndpointError(f"{self.base_url}: nothing was answered ({last.reason}); {question}")

    def _remedy(self, status: int) -> str:
        if status == 404:
            return f"base_url has to be the whole address, as {EXAMPLE}{self.path}, and model a name it serves"
        return "set OPENAI_API_KEY"


def _first_choice(answer: dict[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise NoAnswerError(f"an answer without choices: {str(answer)[:100]}")
    return choices[0]


class PatientChat(PatientCompletions, LocalChatCompletion):  # type: ignore[misc]
    """`--model local-chat-completions`."""

    path = "/v1/chat/completions"

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[Any]:
        raise ConfigError(
            f"{requests[0].task_name}: compares log-likelihoods of its options, which no chat server returns: use the task's "
            "_cot form, or --model local-completions with a server such as vLLM's"
        )


MODELS = {"local-completions": PatientCompletions, "local-chat-completions": PatientChat}


def register() -> None:
    """Puts them under the harness's own names, which its registry lets nobody take over."""
    from lm_eval.api.registry import model_registry

    model_registry._objs.update(MODELS)
