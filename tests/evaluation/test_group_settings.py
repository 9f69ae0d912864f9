"""The results of our evaluations say how each group is averaged, which the harness leaves out."""

from __future__ import annotations

import json

import pytest

from mcqa_suite.cli.main import main
from mcqa_suite.evaluation.evaluate_checkpoint import evaluate
from mcqa_suite.logs.runs import read_run


def run(checkpoint, output):
    plan = [{"tasks": ["mcqa_arc"], "limit": 3}]
    evaluate(str(checkpoint), plan, output, dtype="float32", batch_size=4)


def eval_command(checkpoint, output):
    model = ["--model_args", f"pretrained={checkpoint},dtype=float32", "--device", "cpu"]
    words = ["--tasks", "mcqa_arc", "--limit", "3", "--log_samples", "--output_path", str(output)]
    assert main(["eval", *model, *words]) == 0


@pytest.mark.parametrize("command", [run, eval_command])
@pytest.mark.slow
def test_results_say_how_each_group_is_averaged(tiny_checkpoint, tmp_path, command):
    command(tiny_checkpoint, tmp_path)
    path = next(tmp_path.rglob("results_*.json"))
    results = json.loads(path.read_text(encoding="utf-8"))
    (metric,) = results["group_configs"]["mcqa_arc"]["aggregate_metric_list"]
    assert (metric["metric"], metric["weight_by_size"]) == ("acc", True)
    assert read_run(tmp_path).groups["mcqa_arc"].means["acc", "none"].words == "pooled"
    results["groups"]["mcqa_arc"]["acc,none"] += 0.5
    path.write_text(json.dumps(results), encoding="utf-8")
    assert "mcqa_arc" in read_run(tmp_path).problems[0]
