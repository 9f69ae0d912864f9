"""Check rows, and make tokens of them for TRL's trainers: of plain text, or with a chat template of a conversation.

The rows of a stage may be of both kinds. All trainers get tokens, so that what is checked, trained and scored is the same.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accelerate import PartialState
from datasets import Dataset

from mcqa_suite.backend.row_tokens import Row, answer_keys, check_fits, encode, fitted
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.manifest import Data
from mcqa_suite.ladder.stage_settings import read_rows, read_validation
from mcqa_suite.reporting.estimates import spread


@dataclass(frozen=True)
class TrainingRows:
    """The rows that a stage trains on, those that it is measured on, and what the manifest says of both.

    `held_out` are the rows of `validation`, else a share of the questions of `data`; empty where the settings keep none.
    """

    train: list[Row]
    held_out: list[Row]
    data: tuple[Data, ...]
    validation: tuple[Data, ...] = ()
    too_long: int = 0
    cut: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        return {"data": self.data, "validation": self.validation}

    @property
    def metrics(self) -> dict[str, int]:
        return {"rows_too_long": self.too_long, "rows_cut": self.cut} if self.too_long or self.cut else {}

    def fitted(
        self, tokenizer: Any, chat: ChatTemplate, limit: int | None = None, name: str = "max_length"
    ) -> TrainingRows:
        """The rows that are at most as long as their sources say, all of them checked; see `check` for the errors."""
        (train, *of_train), (held_out, *of_held_out) = (
            fitted(part, tokenizer, chat) for part in (self.train, self.held_out)
        )
        lengths = check(train, tokenizer, chat, limit, name)
        if held_out:
            check(held_out, tokenizer, chat, limit, name)
        too_long, cut = (sum(counts) for counts in zip(of_train, of_held_out, strict=True))
        if too_long or cut:
            n = len(self.train) + len(self.held_out)
            print(f"{n:,} rows: {too_long:,} longer than max_tokens left out, {cut:,} cut", flush=True)
        print(f"{len(train):,} rows to train on; tokens (median, 95 %, longest): {spread(lengths)}", flush=True)
        return replace(self, train=train, held_out=held_out, too_long=too_long, cut=cut)


def read(settings: Any) -> TrainingRows:
    """The rows of a stage. Rows of a question that is in `validation` are not trained on."""
    rows, data = read_rows(settings)
    if not rows:
        raise DatasetError("no rows to train on; see n, split and the filters of the stage's data")
    held_out, validation = read_validation(settings)
    if not held_out:
        return TrainingRows(*split(rows, settings.held_out or 0, settings.seed), data)
    groups = {row["group"] for row in held_out}
    train = [row for row in rows if row["group"] not in groups]
    if n := len(rows) - len(train):
        print(f"{n:,} of {len(rows):,} rows have a question of the validation rows and are not trained on", flush=True)
    return TrainingRows(train, held_out, data, validation)


def limit_of(config: Any, model: Any) -> tuple[int | None, str]:
    """The most tokens of a row, and the name of the limit: the trainer's max_length or the model's context."""
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if config.max_length and (not context or config.max_length <= context):
        return config.max_length, "max_length"
    return context, "the model's context"


def completions(rows: Sequence[Row], tokenizer: Any, chat: ChatTemplate) -> list[dict[str, list[int]]]:
    """The rows as SFTTrainer's tokens, of which only those of the completion are trained."""
    encoded = _separated(rows, "completion", tokenizer, chat)
    return [
        {"input_ids": prompt + answer, "completion_mask": [0] * len(prompt) + [1] * len(answer)}
        for prompt, answer in encoded
    ]


def pairs(rows: Sequence[Row], tokenizer: Any, chat: ChatTemplate) -> list[dict[str, list[int]]]:
    """The rows as DPOTrainer's tokens: a prompt and two answers."""
    both = [_separated(rows, key, tokenizer, chat) for key in ("chosen", "rejected")]
    return [
        {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}
        for (prompt, chosen), (_, rejected) in zip(*both, strict=True)
    ]


def whole_pairs(rows: Sequence[Row], tokenizer: Any, chat: ChatTemplate) -> list[dict[str, list[int]]]:
    """The rows as RewardTrainer's tokens: the prompt with each of two answers."""
    return [
        {key: pair["prompt_ids"] + pair[key] for key in ("chosen_ids", "rejected_ids")}
        for pair in pairs(rows, tokenizer, chat)
    ]


@contextmanager
def shared_folder(output: Path) -> Iterator[Path]:
    """A temporary folder beside `output`, the same for all processes of a run."""
    folder = output.with_name(f".{output.name}.rows")
    if PartialState().is_main_process:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        if PartialState().is_main_process:
            shutil.rmtree(folder, ignore_errors=True)


def shared_dataset(examples: list[dict[str, Any]], folder: Path) -> Dataset:
    """Save a data set on disk, so that all processes use what one of them adds, such as reference log-probabilities."""
    with PartialState().main_process_first():
        if PartialState().is_main_process:
            Dataset.from_list(examples).save_to_disk(folder)
    return Dataset.load_from_disk(folder)


def split(rows: Sequence[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Split off the rows of a `share` of the questions; all rows of one question are on the same side."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    draw = random.Random(f"{seed}:held out")  # noqa: S311 - not cryptography
    chosen = set(draw.sample(groups, round(share * len(groups))))
    if share and not 0 < len(chosen) < len(groups):
        raise DatasetError(
            f"held_out: {share:g} of {len(groups)} questions leaves one side empty; add data, or set it to 0"
        )
    held_out = [row for row in rows if row["group"] in chosen]
    return [row for row in rows if row["group"] not in chosen], held_out


def check(
    rows: Sequence[Row], tokenizer: Any, chat: ChatTemplate, limit: int | None, name: str = "max_length"
) -> list[int]:
    """The tokens of each prompt with its answer, of a pair with both.

    DatasetError for the first row whose answer cannot be separated from its prompt, is empty, or would be cut.
    """
    if not rows:
        raise DatasetError("no rows to train on; see n, split and the filters of the stage's data")
    lengths: list[int] = []
    for key in answer_keys(rows[0]):
        bare = tokenizer([row[key].strip() for row in rows], add_special_tokens=False).input_ids
        for row, tokens, (prompt, answer) in zip(rows, bare, encode(rows, key, tokenizer, chat), strict=True):
            if not tokens:
                raise DatasetError(f"{row['id']}: the {key} {row[key]!r} has no tokens; take the row out")
            _check(row, key, prompt, answer, limit, name)
            lengths.append(len(prompt) + len(answer or ()))
    for row in rows:
        if "chosen" in row and row["chosen"] == row["rejected"]:
            raise DatasetError(f"{row['id']}: chosen and rejected are the same; take the pair out")
    return lengths


def _check(row: Row, key: str, prompt: list[int], answer: list[int] | None, limit: int | None, name: str) -> None:
    if answer is None:
        raise DatasetError(
            f"{row['id']}: the prompt's tokens are not the start of prompt and {key}'s tokens; begin the {key} with a "
            "space or a new line"
        )
    if limit:
        check_fits(row, prompt, answer, limit, name)


def _separated(rows: Sequence[Row], key: str, tokenizer: Any, chat: ChatTemplate) -> list[tuple[list[int], list[int]]]:
    """`encode` of rows that are checked."""
    return [(prompt, answer or []) for prompt, answer in encode(rows, key, tokenizer, chat)]
