"""Make a recipe small for a quick trial: the same stages on a random model, with a few rows, steps and documents."""

from __future__ import annotations

import dataclasses
import importlib.util
from dataclasses import dataclass
from typing import Any

from mcqa_suite.backend import random_model
from mcqa_suite.backend.random_model import CONTEXT
from mcqa_suite.common.errors import MissingDataError, naming
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.evaluate_checkpoint import Evaluation
from mcqa_suite.harness.tasks import listed
from mcqa_suite.ladder.recipe import Recipe
from mcqa_suite.ladder.stage_settings import (
    ENTRIES,
    BnbSettings,
    GptqSettings,
    RowSettings,
    Settings,
    TrainedSettings,
)
from mcqa_suite.ladder.sweep import Criterion, Sweep
from mcqa_suite.training_data import sources
from mcqa_suite.training_data.sources.mix import draw
from mcqa_suite.training_data.sources.source import PairSource, Row, Source

ROWS, STEPS, DOCUMENTS, TOKENS = 12, 2, 8, 16
WEIGHTS = "a model of 29,000 random weights, which is made here,"
WIDE = ("mcqa_mmlu_stem", "mcqa_suite")  # groups of dozens of tasks, evaluated on two documents of each
SEEDS = 40  # seeds that are tried to find rows that fit
TASK = "mcqa_epfl"  # its questions come with the package
TRAINER = {
    "max_steps": STEPS,
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "max_length": CONTEXT,
    "logging_steps": 1,
}
# Arguments that need another machine, or more time.
REMOVED = {
    *("eval_strategy", "eval_steps", "save_strategy", "save_steps", "report_to", "optim"),
    *("bf16", "fp16", "tf32", "gradient_checkpointing", "activation_checkpointing", "deepspeed", "fsdp", "fsdp_config"),
}
# Made-up rows in the form of a source whose file may be missing, in training/data/samples
SAMPLES = {
    "epfl": "epfl.jsonl",
    "convokit_cmv": "winning-args-corpus",
    "persuasionforgood": "persuasionforgood.csv",
    "evaluator": "evaluator.jsonl",
    "epfl_raw": "epfl_raw.json",
    "solutions": "solutions.jsonl",
    "persuasion": "persuasion.jsonl",
    "rows": "rows.jsonl",
}
COUNTED = ("symbolic_local", "counting")  # sources without an end, which need an `n`
AnySource = Source | PairSource


@dataclass(frozen=True)
class Smoke:
    """The small recipe, and one line for every replaced part."""

    recipe: Recipe
    lines: tuple[str, ...]


def smoke(recipe: Recipe) -> Smoke:
    """Make the recipe small, in an output folder of its own.

    A source whose data is missing is replaced: by made-up rows in its own form if it reads a file, else by questions of ARC.
    McqaError names the stage whose source is there and cannot be read.
    """
    lines = [
        f"smoke: {WEIGHTS} in place of {recipe.base}; {ROWS} rows per source, {STEPS} steps, {DOCUMENTS} documents"
    ]
    sweeps = tuple(_two_points(sweep) for sweep in recipe.sweeps)
    dropped = {p.stage for sweep in recipe.sweeps for p in sweep.points} - {p.stage for s in sweeps for p in s.points}
    sweep_names = {point.stage: sweep.name for sweep in sweeps for point in sweep.points}
    replaced: dict[str, tuple[AnySource, str]] = {}
    stages = []
    for stage in recipe.stages:
        if isinstance(stage.settings, BnbSettings) and not importlib.util.find_spec("bitsandbytes"):
            lines.append(f"    {stage.name}: left out, bitsandbytes is not installed")
        elif stage.name not in dropped:
            with naming(f"{recipe.path}: stage {stage.name}"):
                settings, reasons = _small_settings(stage.settings, replaced)
            lines += [f"    {sweep_names.get(stage.name, stage.name)}: {reason}" for reason in reasons]
            stages.append(dataclasses.replace(stage, settings=settings))
    if dropped:
        lines.append(f"    {', '.join(sweep.name for sweep in sweeps)}: the first and the last point of the sweep")
    if any(sweep.criterion.task for sweep in recipe.sweeps):
        lines.append(f"    sweeps are ranked by {TASK}")
    small = dataclasses.replace(
        recipe,
        name=f"{recipe.name}-smoke",
        base=random_model.NAME,
        dtype="float32",
        batch_size=8,
        threads=1,
        jobs=2,
        stages=tuple(stages),
        sweeps=sweeps,
        evaluate=(Evaluation((TASK,), limit=DOCUMENTS), *map(_few_documents, recipe.evaluate)),
        output=recipe.output.with_name(f"{recipe.output.name}-smoke"),
    )
    return Smoke(small, tuple(dict.fromkeys(lines)))


