"""The trackers, each through its own library, in its own words: their variables say where the records go.

None of them is told what a library collects by itself: host, user, command line, git, installed packages, hardware.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mcqa_suite.common.errors import ConfigError, McqaError
from mcqa_suite.common.extras import extra_of, install_command, installed
from mcqa_suite.reporting.tables import Table, markdown
from mcqa_suite.reporting.trackers.records import Record

PROJECT = "mcqa-suite"
SECONDS = 20  # after which a service counts as down
MOST = 160  # characters of a library's message
OFFLINE = ("offline", "dryrun", "disabled")


@dataclass(frozen=True)
class Tracker:
    """`module` is the library. `check` raises where records cannot go; `send` writes or sends them and says where they are.

    `remedy`: what to do where the library itself fails.
    """

    module: str
    check: Callable[[], None]
    send: Callable[[Sequence[Record], str], str]
    remedy: str


def tracker(name: str) -> Tracker:
    """ConfigError for one that is unknown or not installed."""
    if name not in TRACKERS:
        raise ConfigError(f"no such tracker; expected {', '.join(TRACKERS)}")
    module = TRACKERS[name].module
    if not installed(module):
        raise ConfigError(f"{module} is not installed: {install_command(extra_of(module) or 'track')}")
    return TRACKERS[name]


def check(names: Sequence[str]) -> None:
    """ConfigError for the first tracker that is not installed, has no account, or cannot be reached or written."""
    for name in names:
        try:
            tracker(name).check()
        except McqaError as error:
            raise ConfigError(f"--log {name}: {error}") from error
        except Exception as error:
            raise ConfigError(f"--log {name}: {_line(error)}; {TRACKERS[name].remedy}") from error


def send(names: Sequence[str], records: Sequence[Record], group: str) -> list[str]:
    """Give the records to each tracker as a group of runs; return a line for each. McqaError for those that failed."""
    lines, failures = [], []
    for name in names:
        try:
            lines.append(f"logged to {name}: {tracker(name).send(records, group)}")
        except Exception as error:
            failures.append(f"--log {name}: {_line(error)}")
    if failures:
        raise McqaError("; ".join([*failures, "the results themselves are on disk; log them with mcqa compare --log"]))
    return lines


def _line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MOST else f"{text[:MOST]}..."


def _key(text: str) -> str:
    """A name in the signs that MLflow allows."""
    return re.sub(r"[^\w./ -]", "_", text, flags=re.ASCII)[:250]


def _file_name(text: str) -> str:
    """A name of a file or an artifact, which leads to no other folder."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).lstrip(".")[:100] or "_"


