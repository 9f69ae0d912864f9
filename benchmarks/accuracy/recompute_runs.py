"""Runs as lm_eval logs them: made up from a seed, and read with json alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

STAMP = "2026-01-02T03-04-05.678901"
LETTERS = "ABCDEF"
# Field that names a cluster -> fields that must be beside it
CLUSTERS = {"question_id": (), "template": ("instance",), "task_id": ("output",), "id": (), "qid": (), "uid": ()}
Row = dict[str, Any]


@dataclass
class Answer:
    """A row of a log: `cluster` is "" for a row of its own, `options` how many there are (0: none), `values` their
    log-likelihoods, `unread` a share or None."""

    hashes: tuple[str, ...]
    score: float
    cluster: str
    options: int
    gold: list[int]
    values: list[float] | None
    answer: Any
    unread: float | None


Answers = dict[int, Answer]  # by doc_id
Tasks = dict[tuple[str, str], Answers]  # by task and filter


@dataclass
class Logged:
    """A run: `groups` has the tasks and weights of each group's mean; `sizes` are those of the whole tasks."""

    tasks: Tasks
    groups: dict[str, dict[str, float]]


def read(folder: Path, metric: str) -> Logged:
    """Every results file of a folder, and the logs beside it."""
    run = Logged({}, {})
    for path in sorted(folder.rglob("results_*.json"), key=lambda file: file.name):
        results, stamp = json.loads(path.read_text(encoding="utf-8")), path.stem.removeprefix("results_")
        for task in results["configs"]:
            for line in path.with_name(f"samples_{task}_{stamp}.jsonl").read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if metric in row:
                    run.tasks.setdefault((task, row["filter"]), {})[row["doc_id"]] = answer_of(row, metric)
        members = {name: names for name, names in results.get("group_subtasks", {}).items() if names}
        for name in members:
            run.groups[name] = weights_of(results, name, leaves(name, members), metric)
    return run


def answer_of(row: Row, metric: str) -> Answer:
    doc = row["doc"]
    fields = [name for name, others in CLUSTERS.items() if name in doc and all(other in doc for other in others)]
    choices = doc.get("choices") if isinstance(doc.get("choices"), list) else []
    parts = [part if isinstance(part, list) else [part] for part in row["filtered_resps"]]
    scored = all(len(part) == 2 and str(part[1]) in ("True", "False") for part in parts)
    values = [float(part[0]) for part in parts] if scored else None
    answers = [] if values else [written(text) for part in parts for text in part]
    return Answer(
        hashes=tuple(row[name] for name in ("doc_hash", "prompt_hash", "target_hash")),
        score=float(row[metric]),
        cluster=str(doc[fields[0]]) if fields else "",
        options=len(values or choices),
        gold=doc["gold"] if choices and isinstance(doc.get("gold"), list) else [],
        values=values,
        answer=int(np.argmax(values)) if values else answers,
        unread=None if values else 1 - row["parsed"] if "parsed" in row else float(all(a is None for a in answers)),
    )


def written(text: Any) -> Any:
    """The answer in a filtered response; None for none."""
    if isinstance(text, str) and text.startswith('{"answer"'):
        return json.loads(text)["answer"]
    return None if text in ("", "[invalid]", "[no answer]") else text


def leaves(name: str, members: dict[str, list[str]]) -> Iterator[str]:
    """The tasks of a group, each as often as there are ways to it."""
    if name not in members:
        yield name
    for member in members.get(name, ()):
        yield from leaves(member, members)


def weights_of(results: Row, name: str, tasks: Iterator[str], metric: str) -> dict[str, float]:
    """The weight of each task in a group's mean: by its settings, else by size."""
    listed = results.get("group_configs", results["configs"]).get(name, {}).get("aggregate_metric_list", [])
    by_size = next((entry["weight_by_size"] for entry in listed if entry["metric"] == metric), True)
    weights: dict[str, float] = {}
    for task in tasks:
        size = results["n-samples"][task]["effective"] if by_size else 1
        weights[task] = weights.get(task, 0.0) + size
    return weights


def digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Shape:
    """A made-up task: `rows` a question, that many options (a random number in between), at most `golds` right ones."""

    questions: int
    rows: int = 1
    options: tuple[int, int] = (4, 4)
    golds: int = 1
    kind: str = "multiple_choice"  # or "written", "fractions"


TASKS = {
    "plain": Shape(150),
    "perm": Shape(40, rows=4),
    "several": Shape(120, options=(3, 6), golds=2),
    "written": Shape(130, kind="written"),
    "fractions": Shape(90, kind="fractions"),
    "pooled_a": Shape(70),
    "pooled_b": Shape(20, rows=3),
    "macro_a": Shape(12),
    "macro_b": Shape(30, rows=4),
    "macro_c": Shape(200),
    "even_a": Shape(45),
    "even_b": Shape(110),
}
GROUPS = {name: [task for task in TASKS if task.startswith(f"{name}_")] for name in ("pooled", "macro", "even")}


