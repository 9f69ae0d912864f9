"""Persuasion: the persuader's turns of PersuasionForGood, and arguments that won a delta on r/ChangeMyView."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import numbered_rows
from mcqa_suite.common.paths import shared_path
from mcqa_suite.training_data.sources.adaptor import PARTS, Adaptor, Identity
from mcqa_suite.training_data.sources.spec import Source

PERSUADER, ROLES = "0", {"0": "Persuader", "1": "Persuadee"}
HISTORY = 8  # turns of a dialogue that a prompt shows
COLUMNS = ("Unit", "Turn", "B4", "B2")
GONE = {"", "[deleted]", "[removed]"}
CHARITY = ("You persuade people to give to the charity Save the Children.", "Write the persuader's next turn.")
VIEW = ("You change people's views by argument.", "Write a reply that changes the author's view.")


@dataclass(frozen=True)
class Turn:
    """What was said, and what it answers."""

    identity: Identity
    system: str
    context: str
    task: str
    response: str


def prompt(turn: Turn) -> tuple[str, str]:
    parts = {"SYSTEM": turn.system, "CONTEXT": turn.context, "TASK": turn.task}
    return "\n\n".join([*(f"[{name}]\n{text}" for name, text in parts.items()), "[RESPONSE]"]), f" {turn.response}"


def _persuasion_for_good(source: Source) -> list[Turn]:
    """full_dialog.csv: a row a sentence, with Unit (its text), Turn, B4 (0 persuader, 1 persuadee) and B2 (the dialogue)."""
    path = Path(source.path) if source.path else shared_path("data/persuasionforgood/full_dialog.csv")
    made = []
    for dialogue, rows in groupby(_sentences(path), key=lambda row: row["B2"]):
        said: list[str] = []
        for number, ((_, role), units) in enumerate(groupby(rows, key=lambda row: (row["Turn"], row["B4"]))):
            text = " ".join(row["Unit"].strip() for row in units).strip()
            if role == PERSUADER and text:
                context = "\n".join(said[-HISTORY:]) or "The conversation begins."
                identity = Identity(
                    f"persuasionforgood/{dialogue}/{number}", f"persuasionforgood/{dialogue}", "charity"
                )
                made.append(Turn(identity, CHARITY[0], context, CHARITY[1], text))
            said.append(f"{ROLES[role]}: {text}")
    return made


def _sentences(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise DatasetError(f"{path}: no column {missing[0]!r} among {', '.join(reader.fieldnames or ())}")
            for row in reader:
                if row["B4"] not in ROLES:
                    raise DatasetError(f"{path}:{reader.line_num}: B4 is {row['B4']!r}; expected 0 or 1")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: {reason}; give 'path', PersuasionForGood's full_dialog.csv") from error


def _change_my_view(source: Source) -> list[Turn]:
    """ConvoKit's winning-args-corpus, its folder or its utterances.jsonl: what others than the author wrote and won with."""
    if not source.path:
        raise ConfigError("source 'convokit_cmv': no 'path'; give the folder of ConvoKit's winning-args-corpus")
    path = Path(source.path) / "utterances.jsonl" if Path(source.path).is_dir() else Path(source.path)
    won = [row for row in _utterances(path) if row["success"] == 1]
    wanted = {name for row in won for name in (row["root"], row["reply_to"])}
    known = {row["id"]: row for row in _utterances(path) if row["id"] in wanted}
    titles = _titles(path.with_name("conversations.json"))
    made = []
    for row in won:
        post, answered = known.get(row["root"]), known.get(row["reply_to"])
        if post is None or row["speaker"] == post["speaker"] or row["text"].strip() in GONE:
            continue
        context = "\n\n".join(text for text in (titles.get(post["id"], ""), post["text"].strip()) if text)
        if answered is not None and answered["id"] != post["id"]:
            context += f"\n\nReplying to: {answered['text'].strip()}"
        identity = Identity(f"convokit_cmv/{row['id']}", f"convokit_cmv/{row['root']}", "view")
        made.append(Turn(identity, VIEW[0], context, VIEW[1], row["text"].strip()))
    return made


def _utterances(path: Path) -> Iterator[dict[str, Any]]:
    """Utterances in today's names; the corpus was first released with user, root and reply-to."""
    for number, row in numbered_rows(path, "the folder of ConvoKit's winning-args-corpus"):
        try:
            found = {
                "id": row["id"],
                "root": row["conversation_id" if "conversation_id" in row else "root"],
                "speaker": row["speaker" if "speaker" in row else "user"],
                "reply_to": row["reply-to" if "reply-to" in row else "reply_to"],
                "text": row["text"] or "",
                "success": row["meta"].get("success"),
            }
        except KeyError as error:
            raise DatasetError(f"{path}:{number}: no key {error}; expected ConvoKit's utterances.jsonl") from error
        except AttributeError as error:
            raise DatasetError(f"{path}:{number}: 'meta' is no object; expected ConvoKit's utterances.jsonl") from error
        for key in ("id", "root", "speaker", "reply_to", "text"):
            if not isinstance(found[key], str) and not (key in ("speaker", "reply_to") and found[key] is None):
                kind = type(found[key]).__name__
                raise DatasetError(f"{path}:{number}: {key!r} is {kind}; expected ConvoKit's utterances.jsonl")
        yield found


def _titles(path: Path) -> dict[str, str]:
    """The post's title by conversation, where the corpus has its conversations.json beside the utterances."""
    if not path.is_file():
        return {}
    try:
        conversations = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(entry.get("meta", entry).get("op-title") or "") for name, entry in conversations.items()}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{path}: not ConvoKit's conversations.json ({error}); mend it, or take it away") from error


def _identity(turn: Turn) -> Identity:
    return turn.identity


PERSUASION = {
    "convokit_cmv": Adaptor(_change_my_view, _identity, {"response": prompt}, ("path", *PARTS)),
    "persuasionforgood": Adaptor(_persuasion_for_good, _identity, {"response": prompt}, ("path", *PARTS)),
}
