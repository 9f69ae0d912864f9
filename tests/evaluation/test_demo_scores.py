"""The base model is asked the demo's questions in the words of version 0.1.0, and answers them as it did there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.cli.main import main

# Per task, from a run of 0.1.0: number of documents, a hash of their doc, prompt and target hashes, and each score.
GOLDEN = json.loads((Path(__file__).parent / "golden" / "demo_base.json").read_text(encoding="utf-8"))
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
    return {task: sorted(rows[task], key=lambda row: row["doc_id"]) for task in rows}


def test_every_task_of_the_demo_ran(samples):
    assert samples.keys() == GOLDEN.keys()


@pytest.mark.parametrize("task", sorted(GOLDEN))
def test_every_document_prompt_and_target_is_unchanged(samples, task):
    digest = hashlib.sha256()
    for row in samples[task]:
        digest.update(f"{row['doc_hash']} {row['prompt_hash']} {row['target_hash']}\n".encode())
    assert (len(samples[task]), digest.hexdigest()) == (GOLDEN[task]["n"], GOLDEN[task]["asked"])


@pytest.mark.parametrize(
    ("task", "metric"),
    [(task, metric) for task in sorted(GOLDEN) for metric in GOLDEN[task] if metric.startswith("acc")],
)
def test_every_score_is_unchanged(samples, task, metric):
    scores = "".join(str(int(row[metric])) for row in samples[task])
    changed = sum(before != now for before, now in zip(GOLDEN[task][metric], scores, strict=True))
    # Another processor rounds otherwise, which can decide between two options that are all but equal.
    assert changed <= len(scores) // 200
