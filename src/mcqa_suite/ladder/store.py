"""Finished folders at an fsspec URL (s3://..., file:///...): given there when made, taken from there where a run lacks them.

What is there has a manifest, which is written last; what is taken is checked against the content hash in it. So workers need
no shared file system: each step takes its parent, and gives what it made.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import MANIFEST, Manifest, complete_folder, content_hash, read_manifest
from mcqa_suite.ladder.context import Done
from mcqa_suite.ladder.graph import Step
from mcqa_suite.ladder.outputs import RungResult
from mcqa_suite.ladder.recipe import BASE

Place = str  # checkpoints/<rung>, evaluations/<rung>


@dataclass(frozen=True)
class Store:
    """The folders of one run, below `url`; `output` is the run's folder here."""

    url: str
    output: Path

    def check(self) -> None:
        """ConfigError unless the URL can be written to."""
        try:
            files, root = self._open()
            files.makedirs(root, exist_ok=True)
            files.pipe_file(f"{root}/.writable", b"")
            files.rm_file(f"{root}/.writable")
        except Exception as error:  # every backend has errors of its own
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ConfigError(
                f"--store {self.url}: cannot be written: {reason}; give a URL that fsspec knows"
            ) from error

    def manifest(self, place: Place) -> Manifest | None:
        """Of what is there; None where nothing whole is."""
        files, root = self._open()
        with tempfile.TemporaryDirectory() as folder:
            try:
                files.get_file(f"{root}/{place}/{MANIFEST}", f"{folder}/{MANIFEST}")
                return read_manifest(Path(folder))
            except (FileNotFoundError, CheckpointError):
                return None

    def take(self, place: Place, content: str | None = None) -> bool:
        """Whether a folder was taken: one with `content` that is not here, or, without it, whatever is there and not here."""
        folder = self.output / place
        here = _content(folder)
        if here == content if content else here:
            return False
        there = self.manifest(place)
        if there is None or (content and there.content != content):
            return False
        files, root = self._open()
        with complete_folder(folder) as partial:
            for name in files.find(f"{root}/{place}"):
                target = partial / name.split(f"{root}/{place}/", 1)[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(name, str(target))
            if content_hash(partial) != there.content:
                raise CheckpointError(
                    f"{self.url}/{place}: its files are not those its manifest names; delete it there"
                )
        return True

    def take_newest(self, place: Place) -> None:
        """What is there is here."""
        if there := self.manifest(place):
            self.take(place, there.content)

    def give(self, place: Place) -> None:
        """The folder here goes there, unless it is there."""
        folder, there = self.output / place, self.manifest(place)
        if there is not None and there.content == _content(folder):
            return
        files, root = self._open()
        if files.exists(f"{root}/{place}"):
            files.rm(f"{root}/{place}", recursive=True)
        inside = [path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST]
        for path in [*sorted(inside), folder / MANIFEST]:  # the manifest last: it says that the rest is there
            target = f"{root}/{place}/{path.relative_to(folder).as_posix()}"
            files.makedirs(target.rpartition("/")[0], exist_ok=True)
            files.put_file(str(path), target)

    def _open(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(self.url, use_listings_cache=False)
        return files, root.rstrip("/")


def place_of(step: Step) -> Place:
    return f"{'checkpoints' if step.stage else 'evaluations'}/{step.rung}"


def needed_of(rung: RungResult) -> tuple[tuple[Place, str], ...]:
    """What has to be there to work on a rung: its checkpoint, and its parent's where it is an adapter. The base is everywhere."""
    needed = [(rung.name, rung.manifest.content)]
    if rung.adapter_base and rung.manifest.parent:
        needed.append((rung.manifest.parent.name, rung.manifest.parent.content))
    return tuple((f"checkpoints/{name}", content) for name, content in needed if name != BASE)


def through(store: Store, needed: Sequence[tuple[Place, str]], place: Place, call: Callable[[], Done]) -> Done:
    """A step for which what it needs is taken from the store, and what it makes is given there, unless it is there already."""
    for parent, content in needed:
        store.take(parent, content)
    taken = store.take(place)
    done = call()
    store.give(place)
    return replace(done, said="from the store") if taken and done.said == "unchanged" else done


def _content(folder: Path) -> str | None:
    """What a folder's manifest says that it holds; None where there is none, or it cannot be read."""
    try:
        return read_manifest(folder).content
    except CheckpointError:
        return None
