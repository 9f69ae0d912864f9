"""The local mirror of public data sets: `$MCQA_SHARED/hub/<owner>/<name>`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcqa_suite.common.paths import hub_mirror


def local_dataset(name: str) -> str:
    """The path of a public data set in the mirror, `$MCQA_SHARED/hub/<owner>/<name>`; its name where that does not exist."""
    mirror = hub_mirror()
    local = mirror is not None and name.count("/") == 1 and not name.startswith((".", "/")) and (mirror / name).is_dir()
    return str(mirror / name) if mirror and local and not Path(name).exists() else name


@contextmanager
def without_progress() -> Iterator[None]:
    """No progress bars of `datasets` in the block; a folder is read in a moment."""
    import datasets

    shows = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shows:
            datasets.enable_progress_bars()
