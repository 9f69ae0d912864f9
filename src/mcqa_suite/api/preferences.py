"""A model's own responses: take prompts, sample responses, label pairs of them, and rank models by a judge's verdicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from mcqa_suite.analysis.ranking import Ranking
from mcqa_suite.analysis.ranking import rank as rank_verdicts
from mcqa_suite.common.errors import ConfigError, naming
from mcqa_suite.common.files import write_files, write_lines
from mcqa_suite.reporting.ranking import csv_table, markdown
from mcqa_suite.training_data.preferences.annotation import Annotation, annotate
from mcqa_suite.training_data.preferences.check import Pairs
from mcqa_suite.training_data.preferences.contrast import contrasted
from mcqa_suite.training_data.preferences.correctness import by_correctness, check_questions, decided_first
from mcqa_suite.training_data.preferences.pairs import label, pairs_of
from mcqa_suite.training_data.preferences.prompts import PoolPrompts, prompts_of_pool
from mcqa_suite.training_data.preferences.ranking import Entry, judged, read_entries
from mcqa_suite.training_data.preferences.sampling import read_prompts, read_responses, sample


def pool_prompts(
    recipe: str | Path, output: str | Path, *, pool: str, n: int | None = None, seed: int = 0
) -> PoolPrompts:
    """Write the prompts of a pool to the JSONL file `output`; with `n`, that many of them, drawn with `seed`.

    The pools are those of the sources that the recipe's SFT stages take a `pool` of, in the same words, so that no dialogue is
    in two of them.
    """
    from mcqa_suite.ladder.recipe import read_recipe
    from mcqa_suite.ladder.stage_settings import SftSettings

    if n is not None:
        _check_positive(n=n)
    stages = read_recipe(Path(recipe)).stages
    sources = [source for stage in stages if isinstance(stage.settings, SftSettings) for source in stage.settings.data]
    with naming(recipe):
        prompts = prompts_of_pool(sources, pool, n, seed)
    write_lines(Path(output), (json.dumps(row, ensure_ascii=False) + "\n" for row in prompts.rows))
    return prompts


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
    """Sample `n` responses per prompt from a checkpoint (`model`) or a server (`endpoint`) into the JSONL file `output`.

    `chat_template`, `dtype` and `batch_size` are for a checkpoint, `parallel` (requests at a time) is for a server. Returns
    how many responses were written, and how many prompts there are.
    """
    from mcqa_suite.backend.sampling import Sampling

    _check_positive(parallel=parallel, batch_size=batch_size)
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
        raise ConfigError("no model and no endpoint: set one of them")
    return sample(prompts, n, settings, name, generate, Path(output)), len(prompts)


def label_pairs(
    file: str | Path,
    output: str | Path,
    *,
    by: Literal["correctness", "judge", "human"],
    judge: str | None = None,
    judge_model: str | None = None,
    judge_prompt: str | Path | None = None,
    pairs_per_prompt: int | None = 1,
    parallel: int = 8,
    seed: int = 0,
) -> int:
    """Label which of two responses is better into the JSONL file `output`; returns how many labels it got.

    `by` "correctness" reads the answers; "judge" asks the server at `judge`; "human" asks at the terminal, in an order drawn with
    `seed`. `pairs_per_prompt` None takes all.
    """
    _check_positive(parallel=parallel)
    if (by == "judge") != bool(judge):
        raise ConfigError(f"--by {by}: {'has no --judge' if judge else 'give the URL of the --judge'}")
    responses = read_responses(Path(file))
    if by == "correctness":
        check_questions(Path(file))
        with naming(file):
            pairs = decided_first(pairs_of(responses, None), pairs_per_prompt)
        return label(pairs, by, by_correctness, Path(output))
    with naming(file):
        pairs = pairs_of(responses, pairs_per_prompt)
    if judge is None:
        from mcqa_suite.training_data.preferences.human import label_by_hand

        return len(pairs) - label_by_hand(pairs, Path(output), seed=seed)
    from mcqa_suite.backend.endpoint import Endpoint
    from mcqa_suite.training_data.preferences.judge import PAIR, by_judge, read_template

    template, server = read_template(Path(judge_prompt)) if judge_prompt else PAIR, Endpoint(judge, judge_model)
    decide = partial(by_judge, judge=server, template=template, parallel=parallel)
    return label(pairs, f"judge {server.model}", decide, Path(output))


def contrast_pairs(file: str | Path, output: str | Path, *, pairs_per_prompt: int | None = 1) -> Pairs:
    """Write pairs of the data's own answers (chosen) and sampled responses that are not right (rejected) to `output`.

    `file` is of `mcqa preferences sample`. Returns the pairs, and why others were left out.
    """
    check_questions(Path(file))
    responses = read_responses(Path(file))
    with naming(file):
        pairs = contrasted(responses, pairs_per_prompt)
    write_lines(Path(output), (json.dumps(row, ensure_ascii=False) + "\n" for row in pairs.rows))
    return pairs


def annotate_questions(
    data: str | Path,
    output: str | Path,
    *,
    what: Annotation,
    endpoint: str,
    endpoint_model: str | None = None,
    topics: Sequence[str] = (),
    parallel: int = 8,
) -> tuple[int, int]:
    """Add a topic or an explanation, by the model at `endpoint`, to every question of `data`; the same call resumes.

    Returns how many rows were written to `output`, and how many rows in it have no annotation.
    """
    _check_positive(parallel=parallel)
    from mcqa_suite.backend.endpoint import Endpoint

    prompts = read_prompts(Path(data))
    return annotate(prompts, what, Endpoint(endpoint, endpoint_model), Path(output), topics=topics, parallel=parallel)


@dataclass(frozen=True, eq=False)
class RankResult:
    """A ranking; `alone` lists the skipped prompts, which not every model answered."""

    ranking: Ranking
    alone: tuple[str, ...]

    def text(self) -> str:
        """The table as Markdown."""
        return markdown(self.ranking)

    def save(self, folder: str | Path) -> None:
        """Write ranking.md, ranking.csv and ranking.svg."""
        from mcqa_suite.reporting.figures.repeats import strengths

        texts = [("ranking.md", self.text() + "\n"), ("ranking.csv", csv_table(self.ranking))]
        write_files(Path(folder), [*texts, ("ranking.svg", strengths(self.ranking))])


def rank(
    *responses: str | Path,
    judge: str,
    verdicts: str | Path,
    judge_model: str | None = None,
    judge_prompt: str | Path | None = None,
    listwise: bool = False,
    embedding: str | None = None,
    parallel: int = 8,
    seed: int = 0,
) -> RankResult:
    """Ask the server at `judge` which response is better, and rank the models by its verdicts.

    `responses` are files of `mcqa preferences sample`, or NAME=FILE. The verdicts are appended to the file `verdicts`, and the
    same call resumes from it. `judge_prompt` is a file of instructions for two responses. `listwise` shows all responses at
    once instead of two; `embedding` names an encoder for the similarity to the references; `seed` draws the order in which
    responses are shown. Raises McqaError.
    """
    _check_positive(parallel=parallel)
    from mcqa_suite.backend.endpoint import Endpoint
    from mcqa_suite.training_data.preferences.judge import read_template

    if judge_prompt and listwise:
        raise ConfigError("--judge-prompt is for two responses; leave out --listwise")
    template = read_template(Path(judge_prompt)) if judge_prompt else None
    entries, alone = read_entries([str(file) for file in responses])
    similarity = _similarity(entries, embedding) if embedding else None
    server = Endpoint(judge, judge_model)
    rows = judged(entries, server, Path(verdicts), template=template, listwise=listwise, seed=seed, parallel=parallel)
    return RankResult(rank_verdicts(rows, similarity, seed), alone)


def _similarity(entries: Sequence[Entry], embedding: str) -> dict[str, list[float]]:
    """Of each model's responses to the references, prompt by prompt."""
    referenced = [entry for entry in entries if entry.reference]
    if not referenced:
        raise ConfigError(
            "--embedding: no row has a reference to compare with; add a column 'reference' to the prompts"
        )
    from mcqa_suite.backend.embedding import Encoder

    encoder, references = Encoder(embedding), [entry.reference for entry in referenced]
    return {
        name: encoder.similarity([entry.responses[name] for entry in referenced], references)
        for name in entries[0].responses
    }


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ConfigError(f"--{name.replace('_', '-')} {value}: expected at least 1")
