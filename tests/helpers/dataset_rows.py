"""Made-up rows in the exact schema of public data sets that may not be here, and their folder layout."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from helpers.locations import MMLU_SUBJECTS

N = 12


def write_dataset(hub: Path, repository: str, config: str, splits: dict[str, list[dict]]) -> None:
    """Rows as a data set repository that `datasets` loads from disk by its public name; may be called once a config."""
    folder = hub / repository
    for split, rows in splits.items():
        (folder / config).mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        # `datasets` knows a cached folder by the names in its README alone: the rows' hash keeps these from being
        # taken for the real data set, and the real one for these.
        digest = hashlib.sha256(lines.encode()).hexdigest()[:12]
        (folder / config / f"{split}-{digest}.jsonl").write_text(lines, encoding="utf-8")
    configs = []
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        files = [
            f"  - split: {f.stem.rpartition('-')[0]}\n    path: {path.name}/{f.name}" for f in sorted(path.iterdir())
        ]
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


def odd_gpqa_rows(n: int = N) -> list[dict]:
    """Made-up rows in GPQA's columns with what its texts hold here and there: white space, ` [title]`, equal options."""
    changes = {
        1: lambda row: row | {"Question": f"\n {row['Question']}\n\n"},
        2: lambda row: row | {"Correct Answer": f" {row['Correct Answer']} [title] of   two  parts\n"},
        3: lambda row: row | {"Incorrect Answer 2": f"{row['Correct Answer']} "},
        4: lambda row: row | {"Incorrect Answer 1": row["Incorrect Answer 3"]},
    }
    return [changes.get(i % 7, dict)(row) for i, row in enumerate(gpqa_rows(n))]


def odd_sciq_rows(n: int = N) -> list[dict]:
    """Made-up rows in SciQ's columns with white space, quotes, braces and other scripts in their texts."""
    changes = {
        1: lambda row: row | {"support": f"\n  {row['support']}\n", "question": f" {row['question']} "},
        2: lambda row: row | {"distractor1": 'it\'s "so"', "correct_answer": "a\nb \\ {{c}}"},
        3: lambda row: row | {"distractor2": row["distractor3"], "correct_answer": "\u00b5-\u6c34"},
    }
    return [changes.get(i % 5, dict)(row) for i, row in enumerate(sciq_rows(n))]


def link_mirror(shared: Path, mirror: Path) -> None:
    """Links to the mirror's data sets in `shared`/hub, where it does not have them yet."""
    for folder in mirror.glob("*/*"):
        link = shared / "hub" / folder.parent.name / folder.name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(folder)


def write_odd_rows(hub: Path, n: int = N) -> None:
    """SciQ and GPQA, which may not be redistributed, as made-up rows with odd texts."""
    write_dataset(
        hub, "allenai/sciq", "default", {split: odd_sciq_rows(n) for split in ("train", "validation", "test")}
    )
    for config in ("gpqa_main", "gpqa_diamond", "gpqa_extended"):
        write_dataset(hub, "Idavidrein/gpqa", config, {"train": odd_gpqa_rows(n)})


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


def math_qa_rows(n: int = N) -> list[dict]:
    """Made-up rows in MathQA's columns; options are one string, and one holds a number with a comma."""
    return [
        {
            "Problem": f"a made - up train runs {i} km in 2 hours . how fast is it ?",
            "Rationale": f'"explanation : {i} / 2 . answer : {"abcde"[i % 5]}"',
            "options": f"a ) {i} , b ) 1,0{i} , c ) {i}.5 km / h , d ) data inadequate , e ) none of these",
            "correct": "abcde"[i % 5],
            "annotated_formula": f"divide({i}, 2)",
            "linear_formula": f"divide(n0,n1)|{i}",
            "category": "physics" if i % 2 else "gain",
        }
        for i in range(n)
    ]


def theorem_qa_rows(n: int = N) -> list[dict]:
    """Made-up rows in TheoremQA's columns, every fourth with a picture."""
    answers = [("True", "bool"), ("3", "integer"), ("1.5", "float"), ("[1, 2]", "list of integer")]
    return [
        {
            "Question": f"What does made-up theorem {i} give?",
            "Answer": answers[i % 4][0],
            "Answer_type": answers[i % 4][1],
            "Picture": {"bytes": None, "path": "figure.png"} if i % 4 == 3 else None,
        }
        for i in range(n)
    ]


def aqua_rat_rows(n: int = N) -> list[dict]:
    return [
        {
            "question": f"Problem {i}?",
            "options": [f"{'ABCDE'[k]}){i + k} km" for k in range(5)],
            "rationale": f"Work it out: {i}.",
            "correct": "ABCDE"[i % 5],
        }
        for i in range(n)
    ]


def mmlu_auxiliary_rows(n: int = N) -> list[dict]:
    return [
        {"question": f"Passage {i}?", "subject": "", "choices": labelled(i)["text"], "answer": i % 4} for i in range(n)
    ]


def write_hub(hub: Path) -> None:
    """Every data set that a task names, as invented rows in its exact schema."""
    for subject in MMLU_SUBJECTS:
        rows = [
            {"question": f"{subject} {i}?", "subject": subject, "choices": labelled(i)["text"], "answer": i % 4}
            for i in range(N + 5)
        ]
        write_dataset(hub, "cais/mmlu", subject, {"test": rows[:N], "dev": rows[N:], "validation": rows[N : N + 2]})
    for config in ("ARC-Easy", "ARC-Challenge"):
        schemes = ["ABCD", "1234", "ABC", "12345"]
        rows = [
            {
                "id": f"Made_{i}",
                "question": f"Question {i}?",
                "choices": labelled(i, schemes[i % 4]),
                "answerKey": schemes[i % 4][i % 3],
            }
            for i in range(N)
        ]
        write_dataset(hub, "allenai/ai2_arc", config, {"train": rows, "validation": rows, "test": rows})
    rows = [
        {"id": f"7-{i}", "question_stem": f"Stem {i}", "choices": labelled(i), "answerKey": "ABCD"[i % 4]}
        for i in range(N)
    ]
    write_dataset(hub, "allenai/openbookqa", "main", {"train": rows, "validation": rows, "test": rows})
    write_dataset(hub, "allenai/sciq", "default", {split: sciq_rows() for split in ("train", "validation", "test")})
    rows = [
        {
            "question": f"Problem {i}?",
            "options": [f"{'ABCDE'[k]}){i + k} km" for k in range(5)],
            "rationale": f"Work it out: {i}.",
            "correct": "ABCDE"[i % 5],
        }
        for i in range(N)
    ]
    write_dataset(hub, "deepmind/aqua_rat", "raw", {"validation": rows, "test": rows})
    rows = [{"question": f"How many is {i} + 1?", "answer": f"{i} + 1 = {i + 1}\n#### {i + 1}"} for i in range(N)]
    write_dataset(hub, "openai/gsm8k", "main", {"train": rows, "test": rows})
    for config in ("main", "p1", "p2"):
        write_dataset(hub, "apple/GSM-Symbolic", config, {"test": gsm_symbolic_rows()})
    for config in ("gpqa_main", "gpqa_diamond", "gpqa_extended"):
        write_dataset(hub, "Idavidrein/gpqa", config, {"train": gpqa_rows()})
