"""The local mirror of public data sets: `$MCQA_SHARED/hub/<owner>/<name>`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.common.paths import hub_mirror


def local_dataset(name: str) -> str:
    """The path of a public data set in the mirror, `$MCQA_SHARED/hub/<owner>/<name>`; its name where that does not exist."""
    mirror = hub_mirror()
    local = mirror is not None and name.count("/") == 1 and not name.startswith((".", "/")) and (mirror / name).is_dir()
    return str(mirror / name) if mirror and local and not Path(name).exists() else name


def load_hub(name: str, config: str | None, split: str | None = None) -> Any:
    """`datasets.load_dataset` of a public data set, from the mirror where it is there; raises what the library raises."""
    from datasets import load_dataset

    folder = local_dataset(name)
    if folder == name:
        stay_offline_if_cut_off()
        return load_dataset(name, config, split=split)
    with without_progress(), TemporaryDirectory() as cache:
        return load_dataset(folder, config, split=split, cache_dir=cache, keep_in_memory=True)


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
