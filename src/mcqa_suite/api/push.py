"""Upload checkpoints and reports to the Hugging Face hub. Nothing else in the package sends anything there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.api.card import fresh_card
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.hub import check_name, open_repository
from mcqa_suite.common.manifest import MANIFEST
from mcqa_suite.common.masking import mask_of_secrets, without_secrets
from mcqa_suite.reporting.model_card.facts import README
from mcqa_suite.reporting.model_card.files import read_card
from mcqa_suite.reporting.model_card.upload import REPORT, Prefer, check_report, files_of, uploaded_card

SPACE_CARD = """---
title: {title}
emoji: 📊
colorFrom: indigo
colorTo: blue
sdk: static
app_file: index.html
tags:
- mcqa-suite
---

A report of `mcqa report`: what changed between a base model and what was made from it.
"""


@dataclass(frozen=True)
class PushResult:
    """The files with their sizes in bytes, what in the folder was left out, and the address ("" for a dry run).

    `yours` names what people wrote in the hub's card and what therefore stayed.
    """

    files: dict[str, int]
    left_out: tuple[str, ...]
    address: str = ""
    yours: tuple[str, ...] = ()

    def text(self) -> str:
        """A line a file, and one with the sum."""
        width = max(map(len, self.files))
        lines = [f"{name:{width}}  {size:>14,}" for name, size in self.files.items()]
        return "\n".join([*lines, f"{len(self.files)} files, {sum(self.files.values()) / 1e6:,.1f} MB"])


def push(
    checkpoint: str | Path,
    to: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    report: str | Path | None = None,
    card: Prefer | None = None,
) -> PushResult:
    """Upload a checkpoint with its card and report to the repository `to` (USER/NAME) of the hub, in one commit.

    The token is that of huggingface_hub's own store; with `dry_run` none is read and nothing is sent. `report` is a file, or
    "none"; by default the one of the recipe's run, where there is one. What a person wrote in the hub's card stays; where the
    local card has other words in the same place, `card` says which count ("local" or "hub"). McqaError where the checkpoint is
    incomplete, without a token, without the right to write and without the hub; nothing is uploaded then.
    """
    folder = Path(checkpoint)
    check_name(to, "--to")
    upload = files_of(folder, _report(folder, report))
    text = _card_of(folder)
    local, _ = uploaded_card(text, to, None, card, str(folder / README))
    if dry_run:
        return PushResult({README: len(local.encode())} | _sizes(upload.files), upload.left_out)
    repository = open_repository(to, "model", "--to")
    content, yours = uploaded_card(text, to, repository.text(README), card, str(folder / README))
    files: dict[str, Path | bytes] = {README: content.encode(), **upload.files}
    address = repository.commit(files, f"Upload {folder.resolve().name} with mcqa push", private=private)
    return PushResult({README: len(content.encode())} | _sizes(upload.files), upload.left_out, address, yours)


def check_push(to: str) -> None:
    """McqaError where a report cannot be uploaded to the Space `to`, before it is made: the errors of `push`."""
    open_repository(to, "space", "--push-to-space")


def push_report(report: str | Path, to: str, *, private: bool = False) -> str:
    """Upload a report as a static Space USER/NAME of the hub; its address. Errors are those of `push`."""
    path = Path(report)
    check_report(path)
    space = open_repository(to, "space", "--push-to-space")
    files: dict[str, Path | bytes] = {"index.html": path}
    if space.text(README) is None:
        files[README] = SPACE_CARD.format(title=to.partition("/")[2]).encode()
    return space.commit(files, "Upload a report with mcqa report", private=private)


def _sizes(files: dict[str, Path]) -> dict[str, int]:
    return {name: path.stat().st_size for name, path in files.items()}


def _report(folder: Path, report: str | Path | None) -> Path | None:
    """The report to upload: the given file, or the run's; None where there is none, and for "none"."""
    if report is not None:
        return None if str(report) == "none" else Path(report)
    of_run = folder.resolve().parent.parent / REPORT
    return of_run if of_run.is_file() and (folder / MANIFEST).is_file() else None


def _card_of(folder: Path) -> str:
    """The text of a checkpoint's card, made now where there is none."""
    if (text := read_card(folder / README)) is not None:
        return text
    if not (folder / MANIFEST).is_file():
        raise ConfigError(f"{folder}: neither {README} nor {MANIFEST}; write a card ({README}) first")
    return str(without_secrets(fresh_card(folder), mask_of_secrets()))
