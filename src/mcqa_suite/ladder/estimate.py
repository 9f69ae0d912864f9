"""What a recipe will take, step by step, before anything is loaded: rows, steps, tokens, time and memory."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcqa_suite.backend import random_model
from mcqa_suite.backend.costs import BYTES, COLUMN_SECONDS, EFFICIENCY, STEP_SECONDS, Machine, Shape, read_shape
from mcqa_suite.backend.row_tokens import answer_keys, check_fits, encode, fitted
from mcqa_suite.common.chat_template import WITHOUT, ChatTemplate
from mcqa_suite.common.errors import naming
from mcqa_suite.common.manifest import usable_cores
from mcqa_suite.evaluation.work import Work, answers_at_once, memory_of, seconds_of, work_of
from mcqa_suite.ladder.audit import stage_rows
from mcqa_suite.ladder.questions import LoadedTasks, load_tasks
from mcqa_suite.ladder.recipe import Recipe, Stage, evaluated
from mcqa_suite.ladder.stage_settings import (
    GptqSettings,
    TrainedSettings,
    rows_chat_template,
)
from mcqa_suite.ladder.steps import fits, rank, steps_of
from mcqa_suite.reporting.estimates import ESTIMATED, duration, price_words, spread
from mcqa_suite.reporting.tables import Table

HEADER = ("step", "kind", "rows", "tokens a row", "steps", "tokens", "time", "memory GB")
# Operations of a token in units of 2 a weight: forward; backward for activations; backward for weights.
FULL, LORA, REFERENCE, CHECKPOINTING = 3, 2, 1, 1
EPOCHS, BATCH = 3.0, 8  # the trainers' defaults
ADAM = 16  # bytes a trained weight: itself, its gradient and two moments in float32


@dataclass(frozen=True)
class Estimate:
    """A step. `lengths` are tokens of a row or request; None where there are no trainer's steps."""

    name: str
    kind: str
    rows: int
    lengths: Sequence[int]
    steps: int | None
    tokens: int
    seconds: float
    memory: float


def estimate(recipe: Recipe, machine: Machine) -> list[Estimate]:
    """Every step of a recipe on a machine, in order. McqaError for what the run itself would refuse at its start.

    Leaks are not looked for; every stage counts as as long as on the base's tokens, unquantised.
    """
    with TemporaryDirectory() as folder:
        random = recipe.base == random_model.NAME
        base = str(random_model.random_model(Path(folder) / random_model.NAME)) if random else recipe.base
        shape, tokenizer = read_shape(base)
    chat = _chat(recipe, tokenizer)
    rows = {stage.name: group.rows for group in stage_rows(recipe) for stage in group.stages}
    loaded = load_tasks(recipe)
    work: dict[int, Work] = {}
    estimates: list[Estimate] = []
    for step in steps_of(recipe):
        part = machine.part(min(1, step.cpus / usable_cores())) if recipe.jobs > 1 else machine
        if step.stage is None:
            estimates.append(_evaluation(recipe, step.rung, loaded, work, shape, tokenizer, part))
        else:
            estimates.append(_stage(recipe, step.stage, rows[step.rung], shape, tokenizer, chat, part))
    return estimates


def seconds_in_all(recipe: Recipe, estimates: Sequence[Estimate]) -> float:
    """From the first step's start to the last one's end, where `jobs` of them run side by side."""
    clock, complete, running = 0.0, {1}, list[tuple[float, int]]()
    steps = {step.number: step for step in steps_of(recipe)}
    seconds = {number: each.seconds for number, each in zip(steps, estimates, strict=True)}
    waiting = dict(steps)
    while waiting or running:
        ready = [step for step in waiting.values() if step.after <= complete]
        for step in sorted(ready, key=lambda step: (rank(step, recipe.jobs), step.number)):
            if not fits(step, [steps[number] for _, number in running], recipe.jobs, usable_cores()):
                break
            heapq.heappush(running, (clock + seconds[step.number], step.number))
            del waiting[step.number]
        clock, number = heapq.heappop(running)
        complete.add(number)
    return clock


def _chat(recipe: Recipe, tokenizer: Any) -> ChatTemplate:
    written = ChatTemplate.everywhere(bool(tokenizer.chat_template))
    return (recipe.chat_template or ChatTemplate()).over(written).over(WITHOUT)


def _evaluation(
    recipe: Recipe,
    rung: str,
    loaded: LoadedTasks,
    work: dict[int, Work],
    shape: Shape,
    tokenizer: Any,
    machine: Machine,
) -> Estimate:
    total = Work()
    for number, entry in evaluated(recipe, rung).items():
        if number not in work and number in loaded.entries:
            settings: dict[str, Any] = {
                "limit": entry.limit,
                "num_fewshot": entry.num_fewshot,
                "gen_kwargs": entry.gen_kwargs,
            }
            work[number] = work_of(loaded.entries[number], tokenizer, **settings)
        total += work.get(number, Work())
    size, batch = BYTES[recipe.dtype], answers_at_once(recipe.batch_size)
    return Estimate(
        rung,
        "evaluate",
        total.requests,
        total.lengths,
        None,
        total.read + total.written,
        STEP_SECONDS + seconds_of(total, shape, machine, size=size, batch=batch),
        memory_of(total, shape, size=size, batch=batch),
    )


