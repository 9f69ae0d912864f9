"""Made-up rows in the exact schema of public data sets that may not be here, and their folder layout."""

from __future__ import annotations

import json
from pathlib import Path

N = 12


def write_dataset(hub: Path, repository: str, config: str, splits: dict[str, list[dict]]) -> None:
    """Rows as a data set repository that `datasets` loads from disk by its public name; may be called once a config."""
    folder = hub / repository
    for split, rows in splits.items():
        (folder / config).mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / config / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    configs = []
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        files = [f"  - split: {f.stem}\n    path: {path.name}/{f.name}" for f in sorted(path.iterdir())]
        configs.append(f"- config_name: {path.name}\n  data_files:\n" + "\n".join(files))
    (folder / "README.md").write_text("---\nconfigs:\n" + "\n".join(configs) + "\n---\n", encoding="utf-8")


def labelled(i: int, labels: str = "ABCD") -> dict:
    return {"text": [f"option {i}.{k}" for k in range(len(labels))], "label": list(labels)}


def gpqa_rows(n: int = N) -> list[dict]:
    """Made-up rows in GPQA's columns."""
    return [
        {
            "Question": f"Made-up question {i}?",
            "Correct Answer": f"right {i}",
            **{f"Incorrect Answer {k}": f"wrong {i}.{k}\n" for k in (1, 2, 3)},
            "Subdomain": "Made-up",
            "High-level domain": "Physics",
            "Record ID": f"rec{i:05d}",
        }
        for i in range(n)
    ]


def sciq_rows(n: int = N) -> list[dict]:
    return [
        {
            "question": f"Made-up question {i}?",
            "correct_answer": f"right {i}",
            **{f"distractor{k}": f"wrong {i}.{k}" for k in (1, 2, 3)},
            "support": f"Support {i}." if i % 2 else "",
        }
        for i in range(n)
    ]


def gsm_symbolic_rows(n: int = N) -> list[dict]:
    return [
        {
            "id": i // 4,
            "instance": i % 4,
            "question": f"Ann has {i} apples and buys {1000 + i} more. How many has she?",
            "answer": f"{i} + {1000 + i} = {1000 + 2 * i}\n#### {1000 + 2 * i:,}",
            "original_id": 7,
            "original_question": "-",
            "original_answer": "-",
            "canary": "-",
        }
        for i in range(n)
    ]
