"""Logs in the form that `lm_eval --output_path DIR --log_samples` writes, made by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite.extract import Extraction
from mcqa_suite.logs.rows import write_extraction
from mcqa_suite.logs.runs import Run, TaskRun

STAMP = "2026-01-02T03-04-05.678901"
LETTERS = "ABCDEFGH"
# How a task scores, and what the weights are, as the harness records them.
SCORED = {
    "target_delimiter": " ",
    "repeats": 1,
    "filter_list": [{"name": name, "filter": [{"function": "take_first"}]} for name in ("none", "extracted")],
}
WEIGHTS = {"model_dtype": "torch.float32", "model_num_parameters": 1000}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def choice_row(
    task: str, doc_id: int, scores: Sequence[float], gold: int, *, prompt: str = "Question", subject: str = ""
) -> dict[str, Any]:
    """A multiple-choice document of ours: the option with the largest score is the answer."""
    pairs = [[str(float(score)), "False"] for score in scores]
    doc = {
        "id": f"{task}/{doc_id}",
        "stem": f"{task} {doc_id}?",
        "choices": list(LETTERS[: len(scores)]),
        "gold": [gold],
    }
    right = float(int(np.argmax(scores)) == gold)
    return {
        "doc_id": doc_id,
        "doc": doc | ({"subject": subject} if subject else {}),
        "target": str(gold),
        "arguments": {
            f"gen_args_{i}": {"arg_0": f"{prompt} {doc_id}", "arg_1": f" {LETTERS[i]}"} for i in range(len(scores))
        },
        "resps": [[pair] for pair in pairs],
        "filtered_resps": pairs,
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": digest(f"{task}/{doc_id}"),
        "prompt_hash": digest(f"{task} {prompt} {doc_id}"),
        "target_hash": digest(str(gold)),
        "acc": right,
    }


def wide_row(doc_id: int, pick: int, gold: set[int], options: int = 4) -> dict:
    """A document with any number of options, of which several may be right."""
    row = choice_row(f"of {options} options", doc_id, [0.0, 1.0], 0)
    scores = [["1.0" if option == pick else f"-{option}", "False"] for option in range(options)]
    row["doc"] |= {"choices": [f"option {option}" for option in range(options)], "gold": sorted(gold)}
    arguments = {f"gen_args_{i}": {"arg_0": f"? {doc_id}", "arg_1": f" option {i}"} for i in range(options)}
    return row | {
        "arguments": arguments,
        "resps": [[score] for score in scores],
        "filtered_resps": scores,
        "target": str(sorted(gold)),
        "acc": float(pick in gold),
    }


def written_row(task: str, doc_id: int, answer: str | None, gold: int, *, text: str = "") -> dict[str, Any]:
    """A generated answer to a question of four options, as our letter filter logs it."""
    extraction = Extraction(answer, "answered" if answer else "none")
    doc = {"id": f"{task}/{doc_id}", "stem": "?", "choices": ["a", "b", "c", "d"], "gold": [gold]}
    return {
        "doc_id": doc_id,
        "doc": doc,
        "target": "-",
        "arguments": {"gen_args_0": {"arg_0": "?", "arg_1": {"until": ["\n"]}}},
        "resps": [[text or f"The answer is {answer}."]],
        "filtered_resps": [[write_extraction(extraction)]],
        "filter": "extracted",
        "metrics": ["acc", "parsed"],
        "doc_hash": digest(f"{task}/{doc_id}"),
        "prompt_hash": digest(f"{task} {doc_id}"),
        "target_hash": digest(str(gold)),
        "acc": float(answer == LETTERS[gold]),
        "parsed": float(answer is not None),
    }


def _is_written(row: dict[str, Any]) -> bool:
    return row["filter"] != "none" or "parsed" in row


def write_run(
    folder: Path,
    tasks: dict[str, list[dict[str, Any]]],
    *,
    model: str = "base",
    stamp: str = STAMP,
    groups: dict[str, list[str]] | None = None,
    **overrides: Any,
) -> Path:
    """A results file with its samples; groups get the pooled mean of their tasks' acc. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for task, rows in tasks.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"samples_{task}_{stamp}.jsonl").write_text(lines, encoding="utf-8")
    scores = {
        name: [row["acc"] for task in members for row in tasks.get(task, []) if "acc" in row]
        for name, members in (groups or {}).items()
    }
    means = {name: {"acc,none": float(np.mean(values))} for name, values in scores.items() if values}
    # each filter logs all documents
    counts = {task: len({row["doc_id"] for row in rows}) for task, rows in tasks.items()}
    kinds = {task: "generate_until" if _is_written(rows[0]) else "multiple_choice" for task, rows in tasks.items()}
    results = {
        "results": {task: {"sample_len": n} for task, n in counts.items()} | means,
        "groups": means,
        "group_subtasks": groups or {},
        "configs": {
            task: {"task": task, "output_type": kind, "num_fewshot": 0, **SCORED} for task, kind in kinds.items()
        },
        "versions": dict.fromkeys(tasks, 1.0),
        "n-shot": dict.fromkeys(tasks, 0),
        "n-samples": {task: {"original": n, "effective": n} for task, n in counts.items()},
        "config": {"model": "hf", "model_args": f"pretrained={model}", **WEIGHTS},
        "model_name": model,
        "lm_eval_version": "0.4.13",
        "chat_template_sha": None,
        "max_length": 2048,
    }
    (folder / f"results_{stamp}.json").write_text(json.dumps(results | overrides), encoding="utf-8")
    return folder


def by_name(run: Run) -> dict[str, TaskRun]:
    """The tasks of a run whose logs have one filter each, by name."""
    assert len(run.task_names) == len(run.tasks)
    return {task: result for (task, _filter), result in run.tasks.items()}


def questions(n: int, options: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a model that is right a little more often than not, and the right options."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(options, size=n)
    scores = rng.normal(size=(n, options))
    scores[np.arange(n), gold] += 1.2
    return scores, gold


def choice_rows(task: str, scores: np.ndarray, gold: np.ndarray, **more: Any) -> list[dict[str, Any]]:
    return [choice_row(task, i, list(scores[i]), int(gold[i]), **more) for i in range(len(gold))]
