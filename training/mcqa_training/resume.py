"""Go on with a training that was interrupted, where its settings ask the trainer to save (`save_strategy: steps`)."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from mcqa_suite.backend import processes
from mcqa_suite.common.manifest import content_hash

STEPS = ".steps"  # the end of the name of a folder that a trainer saves in
STARTED_FROM = "started_from"  # a file that says which settings, parent and rows the saved steps belong to
LAST_WRITTEN = "trainer_state.json"  # of a checkpoint


@contextmanager
def trainer_folder(args: argparse.Namespace, settings: Any) -> Iterator[str]:
    """The folder in which the trainer saves: temporary, or for one that saves `.<name>.steps` beside the output.

    That folder is deleted when the stage has succeeded. Several processes always begin again.
    """
    if settings.trainer.get("save_strategy", "no") == "no" or processes.world() > 1:
        with tempfile.TemporaryDirectory() as folder:
            yield folder
        return
    path: Path = args.output.with_name(f".{args.output.name}{STEPS}")
    path.mkdir(parents=True, exist_ok=True)
    yield str(path)
    shutil.rmtree(path)


def last_saved(args: argparse.Namespace, config: Any, rows: Sequence[Any]) -> str | None:
    """The newest checkpoint that the trainer saved whole, to go on from; None to begin.

    What was saved with other settings, another parent or other rows is deleted.
    """
    folder = Path(config.output_dir)
    if folder.suffix != STEPS:
        return None
    record, key = folder / STARTED_FROM, _key(args, rows)
    if not (record.is_file() and record.read_text(encoding="utf-8") == key):
        shutil.rmtree(folder)
        folder.mkdir()
        record.write_text(key, encoding="utf-8")
    steps = folder.glob(f"checkpoint-*/{LAST_WRITTEN}")
    newest = max((path.parent for path in steps), key=lambda path: int(path.name.rpartition("-")[2]), default=None)
    if newest is None:
        return None
    print(f"going on from {newest.name}", flush=True)
    return str(newest)


def _key(args: argparse.Namespace, rows: Sequence[Any]) -> str:
    texts = (args.config.read_bytes(), json.dumps(rows, default=str).encode())
    return " ".join([*(sha256(text).hexdigest() for text in texts), content_hash(args.parent)]) + "\n"