def _stage(
    recipe: Recipe,
    stage: Stage,
    rows: list[dict[str, str]],
    shape: Shape,
    tokenizer: Any,
    chat: ChatTemplate,
    machine: Machine,
) -> Estimate:
    settings = stage.settings
    size = BYTES[settings.dtype or recipe.dtype]
    with naming(f"{recipe.path}: stage {stage.name}"):
        lengths = _lengths(settings, rows, tokenizer, rows_chat_template(settings, chat))
    steps, tokens, operations, memory = None, sum(lengths), 0.0, float(size * shape.stored)
    if isinstance(settings, TrainedSettings) and not settings.kept_step:
        steps, tokens, operations, memory = _training(stage, lengths, shape, size)
    elif isinstance(settings, GptqSettings):
        operations = 2 * 2 * shape.weights * tokens  # each layer passes its rows on twice: to collect, then quantised
        operations += sum(2 * tokens * n**2 + n**3 + n**2 * out for n, out in shape.linear)
    seconds = STEP_SECONDS + operations / (EFFICIENCY * machine.operations) + memory / machine.bytes
    if isinstance(settings, GptqSettings):
        seconds += COLUMN_SECONDS * sum(n for n, _ in shape.linear)
    return Estimate(stage.name, stage.kind, len(lengths), lengths, steps, tokens, seconds, memory)


def _lengths(settings: Any, rows: list[dict[str, str]], tokenizer: Any, chat: ChatTemplate) -> list[int]:
    """Tokens of each row that fits its source's `max_tokens`; of a pair, those of both its answers, each with the prompt.

    DatasetError for a row that does not fit the `max_length` of the trainer, which the stage would refuse.
    """
    rows, _, _ = fitted(rows, tokenizer, chat)
    most = (getattr(settings, "trainer", None) or {}).get("max_length")
    lengths = [0] * len(rows)
    for key in answer_keys(rows[0]) if rows else ():
        for number, (prompt, answer) in enumerate(encode(rows, key, tokenizer, chat)):
            if most:
                check_fits(rows[number], prompt, answer or [], most)
            lengths[number] += len(prompt) + len(answer or [])
    return lengths


def _training(stage: Stage, lengths: list[int], shape: Shape, size: int) -> tuple[int, int, float, float]:
    """Steps, tokens, operations and bytes of memory of a trainer."""
    settings: Any = stage.settings
    trainer = settings.trainer
    a_device = trainer.get("per_device_train_batch_size", BATCH)
    batch = a_device * trainer.get("gradient_accumulation_steps", 1)
    trained = round(len(lengths) * (1 - (getattr(settings, "held_out", None) or 0)))
    epochs = trainer.get("num_train_epochs", EPOCHS)
    mean = sum(lengths) / len(lengths) if lengths else 0
    if (most := trainer.get("max_steps", -1)) > 0:
        steps, rows = most, float(most * batch)
    else:
        steps = math.ceil(math.ceil(trained / batch) * epochs)
        rows = min(steps * batch, trained * epochs)
    tokens = round(rows * mean)
    checkpointing = bool(trainer.get("gradient_checkpointing"))
    passes = (FULL if settings.full else LORA) + CHECKPOINTING * checkpointing
    passes += REFERENCE if stage.kind == "dpo" else 0
    rank = (settings.lora or {}).get("r", 8)
    adapter = sum(rank * (n + out) for n, out in shape.linear)
    trainable = shape.stored if settings.full else adapter
    weights = size * shape.stored * (0.25 if settings.qlora else 1)
    activations = shape.activations(a_device, max(lengths, default=0), size=size, checkpointing=checkpointing)
    return steps, tokens, passes * 2.0 * shape.weights * tokens, weights + ADAM * trainable + activations


def estimate_table(recipe: Recipe, estimates: Sequence[Estimate], rate: float | None) -> Table:
    """The steps and the whole, with what that costs at `rate` an hour."""
    lines = [list(_cells(each)) for each in estimates]
    seconds = seconds_in_all(recipe, estimates)
    peak = max((each.memory for each in estimates), default=0) / 1e9
    lines.append(
        ["all", "", "", "", "", f"{sum(each.tokens for each in estimates):,}", duration(seconds), f"{peak:.2f}"]
    )
    order = f"up to {recipe.jobs} steps side by side" if recipe.jobs > 1 else "one step after the other"
    notes = (
        f"About {duration(seconds)}{price_words(seconds, rate)}, {order}{ESTIMATED}",
        "What is made already takes no time, and leaks are not yet left out.",
    )
    return Table("", HEADER, lines, notes, left=2)


def _cells(each: Estimate) -> Iterator[str]:
    yield from (each.name, each.kind, f"{each.rows:,}" if each.rows else "", spread(each.lengths))
    yield "" if each.steps is None else f"{each.steps:,}"
    yield from (f"{each.tokens:,}" if each.tokens else "", duration(each.seconds), f"{each.memory / 1e9:.2f}")
