"""The `mcqa_*_harness` tasks ask and score what the harness's own tasks do, in every character."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from helpers.dataset_rows import N, odd_gpqa_rows, odd_sciq_rows, write_odd_rows
from helpers.locations import REPOSITORY

from mcqa_suite.common.errors import LoglikelihoodError
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.check import check
from mcqa_suite.harness import builtin, scoring
from mcqa_suite.harness.tasks import load, manager
from mcqa_suite.training_data.audit import audit
from mcqa_suite.training_data.audit.items import items_of

sys.path.insert(0, str(REPOSITORY / "benchmarks" / "parity"))
import builtin_parity as parity

GROUPS = ["mcqa_mmlu_stem_harness", "mcqa_arc_harness", "mcqa_openbookqa_harness", "mcqa_sciq_harness"]
GROUPS += ["mcqa_gpqa_harness"]


@pytest.fixture
def hub(tmp_path, made_up_hub):
    """Made-up rows of every data set, odd ones of SciQ and GPQA."""
    with parity.data(tmp_path, made_up_hub / "hub"):
        yield tmp_path / "hub"


@pytest.mark.usefixtures("hub")
@pytest.mark.slow
def test_prompts_options_and_targets_are_the_built_in_ones():
    rows = parity.prompts(shots=5, limit=7)
    assert len(rows) == 19 + 4 + 3
    assert {row["n"] for row in rows} == {7}
    assert [row for row in rows if row["other"]] == []


@pytest.mark.usefixtures("hub")
@pytest.mark.slow
def test_scores_and_errors_are_the_built_in_ones():
    runs = {name: parity.RUNS[name] for name in ("arc_challenge", "sciq", "gpqa_diamond_zeroshot")}
    rows = parity.scores(parity.tiny(), limit=8, runs=runs)
    assert [(row["task"], row["n"]) for row in rows] == [(name, 8) for name in runs]
    assert not any(row["values"] or row["scores"] for row in rows)
    assert all(row["same figures"] and "acc_norm_stderr" in row["theirs"] for row in rows)


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_the_mean_over_mmlu_is_the_built_in_one():
    rows = parity.scores(parity.tiny(), limit=40, runs={"mmlu_stem": "mcqa_mmlu_stem_harness"})
    assert {row["n"] for row in rows} == {0, 3}  # the group and its subjects
    assert all(row["same figures"] for row in rows)


@pytest.mark.usefixtures("hub")
def test_other_prompts_count_as_different():
    pairs = {"arc_easy": "mcqa_arc_easy_cloze", "openbookqa": "mcqa_openbookqa_cloze", "sciq": "mcqa_sciq_cloze"}
    assert [row["other"] for row in parity.prompts(shots=0, limit=5, pairs=pairs)] == [5, 5, 5]


@pytest.mark.slow
def test_gpqa_has_the_order_of_a_fresh_process(tmp_path):
    write_odd_rows(tmp_path / "hub")
    names = ["gpqa_main_zeroshot", "mcqa_gpqa_main_harness"]
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "dummy", "--tasks", ",".join(names), "--log_samples"]
    command += ["--output_path", str(tmp_path / "run"), "--include_path", str(tasks_dir())]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    subprocess.run(command, cwd=tmp_path / "hub", env=environment, capture_output=True, check=True)
    theirs, ours = (_asked(tmp_path / "run", name) for name in names)
    assert len(ours) == N
    assert ours == theirs


def _asked(run, task):
    (log,) = run.rglob(f"samples_{task}_*.jsonl")
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [(row["target"], row["arguments"]) for row in rows]


def test_documents_keep_their_ids_and_their_white_space():
    from datasets import Dataset

    rows = Dataset.from_list(odd_sciq_rows())
    (first, *_), (harness, *_) = _docs("sciq", rows)
    assert harness["id"] == first["id"]
    assert [doc["gold"] for doc in builtin.sciq(rows)] == [[3]] * N
    assert builtin.sciq(rows)[1]["stem"] == " Made-up question 1? "
    gpqa = builtin.gpqa_main(Dataset.from_list(odd_gpqa_rows()))
    assert gpqa.to_list() == builtin.gpqa_main(Dataset.from_list(odd_gpqa_rows())).to_list()
    assert "right 2. of  two parts" in gpqa[2]["choices"]


def _docs(name, rows):
    from mcqa_suite.harness import docs

    return getattr(docs, name)(rows), getattr(builtin, name)(rows)


@pytest.mark.usefixtures("hub")
@pytest.mark.slow
def test_the_other_commands_take_these_tasks():
    checks = check(GROUPS, {"data": "hub"})
    assert len(checks) == 19 + 2 + 1 + 1 + 3
    assert [str(each) for each in checks if "sciq" in each.task] == [
        f"mcqa_sciq_harness: {parity.MADE_UP} documents, 4 options, gold D 100%, longest prompt 55 characters, "
        "questions of allenai/sciq"
    ]
    names = ["mcqa_arc_easy_harness", "mcqa_gpqa_main_harness"]
    items = items_of(names, {"data": "hub"})
    item = next(item for item in items if item.task == names[0])
    leaked = {"prompt": f"Question: {item.stem}\n{item.shown}", "completion": item.gold}
    assert {leak.task for leak in audit([leaked], items).leaks} == {names[0]}


@pytest.mark.usefixtures("hub")
def test_the_harness_alone_loads_the_groups():
    from lm_eval.tasks import TaskManager

    tasks = TaskManager(include_path=str(tasks_dir()), include_defaults=False, metadata={"data": "hub"})
    leaves = list(tasks.load("mcqa_arc_harness")["tasks"].values())
    assert [len(task.eval_docs) for task in leaves] == [N, N]
    assert leaves[0].doc_to_text(leaves[0].eval_docs[0]) == "Question: Question 0?\nAnswer:"


@pytest.mark.usefixtures("hub")
def test_gpqa_takes_no_examples_as_the_built_in_task():
    (task,) = load(["mcqa_gpqa_main_harness"], manager())
    assert task.config.num_fewshot == 0


def test_a_score_that_is_no_number_names_the_task():
    doc = {"id": "gpqa_main/rec1", "choices": ["a", "b"], "gold": [0]}
    with pytest.raises(LoglikelihoodError, match=r"mcqa_gpqa_main_harness: document gpqa_main/rec1: .* option 2"):
        scoring.builtin_label_results(doc, [(-1.0, False), (float("nan"), False)])


def test_every_task_says_which_built_in_task_it_is():
    table = (REPOSITORY / "tasks" / "README.md").read_text(encoding="utf-8")
    assert [name for name in GROUPS if f"`{name}`" not in table] == []
