"""How often a checkpoint prefers the better one of two answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.checkpoints import (
    chat_template_of,
    find_parent,
    has_chat_template,
    optional_manifest,
    use_chat_template,
)
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.extras import naming_extras
from mcqa_suite.common.files import write_lines
from mcqa_suite.reporting.tables import Table, csv_text, data_frame, markdown, percent
from mcqa_suite.training_data import sources
from mcqa_suite.training_data.sources import PairSource

if TYPE_CHECKING:
    import pandas as pd

    from mcqa_suite.backend.pair_scores import Scored

WITHOUT_REFERENCE = "none"
FORMS = ("evaluator", "epfl_raw", "persuasion", "solutions")
HEADER = ("checkpoint", "score", "pairs", "reward accuracy %", "95 % interval", "ties", "margin", "shorter is right %")


@dataclass(frozen=True)
class PairScores:
    """The scores of a pair file by a checkpoint.

    `scored_by` says what a score is. `metrics` has reward_accuracy with its interval, reward_margin, reward_ties, and the
    accuracies of always taking the shorter or the longer answer; shares are fractions.
    """

    checkpoint: str
    scored_by: str
    pairs: Sequence[Scored]
    metrics: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """A row for each pair: id, group and the scores of both answers."""
        return data_frame([asdict(pair) for pair in self.pairs])

    def text(self, style: str = "md") -> str:
        """One row as Markdown ("md"), CSV ("csv") or JSON ("json")."""
        if style == "json":
            record = {"checkpoint": self.checkpoint, "scored_by": self.scored_by, **self.metrics}
            return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        if style == "csv":
            return csv_text([{"checkpoint": self.checkpoint, "scored_by": self.scored_by, **self.metrics}])
        of = self.metrics
        low, high = percent(of["reward_accuracy_low"]), percent(of["reward_accuracy_high"])
        cells = [self.checkpoint, self.scored_by, str(of["held_out_pairs"]), percent(of["reward_accuracy"])]
        cells += [f"{low} to {high}", str(of["reward_ties"]), f"{of['reward_margin']:.4g}"]
        note = f"{of['held_out_questions']} questions, each a cluster of the interval. A tie is no success."
        return markdown(Table("", HEADER, [[*cells, percent(of["shorter_accuracy"])]], (note,), left=2))

    def save(self, path: str | Path) -> None:
        """Write the scores of every pair as JSON lines."""
        write_lines(Path(path), (json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in self.pairs))


@naming_extras
def score_pairs(
    checkpoint: str | Path,
    pairs: str | Path,
    *,
    reference: str | Path | None = None,
    beta: float = 0.1,
    source: Literal["evaluator", "epfl_raw", "persuasion", "solutions"] = "evaluator",
    chat_template: bool | None = None,
    dtype: str = "float32",
    batch_size: int = 8,
) -> PairScores:
    """Score both answers of every pair in a file of the form of `source` (training/data/README.md).

    The score of a reward model is its output. That of any other checkpoint is `beta` times the gain in log-probability over
    `reference`: a folder, a hub name, None for the parent that its manifest names, or "none" for the log-probability alone.
    Raises CheckpointError where there is no reference, and DatasetError for a file or row that cannot be read.
    """
    if batch_size < 1 or beta <= 0:
        raise ConfigError(f"batch_size {batch_size}, beta {beta:g}: both must be above 0")
    from mcqa_suite.backend import pair_scores
    from mcqa_suite.backend.loading import check_checkpoint, is_reward_model, load
    from mcqa_suite.backend.pretrained import read_config

    rows = sources.rows(PairSource(source, path=str(pairs)))
    folder, name = Path(checkpoint), str(checkpoint)
    chat = _template(folder, chat_template)
    if is_reward_model(name):
        model, tokenizer = load(name, "AutoModelForSequenceClassification", dtype)
        model.config.pad_token_id = tokenizer.pad_token_id
        scored: Sequence[Scored] = pair_scores.score_pairs(
            rows, lambda key: pair_scores.sequence_scores(model, tokenizer, rows, key, chat, batch_size)
        )
        return PairScores(name, "the reward model's output", scored, pair_scores.summary(scored, rows))
    check_checkpoint(name, None)
    other = None if str(reference) == WITHOUT_REFERENCE else str(reference or _parent(folder))
    if other:  # before the checkpoint is scored, which may take long
        check_checkpoint(other, None)
        read_config(other)

    def sums(model_name: str) -> dict[str, list[float]]:
        model, tokenizer = load(model_name, "AutoModelForCausalLM", dtype)
        logps = {key: pair_scores.sequence_logps(model, tokenizer, rows, key, chat, batch_size) for key in KEYS}
        return {key: [total for total, _ in values] for key, values in logps.items()}

    policy = sums(name)
    if other is None:
        scored = pair_scores.score_pairs(rows, policy.__getitem__)
        return PairScores(name, "log-probability", scored, pair_scores.summary(scored, rows))
    scored = pair_scores.rewards(rows, policy, sums(other), beta)
    return PairScores(name, f"{beta:g} x gain over {other}", scored, pair_scores.summary(scored, rows))


KEYS = ("chosen", "rejected")


def _template(folder: Path, chat_template: bool | None) -> ChatTemplate:
    """How the pairs are written: as was set, else as a reward model's rows were, else as the checkpoint is asked."""
    manifest = optional_manifest(folder) if folder.is_dir() else None
    written = manifest.rows_written if manifest and manifest.kind == "reward" else None
    recorded = written or (chat_template_of(folder) if folder.is_dir() else None)
    setting = None if chat_template is None else ChatTemplate.everywhere(chat_template)
    available = not folder.is_dir() or has_chat_template(folder)
    return use_chat_template(str(folder), setting, recorded, key="--chat-template", available=available)


def _parent(folder: Path) -> str:
    if (parent := find_parent(folder)) is not None:
        return parent
    reason = "the folder of its parent is not beside it" if folder.is_dir() else "there is no such folder"
    raise CheckpointError(
        f"{folder}: no reference: {reason}; give --reference FOLDER, or --reference none for the log-probability alone"
    )
