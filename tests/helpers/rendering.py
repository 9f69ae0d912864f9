"""The requests that the harness makes of a document, without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Template = Callable[..., str]
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def requests(task: Any, doc: Mapping[str, Any], shots: int, template: Template | None = None) -> list[tuple[Any, ...]]:
    """The arguments of a document's requests with `shots` examples: (context, continuation) of each option, or (context,
    generation settings). `template` renders messages, as a model's `apply_chat_template` does."""
    chat = {"apply_chat_template": template is not None, "chat_template": template}
    context = task.fewshot_context(doc, shots, system_instruction=None, fewshot_as_multiturn=False, **chat)
    instances = task.construct_requests(doc=doc, ctx=context, metadata=(task.config.task, 0, 1), **chat)
    return [instance.arguments for instance in (instances if isinstance(instances, list) else [instances])]


def chatml(messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
    """Messages in the form of ChatML."""
    from jinja2 import Template as Jinja

    return Jinja(CHATML).render(messages=messages, add_generation_prompt=add_generation_prompt)
