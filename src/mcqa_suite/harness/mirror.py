"""The local mirror of public data sets: `$MCQA_SHARED/hub/<owner>/<name>`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcqa_suite.common.paths import hub_mirror


def local_dataset(name: str) -> str:
    """The path of a public data set in the mirror, `$MCQA_SHARED/hub/<owner>/<name>`; its name where that does not exist."""
    mirror = hub_mirror()
    local = mirror is not None and name.count("/") == 1 and not name.startswith((".", "/")) and (mirror / name).is_dir()
    return str(mirror / name) if mirror and local and not Path(name).exists() else name


@contextmanager
def uncached() -> Iterator[dict[str, Any]]:
    """Arguments of `datasets.load_dataset` for a folder, valid in the block, in which the library shows no progress.

    The library's cache identifies a folder by its README only, and could return the rows of another folder or version.
    """
    import datasets

    shows = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with TemporaryDirectory() as cache:
            yield {"cache_dir": cache, "keep_in_memory": True}
    finally:
        if shows:
            datasets.enable_progress_bars()
