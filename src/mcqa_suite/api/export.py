"""Runs in the forms of other tools."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcqa_suite.analysis.compare import read_folders
from mcqa_suite.api.comparison import leaderboard
from mcqa_suite.api.runs import Run
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.extras import require
from mcqa_suite.common.files import write_files
from mcqa_suite.common.hub import check_name
from mcqa_suite.common.masking import mask_of_secrets, without_secrets
from mcqa_suite.logs import runs as logs
from mcqa_suite.logs.named_runs import expanded
from mcqa_suite.reporting.every_eval_ever import Relationship, evaluation_files

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["every-eval-ever", "parquet"]
# Of the samples: columns with one value in some rows and several in others; in a file all have lists.
LISTS = ("response", "answer", "status", "loglikelihoods")


@dataclass(frozen=True)
class ExportResult:
    """The files that were written."""

    files: tuple[Path, ...]
    problems: tuple[str, ...] = ()


def export(
    *runs: str | Path,
    output: str | Path,
    format: Format = "every-eval-ever",
    organization: str = "unknown",
    relationship: Relationship = "other",
    model: str | None = None,
    samples: bool = False,
) -> ExportResult:
    """Write runs into the folder `output`, all files or none.

    "every-eval-ever": for each run a JSON file in that project's schema, with 95 % intervals, under its name in the project's
    datastore; with `samples` also the file of its samples, without those of GPQA. `organization` reports the scores,
    `relationship` is its relation to who made the model, `model` the name of a single run's model on the hub.
    "parquet": scores.parquet, a row a model and task, and samples.parquet, a row a sample and filter (extra: parquet).
    McqaError where no run can be read; runs that cannot are in `problems`.
    """
    folders = read_folders(expanded(map(str, runs)))
    if not folders.readable:
        raise DatasetError("; ".join(folders.errors))
    if model and len(folders.readable) > 1:
        raise ConfigError(f"--model {model}: names one model, and there are {len(folders.readable)} runs; give one run")
    if model:
        check_name(model, "--model")
    if samples and format != "every-eval-ever":
        raise ConfigError(f"--samples: only for --format every-eval-ever; {format} has the samples anyway")
    files: dict[str, bytes] = {}
    if format == "every-eval-ever":
        for run in folders.readable:
            files |= evaluation_files(
                run,
                organization=organization,
                relationship=relationship,
                model=model,
                created=time.time(),
                samples=samples,
            )
    elif format == "parquet":
        require("--format parquet", "parquet")
        scores = leaderboard(map(str, runs)).to_frame()
        files = {"scores.parquet": _parquet(scores), "samples.parquet": _parquet(_samples(folders.readable))}
    else:
        raise ConfigError(f"--format {format}: expected every-eval-ever or parquet")
    write_files(Path(output), files.items())
    return ExportResult(tuple(Path(output) / name for name in files), tuple(folders.errors))


def _samples(runs: Sequence[logs.Run]) -> pd.DataFrame:
    """The samples of all runs, each with its run's name; what may be one value or several is always a list."""
    import pandas as pd

    frames = []
    for run in runs:
        frame = Run(run).samples()
        frame.insert(0, "run", run.name)
        frames.append(frame)
    frame, mask = pd.concat(frames, ignore_index=True), mask_of_secrets()
    for name in frame:
        if any(isinstance(value, str | list | dict) for value in frame[name]):
            frame[name] = pd.Series([without_secrets(value, mask) for value in frame[name]], dtype=object)
    for name in LISTS:
        lists = [value if isinstance(value, list) else None if pd.isna(value) else [value] for value in frame[name]]
        frame[name] = pd.Series(lists, dtype=object)
    for name in ("target", "failed", "prompt"):
        frame[name] = frame[name].astype("string")
    return frame


def _parquet(frame: pd.DataFrame) -> bytes:
    stream = BytesIO()
    frame.to_parquet(stream, index=False, engine="pyarrow")
    return stream.getvalue()
