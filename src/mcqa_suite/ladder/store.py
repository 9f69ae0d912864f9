"""Upload complete folders to an fsspec URL (s3://..., file:///...), and download folders that a run lacks.

A remote folder is complete when it has a manifest, which is uploaded last; what is downloaded is checked against the content
hash in it. So the machines of a cluster need no shared file system: each step downloads its parent and uploads its result.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.manifest import MANIFEST, Manifest, complete_folder, content_hash, read_manifest
from mcqa_suite.ladder.steps import RungResult, Step, StepResult

Name = str  # checkpoints/<rung> or evaluations/<rung>, below the URL and below the run folder


@dataclass(frozen=True)
class Store:
    """The folders of one run at `url`; `output` is the run folder on this machine."""

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

    def manifest(self, name: Name) -> Manifest | None:
        """The manifest of a remote folder; None where there is no complete one."""
        files, root = self._open()
        with tempfile.TemporaryDirectory() as folder:
            try:
                files.get_file(f"{root}/{name}/{MANIFEST}", f"{folder}/{MANIFEST}")
            except FileNotFoundError:
                return None
            return _manifest(Path(folder))

    def download(self, name: Name, content: str | None = None) -> bool:
        """Download a folder unless the local one has this content hash (None: any); return whether it was downloaded."""
        folder = self.output / name
        local = _manifest(folder)
        if local and content in (None, local.content):
            return False
        remote = self.manifest(name)
        if remote is None or content not in (None, remote.content):
            return False
        files, root = self._open()
        with write_lock(folder), complete_folder(folder) as partial:
            for path in files.find(f"{root}/{name}"):
                target = partial / path.split(f"{root}/{name}/", 1)[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(path, str(target))
            if content_hash(partial) != remote.content:
                raise CheckpointError(
                    f"{self.url}/{name}: its files do not match its manifest; delete this folder, then rerun"
                )
        return True

    def download_latest(self, name: Name) -> None:
        """Download the remote folder where the local one differs."""
        if remote := self.manifest(name):
            self.download(name, remote.content)

    def upload(self, name: Name) -> None:
        """Replace the remote folder by the local one, unless they are the same."""
        folder, local, remote = self.output / name, _manifest(self.output / name), self.manifest(name)
        if local and remote and local.content == remote.content:
            return
        files, root = self._open()
        if files.exists(f"{root}/{name}"):
            files.rm(f"{root}/{name}", recursive=True)
        paths = [path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST]
        for path in [*sorted(paths), folder / MANIFEST]:  # the manifest last: with it the folder counts as complete
            target = f"{root}/{name}/{path.relative_to(folder).as_posix()}"
            files.makedirs(target.rpartition("/")[0], exist_ok=True)
            files.put_file(str(path), target)

    def _open(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(self.url, use_listings_cache=False)
        return files, root.rstrip("/")


def output_of(step: Step) -> Name:
    """The folder that a step makes."""
    return f"{'checkpoints' if step.stage else 'evaluations'}/{step.rung}"


def inputs_of(rung: RungResult) -> tuple[tuple[Name, str], ...]:
    """The folders, with their content hashes, that a step on this rung reads.

    The store has the base only if it was converted from GGUF; any other base is on every machine.
    """
    inputs = [(rung.name, rung.manifest.content)]
    if rung.adapter_base and rung.manifest.parent:
        inputs.append((rung.manifest.parent.name, rung.manifest.parent.content))
    return tuple((f"checkpoints/{name}", content) for name, content in inputs)


def with_store(
    store: Store, inputs: Sequence[tuple[Name, str]], output: Name, call: Callable[[], StepResult]
) -> StepResult:
    """Download a step's inputs, and its output if there is no local one; run the step; upload its output."""
    for name, content in inputs:
        store.download(name, content)
    downloaded = store.download(output)
    result = call()
    store.upload(output)
    return replace(result, status="from the store") if downloaded and result.status == "unchanged" else result


def _manifest(folder: Path) -> Manifest | None:
    """A folder's manifest; None where there is none that can be read."""
    try:
        return read_manifest(folder)
    except CheckpointError:
        return None
