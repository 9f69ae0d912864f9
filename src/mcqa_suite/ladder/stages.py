"""Make a ladder's checkpoints: find the base, and run the script of a stage whose checkpoint is missing or outdated."""

from __future__ import annotations

import dataclasses
import json
import time
from itertools import chain
from pathlib import Path

import yaml

from mcqa_suite.backend.gguf_conversion import KIND as BASE_KIND
from mcqa_suite.backend.gguf_file import PACKAGED
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.checkpoints import (
    HUB_FILES,
    HUB_NAME,
    chat_template_of,
    checkpoint_size,
    has_chat_template,
    use_chat_template,
    verified_content,
)
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.files import write_file
from mcqa_suite.common.manifest import (
    Manifest,
    Parent,
    complete_folder,
    hardware,
    read_manifest,
    write_manifest,
)
from mcqa_suite.common.paths import training_dir
from mcqa_suite.ladder.context import Expected, LadderContext
from mcqa_suite.ladder.leaks import StageData
from mcqa_suite.ladder.recipe import BASE, Recipe, Stage
from mcqa_suite.ladder.stage_settings import LeaveOut, compared, record, rows_chat_template
from mcqa_suite.ladder.steps import RungResult, Step, StepResult

REMEDY = (
    "give a folder with config.json and *.safetensors, a .gguf file, the name of a model on the hub, or "
    f"{', '.join(PACKAGED)}"
)


def base_checkpoint(recipe: Recipe) -> Path:
    """The folder of the base, downloaded if it is a name on the hub; CheckpointError where it is missing."""
    folder = Path(recipe.base)
    if folder.is_absolute():
        if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
            raise CheckpointError(f"{recipe.path}: base: {folder} is not a checkpoint; {REMEDY}")
        return folder
    if not HUB_NAME.fullmatch(recipe.base):
        raise CheckpointError(f"{recipe.path}: base: no checkpoint {recipe.base!r}; {REMEDY}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(recipe.base, allow_patterns=HUB_FILES))
    except GatedRepoError as error:
        raise CheckpointError(
            f"{recipe.path}: base: {recipe.base} is gated; ask for access on its hub page, then set HF_TOKEN"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"{recipe.path}: base: {recipe.base!r} is neither a folder nor on the hub; {REMEDY}"
        ) from error


def record_base(context: LadderContext) -> RungResult:
    """Find the base, on the hub if need be, and write its manifest."""
    start = time.perf_counter()
    recipe = context.recipe
    checkpoint = base_checkpoint(recipe)
    manifest = Manifest(
        kind=BASE_KIND,
        name=BASE,
        parent=None,
        settings={"base": recipe.base if not Path(recipe.base).is_absolute() else checkpoint.name},
        content=verified_content(checkpoint),
        seed=recipe.seed,
        hardware=hardware(),
        seconds=time.perf_counter() - start,
        size=checkpoint_size(checkpoint),
        chat_template=base_chat_template(recipe, checkpoint),
    )
    with complete_folder(context.output / "checkpoints" / BASE) as folder:  # an earlier base may have left weights
        write_manifest(folder, manifest)
    return RungResult(BASE, checkpoint, manifest, None, None)


def base_chat_template(recipe: Recipe, checkpoint: Path, *, converted: bool = False) -> ChatTemplate:
    """How the base is asked, and every rung with it; ConfigError for a template that is not there.

    The manifest of a base that this run `converted` follows the recipe and does not count.
    """
    key, name = f"{recipe.path}: chat_template", f"the base {checkpoint.name}"
    recorded = None if converted else chat_template_of(checkpoint)
    return use_chat_template(name, recipe.chat_template, recorded, key=key, available=has_chat_template(checkpoint))


def make(context: LadderContext, step: Step, stage: Stage, parent: RungResult, data: StageData) -> StepResult:
    """The rung of a stage: the existing checkpoint if it is what the recipe asks for, else a new one.

    It is asked as its parent is; in an existing one that is only recorded anew.
    """
    folder = context.output / "checkpoints" / stage.name
    parent_id, chat = Parent(parent.name, parent.manifest.content), template_of(parent)
    expected = Expected(
        stage.kind,
        stage.name,
        parent_id,
        record(stage.settings),
        data.sources,
        rows_chat_template=rows_chat_template(stage.settings, chat),
        left_out=data.left_out,
        validation=data.validation,
    )
    status = context.update(
        folder,
        expected,
        lambda: context.run_script(_command(context, stage, parent, folder, data.leave_out), step),
    )
    manifest = read_manifest(folder)
    if manifest.chat_template != chat:
        manifest = dataclasses.replace(manifest, chat_template=chat, rows_chat_template=manifest.rows_written)
        write_manifest(folder, manifest)
    base = parent.checkpoint if manifest.adapter else None
    return StepResult(RungResult(stage.name, folder, manifest, None, None, base), status)


def template_of(rung: RungResult) -> ChatTemplate:
    """How a rung is asked: always known, because the base's is, and every rung is asked as the base."""
    assert rung.manifest.chat_template is not None, rung.name
    return rung.manifest.chat_template


def _command(
    context: LadderContext, stage: Stage, parent: RungResult, folder: Path, leave_out: LeaveOut | None
) -> list[str]:
    script, config = str(training_dir() / f"{stage.kind}.py"), str(write_settings(context, stage, leave_out))
    command = [script, "--config", config, "--parent", str(parent.checkpoint), "--output", str(folder)]
    # The folder of the base may have no manifest, and the script is to follow the one that the ladder wrote of it.
    command += ["--chat-template", json.dumps(template_of(parent).as_json())]
    return command + (["--parent-base", str(parent.adapter_base)] if parent.adapter_base else [])


def check_settings(context: LadderContext) -> None:
    """Check the settings of every stage that will run, in one process; StageError for a misspelled argument of a trainer."""
    flags: dict[str, list[str]] = {}
    for stage in context.recipe.stages:
        if not _made_with(context, stage):
            flags.setdefault(stage.kind, [f"--{stage.kind}"]).append(str(write_settings(context, stage)))
    if flags:
        command = [str(training_dir() / "check.py"), *chain.from_iterable(flags.values())]
        context.run_process(command, "settings", "settings.log", "settings", context.recipe.threads)


def _made_with(context: LadderContext, stage: Stage) -> bool:
    """Whether a checkpoint exists that has the stage's settings."""
    try:
        manifest = read_manifest(context.output / "checkpoints" / stage.name)
    except CheckpointError:
        return False
    return compared(manifest.settings) == record(stage.settings)


def write_settings(context: LadderContext, stage: Stage, leave_out: LeaveOut | None = None) -> Path:
    """Write the stage's settings, and the rows that it leaves out, to files for its script."""
    config = context.output / "configs" / f"{stage.name}.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    plain = json.loads(json.dumps(dataclasses.asdict(stage.settings)))
    if leave_out:
        path = config.with_name(f"{stage.name}.leave_out.json")
        write_file(path, json.dumps(dataclasses.asdict(leave_out)) + "\n")
        plain["leave_out"] = path.name
    write_file(config, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
    return config
