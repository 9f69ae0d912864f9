"""Rows of generated answers in logs of any project, made by hand."""

from __future__ import annotations

import json


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path, *items):
    lines = [item if isinstance(item, str) else json.dumps(item) for item in items]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def row(text, doc, *, answer="[invalid]", target="", name="strict-match", **metrics):
    """A row as the harness logs it."""
    texts = [text] if isinstance(text, str) else text
    return {
        "doc_id": 0,
        "doc": doc,
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": "Question: ...", "arg_1": {"until": []}}},
        "resps": [texts],
        "filtered_resps": [answer] if isinstance(answer, str) else answer,
        "filter": name,
        "metrics": list(metrics),
        "doc_hash": "d",
        "prompt_hash": "p",
        "target_hash": "t",
        **metrics,
    }


CITIES = ["Paris", "London", "Berlin", "Madrid"]
OURS = {"id": "x/1", "stem": "Capital?", "choices": CITIES, "gold": [1], "subject": "", "rationale": ""}
