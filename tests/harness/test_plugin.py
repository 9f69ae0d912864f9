"""A harness that reads plug-ins runs our tasks with our model after `pip install`, with no path and no launcher of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from lm_eval.api import registry
from lm_eval.tasks import manager

from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.harness import tasks

needs_plugins = pytest.mark.skipif(
    not (hasattr(manager, "discover_plugin_task_paths") and hasattr(registry, "load_plugins")),
    reason="this release of the harness reads no plug-ins",
)


def lm_eval(*words, folder):
    """Run the harness's own command in a folder that is not the repository, with the package as it is installed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "lm_eval", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@needs_plugins
@pytest.mark.slow
def test_lm_eval_alone_finds_tasks_and_model(tiny_checkpoint, tmp_path):
    words = ["--tasks", "mcqa_epfl,mcqa_epfl_cot", "--model", "hf-prefix", "--limit", "3", "--log_samples"]
    words += ["--model_args", f"pretrained={tiny_checkpoint}", "--gen_kwargs", "max_gen_toks=8"]
    done = lm_eval("run", *words, "--output_path", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    [path] = (tmp_path / "run").rglob("results_*.json")
    results = json.loads(path.read_text(encoding="utf-8"))
    assert results["config"]["model"] == "hf-prefix"
    assert results["n-samples"]["mcqa_epfl"]["effective"] == 3
    assert "overrides" not in done.stderr


@needs_plugins
@pytest.mark.slow
def test_our_own_command_does_not_give_the_harness_its_tasks_twice(tmp_path):
    words = ["-m", "mcqa_suite.cli.main", "eval", "--model", "dummy", "--tasks", "mcqa_epfl", "--limit", "2"]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "overrides" not in done.stderr
    assert tasks.include_path(str(tasks_dir())) is None


@needs_plugins
@pytest.mark.slow
def test_the_harness_gives_filters_and_aggregations_by_name():
    for point in entry_points(group="lm_eval.filters"):
        if point.name.startswith("mcqa_"):
            assert registry.get_filter(point.name) is point.load()
    for point in entry_points(group="lm_eval.aggregations"):
        if point.name.startswith("mcqa_"):
            assert registry.get_aggregation(point.name) is point.load()


@pytest.mark.slow
def test_without_plugins_the_harness_takes_the_tasks_by_path(tiny_checkpoint, tmp_path):
    words = ["--tasks", "mcqa_epfl", "--model", "hf", "--limit", "3", "--output_path", "run"]
    words += ["--model_args", f"pretrained={tiny_checkpoint}"]
    path = subprocess.run(
        [sys.executable, "-m", "mcqa_suite.cli.main", "tasks", "--path"], capture_output=True, text=True, check=True
    )
    done = lm_eval("run", *words, "--include_path", path.stdout.strip(), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [*(tmp_path / "run").rglob("results_*.json")]
