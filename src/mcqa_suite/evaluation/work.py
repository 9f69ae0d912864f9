"""What an evaluation will read and write, counted without a model."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mcqa_suite.backend.costs import EFFICIENCY, Machine, Shape
from mcqa_suite.backend.prefix import tree
from mcqa_suite.backend.prefix.generate import ROWS
from mcqa_suite.backend.prefix.scorer import BUDGET_CPU


@dataclass
class Work:
    """`lengths`: the tokens of each request; `read`: tokens where those that requests share count once; `written`: tokens at
    most, of all answers; `longest_answer`: of one."""

    documents: int = 0
    requests: int = 0
    lengths: list[int] = field(default_factory=list)
    read: int = 0
    written: int = 0
    longest_answer: int = 0

    def __iadd__(self, other: Work) -> Work:
        self.documents += other.documents
        self.requests += other.requests
        self.lengths += other.lengths
        self.read += other.read
        self.written += other.written
        self.longest_answer = max(self.longest_answer, other.longest_answer)
        return self


def work_of(
    tasks: Iterable[Any],
    tokenizer: Any,
    *,
    limit: float | None = None,
    num_fewshot: int | None = None,
    gen_kwargs: Mapping[str, Any] | None = None,
) -> Work:
    """The work of leaf tasks, asked without a chat template, which adds some twenty tokens a request."""
    work = Work()
    for task in tasks:
        if num_fewshot is not None:
            task.set_config(key="num_fewshot", value=num_fewshot)
        documents = len(task.eval_docs)
        chosen = documents if limit is None else min(documents, int(limit if limit >= 1 else documents * limit))
        with redirect_stderr(io.StringIO()):  # a bar for every task
            task.build_all_requests(limit=chosen, rank=0, world_size=1)
        scored = [each.args for each in task.instances if each.request_type == "loglikelihood"]
        generated = [each for each in task.instances if each.request_type == "generate_until"]
        rows = [np.array(ids, dtype=np.int64) for ids in _tokens(tokenizer, [a + b for a, b in scored])]
        prompts = _tokens(tokenizer, [each.args[0] for each in generated])
        most = (
            (gen_kwargs or {}).get("max_gen_toks") or (task.config.generation_kwargs or {}).get("max_gen_toks") or 256
        )
        repeats = [each.repeats or 1 for each in generated]
        work += Work(
            chosen,
            len(scored) + sum(repeats),
            [*map(len, rows), *map(len, prompts)],
            (tree.build(rows, [0] * len(rows))[0].nodes if rows else 0) + sum(map(len, prompts)),
            int(most) * sum(repeats),
            int(most) if generated else 0,
        )
    return work


def _tokens(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts).input_ids if texts else []


def answers_at_once(batch: int) -> int:
    """Of written answers, what a batch size means to `hf-prefix`; 1, the default, leaves it to the device."""
    return batch if batch > 1 else ROWS["cuda" if torch.cuda.is_available() else "cpu"]


def seconds_of(work: Work, shape: Shape, machine: Machine, *, size: int, batch: int) -> float:
    """Reading is bound by operations; writing, a token of each answer of a batch at a time, by those or by memory.

    `size`: bytes of a weight.
    """
    a_token = 2 * shape.weights / (EFFICIENCY * machine.operations)
    written = max(a_token, size * shape.weights / machine.bytes / batch)
    return work.read * a_token + work.written * written


def memory_of(work: Work, shape: Shape, *, size: int, batch: int) -> float:
    """Bytes of the weights, of the keys and values of a batch of the longest requests and answers, and of a pass's logits."""
    tokens = max(work.lengths, default=0) + work.longest_answer
    return size * (shape.stored + batch * tokens * shape.layers * shape.cached) + 4 * BUDGET_CPU * shape.vocabulary