def make(folder: Path, seed: int) -> list[Path]:
    """A base and three variants, the last one almost the base."""
    folders = []
    for number, noise in enumerate((0.0, 0.4, 1.2, 0.02)):
        folders.append(folder / ("base" if number == 0 else f"variant{number}"))
        rows = {
            name: list(
                rows_of(
                    name,
                    shape,
                    np.random.default_rng([seed, index]),
                    np.random.default_rng([seed, index, number]),
                    noise,
                )
            )
            for index, (name, shape) in enumerate(TASKS.items())
        }
        write(folders[-1], rows)
    return folders


def rows_of(name: str, shape: Shape, rng: np.random.Generator, own: np.random.Generator, noise: float) -> Iterator[Row]:
    """The rows of a task; what `rng` draws is the same for every model, what `own` draws is a model's own."""
    for number in range(shape.questions * shape.rows):
        options = int(rng.integers(shape.options[0], shape.options[1] + 1))
        gold = sorted(map(int, rng.choice(options, int(rng.integers(1, shape.golds + 1)), replace=False)))
        values = rng.normal(size=options)
        values[gold] += 1.5
        values += noise * own.normal(size=options)
        doc = {"stem": f"{name} {number}?", "choices": [f"option {i}" for i in range(options)], "gold": gold}
        if shape.rows > 1:
            doc["question_id"] = f"{name} {number // shape.rows}"
        row = {
            "doc_id": number,
            "doc": doc,
            "target": str(gold[0]),
            "doc_hash": digest(doc),
            "prompt_hash": digest(name, number),
            "target_hash": digest(gold),
        }
        yield from answered(row, shape.kind, values, gold, own)


def answered(row: Row, kind: str, values: np.ndarray, gold: list[int], rng: np.random.Generator) -> Iterator[Row]:
    """The row with an answer, of the kind that its task has; a written one under two filters, of which one reads less."""
    pick = int(values.argmax())
    if kind == "multiple_choice":
        pairs = [[repr(float(value)), "False"] for value in values]
        texts = {f"gen_args_{i}": {"arg_0": "?", "arg_1": f" {LETTERS[i]}"} for i in range(len(values))}
        scores = {"metrics": ["acc"], "acc": float(pick in gold)}
        yield (
            row
            | {"arguments": texts, "resps": [[pair] for pair in pairs], "filtered_resps": pairs, "filter": "none"}
            | scores
        )
        return
    if kind == "fractions":
        yield with_answers(row, "none", [int(each) for each in sampled(values, rng)], gold)
        return
    for name, share in (("strict", 0.7), ("flexible", 0.95)):
        yield with_answers(row, name, [pick if rng.random() < share else None], gold)


def sampled(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Eight options, the more likely the larger their values are."""
    shares = np.exp(values - values.max())
    return rng.choice(len(values), 8, p=shares / shares.sum())


def with_answers(row: Row, name: str, picks: list[int | None], gold: list[int]) -> Row:
    """The row under the filter `name` with written answers, None for one that could not be read; its scores are their means."""
    letters = [None if pick is None else LETTERS[pick] for pick in picks]
    texts = [f"{row['doc']['stem']} {number}: {letter}" for number, letter in enumerate(letters)]
    read = [
        json.dumps({"answer": letter, "status": "answered" if letter else "none", "rule": None, "span": None})
        for letter in letters
    ]
    return row | {
        "arguments": {"gen_args_0": {"arg_0": "?", "arg_1": {}}},
        "resps": [texts],
        "filtered_resps": [read] if len(read) > 1 else read,
        "filter": name,
        "metrics": ["acc", "parsed"],
        "acc": float(np.mean([pick in gold for pick in picks])),
        "parsed": float(np.mean([pick is not None for pick in picks])),
    }


def write(folder: Path, tasks: dict[str, list[Row]]) -> None:
    """A results file with its samples."""
    folder.mkdir(parents=True)
    results: dict[str, Row] = {}
    for task, rows in tasks.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"samples_{task}_{STAMP}.jsonl").write_text(lines, encoding="utf-8")
        names = dict.fromkeys(row["filter"] for row in rows)
        means = {f"acc,{name}": float(np.mean([row["acc"] for row in rows if row["filter"] == name])) for name in names}
        results[task] = means | {"sample_len": len(rows) // len(names)}
    groups = {}
    for name, members in GROUPS.items():
        sizes = [results[task]["sample_len"] if name == "pooled" else 1 for task in members]
        groups[name] = {"acc,none": float(np.average([results[task]["acc,none"] for task in members], weights=sizes))}
    written = {
        "results": results | groups,
        "groups": groups,
        "group_subtasks": GROUPS,
        "group_configs": {
            name: {"aggregate_metric_list": [{"metric": "acc", "weight_by_size": name == "pooled"}]} for name in GROUPS
        },
        "configs": {
            task: {
                "task": task,
                "output_type": "multiple_choice" if shape.kind == "multiple_choice" else "generate_until",
            }
            for task, shape in TASKS.items()
        },
        "n-samples": {task: {"original": n, "effective": n} for task in TASKS if (n := results[task]["sample_len"])},
        "versions": dict.fromkeys(TASKS, 1.0),
        "n-shot": dict.fromkeys(TASKS, 0),
        "config": {"model": "hf", "model_args": f"pretrained={folder.name}"},
        "model_name": folder.name,
        "lm_eval_version": "0.4.13",
    }
    (folder / f"results_{STAMP}.json").write_text(json.dumps(written), encoding="utf-8")
