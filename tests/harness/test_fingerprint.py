"""What a task reads is known by its content, wherever it lies; tasks are loaded, no model is."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from helpers.dataset_rows import write_dataset

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import TaskData
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.harness.fingerprint import _yamls, fingerprints, metric_models
from mcqa_suite.harness.tasks import load_leaves
from mcqa_suite.training_data import sources

GSM8K = "openai/gsm8k"


def read(name: str, num_fewshot: int | None = None, **metadata: object) -> TaskData:
    (task,) = fingerprints(0, [name], load_leaves([name], metadata), num_fewshot)
    return task


@pytest.fixture
def epfl_rows(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.delenv("MCQA_EPFL_FILE", raising=False)
    return (tasks_dir() / "epfl/sample.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)


def write(path: Path, lines: list[str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


def test_questions_are_known_by_their_content_however_they_are_chosen(tmp_path, monkeypatch, epfl_rows):
    exam, moved = write(tmp_path / "exam.jsonl", epfl_rows[:20]), write(tmp_path / "moved/exam.jsonl", epfl_rows[:20])
    by_metadata = read("mcqa_epfl", epfl_file=exam)
    assert (by_metadata.source, by_metadata.n, by_metadata.shots) == ("exam.jsonl", 20, 0)
    monkeypatch.setenv("MCQA_EPFL_FILE", moved)
    assert read("mcqa_epfl") == by_metadata
    write(tmp_path / "moved/exam.jsonl", [*epfl_rows[:19], epfl_rows[30]])
    assert read("mcqa_epfl").documents != by_metadata.documents
    monkeypatch.delenv("MCQA_EPFL_FILE")
    assert (read("mcqa_epfl").source, read("mcqa_epfl").n) == ("sample.jsonl", len(epfl_rows))


def test_rows_are_those_of_the_file_whatever_is_made_of_them(tmp_path, epfl_rows):
    exam = write(tmp_path / "exam.jsonl", epfl_rows[:20])
    assert read("mcqa_epfl_perm", epfl_file=exam).n == 20


@pytest.mark.slow
def test_few_shot_examples_count_where_they_are_shown():
    none, five = read("mcqa_epfl"), read("mcqa_epfl", num_fewshot=5)
    assert (none.shots, none.examples, five.shots) == (0, "", 5)
    assert five.documents == none.documents
    assert read("mcqa_openbookqa", num_fewshot=5).examples not in ("", five.examples)
    assert read("mcqa_symbolic_local_main").shots == 8
    assert read("mcqa_symbolic_local_main", num_fewshot=0).shots == 0


def rows_of(word: str) -> dict[str, list[dict[str, str]]]:
    rows = [{"question": f"{word} {i}?", "answer": f"So.\n#### {i}"} for i in range(5)]
    return {"train": rows, "test": rows}


def hub(shared: Path, word: str) -> Path:
    """A shared folder whose files have the same names, sizes and dates whatever the word is."""
    write_dataset(shared / "hub", GSM8K, "main", rows_of(word))
    for path in (shared / "hub" / GSM8K / "main").iterdir():
        path = path.rename(path.with_name(f"{path.name.partition('-')[0]}.jsonl"))
        os.utime(path, (1e9, 1e9))
    names = "".join(f"  - split: {split}\n    path: main/{split}.jsonl\n" for split in ("train", "test"))
    card = shared / "hub" / GSM8K / "README.md"
    card.write_text(f"---\nconfigs:\n- config_name: main\n  data_files:\n{names}---\n")
    return shared


def test_a_data_set_of_the_hub_is_known_by_its_rows_not_by_its_folder_or_dates(tmp_path, monkeypatch):
    def under(shared: Path) -> TaskData:
        monkeypatch.setenv("MCQA_SHARED", str(shared))
        return read("mcqa_gsm8k", data="hub")

    first = under(hub(tmp_path / "a", "First"))
    assert (first.source, first.n) == (GSM8K, 5)
    assert under(hub(tmp_path / "b", "Other")).documents != first.documents
    assert under(hub(tmp_path / "c", "First")) == first
    shutil.rmtree(tmp_path / "a")
    assert under(hub(tmp_path / "a", "Third")).documents != first.documents


def test_training_rows_of_the_hub_are_known_by_their_content_too(tmp_path, monkeypatch):
    entry = sources.Source("gsm8k", style="official", data="hub")
    data = []
    for folder, word in (("a", "First"), ("b", "Other"), ("c", "First")):
        monkeypatch.setenv("MCQA_SHARED", str(hub(tmp_path / folder, word)))
        data.append(sources.read([entry])[1])
    assert data[0] == data[2] != data[1]


@pytest.mark.slow
def test_questions_from_templates_are_known_by_their_documents():
    assert read("mcqa_symbolic_local_main").documents == read("mcqa_symbolic_local_main").documents
    assert read("mcqa_symbolic_local_main", seed=2).documents != read("mcqa_symbolic_local_main").documents
    assert read("mcqa_symbolic_local_main").source == "symbolic_local"


@pytest.mark.slow
def test_the_rules_of_a_grid_task_are_known_by_their_content(tmp_path):
    task = load_leaves(["mcqa_arc_grid_1_evaluation_describe"])[0].eval_docs[0]["task_id"]

    def rules(name: str, text: str) -> TaskData:
        row = {"doc_id": 0, "doc": {"task_id": task}, "resps": [[text]], "filtered_resps": [text], "target": ""}
        return read("mcqa_arc_grid_1_evaluation_apply", rules=write(tmp_path / name, [json.dumps(row) + "\n"]))

    first = rules("a/samples.jsonl", "Mirror it.")
    assert (first.source, first.n > 0) == ("samples.jsonl", True)
    assert rules("b/samples.jsonl", "Mirror it.") == first
    assert rules("a/samples.jsonl", "Turn it.").documents != first.documents


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tasks, as an installed package has them at another place."""
    folder = tmp_path / "site-packages/mcqa_suite/tasks"
    shutil.copytree(tasks_dir(), folder)
    for module in ("mcqa_suite.harness.tasks", "mcqa_suite.harness.docs"):
        monkeypatch.setattr(f"{module}.tasks_dir", lambda: folder)
    return folder


