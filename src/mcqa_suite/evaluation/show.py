"""`mcqa check TASK --show`: what a task asks, what is scored and how the answer is read, on its first document."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcqa_suite.harness.tasks import load_leaves, public_source

BY_SCORE = "nothing: the option with the largest log-likelihood is the answer"
KEPT = "nothing: the text is kept in the log"


@dataclass(frozen=True)
class TaskExample:
    """A task and the request that its first document makes, without a chat template.

    `prompt` is the whole text that the model is given, few-shot examples included; `scored` holds the continuations whose
    log-likelihoods are compared, and is empty where the model writes. `generation`: what is written, with its
    settings. `reader`: how the answer is read. `target`: the right continuation. `source`: the public data set, if it is one.
    """

    task: str
    version: str
    shots: int
    prompt: str
    scored: tuple[str, ...]
    generation: str
    reader: str
    target: str
    source: str = ""

    def __str__(self) -> str:
        shots = f"{self.shots} examples before the question" if self.shots else "no examples before the question"
        scored = ["scored: the log-likelihood of each of", *(f"    {text!r}" for text in self.scored)]
        source = f", questions of {self.source}" if self.source else ""
        lines = [
            f"{self.task}, version {self.version}, {shots}{source}",
            *(f"    {line}".rstrip() for line in self.prompt.split("\n")),
            *(scored if self.scored else [f"scored: {self.generation}"]),
            f"read:   {self.reader}",
            *([f"right:  {self.target!r}"] if self.target.strip() else []),
        ]
        return "\n".join(lines)


def examples(names: Sequence[str], metadata: dict[str, Any] | None = None) -> list[TaskExample]:
    """The first request of each task, and of each task of a group. Raises DatasetError for data that cannot be loaded."""
    return [_example(task) for task in load_leaves(names, metadata)]


def _example(task: Any) -> TaskExample:
    config, doc = task.config, task.eval_docs[0]
    shots = config.num_fewshot or 0
    context = task.fewshot_context(doc, num_fewshot=shots, gen_prefix=task.doc_to_prefix(doc))
    requests = task.construct_requests(doc=doc, ctx=context, metadata=(task.task_name, 0, config.repeats))
    arguments = [request.args for request in (requests if isinstance(requests, list) else [requests])]
    prompt, last = arguments[0]
    generates = isinstance(last, dict)
    answer = task.doc_to_target(doc)
    return TaskExample(
        task=task.task_name,
        version=str(task.VERSION),
        shots=shots,
        prompt=prompt,
        scored=() if generates else tuple(continuation for _, continuation in arguments),
        generation=_generation(last, config.repeats) if generates else "",
        reader=_reader(config.filter_list) if generates else BY_SCORE,
        target=arguments[answer][1] if isinstance(answer, int) else f"{config.target_delimiter}{answer}",
        source=public_source(vars(config)),
    )


def _generation(settings: dict[str, Any], repeats: int) -> str:
    """What is generated: `a text of at most 1024 tokens, greedy, up to '\\nQuestion:'`."""
    sampling = [
        f"{name} {settings[name]}" for name in ("temperature", "top_p") if settings["do_sample"] and name in settings
    ]
    number = f"{repeats} texts" if repeats > 1 else "a text"
    stops = " or ".join(map(repr, settings["until"]))
    return f"{number} of at most {settings['max_gen_toks']} tokens, {', '.join(sampling) or 'greedy'}, up to {stops}"


def _reader(filters: Any) -> str:
    """The first line of the docstring of the function that reads a response."""
    functions = [step["filter_fn"] for each in filters or () for step in each["filter"] if "filter_fn" in step]
    if not functions:
        return KEPT
    return (inspect.getdoc(functions[0]) or "").split("\n")[0].rstrip(".")
