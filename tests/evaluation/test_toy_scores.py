"""The toy is asked the same questions in the same words, and answers them as it did; MCQA_REWRITE_GOLDEN=1 writes anew.

Letter and cloze are asked as in version 0.1.0, cot as since its version 1.1.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from helpers.locations import TEST, TOY

from mcqa_suite.cli.main import main

# Per task and file of questions: number of documents, a hash of their doc, prompt and target hashes, and each score.
FILE = Path(__file__).parent / "golden" / "toy.json"
GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))
OF_TOY = ["--metadata", json.dumps({"epfl_file": str(TEST)})]
SHORT = ["--limit", "100", "--gen_kwargs", "max_gen_toks=48"]
RUNS = {  # questions -> the words of their evaluations
    "sample": [["--tasks", "mcqa_epfl"]],
    "toy": [["--tasks", "mcqa_epfl,mcqa_epfl_cloze", *OF_TOY], ["--tasks", "mcqa_epfl_cot", *OF_TOY, *SHORT]],
}


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Sample rows by questions and task, in the order of the documents."""
    output = tmp_path_factory.mktemp("toy")
    model = f"pretrained={TOY / 'base'},dtype=float32"
    common = ["eval", "--model_args", model, "--device", "cpu", "--batch_size", "32", "--log_samples"]
    rows = {}
    for questions, runs in RUNS.items():
        for number, words in enumerate(runs):
            assert main([*common, *words, "--output_path", str(output / questions / str(number))]) == 0
        for path in (output / questions).rglob("samples_*.jsonl"):
            task = path.name.removeprefix("samples_").rsplit("_", 1)[0]
            lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
            rows[f"{questions} {task}"] = sorted(lines, key=lambda row: row["doc_id"])
    if os.environ.get("MCQA_REWRITE_GOLDEN"):
        golden = {task: {"n": len(rows[task]), "asked": asked(rows[task]), **scores(rows[task])} for task in rows}
        FILE.write_text(json.dumps(golden, indent=1), encoding="utf-8")
        GOLDEN.update(golden)
    return rows


def asked(rows: list[dict]) -> str:
    """A hash of what was asked: documents, prompts and targets."""
    text = "".join(f"{row['doc_hash']} {row['prompt_hash']} {row['target_hash']}\n" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def scores(rows: list[dict]) -> dict[str, str]:
    """Each score of every document, as a text of 0 and 1."""
    metrics = [metric for metric in ("acc", "acc_norm") if metric in rows[0]]
    return {metric: "".join(str(int(row[metric])) for row in rows) for metric in metrics}


def test_every_task_ran(samples):
    assert samples.keys() == GOLDEN.keys()


@pytest.mark.parametrize("task", sorted(GOLDEN))
def test_every_document_prompt_and_target_is_unchanged(samples, task):
    assert (len(samples[task]), asked(samples[task])) == (GOLDEN[task]["n"], GOLDEN[task]["asked"])


@pytest.mark.parametrize(
    ("task", "metric"),
    [(task, metric) for task in sorted(GOLDEN) for metric in GOLDEN[task] if metric.startswith("acc")],
)
def test_every_score_is_unchanged(samples, task, metric):
    now = scores(samples[task])[metric]
    changed = sum(old != new for old, new in zip(GOLDEN[task][metric], now, strict=True))
    # Another processor rounds otherwise, which can decide between two options that are all but equal.
    assert changed <= len(now) // 200