def test_only_the_yamls_that_a_task_uses_count(tasks, monkeypatch):
    with monkeypatch.context() as checkout:
        checkout.undo()
        before = read("mcqa_epfl_cot")
    assert read("mcqa_epfl_cot") == before
    for unused in ("arc/arc_easy.yaml", "_formats/letter.yaml", "epfl/epfl.yaml"):
        (tasks / unused).write_text((tasks / unused).read_text() + "description: Other.\n")
    with (tasks / "_formats/cot.yaml").open("a") as stream:
        stream.write("# a comment\n")
    assert read("mcqa_epfl_cot") == before
    with (tasks / "_formats/cot.yaml").open("a") as stream:
        stream.write("description: Other.\n")
    after = read("mcqa_epfl_cot")
    assert (after.documents, after.yaml == before.yaml) == (before.documents, False)


def test_the_yaml_of_a_group_counts_for_its_tasks(tasks, made_up_hub, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))
    before = fingerprints(0, ["mcqa_arc"], load_leaves(["mcqa_arc"]))
    assert [task.task for task in before] == ["mcqa_arc_easy", "mcqa_arc_challenge"]
    with (tasks / "arc/_arc.group.yaml").open("a") as stream:
        stream.write("group_alias: ARC\n")
    after = fingerprints(0, ["mcqa_arc"], load_leaves(["mcqa_arc"]))
    assert all(old.yaml != new.yaml for old, new in zip(before, after, strict=True))
    assert read("mcqa_arc_easy").yaml not in [task.yaml for task in before]


def test_the_model_of_bertscore_counts_for_tasks_that_use_it(tmp_path, monkeypatch):
    math, letter = load_leaves(["mcqa_symbolic_local_main"]), load_leaves(["mcqa_epfl"])
    monkeypatch.delenv("MCQA_BERTSCORE_MODEL", raising=False)
    assert metric_models(math) == ()
    data = []
    for folder, text in (("a", "1"), ("b", "1"), ("c", "2")):
        write(tmp_path / folder / "tiny/config.json", [text])
        monkeypatch.setenv("MCQA_BERTSCORE_MODEL", f"{tmp_path / folder}/tiny@2")
        data += metric_models(math)
    assert data[0].name == "BERTScore model tiny@2"
    assert data[0] == data[1] != data[2]
    assert metric_models(letter) == ()
    monkeypatch.setenv("MCQA_BERTSCORE_MODEL", "owner/tiny@2")
    assert [model.name for model in metric_models(math)] == ["BERTScore model owner/tiny@2"]


@pytest.mark.parametrize("name", ["gone.jsonl", "."])
def test_a_file_of_questions_that_does_not_exist_is_named_with_what_chose_it(tmp_path, monkeypatch, name):
    monkeypatch.setenv("MCQA_EPFL_FILE", str(tmp_path / name))
    with pytest.raises(ConfigError, match=r"^mcqa_epfl: MCQA_EPFL_FILE: .*: no such file; give the path of an EPFL"):
        load_leaves(["mcqa_epfl"])
    with pytest.raises(ConfigError, match=r"^mcqa_epfl: metadata: epfl_file: .*: no such file"):
        load_leaves(["mcqa_epfl"], {"epfl_file": str(tmp_path / name)})


def test_the_yaml_of_a_task_that_a_group_defines_inline_is_the_groups():
    inline = {"task": "exam", "dataset_path": "owner/exam"}
    before, now = (
        dict(_yamls(["mine"], {"mine": {"group": "mine", "task": ["part", task]}, "part": {"task": "part"}}))
        for task in (inline, {**inline, "dataset_path": "owner/other"})
    )
    assert before.keys() == now.keys() == {"part", "exam"}
    assert before["exam"] != now["exam"]