def _two_points(sweep: Sweep) -> Sweep:
    criterion = Criterion("acc", TASK) if sweep.criterion.task else sweep.criterion
    return dataclasses.replace(sweep, criterion=criterion, points=(sweep.points[0], sweep.points[-1]))


def _few_documents(entry: Evaluation) -> Evaluation:
    generates = entry.gen_kwargs is not None or any(map(_generates, entry.tasks))
    return dataclasses.replace(
        entry,
        limit=2 if any(task.startswith(WIDE) for task in entry.tasks) else DOCUMENTS,
        gen_kwargs={**(entry.gen_kwargs or {}), "max_gen_toks": TOKENS} if generates else None,
        optional=True,
        num_fewshot=None,
    )


def _generates(name: str) -> bool:
    """Whether a task, or a task of a group, asks for text."""
    config = listed().get(name, {})
    members = config.get("task")
    return any(map(_generates, members)) if isinstance(members, list) else config.get("output_type") == "generate_until"


def _small_settings(settings: Settings, replaced: dict[str, tuple[AnySource, str]]) -> tuple[Any, list[str]]:
    """The settings of the small stage, and the reasons why sources were replaced."""
    changes: dict[str, Any] = {"dtype": "float32"}
    reasons: list[str] = []
    for name in ENTRIES:
        if getattr(settings, name, None):
            for source in getattr(settings, name):
                if repr(source) not in replaced:  # read each once
                    replaced[repr(source)] = _small_source(source)
            pairs = [replaced[repr(source)] for source in getattr(settings, name)]
            if name == "validation" and any(reason for _, reason in pairs):
                changes["validation"] = None  # the made-up rows are those that the stage trains on
                continue
            changes |= {name: tuple(source for source, _ in pairs), "rows": None}
            reasons += [reason for _, reason in pairs if reason]
    if isinstance(settings, TrainedSettings):
        trainer = {key: value for key, value in settings.trainer.items() if key not in REMOVED}
        lora = settings.lora if settings.full else {**(settings.lora or {}), "target_modules": "all-linear"}
        changes |= {"trainer": trainer | TRAINER, "lora": lora, "qlora": False}
        changes["keep_steps"] = (1,) if settings.keep_steps else None
        changes["kept_step"] = 1 if settings.kept_step else None
    if isinstance(settings, RowSettings):
        changes["leaks"] = "allow"  # of so few rows none can be spared
    if getattr(settings, "held_out", 0):
        changes["held_out"] = 0.5
    if isinstance(settings, GptqSettings):
        changes |= {"group_size": 32, "batch_size": 4}
    return dataclasses.replace(settings, **changes), reasons


def _small_source(source: AnySource) -> tuple[AnySource, str]:
    """(the source with a few rows that fit the context, ""), or (a source in place of it, the reason)."""
    try:
        if small := _few_rows(source):
            return small, ""
        reason = f"no rows that fit {CONTEXT} tokens"
    except MissingDataError as error:
        reason = str(error)
    if source.source in SAMPLES:
        path = training_dir() / "data" / "samples" / SAMPLES[source.source]
        chosen = ("split", "pool", "pool_shares", "pool_counts", "max_tokens", "too_long")
        undivided: dict[str, Any] = {key: None for key in chosen if hasattr(source, key)}
        sample = _few_rows(dataclasses.replace(source, path=str(path.resolve()), **undivided))
        assert sample, path
        return sample, f"made-up rows in the form of source {source.source!r} ({reason})"
    readers: dict[str, Any] = sources.SOURCES if isinstance(source, Source) else sources.PAIRS
    style = "cot_answer" if source.style == "cot" else source.style  # its questions have no explanation
    if style not in readers["arc"].styles:
        style = None
    arc = _few_rows(type(source)("arc", split="train", seed=source.seed, style=style))
    assert arc
    return arc, f"questions of ARC in place of source {source.source!r} ({reason})"


def _few_rows(source: AnySource) -> AnySource | None:
    """The source with `ROWS` rows, or all if it has fewer, else with two, drawn with one seed after the other.

    None where no rows fit the context; McqaError where the source cannot be read.
    """
    lengths: dict[str, Any] = {
        name: None for name in ("max_tokens", "too_long") if hasattr(source, name)
    }  # of another tokenizer
    whole = dataclasses.replace(source, n=ROWS if source.source in COUNTED else None, share=None, **lengths)
    rows = sources.rows(whole)
    for n, seed in [(ROWS, source.seed), *((2, seed) for seed in range(SEEDS))]:
        n = min(n, len(rows))
        if all(_fits(row) for row in draw(rows, n, seed)):
            return dataclasses.replace(whole, n=n, seed=seed)
    return None


def _fits(row: Row) -> bool:
    """Whether a row fits the model's context; its id and group, which are counted too, leave room for a chat template."""
    return len("".join(row.values()).encode("utf-8", "surrogatepass")) <= CONTEXT
