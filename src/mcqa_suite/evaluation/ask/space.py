"""The folder that a Space on the hub takes: app.py, requirements.txt, README.md, and the checkpoints that are folders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from mcqa_suite import __version__
from mcqa_suite.common.checkpoints import HUB_FILES, is_adapter
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.files import write_files

APP = '''"""Ask a model multiple-choice questions. On your own machine: python app.py"""

import os
from pathlib import Path

from mcqa_suite.api.ask import ask

os.chdir(Path(__file__).parent)
# A Space sets GRADIO_SERVER_NAME, so that the hub reaches the app; elsewhere only the own machine does.
ask(
    {checkpoint},
    compare={compare},
    task={task},
    port=int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
    address=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
)
'''
README = """---
title: {title}
emoji: ❓
colorFrom: blue
colorTo: yellow
sdk: gradio
sdk_version: {gradio}
python_version: "3.11"
app_file: app.py
pinned: false
short_description: Ask a model multiple-choice questions
models: {models}
---

Multiple-choice questions for {names}: the probability of each option by letter and by cloze, the written answer with the span
that was read, and the words that moved an option. Made by `mcqa ask --space` of mcqa-suite {version}.

`requirements.txt` installs mcqa-suite. Where no index has that version, put its wheel into this folder and write
`./mcqa_suite-{version}-py3-none-any.whl[ask,explain]` in place of the first line.
"""


def write_space(folder: Path, checkpoints: Sequence[str], task: str) -> None:
    """Write the folder; ConfigError where it holds something already, CheckpointError for an adapter."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"--space {folder}: exists and is not empty; give a new folder")
    local = [Path(name) for name in checkpoints if Path(name).is_dir()]
    for path in local:
        if is_adapter(path):
            raise CheckpointError(
                f"{path}: an adapter cannot go into a Space alone; merge it first (training/merge.py)"
            )
    names = [_name(number, name) for number, name in enumerate(checkpoints, 1)]
    words = {key: json.dumps(value) for key, value in zip(("checkpoint", "compare"), names, strict=False)}
    readme = README.format(
        title=json.dumps(f"Ask {Path(checkpoints[0]).resolve().name}"),
        gradio=version("gradio"),
        models=json.dumps([name for name in checkpoints if not Path(name).is_dir()]),
        names=" and ".join(Path(name).resolve().name for name in checkpoints),
        version=__version__,
    )
    app = APP.format(**{"compare": None} | words, task=json.dumps(task))
    requirements = f"mcqa-suite[ask,explain]=={__version__}\n"
    texts = [("app.py", app), ("requirements.txt", requirements), ("README.md", readme)]
    write_files(folder, [*texts, *_weights(checkpoints)], "--space")


def _name(number: int, checkpoint: str) -> str:
    """What app.py loads: the copy of a folder, under its own name, or a name on the hub."""
    return f"model-{number}/{Path(checkpoint).resolve().name}" if Path(checkpoint).is_dir() else checkpoint


def _weights(checkpoints: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Weights, tokenizer, configs and manifest of the checkpoints that are folders: name in the Space -> file."""
    for number, checkpoint in enumerate(checkpoints, 1):
        for path in (path for pattern in HUB_FILES for path in Path(checkpoint).glob(pattern)):
            yield f"{_name(number, checkpoint)}/{path.name}", path
