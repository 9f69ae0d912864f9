"""Where tasks find their data, and which task and data set an error names."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
import yaml
from helpers.dataset_rows import gpqa_rows, sciq_rows, write_dataset
from lm_eval.tasks import TaskManager

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.harness.mirror import local_dataset
from mcqa_suite.harness.tasks import load, manager, with_local_data

SCIQ = {"train": sciq_rows(6), "test": sciq_rows(6)}
MISSING = "not on this machine and the hub cannot be reached"


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """An empty mirror, in a process that is cut off from the hub."""
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path / "shared"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shared" / "hub").mkdir(parents=True)
    return tmp_path / "shared" / "hub"


def own_tasks(folder: Path, **tasks: dict | list) -> str:
    """YAMLs of the user's own: a dict is a task, a list the members of a group."""
    folder.mkdir(exist_ok=True)
    letters = {
        "output_type": "multiple_choice",
        "dataset_path": "allenai/sciq",
        "test_split": "test",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "{{[correct_answer, distractor1]}}",
        "doc_to_target": 0,
    }
    for name, about in tasks.items():
        config = {"group": name, "task": about} if isinstance(about, list) else {"task": name, **letters, **about}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return str(folder)


def own_manager(folder: str) -> TaskManager:
    return with_local_data(TaskManager(include_path=folder, include_defaults=False))


def the_line(capsys: pytest.CaptureFixture[str]) -> str:
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    return line


def test_a_group_names_its_member_whose_data_is_missing(hub):
    write_dataset(hub, "allenai/sciq", "default", SCIQ)
    with pytest.raises(DatasetError, match=rf"^mcqa_gpqa_main: Idavidrein/gpqa: {MISSING}"):
        load(["mcqa_sciq", "mcqa_gpqa"], manager())


def test_a_nested_group_names_its_member_too(hub, tmp_path):
    write_dataset(hub, "allenai/sciq", "default", SCIQ)
    gone = {"dataset_path": "owner/gone"}
    folder = own_tasks(tmp_path / "own", mine={}, gone=gone, inner=["mine", "gone"], outer=["mine", "inner"])
    with pytest.raises(DatasetError, match=rf"^gone: owner/gone: {MISSING}.*hub/owner/gone$"):
        load(["outer"], own_manager(folder))


@pytest.mark.parametrize("words", [["check"], ["eval", "--model", "dummy", "--limit", "1", "--tasks"]])
def test_commands_name_the_task_and_its_repository(hub, words, capsys):
    assert main([*words, "mcqa_gpqa"]) == 2
    assert the_line(capsys).startswith(f"mcqa: mcqa_gpqa_main: Idavidrein/gpqa: {MISSING}")


def test_an_audit_names_the_task_and_its_repository(hub, tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"id": "1", "prompt": "Q", "completion": "A"}) + "\n", encoding="utf-8")
    assert main(["audit", str(rows), "--against", "mcqa_gpqa"]) == 2
    assert the_line(capsys).startswith(f"mcqa: mcqa_gpqa_main: Idavidrein/gpqa: {MISSING}")


def test_broken_data_names_the_task_and_its_repository(hub):
    write_dataset(hub, "Idavidrein/gpqa", "gpqa_main", {"train": gpqa_rows(4)})
    with pytest.raises(DatasetError, match=r"^mcqa_gpqa_extended: Idavidrein/gpqa: .*gpqa_extended"):
        load(["mcqa_gpqa_extended"], manager())  # the repository has another configuration only
    [path] = hub.rglob("*.jsonl")
    path.write_text('{"Question": \n', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"^mcqa_gpqa_main: Idavidrein/gpqa: \w+: "):
        load(["mcqa_gpqa"], manager())


def test_a_gated_data_set_names_its_task(hub, monkeypatch):
    def gated(*args, **kwargs):
        raise ValueError("Dataset 'Idavidrein/gpqa' is a gated dataset on the Hub.")

    monkeypatch.setattr("datasets.load_dataset", gated)
    with pytest.raises(DatasetError, match=r"^mcqa_gpqa_main: gated data set Idavidrein/gpqa: ask for access"):
        load(["mcqa_gpqa"], manager())


def test_eval_reads_the_mirror_and_records_the_public_name(hub, tmp_path):
    write_dataset(hub, "allenai/sciq", "default", SCIQ)
    words = ["eval", "--model", "dummy", "--tasks", "mcqa_sciq", "--limit", "2", "--output_path", "out"]
    assert main(words) == 0
    [results] = (tmp_path / "out").rglob("results_*.json")
    text = results.read_text(encoding="utf-8")
    assert json.loads(text)["configs"]["mcqa_sciq"]["dataset_path"] == "allenai/sciq"
    assert str(hub) not in text


def test_tasks_of_the_users_own_read_the_mirror(hub, tmp_path):
    write_dataset(hub, "allenai/sciq", "default", SCIQ)
    inline = {"task": "inline", "dataset_path": "allenai/sciq", "output_type": "generate_until", "test_split": "test"}
    inline |= {"doc_to_text": "{{question}}", "doc_to_target": "{{correct_answer}}"}
    folder = own_tasks(tmp_path / "own", mine={}, group=["mine", inline])
    built = own_manager(folder).load("group")["tasks"]
    assert sorted(built) == ["group::inline", "mine"]
    for task in built.values():
        assert len(task.eval_docs) == 6
        assert task.dump_config()["dataset_path"] == "allenai/sciq"


def test_only_a_public_name_is_read_from_the_mirror(hub, tmp_path):
    (hub / "owner" / "name").mkdir(parents=True)
    (tmp_path / "owner").mkdir()
    assert local_dataset("owner/name") == str(hub.resolve() / "owner" / "name")
    assert [local_dataset(name) for name in ("owner", ".", "owner/other")] == ["owner", ".", "owner/other"]
    (tmp_path / "owner" / "name").mkdir()  # a folder of the user's own
    assert local_dataset("owner/name") == "owner/name"


def test_a_task_that_shuffles_at_each_access_has_one_order(hub):
    write_dataset(hub, "Idavidrein/gpqa", "gpqa_main", {"train": gpqa_rows(12)})
    folder = str(resources.files("lm_eval") / "tasks" / "gpqa" / "zeroshot")
    tasks = with_local_data(TaskManager(include_path=folder, include_defaults=False))
    task = tasks.load("gpqa_main_zeroshot")["tasks"]["gpqa_main_zeroshot"]
    assert len({str(list(task.eval_docs)) for _ in range(3)}) == 1
