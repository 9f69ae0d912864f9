"""Which files of a checkpoint are uploaded to the hub, and the card that is uploaded with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mcqa_suite.common.checkpoints import check_complete
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.files import read_bytes
from mcqa_suite.reporting.model_card.facts import README
from mcqa_suite.reporting.model_card.files import EVAL_RESULTS
from mcqa_suite.reporting.model_card.merge import Card, is_ours, merge, parse_card, shown_name

# The files of a model at the top of its folder; all else stays: optimizer states, temporary files, copies, other folders.
MODEL = re.compile(
    r"model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json|adapter_model\.safetensors|adapter_config\.json"
    r"|(config|generation_config|quantize_config|manifest)\.json|training_log\.jsonl"
    r"|tokenizer(_config)?\.json|(special_tokens_map|added_tokens|vocab)\.json|vocab\.txt|merges\.txt"
    r"|(tokenizer|spiece|sentencepiece\.bpe)\.model|chat_template\.jinja|.+\.tiktoken|(LICENSE|NOTICE|LICENCE)(\.txt|\.md)?"
)
REPORT = "report.html"
STANDS_FOR = re.compile(r"\bUSER/[\w.-]+")  # in the sections of ours, for the name on the hub
GPQA = re.compile(rb"gpqa_", re.IGNORECASE)  # a task of it; the samples in the page are packed, in letters without "_"
Prefer = Literal["local", "hub"]


@dataclass(frozen=True)
class Upload:
    """`files`: name in the repository -> file on this machine; `left_out`: what else is in the folder."""

    files: dict[str, Path]
    left_out: tuple[str, ...]


def files_of(folder: Path, report: Path | None = None) -> Upload:
    """The files of a checkpoint, without its card; CheckpointError for one that is incomplete or was changed.

    A link that leads out of the folder is left out. ConfigError for a report that shows questions of GPQA, whose authors ask that
    they are not put online.
    """
    check_complete(folder)
    files: dict[str, Path] = {}
    left_out = []
    for path in sorted(folder.iterdir()):
        if path.name in (README, EVAL_RESULTS):
            continue
        inside = path.is_file() and path.resolve().is_relative_to(folder.resolve())
        if inside and MODEL.fullmatch(path.name):
            files[path.name] = path
        else:
            left_out.append(path.name + "/" * path.is_dir())
    results = sorted(
        path for path in (folder / EVAL_RESULTS).glob("*.yaml") if path.is_file() and not path.is_symlink()
    )
    files |= {f"{EVAL_RESULTS}/{path.name}": path for path in results}
    if not any(name.endswith(".safetensors") for name in files):
        raise ConfigError(f"{folder}: its weights are links to files elsewhere; copy them (cp -rL), then repeat")
    if report:
        check_report(report)
        files[REPORT] = report
    return Upload(files, tuple(left_out))


def check_report(report: Path) -> None:
    """ConfigError for a report that is missing, or that shows questions of GPQA."""
    try:
        content = read_bytes(report)
    except OSError as error:
        raise ConfigError(
            f"--report {report}: {error.strerror}; give a file that `mcqa report` wrote, or none"
        ) from error
    if GPQA.search(content):
        raise ConfigError(
            f"{report}: shows questions of GPQA, whose authors ask that they are not put online; leave them out (--tasks)"
        )


def uploaded_card(
    text: str, repository: str, remote: str | None, prefer: Prefer | None, where: str
) -> tuple[str, tuple[str, ...]]:
    """The card for a repository whose own card is `remote`, and what of that stays in place of the local one.

    What a person wrote on the hub stays. ConfigError where a person wrote other words there and here, unless `prefer` decides.
    """
    local = _named_after(parse_card(text, where), repository)
    if remote is None:
        return merge(local, None).text, ()
    other = parse_card(remote, f"{repository}/{README}")
    differing = [name for name in (*local.front, *local.sections) if _differ(local, other, name)]
    if differing and prefer is None:
        names = ", ".join(map(shown_name, differing))
        raise ConfigError(
            f"{where}: {names}: written by a person here and on the hub, with other words; make them the same, or give "
            "--card local or --card hub"
        )
    if prefer == "local":
        front = {key: value for key, value in other.front.items() if key not in differing}
        sections = {key: value for key, value in other.sections.items() if key not in differing}
        remote = merge(replace(other, front=front, sections=sections), None).text
    merged = merge(local, remote, f"{repository}/{README}")
    return merged.text, merged.yours


def _differ(local: Card, other: Card, name: str) -> bool:
    """Whether a person wrote a section or a single value on both sides, with other words; lists are joined."""
    own, theirs = (card.sections.get(name, card.front.get(name)) for card in (local, other))
    return own != theirs and local.of_person(name) and other.of_person(name) and not isinstance(own, list)


def _named_after(card: Card, repository: str) -> Card:
    """The card with the repository's name where our sections have what stands for it."""
    sections = {key: STANDS_FOR.sub(repository, text) if is_ours(text) else text for key, text in card.sections.items()}
    return replace(card, sections=sections)
