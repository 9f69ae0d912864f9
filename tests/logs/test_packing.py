"""A packed run gives the same tables as the run that it was made from."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcqa_suite.api.comparison import compare, leaderboard
from mcqa_suite.api.runs import load_run
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.evaluation.evaluate_checkpoint import evaluate
from mcqa_suite.logs.pack_run import pack_run
from mcqa_suite.logs.rows import RowIndex, read_rows
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.repeat_commands import commands

pytestmark = pytest.mark.slow

PLAN = [
    {"tasks": ["mcqa_arc_easy_cloze", "mcqa_openbookqa", "mcqa_arc_easy_perm"], "limit": 12},
    {"tasks": ["mcqa_gsm8k", "mcqa_arc_easy_cot"], "limit": 2, "gen_kwargs": {"max_gen_toks": 8}},
    {"tasks": ["mcqa_epfl_cloze"], "limit": 5},
]


@pytest.fixture(scope="module")
def folder(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the harness."""
    folder = tmp_path_factory.mktemp("run") / "run"
    evaluate(str(tiny_checkpoint), PLAN, folder, dtype="float32", batch_size=8)
    return folder


@pytest.fixture
def packed(folder: Path, tmp_path: Path) -> Path:
    pack_run(folder, tmp_path / "run")
    return tmp_path / "run"


def first_row(log: Path) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(gzip.decompress(log.read_bytes()).splitlines()[0])
    return row


def test_every_column_that_a_comparison_uses_is_the_same(folder: Path, packed: Path) -> None:
    plain, small = read_run(folder), read_run(packed)
    assert plain.tasks.keys() == small.tasks.keys()
    assert len(plain.tasks) >= 6
    for key, task in plain.tasks.items():
        for name in (
            "doc_id",
            "hashes",
            "options",
            "gold",
            "loglikelihoods",
            "lengths",
            "answer",
            "letter",
            "response",
        ):
            np.testing.assert_array_equal(getattr(task.samples, name), getattr(small.tasks[key].samples, name), name)
        assert task.settings == small.tasks[key].settings


def test_tables_are_the_same(folder: Path, packed: Path) -> None:
    assert leaderboard([f"m={folder}"]).text("md") == leaderboard([f"m={packed}"]).text("md")
    assert compare(f"a={folder}", f"b={folder}").text("md") == compare(f"a={packed}", f"b={packed}").text("md")


def test_bundled_questions_and_prompts_are_left_out_and_come_back(folder: Path, packed: Path) -> None:
    (log,) = packed.rglob("samples_mcqa_arc_easy_cloze_*.jsonl.gz")
    row = first_row(log)
    assert row["doc"] == {"bundled": "allenai/ai2_arc/ARC-Easy/test", "row": 0}
    assert row["arguments"].keys() == {"sha256", "continuations"}
    (written,) = packed.rglob("samples_mcqa_gsm8k_*.jsonl.gz")
    assert first_row(written)["arguments"].keys() == {"sha256"}
    (plain,) = folder.rglob("samples_mcqa_arc_easy_cloze_*.jsonl")
    documents = [sample.doc for sample in read_rows(plain)]
    assert [sample.doc for sample in read_rows(log)] == documents
    assert RowIndex(log)["none", 7].doc == documents[7]


def test_documents_that_are_not_bundled_stay(packed: Path) -> None:
    for task in ("mcqa_epfl_cloze", "mcqa_arc_easy_perm"):  # the options of the latter are rotated
        (log,) = packed.rglob(f"samples_{task}_*.jsonl.gz")
        assert "choices" in first_row(log)["doc"]


def test_no_path_of_the_machine_is_in_a_packed_run(
    folder: Path, tiny_checkpoint: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tiny_checkpoint.parents[1])
    results = [json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("results_*.json")]
    assert all(Path(each["config"]["model"]).is_absolute() for each in results)
    pack_run(folder, tmp_path / "run")
    for path in (tmp_path / "run").rglob("results_*.json"):
        text = path.read_text(encoding="utf-8")
        assert str(tiny_checkpoint.parents[1]) not in text
        assert "config_source" in text
        for config in json.loads(text)["configs"].values():
            assert not Path(config["metadata"].get("config_source", "")).is_absolute()
        relative = str(tiny_checkpoint.relative_to(tiny_checkpoint.parents[1]))
        assert json.loads(text)["config"]["model"] == relative