def _wandb() -> tuple[Any, Any]:
    """The library, and settings with which it collects nothing by itself."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    off = ("x_disable_meta", "x_disable_stats", "x_disable_machine_info", "disable_git", "disable_code", "silent")
    settings = wandb.Settings(
        console="off", x_save_requirements=False, init_timeout=SECONDS, **dict.fromkeys(off, True)
    )
    return wandb, settings


def check_wandb() -> None:
    wandb, _ = _wandb()
    if wandb.setup().settings.mode not in OFFLINE and not wandb.login(prompt=False, verify=True):
        raise ConfigError("no API key; set WANDB_API_KEY, or WANDB_MODE=offline to write files")


def send_wandb(records: Sequence[Record], group: str) -> str:
    wandb, settings = _wandb()
    project, places = os.environ.get("WANDB_PROJECT") or PROJECT, []
    for record in records:
        config = dict(record.config)
        run = wandb.init(project=project, group=group, name=record.name, config=config, settings=settings)
        for step, values in record.by_step.items():
            run.log(dict(values), step=step)
        columns = list(record.rows[0]) if record.rows else []
        cells = [[row[column] for column in columns] for row in record.rows]
        tables = {"comparison": wandb.Table(columns=columns, data=cells, allow_mixed_types=True)} if columns else {}
        if record.scalars or tables:
            run.log({**record.scalars, **tables})
        for file in record.files:
            artifact = wandb.Artifact(_file_name(f"{group}-{file.stem}"), type="report")
            artifact.add_file(str(file))
            run.log_artifact(artifact)
        places.append(str(Path(run.dir).parent) if run.offline else run.url)
        run.finish()
    return places[-1]


def check_trackio() -> None:
    if os.environ.get("TRACKIO_SPACE_ID"):
        from huggingface_hub import HfApi

        HfApi().whoami()
    elif url := os.environ.get("TRACKIO_SERVER_URL"):
        address = urlsplit(url)
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), timeout=SECONDS).close()


def send_trackio(records: Sequence[Record], group: str) -> str:
    import trackio

    project = os.environ.get("TRACKIO_PROJECT") or PROJECT
    with redirect_stdout(StringIO()):  # it prints how to start its dashboard for each run
        for record in records:
            run = trackio.init(
                project=project,
                name=f"{record.name}-{time.strftime('%Y%m%d-%H%M%S')}",
                group=group,
                config=dict(record.config),
                private=True,
                embed=False,
                auto_log_cpu=False,
                auto_log_gpu=False,
            )
            for step, values in record.by_step.items():
                run.log(dict(values), step=step)
            if record.scalars:
                run.log(dict(record.scalars))
            if record.rows:
                run.log({"comparison": trackio.Table(data=[dict(row) for row in record.rows])})
            for file in record.files:
                run.log_artifact(file, name=_file_name(f"{group}-{file.stem}"), type="report")
            trackio.finish()
    return (
        os.environ.get("TRACKIO_SPACE_ID")
        or os.environ.get("TRACKIO_SERVER_URL")
        or f"trackio show --project {project}"
    )


def _mlflow() -> Any:
    limits = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(SECONDS)}
    for name, value in {**limits, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}.items():
        os.environ.setdefault(name, value)
    import mlflow

    return mlflow.MlflowClient()


def check_mlflow() -> None:
    _mlflow().search_experiments(max_results=1)


def send_mlflow(records: Sequence[Record], group: str) -> str:
    from mlflow.entities import Metric, Param

    client, name = _mlflow(), os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
    experiment = client.get_experiment_by_name(name)
    identity = experiment.experiment_id if experiment else client.create_experiment(name)
    for record in records:
        run = client.create_run(identity, run_name=record.name, tags={"group": group}).info.run_id
        now = int(1000 * time.time())
        steps = [*record.by_step.items(), (0, record.scalars)]
        metrics = [Metric(_key(key), value, now, step) for step, values in steps for key, value in values.items()]
        params = [Param(_key(key), str(value)) for key, value in record.config.items()]
        for start in range(0, max(len(metrics), len(params)), 100):  # the most that one call takes
            client.log_batch(run, metrics=metrics[start : start + 100], params=params[start : start + 100])
        if record.rows:
            columns = {key: [row[key] for row in record.rows] for key in record.rows[0]}
            client.log_table(run, columns, "comparison.json")
        for file in record.files:
            client.log_artifact(run, str(file))
        client.set_terminated(run)
    return f"{client.tracking_uri}, experiment {name}"


def _tensorboard_folder() -> Path:
    return Path(os.environ.get("TENSORBOARD_LOGGING_DIR") or "tensorboard")


def check_tensorboard() -> None:
    _tensorboard_folder().mkdir(parents=True, exist_ok=True)
    if not os.access(_tensorboard_folder(), os.W_OK):
        raise ConfigError(f"{_tensorboard_folder()}: is read-only; set TENSORBOARD_LOGGING_DIR to another folder")


def send_tensorboard(records: Sequence[Record], group: str) -> str:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.plugins.text.metadata import create_summary_metadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder = _tensorboard_folder() / _file_name(group)
    for record in records:
        own = folder / _file_name(record.name)
        writer = EventFileWriter(str(own))
        for step, values in [*record.by_step.items(), (0, record.scalars)]:
            summary = Summary(value=[Summary.Value(tag=key, simple_value=value) for key, value in values.items()])
            writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
        for tag, text in _texts(record).items():
            value = Summary.Value(
                tag=f"{tag}/text_summary", tensor=TensorProto(dtype="DT_STRING", string_val=[text.encode()])
            )
            value.metadata.CopyFrom(create_summary_metadata(tag, ""))
            writer.add_event(Event(wall_time=time.time(), step=0, summary=Summary(value=[value])))
        writer.close()
        for file in record.files:
            shutil.copy(file, own)
    return f"tensorboard --logdir {folder}"


def _texts(record: Record) -> dict[str, str]:
    """Settings and the table in Markdown."""
    texts = {}
    if record.config:
        settings = [[key, str(value)] for key, value in record.config.items()]
        texts["settings"] = markdown(Table("", ["setting", "value"], settings, left=2))
    if record.rows:
        cells = [["" if value is None else str(value) for value in row.values()] for row in record.rows]
        texts["comparison"] = markdown(Table("", list(record.rows[0]), cells))
    return texts


UP = "start the service or correct its address"
TRACKERS = {
    "wandb": Tracker("wandb", check_wandb, send_wandb, f"{UP}, or set WANDB_MODE=offline to write files"),
    "trackio": Tracker(
        "trackio", check_trackio, send_trackio, f"{UP}, or unset TRACKIO_SERVER_URL and TRACKIO_SPACE_ID to write files"
    ),
    "mlflow": Tracker(
        "mlflow", check_mlflow, send_mlflow, f"{UP}, or set MLFLOW_TRACKING_URI=sqlite:///FILE to write a file"
    ),
    "tensorboard": Tracker(
        "tensorboard", check_tensorboard, send_tensorboard, "set TENSORBOARD_LOGGING_DIR to another folder"
    ),
}
