"""Persuasion: the persuader's turns of PersuasionForGood, and arguments that won a delta on r/ChangeMyView."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from mcqa_suite.common.errors import DatasetError, MissingDataError
from mcqa_suite.common.files import opened, read_text
from mcqa_suite.common.json_text import loads
from mcqa_suite.common.jsonl import Row, numbered_rows
from mcqa_suite.common.paths import shared_path
from mcqa_suite.training_data.sources.source import Identity, Reader, Source, as_texts, required

PERSUADER, ROLES = "0", {"0": "Persuader", "1": "Persuadee"}
HISTORY = 8  # turns of a dialogue that a prompt shows
COLUMNS = ("Unit", "Turn", "B4", "B2")
EXPECTED = "give 'path', PersuasionForGood's full_dialog.csv"
DELETED = {"", "[deleted]", "[removed]"}  # texts of posts that are gone
CHARITY = ("You persuade people to give to the charity Save the Children.", "Write the persuader's next turn.")
VIEW = ("You change people's views by argument.", "Write a reply that changes the author's view.")


def _texts(system: str, context: str, task: str, response: str) -> tuple[str, str]:
    """Prompt and completion: a response to train on, after the context."""
    prompt = f"[SYSTEM]\n{system}\n\n[CONTEXT]\n{context}\n\n[TASK]\n{task}\n\n[RESPONSE]"
    return prompt, f" {response}"


def _persuasion_for_good(source: Source) -> Iterator[tuple[Identity, tuple[str, str]]]:
    """full_dialog.csv: one sentence a row, with Unit (its text), Turn, B4 (0 persuader, 1 persuadee) and B2 (the dialogue)."""
    path = Path(source.path) if source.path else shared_path("data/persuasionforgood/full_dialog.csv")
    for dialogue, rows in groupby(_sentences(path), key=lambda row: row["B2"]):
        name, history = f"persuasionforgood/{dialogue}", ["The conversation begins."]
        for number, ((_, role), units) in enumerate(groupby(rows, key=lambda row: (row["Turn"], row["B4"]))):
            text = " ".join(row["Unit"].strip() for row in units).strip()
            if role == PERSUADER and text:
                context = "\n".join(history[1:][-HISTORY:] or history)
                yield Identity(f"{name}/{number}", name, "charity"), _texts(CHARITY[0], context, CHARITY[1], text)
            history.append(f"{ROLES[role]}: {text}")


def _sentences(path: Path) -> Iterator[dict[str, str]]:
    try:
        with io.TextIOWrapper(opened(path), encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                columns = ", ".join(reader.fieldnames or ())[:100] or "none"
                raise DatasetError(f"{path}: no column {missing[0]!r} (columns: {columns}); {EXPECTED}")
            for row in reader:
                if row["B4"] not in ROLES:
                    raise DatasetError(f"{path}:{reader.line_num}: B4 is {row['B4']!r}; expected 0 or 1")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        kind = MissingDataError if isinstance(error, FileNotFoundError) else DatasetError
        raise kind(f"{path}: {reason}; {EXPECTED}") from error


def _change_my_view(source: Source) -> Iterator[tuple[Identity, tuple[str, str]]]:
    """ConvoKit's winning-args-corpus (the folder or its utterances.jsonl): arguments that changed the author's view.

    The context is the author's post and what the argument replies to; with `op_replies` every turn between the two.
    """
    path = Path(required(source, "path", "give the folder of ConvoKit's winning-args-corpus"))
    if path.is_dir() and not (path := path / "utterances.jsonl").is_file():
        raise DatasetError(f"{path}: no such file; give the folder of ConvoKit's winning-args-corpus")
    parents, winners = dict[str, str | None](), []
    for row in _utterances(path):
        parents[row["id"]] = row["reply_to"]
        if row["success"] == 1:
            winners.append(row)
    shown = HISTORY if source.op_replies else 1
    turns = {row["id"]: _turns(row, parents)[-shown:] for row in winners}
    needed = {name for row in winners for name in (row["root"], *turns[row["id"]])}
    by_id = {row["id"]: row for row in _utterances(path) if row["id"] in needed}
    titles = _titles(path.with_name("conversations.json"))
    for row in winners:
        post = by_id.get(row["root"])
        if post is None or row["speaker"] == post["speaker"] or row["text"].strip() in DELETED:
            continue
        context = "\n\n".join(text for text in (titles.get(post["id"], ""), post["text"].strip()) if text)
        before = [by_id[name] for name in turns[row["id"]] if name in by_id]
        if source.op_replies:
            names = {row["speaker"]: "You", post["speaker"]: "Author"}
            texts = [(names.get(turn["speaker"], "Another"), turn["text"].strip()) for turn in before]
            context += "".join(f"\n\n{name}: {text}" for name, text in texts if text not in DELETED)
        else:
            context += "".join(f"\n\nReplying to: {turn['text'].strip()}" for turn in before)
        identity = Identity(f"convokit_cmv/{row['id']}", f"convokit_cmv/{row['root']}", "view")
        yield identity, _texts(VIEW[0], context, VIEW[1], row["text"].strip())


def _turns(row: Row, parents: Mapping[str, str | None]) -> list[str]:
    """The ids of the turns between the author's post and a reply, the first one first."""
    ids: list[str] = []
    above = row["reply_to"]
    while above is not None and above != row["root"] and above not in ids:
        ids.append(above)
        above = parents.get(above)
    return ids[::-1]


def _utterances(path: Path) -> Iterator[Row]:
    """Utterances with ConvoKit's current keys; the first release has user, root and reply-to."""
    expected = "expected ConvoKit's utterances.jsonl"
    for number, row in numbered_rows(path, "the folder of ConvoKit's winning-args-corpus"):
        try:
            utterance = {
                "id": row["id"],
                "root": row["conversation_id" if "conversation_id" in row else "root"],
                "speaker": row["speaker" if "speaker" in row else "user"],
                "reply_to": row["reply-to" if "reply-to" in row else "reply_to"],
                "text": row["text"] or "",
                "success": row["meta"].get("success"),
            }
        except KeyError as error:
            raise DatasetError(f"{path}:{number}: no key {error}; {expected}") from error
        except AttributeError as error:
            raise DatasetError(f"{path}:{number}: 'meta' is no object; {expected}") from error
        for key in ("id", "root", "speaker", "reply_to", "text"):
            value = utterance[key]
            if not isinstance(value, str) and not (key in ("speaker", "reply_to") and value is None):
                raise DatasetError(f"{path}:{number}: {key!r} is {type(value).__name__}; {expected}")
        yield utterance


def _titles(path: Path) -> dict[str, str]:
    """The title of each conversation; empty where conversations.json is not beside the utterances."""
    if not path.is_file():
        return {}
    try:
        conversations = loads(read_text(path))
        return {name: str(entry.get("meta", entry).get("op-title") or "") for name, entry in conversations.items()}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{path}: not ConvoKit's conversations.json ({error}); correct or remove it") from error


STYLES = {"response": as_texts}
PERSUASION = {
    "convokit_cmv": Reader(_change_my_view, STYLES, ("path", "op_replies"), "made"),
    "persuasionforgood": Reader(_persuasion_for_good, STYLES, ("path",), "made"),
}
