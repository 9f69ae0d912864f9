"""Tasks of public data sets read the bundled rows, without a network and without this suite's own command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.locations import REPOSITORY, SHARED, needs_hub
from lm_eval.tasks import TaskManager

from mcqa_suite.cli.main import main
from mcqa_suite.common import offline
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.harness.public_data import load
from mcqa_suite.harness.tasks import _read, leaves_of, listed, load_leaves, with_local_data
from mcqa_suite.questions import bundle
from mcqa_suite.training_data.audit import audit
from mcqa_suite.training_data.audit.items import items_of
from mcqa_suite.training_data.audit.report import markdown
from mcqa_suite.training_data.sources import Source, rows

BUNDLED = {name: config for name, config in listed().items() if "bundle" in (config.get("dataset_kwargs") or {})}
HUB = {"data": "hub"}
HINT = "Custom kwargs can be passed"
INDEX = json.loads((bundle.DATA / bundle.INDEX).read_text(encoding="utf-8"))
GROUPS = {"mcqa_arc": 3548, "mcqa_openbookqa": 500, "mcqa_mmlu_stem": 3153, "mcqa_gsm8k": 1319, "mcqa_aqua_rat": 254}


@pytest.fixture(autouse=True)
def _nothing_shared(tmp_path, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path / "shared"))


def included_version(path: Path) -> object:
    """The version in the last included file that has one; None where no included file has."""
    text = path.read_text(encoding="utf-8")
    include = re.match(r"(?:#.*\n)*include: (.*)\n", text)
    names = yaml.safe_load(include[1]) if include else []
    parents = [_read((path.parent / name).resolve(), {}) for name in ([names] if isinstance(names, str) else names)]
    return next((parent["metadata"]["version"] for parent in reversed(parents) if "metadata" in parent), None)


def test_every_task_of_a_bundled_data_set_reads_it():
    repositories = {name.rpartition("/")[0].rpartition("/")[0] for name in INDEX}
    public = {name for name, config in listed().items() if config.get("dataset_path") in repositories}
    assert len(public) > 140
    assert set(BUNDLED) == public


def test_a_yaml_names_its_rows_and_their_hash():
    for task, config in BUNDLED.items():
        repository, name = config["dataset_path"], config["dataset_name"]
        assert config["custom_dataset"] == "mcqa_suite.harness.public_data.load", task
        assert config["dataset_kwargs"] == {"bundle": f"{repository}/{name}"}, task
        assert config["metadata"]["data_sha256"] == bundle.sha256(repository, name, config["test_split"]), task


def test_a_yaml_that_states_its_hash_keeps_the_version_of_its_format():
    """`metadata` replaces that of an included file as a whole, so the version stands in both."""
    other = {}
    for path in (REPOSITORY / "tasks").rglob("*.yaml"):
        config = _read(path.resolve(), {})
        if (task := str(config.get("task"))) in BUNDLED and included_version(path) not in (
            None,
            config["metadata"]["version"],
        ):
            other[task] = config["metadata"]["version"]
    assert other == {"mcqa_aqua_rat_cot": 1.2}  # its own: it is compared with a rationale


def test_the_harness_alone_reads_whole_test_sets(caplog):
    tasks = TaskManager(include_path=str(REPOSITORY / "tasks"), include_defaults=False)
    for name, n in GROUPS.items():
        built = tasks.load(name)
        leaves = leaves_of([*built["groups"].values()] or list(built["tasks"].values()))
        assert sum(len(task.eval_docs) for task in leaves) == n
        for task in leaves:
            assert len(task.config.metadata["data_sha256"]) == 64
    assert HINT in caplog.text


@pytest.mark.slow  # 8,774 questions, and their scores; the test above loads the same tasks
def test_the_harness_command_runs_offline_and_records_the_hash(tmp_path):
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    environment.pop("MCQA_SHARED")
    words = ["--model", "dummy", "--tasks", ",".join(GROUPS), "--include_path", str(REPOSITORY / "tasks")]
    command = [sys.executable, "-m", "lm_eval", "run", *words, "--output_path", str(tmp_path / "out")]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    [path] = (tmp_path / "out").rglob("results_*.json")
    results = json.loads(path.read_text(encoding="utf-8"))
    leaves = [name for name in results["configs"] if name in BUNDLED]
    assert sum(results["n-samples"][name]["effective"] for name in leaves) == sum(GROUPS.values())
    for name in leaves:
        assert results["configs"][name]["metadata"]["data_sha256"] == BUNDLED[name]["metadata"]["data_sha256"]


def test_no_bundled_task_waits_for_the_hub(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("the hub was asked"))
    offline.stay_offline_if_cut_off.cache_clear()
    assert len(load_leaves(["mcqa_aqua_rat"])[0].eval_docs) == 254
    assert len(rows(Source("openbookqa", split="test"))) == 500


def test_the_hub_is_read_where_the_metadata_says_so(made_up_hub, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))
    [task] = load_leaves(["mcqa_aqua_rat"], HUB)
    assert [doc["stem"] for doc in task.eval_docs][:2] == ["Problem 0?", "Problem 1?"]
    [task] = load_leaves(["mcqa_aqua_rat"])
    assert len(task.eval_docs) == 254


def test_the_commands_say_where_questions_come_from(capsys):
    assert main(["tasks", "arc_easy"]) == 0
    assert re.search(r"^  mcqa_arc_easy +allenai/ai2_arc \(bundled\)$", capsys.readouterr().out, re.MULTILINE)
    assert main(["check", "mcqa_aqua_rat"]) == 0
    assert capsys.readouterr().out.endswith(", questions of deepmind/aqua_rat (bundled)\n")
    items = items_of(["mcqa_aqua_rat"])
    row = {"prompt": "Another question?", "completion": " B"}
    assert "\nPublic questions: deepmind/aqua_rat (bundled).\n" in markdown(audit([row], items))


@needs_hub
def test_the_documents_are_those_of_the_hub(monkeypatch):
    tasks = ["mcqa_arc_challenge", "mcqa_aqua_rat_cot", "mcqa_gsm8k", "mcqa_mmlu_stem_anatomy"]
    bundled = load_leaves(tasks)
    monkeypatch.setenv("MCQA_SHARED", str(SHARED))
    for ours, theirs in zip(bundled, load_leaves(tasks, HUB), strict=True):
        assert ours.eval_docs.features == theirs.eval_docs.features
        assert ours.eval_docs.to_list() == theirs.eval_docs.to_list()
        assert list(ours.fewshot_docs()) == list(theirs.fewshot_docs())


def test_the_hub_offline_is_one_line(capsys):
    assert main(["check", "mcqa_arc", "--metadata", json.dumps(HUB)]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert line.startswith("mcqa: mcqa_arc_easy: allenai/ai2_arc: not on this machine and the hub cannot be reached; ")
    assert line.endswith(
        "put it under $MCQA_SHARED/hub/allenai/ai2_arc; or leave out data: hub, since its rows are bundled"
    )


def test_another_origin_is_an_error():
    with pytest.raises(ConfigError, match=r"^mcqa_gsm8k: metadata: data is 'hubb'; expected one of bundled, hub$"):
        load_leaves(["mcqa_gsm8k"], {"data": "hubb"})
    for value in (True, ["hub"], None):
        with pytest.raises(ConfigError, match=r"^metadata: data is "):
            load("openai/gsm8k/main", value)


def test_a_set_that_is_not_bundled_is_an_error():
    with pytest.raises(ConfigError, match="bundle is 'allenai/sciq/default', which is not bundled"):
        load(bundle="allenai/sciq/default")


def test_a_yaml_that_names_another_data_set_does_not_get_the_bundled_rows(tmp_path):
    ours = REPOSITORY / "tasks" / "openbookqa" / "openbookqa.yaml"
    text = f"include: {ours}\ntask: mine\ndataset_path: me/questions\n"
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    tasks = with_local_data(TaskManager(include_path=str(tmp_path), include_defaults=False))
    with pytest.raises(
        ConfigError, match=r"^mine: dataset_path and dataset_name are me/questions/main, but .*bundle is"
    ):
        tasks.load("mine")
    (tmp_path / "mine.yaml").write_text(f"{text}custom_dataset: null\ndataset_kwargs: null\n", encoding="utf-8")
    tasks = with_local_data(TaskManager(include_path=str(tmp_path), include_defaults=False))
    with pytest.raises(DatasetError, match=r"^mine: me/questions: not on this machine"):
        tasks.load("mine")


def test_the_harnesss_hint_is_not_printed_at_every_task(caplog):
    load_leaves(["mcqa_arc"])
    assert HINT not in caplog.text
