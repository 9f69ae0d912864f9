"""The base of a ladder that is a GGUF file: converted once, into the run folder."""

from __future__ import annotations

import dataclasses

from mcqa_suite.backend.gguf_conversion import KIND, settings_of
from mcqa_suite.backend.gguf_file import describe, find_gguf
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import read_manifest, write_manifest
from mcqa_suite.ladder.context import Expected, LadderContext
from mcqa_suite.ladder.recipe import BASE
from mcqa_suite.ladder.stages import base_chat_template
from mcqa_suite.ladder.steps import RungResult, StepResult

CONVERT = ("-m", "mcqa_suite.backend.gguf_conversion")


def convert_base(context: LadderContext) -> StepResult:
    """The converted base: the existing one unless the file, the dtype or its own files changed, else a new one."""
    recipe, folder = context.recipe, context.output / "checkpoints" / BASE
    try:
        facts = describe(find_gguf(recipe.base))
    except CheckpointError as error:
        raise CheckpointError(f"{recipe.path}: base: {error}") from error
    expected = Expected(KIND, BASE, None, settings_of(recipe.base, facts, recipe.save_dtype))
    flags = {"--base": recipe.base, "--output": str(folder), "--save_dtype": recipe.save_dtype}
    command = [*CONVERT, *(word for flag in flags.items() for word in flag)]

    def convert() -> None:
        context.run_process(command, BASE, f"{BASE}.log", context.label(1, BASE, KIND), recipe.threads)

    status = context.update(folder, expected, convert)
    chat = base_chat_template(recipe, folder, converted=True)
    manifest = dataclasses.replace(read_manifest(folder), chat_template=chat)
    write_manifest(folder, manifest)
    rung = RungResult(BASE, folder, manifest, None, None)
    return StepResult(rung, f"{expected.settings['base']}, {facts.made_from}  {status}")
