"""The figures of EPFL's evaluator, from a file that names a checkpoint, questions, pairs and quantised folders."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.api.pair_scores import score_pairs
from mcqa_suite.common.checkpoints import checkpoint_size, find_parent
from mcqa_suite.common.config import STRICT, parse, read_yaml
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.extras import naming_extras
from mcqa_suite.common.files import write_file
from mcqa_suite.logs.main_metric import main_metrics
from mcqa_suite.logs.runs import read_run
from mcqa_suite.questions.epfl import read_file
from mcqa_suite.reporting.tables import Table, data_frame, markdown, number, percent
from mcqa_suite.stats import Estimate, share_estimate

if TYPE_CHECKING:
    import pandas as pd

HEADER = ("checkpoint", "policy accuracy %", "95 % interval", "reward accuracy %", "MB")


@dataclass(frozen=True, config=STRICT)
class EvaluatorSettings:
    """What is measured; paths are relative to the file.

    `questions` is a file in the EPFL format, asked by `task`; `pairs` a file of prompt, chosen and rejected, scored against
    `reference` (None: the parent beside the checkpoint). Each folder in `quantised` is asked the same questions.
    """

    checkpoint: str
    questions: str | None = None
    pairs: str | None = None
    reference: str | None = None
    quantised: tuple[str, ...] = ()
    task: str = "mcqa_epfl"
    limit: Annotated[int, Field(ge=1)] | None = None
    beta: Annotated[float, Field(gt=0)] = 0.1
    dtype: str = "float32"
    batch_size: Annotated[int, Field(ge=1)] = 16

    def __post_init__(self) -> None:
        if not (self.questions or self.pairs):
            raise ValueError("neither questions nor pairs; give at least one of them")


@dataclass(frozen=True)
class Measured:
    """A checkpoint's figures: shares of 1, and MB on disk; None for what was not measured."""

    name: str
    policy_accuracy: float | None = None
    policy_accuracy_interval: tuple[float, float] | None = None
    reward_accuracy: float | None = None
    model_size: float | None = None


@dataclass(frozen=True)
class EvaluatorResult:
    """The checkpoint first, then the quantised folders."""

    models: tuple[Measured, ...]
    questions: int | None = None
    pairs: int | None = None

    def record(self) -> dict[str, Any]:
        """The content of metrics.json: policy_accuracy, reward_accuracy and model_size (MB), and those of the quantised."""
        records = [dataclasses.asdict(one) for one in self.models]
        first, *others = ({key: value for key, value in one.items() if value is not None} for one in records)
        quantised = {one.pop("name"): one for one in others}
        return {
            **first,
            "questions": self.questions,
            "pairs": self.pairs,
            **({"quantised": quantised} if quantised else {}),
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each checkpoint."""
        return data_frame([dataclasses.asdict(one) for one in self.models])

    def text(self, style: str = "md") -> str:
        """A table as Markdown ("md"), or the content of metrics.json ("json")."""
        if style == "json":
            return json.dumps(self.record(), indent=2) + "\n"
        rows = [
            [
                one.name,
                percent(one.policy_accuracy),
                " to ".join(map(percent, one.policy_accuracy_interval)) if one.policy_accuracy_interval else "",
                percent(one.reward_accuracy),
                number(one.model_size, 1),
            ]
            for one in self.models
        ]
        counts = {"questions": self.questions, "pairs": self.pairs}
        note = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n is not None)
        return markdown(Table("", HEADER, rows, (f"{note}.",)).without_empty_columns())

    def save(self, path: str | Path) -> None:
        """Write metrics.json."""
        write_file(Path(path), self.text("json"))


@naming_extras
def evaluator(config: str | Path, *, logs: str | Path = "evaluator") -> EvaluatorResult:
    """Measure what the YAML file `config` (see `EvaluatorSettings`) names; the logs of the questions go to the folder `logs`.

    Raises ConfigError for the file, and what `score_pairs` and an evaluation raise.
    """
    file = Path(config)
    settings = parse(EvaluatorSettings, read_yaml(file), str(file))
    names = _Names(file.parent)
    _check(settings, names, file)
    checkpoint = names.model(settings.checkpoint)
    pairs = None
    if settings.pairs:
        reference = settings.reference and names.model(settings.reference)
        pairs = score_pairs(
            checkpoint,
            names.file(settings.pairs),
            reference=reference,
            beta=settings.beta,
            dtype=settings.dtype,
            batch_size=settings.batch_size,
        )
    models: list[Measured] = []
    n = None
    for name in (settings.checkpoint, *settings.quantised):
        model = names.model(name)
        of: dict[str, Any] = {"name": Path(name).name, "model_size": _size(Path(model))}
        if settings.questions:
            score = _ask(settings, model, names.file(settings.questions), Path(logs) / Path(name).name)
            n, of = score.n, {**of, "policy_accuracy": score.value, "policy_accuracy_interval": (score.low, score.high)}
        if pairs and not models:
            of["reward_accuracy"] = float(pairs.metrics["reward_accuracy"])
        models.append(Measured(**of))
    return EvaluatorResult(tuple(models), n, len(pairs.pairs) if pairs else None)


@dataclass(frozen=True)
class _Names:
    """Where the names in a file are: folders and files relative to it, else names on the hub."""

    folder: Path

    def model(self, name: str) -> str:
        return str(self.folder / name) if (self.folder / name).is_dir() else name

    def file(self, name: str) -> str:
        return str(self.folder / name)


def _check(settings: EvaluatorSettings, names: _Names, file: Path) -> None:
    """Refuse what is missing before anything is scored, which may take long."""
    from mcqa_suite.backend.loading import check_checkpoint
    from mcqa_suite.backend.pretrained import read_config

    checkpoints = (settings.checkpoint, *settings.quantised)
    titles = [Path(name).name for name in checkpoints]
    if repeated := next((title for title in titles if titles.count(title) > 1), None):
        raise ConfigError(f"{file}: two checkpoints are called {repeated!r}; give their folders different names")
    for name in checkpoints:
        check_checkpoint(names.model(name), None)
        read_config(names.model(name))
    if settings.questions:
        read_file(names.file(settings.questions))


def _ask(settings: EvaluatorSettings, model: str, questions: str, logs: Path) -> Estimate:
    """The accuracy of a checkpoint on a file of questions."""
    from mcqa_suite.evaluation.evaluate_checkpoint import evaluate

    entry = {
        "tasks": [settings.task],
        "limit": settings.limit,
        "metadata": {"epfl_file": str(Path(questions).absolute())},
    }
    evaluate(model, [entry], logs, dtype=settings.dtype, batch_size=settings.batch_size)
    run = read_run(logs)
    if run.problems:
        raise DatasetError(run.problems[0])
    key, metric = next(iter(main_metrics(run).items()))
    samples = run.tasks[key].samples
    return share_estimate(samples.scores[metric], samples.cluster)


def _size(folder: Path) -> float | None:
    """MB on disk; None for a model on the hub."""
    if not folder.is_dir():
        return None
    parent = find_parent(folder)
    size = checkpoint_size(folder, Path(parent) if parent and Path(parent).is_dir() else None)
    if size is None:
        raise ConfigError(f"{folder}: no checkpoint with weights; give a folder with config.json and *.safetensors")
    return size.bytes_on_disk / 1e6