def test_packing_again_gives_the_same_bytes_and_leaves_no_older_log(folder: Path, packed: Path) -> None:
    files = {path: path.read_bytes() for path in packed.rglob("*") if path.is_file()}
    older = next(packed.rglob("samples_*.gz")).with_name("samples_mcqa_epfl_cloze_2020-01-01T00-00-00.jsonl.gz")
    older.write_bytes(b"")
    pack_run(folder, packed)
    assert {path: path.read_bytes() for path in packed.rglob("*") if path.is_file()} == files


def test_files_of_the_user_in_the_output_folder_stay(folder: Path, tmp_path: Path) -> None:
    (results,) = (folder / "2").rglob("results_*.json")
    mine = tmp_path / "mine" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("keep", encoding="utf-8")
    pack_run(results.parent, mine.parent)  # results directly in the folder
    assert mine.read_text(encoding="utf-8") == "keep"
    assert list(mine.parent.glob("samples_*.gz"))


def test_scores_of_samples_are_packed_with_their_log(folder: Path, tmp_path: Path) -> None:
    scores = next(folder.rglob("samples_mcqa_gsm8k_*.jsonl")).with_name("reward-0123abcd.samples_mcqa_gsm8k.jsonl")
    scores.write_text("{}\n", encoding="utf-8")
    pack_run(folder, tmp_path / "run")
    assert next((tmp_path / "run").rglob("reward-*.jsonl")).name == scores.name
    scores.unlink()


def test_answers_are_extracted_again_from_a_packed_log(packed: Path, tmp_path: Path) -> None:
    (log,) = packed.rglob("samples_mcqa_gsm8k_*.jsonl.gz")
    assert main(["extract", str(log), "--output", str(tmp_path / "again")]) == 0
    assert len(list((tmp_path / "again").glob("samples_mcqa_gsm8k_*.reread.jsonl"))) == 1


def test_a_log_that_is_cut_off_is_named(packed: Path) -> None:
    (log,) = packed.rglob("samples_mcqa_openbookqa_*.jsonl.gz")
    log.write_bytes(log.read_bytes()[:-30])
    with pytest.raises(DatasetError, match=r"mcqa_openbookqa_.*cut off"):
        list(read_rows(log))


def test_a_row_of_other_questions_is_named(packed: Path) -> None:
    (log,) = packed.rglob("samples_mcqa_openbookqa_*.jsonl.gz")
    first, *others = map(json.loads, gzip.decompress(log.read_bytes()).splitlines())
    first["doc"]["row"] = 1
    log.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in [first, *others]).encode()))
    with pytest.raises(DatasetError, match=r"openbookqa.*:1: .*not that of row 1 of allenai/openbookqa/main/test"):
        list(read_rows(log))


def test_a_folder_without_results_cannot_be_packed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(tmp_path), "-o", str(tmp_path / "small")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "small").exists()


def test_a_run_is_not_packed_into_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(folder), "-o", str(folder / "small")]) == 2
    assert "is inside" in capsys.readouterr().err


def test_a_packed_run_is_loaded_from_python(packed: Path) -> None:
    assert len(load_run(packed).samples("mcqa_arc_easy_cloze")) == 12


def test_a_packed_run_is_repeated_by_the_command_of_the_run(
    folder: Path, packed: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)  # so that paths are shortened to their last part, as the commands do
    pack_run(folder, tmp_path / "again")
    expected = commands(read_run(folder))
    assert all("--model hf-prefix --model_args pretrained=" in command for command in expected)
    assert commands(read_run(tmp_path / "again", name="run")) == [
        command.replace(f"--output_path {folder.name}", "--output_path run") for command in expected
    ]
