"""The base model is asked the demo's questions in the same words, and answers them as it did; MCQA_REWRITE_GOLDEN=1 writes anew.

Letter and cloze are asked as in version 0.1.0, cot as since its version 1.1.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.cli.main import main

# Per task: number of documents, a hash of their doc, prompt and target hashes, and each score.
FILE = Path(__file__).parent / "golden" / "demo_base.json"
GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))
COT = "mcqa_generated_cot"


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Sample rows of the base by task, in the order of the documents."""
    output = tmp_path_factory.mktemp("demo")
    model = f"pretrained={REPOSITORY / 'training' / 'base'},dtype=float32"
    common = ["eval", "--model_args", model, "--device", "cpu", "--batch_size", "32", "--log_samples"]
    letter_and_cloze = ",".join(sorted(GOLDEN.keys() - {COT}))
    assert main([*common, "--tasks", letter_and_cloze, "--output_path", str(output / "0")]) == 0
    words = ["--tasks", COT, "--limit", "200", "--gen_kwargs", "max_gen_toks=48", "--output_path", str(output / "1")]
    assert main([*common, *words]) == 0
    logs = {path.name.removeprefix("samples_").rsplit("_", 1)[0]: path for path in output.rglob("samples_*.jsonl")}
    rows = {
        task: [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        for task, path in logs.items()
    }
    rows = {task: sorted(rows[task], key=lambda row: row["doc_id"]) for task in rows}
    if os.environ.get("MCQA_REWRITE_GOLDEN"):
        GOLDEN.update(
            {task: {"n": len(rows[task]), "asked": asked(rows[task]), **scores(rows[task])} for task in GOLDEN}
        )
        FILE.write_text(json.dumps(GOLDEN, indent=1), encoding="utf-8")
    return rows


def asked(rows: list[dict]) -> str:
    """A hash of what was asked: documents, prompts and targets."""
    text = "".join(f"{row['doc_hash']} {row['prompt_hash']} {row['target_hash']}\n" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def scores(rows: list[dict]) -> dict[str, str]:
    """Each score of every document, as a text of 0 and 1."""
    metrics = [metric for metric in ("acc", "acc_norm") if metric in rows[0]]
    return {metric: "".join(str(int(row[metric])) for row in rows) for metric in metrics}


def test_every_task_of_the_demo_ran(samples):
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
