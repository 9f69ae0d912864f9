"""Responses to prompts: how they are drawn, what is requested, and a checkpoint that draws each with a seed of its own.

torch is imported on use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcqa_suite.backend.loading import check_checkpoint, load
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.checkpoints import chat_template_of, use_chat_template, verified_content
from mcqa_suite.common.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn; temperature 0 is greedy. A string of `stop` ends a response and is no part of it."""

    temperature: float = 0.7
    top_p: float = 0.9
    max_tokens: int = 512
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 10:
            raise ConfigError(f"--temperature {self.temperature:g}: expected 0 to 10")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"--top-p {self.top_p:g}: expected a share above 0 and at most 1")
        if self.max_tokens < 1:
            raise ConfigError(f"--max-tokens {self.max_tokens}: expected at least 1")


@dataclass(frozen=True)
class Request:
    """One response to sample; `seed` depends on the row's id alone, not on what else is sampled."""

    id: str
    index: int
    prompt: str
    seed: int


@dataclass(frozen=True)
class Response:
    """A generated text, and why it ended: "stop", or "length" where it was cut off."""

    text: str
    finish: str


Generate = Callable[[Iterable[Request]], Iterator[tuple[Request, Response]]]


def seed_of(seed: int, row_id: str, index: int = 0) -> int:
    """A seed of 31 bits from the SHA-256 of the arguments."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{row_id}:{index}".encode()).digest()[:4], "big") >> 1


class Sampler:
    """A checkpoint that generates.

    `chat`: whether prompts go through the chat template; None: as its manifest says of written answers, else where it has one.
    CheckpointError where the folder cannot be loaded, ConfigError where there is no template.
    """

    def __init__(
        self, checkpoint: str, *, chat: bool | None = None, dtype: str = "float32", batch_size: int = 16
    ) -> None:
        check_checkpoint(checkpoint, None)
        self.name, self.batch_size = checkpoint, batch_size
        self.model, self.tokenizer = load(checkpoint, "AutoModelForCausalLM", dtype, padding_side="left")
        key = "--no-chat-template" if chat is False else "--chat-template"
        setting = None if chat is None else ChatTemplate.everywhere(chat)
        recorded, available = chat_template_of(Path(checkpoint)), bool(self.tokenizer.chat_template)
        self.chat = use_chat_template(checkpoint, setting, recorded, key=key, available=available)["written"]

    @property
    def identity(self) -> str:
        """The checkpoint's name, the hash of its content, and whether the chat template is left out."""
        folder = Path(self.name)
        content = f" {verified_content(folder)[:12]}" if folder.is_dir() else ""
        return f"{folder.resolve().name if content else self.name}{content}{'' if self.chat else ', no chat template'}"

    def generator(self, settings: Sampling) -> Generate:
        """The function that `preferences.responses.sample` calls; it answers batch by batch, in order."""

        def responses(requests: Iterable[Request]) -> Iterator[tuple[Request, Response]]:
            remaining = iter(requests)
            while batch := list(islice(remaining, self.batch_size)):
                yield from zip(batch, self._batch(batch, settings), strict=True)

        return responses

    def _batch(self, batch: Sequence[Request], settings: Sampling) -> list[Response]:
        import torch
        from transformers import GenerationConfig

        inputs = self._inputs([request.prompt for request in batch], settings.max_tokens).to(self.model.device)
        stops = list(settings.stop)
        # Greedy over scores with noise of each row's own: this draws from the distribution, and a row's draw does not depend
        # on its neighbours, as it would with one generator for the batch.
        config = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False,
            max_new_tokens=settings.max_tokens,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self.model.generation_config.eos_token_id or self.tokenizer.eos_token_id,
            bos_token_id=self.model.generation_config.bos_token_id,
            stop_strings=stops or None,
        )
        with torch.no_grad():
            generated = self.model.generate(
                **inputs,
                generation_config=config,
                logits_processor=_draws([request.seed for request in batch], settings, self.model.device),
                tokenizer=self.tokenizer if stops else None,
            )
        return [self._response(tokens, settings) for tokens in generated[:, inputs["input_ids"].shape[1] :]]

    def _inputs(self, prompts: Sequence[str], room: int) -> Any:
        """Token ids, padded on the left; ConfigError for a prompt that leaves less than `room` tokens of the context."""
        if self.chat:
            turns = [[{"role": "user", "content": prompt}] for prompt in prompts]
            prompts = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        inputs = self.tokenizer(list(prompts), return_tensors="pt", padding=True, add_special_tokens=not self.chat)
        inputs.pop("token_type_ids", None)
        context = getattr(self.model.config, "max_position_embeddings", None)
        if context and inputs["input_ids"].shape[1] + room > context:
            raise ConfigError(
                f"{self.name}: a prompt of {inputs['input_ids'].shape[1]} tokens and --max-tokens {room} exceed the "
                f"context of {context}; lower --max-tokens or leave long prompts out"
            )
        return inputs

    def _response(self, tokens: Tensor, settings: Sampling) -> Response:
        text = self.tokenizer.decode(tokens, skip_special_tokens=True)
        eos = self.model.generation_config.eos_token_id  # one, several or None
        ends = [*(eos if isinstance(eos, list) else [eos]), self.tokenizer.eos_token_id, self.tokenizer.pad_token_id]
        ended = len(tokens) < settings.max_tokens or int(tokens[-1]) in ends
        for stop in settings.stop:
            if stop in text:
                text, ended = text[: text.index(stop)], True
        return Response(text, "stop" if ended else "length")


def _draws(seeds: Sequence[int], settings: Sampling, device: Any) -> Any:
    """The logits processors that make a greedy choice a draw; none for temperature 0."""
    import torch
    from transformers import LogitsProcessor, LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

    if not settings.temperature:
        return LogitsProcessorList()

    generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    class Gumbel(LogitsProcessor):
        """Adds Gumbel noise, each row's from its own generator: the largest sum is a draw from the softmax."""

        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            noise = [torch.empty_like(scores[0], dtype=torch.float32).exponential_(generator=g) for g in generators]
            return scores.float() - torch.stack(noise).log()

    top_p = [TopPLogitsWarper(settings.top_p)] if settings.top_p < 1 else []
    return LogitsProcessorList([TemperatureLogitsWarper(settings.temperature), *top_p, Gumbel()])
