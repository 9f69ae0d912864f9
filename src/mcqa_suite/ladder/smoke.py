"""A recipe as a quick trial of itself: the same stages on the embedded base, with a few rows, steps and documents.

What a real run would do is untouched: the smoke run has a folder of its own.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.plan import Evaluation
from mcqa_suite.ladder.recipe import Recipe, Stage
from mcqa_suite.ladder.stage_settings import BnbSettings, GptqSettings, Settings
from mcqa_suite.ladder.sweep import Criterion, Sweep
from mcqa_suite.training_data import sources
from mcqa_suite.training_data.sources.spec import PairSource, Source

ROWS, STEPS, DOCUMENTS, TOKENS = 12, 2, 8, 16
WIDE = ("mcqa_mmlu_stem", "mcqa_suite")  # groups of dozens of tasks: two documents of each
CONTEXT = 2048  # of the embedded base
LONGEST = CONTEXT  # characters of a row: a token of the small vocabulary is one at least
DRAWS = 40  # seeds that are tried for rows that fit
TASK = "mcqa_generated"  # always there
TRAINER = {
    "max_steps": STEPS,
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "max_length": CONTEXT,
    "logging_steps": 1,
}
# What asks for another machine, or for more time.
LEFT_OUT = {
    *("eval_strategy", "eval_steps", "save_strategy", "save_steps", "report_to", "optim"),
    *("bf16", "fp16", "tf32", "gradient_checkpointing", "deepspeed", "fsdp", "fsdp_config"),
}


@dataclass(frozen=True)
class Smoke:
    """The small recipe, and a line for everything in it that stands in for something else."""

    recipe: Recipe
    lines: tuple[str, ...]


def smoke(recipe: Recipe) -> Smoke:
    """The recipe with every setting that costs time made small; a source that cannot be had becomes generated rows."""
    lines = [
        f"smoke: {recipe.base} is the embedded base here; {ROWS} rows a source, {STEPS} steps, {DOCUMENTS} documents"
    ]
    sweeps = tuple(_two_points(sweep) for sweep in recipe.sweeps)
    dropped = {p.stage for sweep in recipe.sweeps for p in sweep.points} - {p.stage for s in sweeps for p in s.points}
    swept = {point.stage: sweep.name for sweep in sweeps for point in sweep.points}
    stages = []
    known: dict[str, Any] = {}
    for stage in recipe.stages:
        if isinstance(stage.settings, BnbSettings) and not importlib.util.find_spec("bitsandbytes"):
            lines.append(f"    {stage.name}: left out, bitsandbytes is not installed")
        elif stage.name not in dropped:
            settings, said = _small(stage, known)
            lines += [f"    {swept.get(stage.name, stage.name)}: {line}" for line in said]
            stages.append(dataclasses.replace(stage, settings=settings))
    if dropped:
        lines.append(f"    {', '.join(sweep.name for sweep in sweeps)}: the first and the last point of the sweep")
    if any(sweep.criterion.task for sweep in recipe.sweeps):
        lines.append(f"    sweeps are judged by {TASK}")
    small = dataclasses.replace(
        recipe,
        name=f"{recipe.name}-smoke",
        base=str((training_dir() / "base").resolve()),
        dtype="float32",
        batch_size=8,
        threads=1,
        stages=tuple(stages),
        sweeps=sweeps,
        evaluate=(Evaluation((TASK,), limit=DOCUMENTS), *map(_few_documents, recipe.evaluate)),
        output=recipe.output.with_name(f"{recipe.output.name}-smoke"),
        chat_template=False,
    )
    return Smoke(small, tuple(dict.fromkeys(lines)))


def _two_points(sweep: Sweep) -> Sweep:
    criterion = Criterion("acc", TASK) if sweep.criterion.task else sweep.criterion
    return dataclasses.replace(sweep, criterion=criterion, points=(sweep.points[0], sweep.points[-1]))


def _few_documents(entry: Evaluation) -> Evaluation:
    """Skipped, and said to be, where its data is not on this machine; the template is that of the small base: none."""
    generation = {**(entry.gen_kwargs or {}), "max_gen_toks": TOKENS} if _generates(entry) else entry.gen_kwargs
    limit = 2 if any(task.startswith(WIDE) for task in entry.tasks) else DOCUMENTS
    return dataclasses.replace(
        entry, limit=limit, gen_kwargs=generation, optional=True, apply_chat_template=None, num_fewshot=None
    )


def _generates(entry: Evaluation) -> bool:
    return entry.gen_kwargs is not None or any(not _is_choice(task) for task in entry.tasks)


def _is_choice(task: str) -> bool:
    return not any(word in task for word in ("_cot", "_n8", "gsm", "grid"))


def _small(stage: Stage, known: dict[str, Any]) -> tuple[Settings, list[str]]:
    settings: Any = stage.settings
    changes: dict[str, Any] = {"dtype": "float32"}
    lines: list[str] = []
    for part, read in (("data", _reader(settings)), ("calibration", sources.rows)):
        if hasattr(settings, part):
            entries = []
            for entry in getattr(settings, part):
                key = repr(entry)
                if key not in known:
                    known[key] = _at_hand(entry, read)
                entries.append(known[key][0])
                lines += known[key][1]
            changes |= {part: tuple(entries), "rows": None}
            if part == "data" and any(entry.source == "generated" for entry in entries):
                changes["allow_leaks"] = True  # the added task is of generated questions too
    if hasattr(settings, "trainer"):
        trainer = {key: value for key, value in settings.trainer.items() if key not in LEFT_OUT}
        lora = {**(settings.lora or {}), "target_modules": "all-linear"} if not settings.full else settings.lora
        changes |= {"trainer": trainer | TRAINER, "lora": lora, "qlora": False, "chat_template": False}
    if getattr(settings, "held_out", 0):
        changes["held_out"] = 0.5
    if isinstance(settings, GptqSettings):
        changes |= {"group_size": 32, "batch_size": 4}
    return dataclasses.replace(settings, **changes), lines


def _reader(settings: Any) -> Callable[[Any], list[dict[str, str]]]:
    data = getattr(settings, "data", ())
    return sources.pair_rows if data and isinstance(data[0], PairSource) else sources.rows


def _at_hand(entry: Any, read: Callable[[Any], list[dict[str, str]]]) -> tuple[Any, list[str]]:
    """A few rows of a source that fit the small base's context, or as many generated ones, and why."""
    try:
        for small in _draws(entry):
            if all(len("".join(row.values())) <= LONGEST for row in read(small)):
                return small, []
        reason = f"no draw of rows that fit {CONTEXT} tokens"
    except McqaError as error:
        reason = str(error)
    style = {"style": entry.style} if isinstance(entry, Source) and entry.style in sources.STYLES else {}
    stand_in = type(entry)("generated", n=ROWS, seed=entry.seed, **style)
    return stand_in, [f"generated rows in place of source {entry.source!r} ({reason})"]


def _draws(entry: Source | PairSource) -> Iterator[Any]:
    """`ROWS` rows; where they do not fit, fewer, by one seed after the other."""
    yield dataclasses.replace(entry, n=ROWS, share=None)
    for seed in range(DRAWS):
        yield dataclasses.replace(entry, n=2, share=None, seed=seed)
