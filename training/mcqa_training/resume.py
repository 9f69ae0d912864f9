"""Go on with a training that was interrupted, where its settings ask the trainer to save (`save_strategy: steps`)."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from mcqa_suite.backend import processes
from mcqa_suite.common.manifest import content_hash

STARTED_FROM = "started_from"  # a file that says which settings and which parent the saved steps belong to
LAST_WRITTEN = "trainer_state.json"  # of a checkpoint


@contextmanager
def trainer_folder(args: argparse.Namespace, settings: Any) -> Iterator[str]:
    """The folder in which the trainer saves: temporary, or for one that saves `.<name>.steps` beside the output.

    That folder is deleted when the stage has succeeded, and at the start where its settings or parent were others. Several
    processes always begin again.
    """
    if settings.trainer.get("save_strategy", "no") == "no" or processes.world() > 1:
        with tempfile.TemporaryDirectory() as folder:
            yield folder
        return
    path: Path = args.output.with_name(f".{args.output.name}.steps")
    record, key = path / STARTED_FROM, _key(args)
    if not (record.is_file() and record.read_text(encoding="utf-8") == key):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        record.write_text(key, encoding="utf-8")
    yield str(path)
    shutil.rmtree(path)


def last_saved(config: Any) -> str | None:
    """The newest checkpoint that the trainer saved whole, to go on from; None to begin."""
    steps = Path(config.output_dir).glob(f"checkpoint-*/{LAST_WRITTEN}")
    newest = max((path.parent for path in steps), key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)
    if newest is None:
        return None
    print(f"going on from {newest.name}", flush=True)
    return str(newest)


def _key(args: argparse.Namespace) -> str:
    """The parent, the settings, and the file beside them that names the rows to leave out."""
    files = sorted(args.config.parent.glob(f"{args.config.stem}.*"))
    settings = " ".join(sha256(path.read_bytes()).hexdigest() for path in files)
    return f"{settings} {content_hash(args.parent)}\n"
