"""Logs of ARC grid tasks as our filters write them: answers that are right, nearly right, of a wrong shape, and unread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from helpers.log_files import digest, write_run
from mcqa_suite import grids
from mcqa_suite.logs.rows import write_extraction
from mcqa_suite.logs.scoring import grid_scores, read_all

TASK = "mcqa_arc_grid_1_training"
KINDS = ("right", "near", "shape", "none", "refused", "truncated", "empty", "listed")

FORMS = [
    "spaced",
    "plain",
    "separator",
    "json",
    "plain+rows",
    "spaced+rows+shape",
    "plain+rows+shape+code",
    "json+code",
]


@cache
def tasks() -> tuple[grids.Task, ...]:
    return tuple(islice(grids.load_tasks(1, "training"), 60))


@cache
def docs(n: int, form: str = grids.DEFAULT, release: int = 1) -> list[dict[str, Any]]:
    return list(islice(grids.load(release, "training", form), n))


def response(doc: dict[str, Any], kind: str) -> str:
    """What a model might write: `near` differs from the right grid in two cells, `listed` is right in another form."""
    right = doc["output"]
    near = [list(row) for row in right]
    near[0][0], near[-1][-1] = (near[0][0] + 1) % 10, (near[-1][-1] + 5) % 10
    write = grids.encoder(doc["encoder"]).encode
    return {
        "right": lambda: write(right),
        "near": lambda: write(near),
        "shape": lambda: f"The output is:\n{write([*right, right[0]] if len(right) < 30 else right[1:])}",
        "none": lambda: "I see no grid that would fit.",
        "refused": lambda: "I'm sorry, I cannot see the rule.",
        "truncated": lambda: "<think>\nThe rule could be that",
        "empty": lambda: "",
        "listed": lambda: f"So the output is {json.dumps(right)}.",
    }[kind]()


def grid_row(number: int, doc: dict[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    """One output with an attempt a text, read and scored by our own code."""
    reads = read_all("grids", texts, doc)
    scores = grid_scores(doc, reads)
    return {
        "doc_id": number,
        "doc": doc,
        "target": grids.encode(doc["output"]),
        "arguments": {"gen_args_0": {"arg_0": doc["text"], "arg_1": {"until": ["\nInput"]}}},
        "resps": [list(texts)],
        "filtered_resps": [[write_extraction(read) for read in reads]],
        "filter": "extracted",
        "metrics": list(scores),
        "doc_hash": digest(doc["id"]),
        "prompt_hash": digest(doc["text"]),
        "target_hash": digest(str(doc["output"])),
        **scores,
    }


def grid_run(
    folder: Path, kinds: Iterable[Sequence[str]], name: str, *, form: str = grids.DEFAULT, release: int = 1
) -> Path:
    """A run on the first public training outputs: one for each entry of `kinds`, with an attempt a kind."""
    remaining = list(kinds)
    rows = [
        grid_row(number, doc, [response(doc, kind) for kind in attempts])
        for number, (doc, attempts) in enumerate(zip(docs(len(remaining), form, release), remaining, strict=True))
    ]
    return write_run(folder / name, {TASK: rows}, model=name)
