"""Packed sample logs: small enough to be kept in a repository, and read by every command like the plain ones.

`samples_*.jsonl.gz` is gzip. In a packed row `doc` is `{"bundled": "owner/name/config/split", "row": 17}` where it is made of a
row of the package's bundled questions, and `arguments` is `{"sha256": ..., "continuations": ...}` of what the model was sent:
a hash of all of it, and the digest of the scored continuations.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.questions import bundle, parsers
from mcqa_suite.questions.gsm8k import from_gsm8k

Row = dict[str, Any]
BUNDLED, NUMBER, HASH, CONTINUATIONS = "bundled", "row", "sha256", "continuations"
# Data set -> how tasks make a document of its row; those of one data set differ by the name in their ids.
DOCUMENTS: dict[str, Callable[[Any], Any]] = {
    "allenai/ai2_arc/ARC-Easy": partial(parsers.from_arc, benchmark="arc_easy"),
    "allenai/ai2_arc/ARC-Challenge": partial(parsers.from_arc, benchmark="arc_challenge"),
    "allenai/openbookqa": parsers.from_openbookqa,
    "cais/mmlu": parsers.from_mmlu,
    "deepmind/aqua_rat": parsers.from_aqua_rat,
    "openai/gsm8k": from_gsm8k,
}


def with_document(row: Any) -> Any:
    """The row with its document, where that is one of the bundled questions; ValueError where there is no such question."""
    if not (isinstance(row, dict) and isinstance(doc := row.get("doc"), dict) and doc.keys() == {BUNDLED, NUMBER}):
        return row
    restored, digest = document(doc[BUNDLED], doc[NUMBER])
    if digest != row.get("doc_hash"):
        raise ValueError(f"its doc_hash is not that of row {doc[NUMBER]} of {doc[BUNDLED]}")
    return {**row, "doc": restored}


def without_arguments(row: Any) -> bool:
    """Whether a packed row holds the hash of what the model was sent in place of the text."""
    return isinstance(row, dict) and isinstance(row.get("arguments"), dict) and HASH in row["arguments"]


def continuations_digest(row: Mapping[str, Any]) -> str | None:
    """A digest of the continuations whose log-likelihoods were asked for, each with its context where that is not the first's.

    None for generated answers, and where the log does not say what the model was sent. The harness's own hashes of a sample do
    not cover the continuations.
    """
    arguments: Any = row.get("arguments")
    if without_arguments(row):
        digest = arguments.get(CONTINUATIONS)
        return digest if isinstance(digest, str) else None
    if _is_named(arguments):
        arguments = [(request.get("arg_0"), request.get("arg_1")) for request in arguments.values()]
    try:
        first = arguments[0][0]
        parts = [text for context, text, *_ in arguments for text in ("" if context == first else context, text)]
        content = "\0".join(parts).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _is_named(arguments: Any) -> bool:
    """Whether requests are `{"gen_args_0": {"arg_0": context, "arg_1": continuation}}`, not pairs as in older logs."""
    return isinstance(arguments, dict) and all(isinstance(request, dict) for request in arguments.values())


@lru_cache(maxsize=20_000)  # the test sets, which every run of a comparison holds
def document(split: str, number: int) -> tuple[dict[str, Any], str]:
    """The document that tasks make of a bundled row, and its hash; `split` is owner/name/config/split."""
    repository, config, name = split.rsplit("/", 2)
    make = DOCUMENTS.get(f"{repository}/{config}") or DOCUMENTS.get(repository)
    try:
        rows = _rows(repository, config, name)
    except DatasetError as error:
        raise ValueError(str(error)) from error
    if make is None or rows is None or not 0 <= number < len(rows):
        raise ValueError(f"no bundled row {number} of {split}; read the log with a newer mcqa-suite")
    doc: dict[str, Any] = json.loads(json.dumps(vars(make(rows[number]))))
    return doc, document_hash(doc)


_rows = lru_cache(maxsize=64)(bundle.rows)


def document_hash(doc: Mapping[str, Any]) -> str:
    """The hash that the harness logs with a document."""
    return hashlib.sha256(
        json.dumps(doc, indent=2, default=str, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ).hexdigest()


def pack(text: bytes, split: str) -> bytes:
    """A sample log, packed; `split` is the split that its documents may be made of. The same bytes each time."""
    numbers = _numbers(split)
    lines = [json.dumps(_packed(json.loads(line), split, numbers), ensure_ascii=False) for line in text.splitlines()]
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")  # as JSON escapes half a pair
    return gzip.compress(content, mtime=0)


def _numbers(split: str) -> dict[str, int]:
    """The number of each bundled row by the hash of its document; empty for a split that is not bundled."""
    rows = _rows(*split.rsplit("/", 2)) or []
    return {document(split, number)[1]: number for number in range(len(rows))}


def _packed(row: Row, split: str, numbers: Mapping[str, int]) -> Row:
    """The row without its prompts, except where the texts of its options are nowhere else."""
    packed = dict(row)
    number = numbers.get(document_hash(row["doc"]))
    if number is not None:
        packed["doc"] = {BUNDLED: split, NUMBER: number}
    if not _options_are_elsewhere(row):
        return packed
    arguments = json.dumps(row["arguments"], sort_keys=True, ensure_ascii=False)
    packed["arguments"] = {HASH: hashlib.sha256(arguments.encode()).hexdigest()}
    if (digest := continuations_digest(row)) is not None:
        packed["arguments"][CONTINUATIONS] = digest
    return packed


def _options_are_elsewhere(row: Row) -> bool:
    """Whether the scored continuations are the document's options; true for generated answers, which have none."""
    sent = row["arguments"]
    texts = [request.get("arg_1") for request in sent.values()] if isinstance(sent, dict) else []
    if not all(isinstance(text, str) for text in texts):  # generation settings
        return True
    choices = row["doc"].get("choices")
    return "acc_norm" not in row or [text.lstrip() for text in texts] == choices
