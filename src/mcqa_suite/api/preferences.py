"""Preference pairs of a model's own responses: sample them, then label them. Both resume where they stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.training_data.preferences import responses as response_files
from mcqa_suite.training_data.preferences.correctness import BY, by_correctness, decided_first
from mcqa_suite.training_data.preferences.pairs import label, pairs_of
from mcqa_suite.training_data.preferences.prompts import read_prompts


def sample_responses(
    data: str | Path,
    output: str | Path,
    *,
    model: str | None = None,
    endpoint: str | None = None,
    endpoint_model: str | None = None,
    n: int = 2,
    temperature: float = 0.7,
    top_p: float = 0.9,
    max_tokens: int = 512,
    seed: int = 0,
    stop: Sequence[str] = (),
    chat_template: bool | None = None,
    dtype: str = "float32",
    batch_size: int = 16,
    parallel: int = 8,
) -> tuple[int, int]:
    """Sample `n` responses a prompt from a checkpoint (`model`) or a server (`endpoint`) into the JSONL file `output`.

    `chat_template`, `dtype` and `batch_size` are for a checkpoint, `parallel` (requests at a time) is for a server. Returns
    how many responses were written, and how many prompts there are.
    """
    from mcqa_suite.backend.generation import Sampling

    settings = Sampling(temperature, top_p, max_tokens, seed, tuple(stop))
    prompts = read_prompts(Path(data))
    if endpoint:
        from mcqa_suite.backend.endpoint import Endpoint

        server = Endpoint(endpoint, endpoint_model)
        name, generate = server.model, server.generate(settings, parallel)
    elif model:
        from mcqa_suite.backend.sampling import Sampler

        sampler = Sampler(model, chat=chat_template, dtype=dtype, batch_size=batch_size)
        name, generate = sampler.identity, sampler.generator(settings)
    else:
        raise ConfigError("no model and no endpoint: give one of them to sample from")
    return response_files.sample(prompts, n, settings, name, generate, Path(output)), len(prompts)


def label_pairs(
    file: str | Path,
    output: str | Path,
    *,
    by: Literal["correctness", "judge"],
    judge: str | None = None,
    judge_model: str | None = None,
    judge_prompt: str | Path | None = None,
    pairs_per_prompt: int | None = 1,
    parallel: int = 8,
) -> int:
    """Label which of two responses is better into the JSONL file `output`; returns how many pairs were labelled.

    `by` "correctness" reads the answers; "judge" asks the server at `judge`. `pairs_per_prompt` None takes all.
    """
    responses = response_files.read_responses(Path(file))
    if by == "correctness":
        return label(decided_first(pairs_of(responses, None), pairs_per_prompt), BY, by_correctness, Path(output))
    if judge is None:
        raise ConfigError("--by judge: give the URL of the --judge")
    from mcqa_suite.backend.endpoint import Endpoint
    from mcqa_suite.training_data.preferences.judge import JudgeLabels, read_template

    template = read_template(Path(judge_prompt) if judge_prompt else None)
    labels = JudgeLabels(Endpoint(judge, judge_model), template, parallel)
    return label(pairs_of(responses, pairs_per_prompt), labels.by, labels, Path(output))
