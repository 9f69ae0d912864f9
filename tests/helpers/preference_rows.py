"""Questions, prompts, responses and labels to make preference pairs of."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.locations import TOY

BASE = TOY / "base"
MCQ = "Question: Which is largest?\n\nOptions:\nA. ant\nB. whale\nC. cat\n\nAnswer:"


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def questions(tmp_path: Path, n: int = 4) -> Path:
    return write(
        tmp_path / "prompts.jsonl",
        [{"id": f"q{i}", "prompt": f"How many is {i} + 1?", "gold": str(i + 1)} for i in range(n)],
    )


def responses(tmp_path: Path, texts: list[list[str]], **data) -> Path:
    rows = [
        {"id": f"q{i}", "index": k, "prompt": data.get("prompt", f"p{i}"), "response": text, "data": data}
        for i, prompt_texts in enumerate(texts)
        for k, text in enumerate(prompt_texts)
    ]
    return write(tmp_path / "responses.jsonl", rows)
