"""What each release of lm_eval writes is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from helpers.foreign_logs import as_before, rewrite, rows_of, run_in, samples
from helpers.log_files import write_run, written_row

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.pack_run import pack_run
from mcqa_suite.logs.rows import RowIndex
from mcqa_suite.logs.runs import read_run

RELEASES = Path(__file__).parent / "releases"
RUNS = sorted(path for path in RELEASES.glob("*/*") if path.is_dir())
TWO_FILTERS = [{"name": name, "filter": [{"function": "take_first"}]} for name in ("strict", "flexible")]


@pytest.mark.parametrize("run", RUNS, ids=lambda path: "-".join(path.parts[-2:]))
def test_every_run_of_the_releases_is_read(run):
    read = read_run(run)
    assert list(read.tasks) == [("choice", "none"), ("written", "strict-match"), ("written", "flexible-extract")]
    assert not read.problems
    assert not any(task.faults for task in read.tasks.values())
    choice, strict, flexible = read.tasks.values()
    assert (choice.metrics, strict.metrics, flexible.metrics) == (["acc", "acc_norm"], ["exact_match"], ["exact_match"])
    assert choice.samples.gold.argmax(axis=1).tolist() == [0, 2, 1]
    assert choice.samples.chose_gold("acc").tolist() == (choice.samples.scores["acc"] == 1).tolist()
    assert (strict.unread, flexible.unread) == (1.0, 0.0)
    assert flexible.samples.scores["exact_match"].tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("run", RUNS, ids=lambda path: "-".join(path.parts[-2:]))
def test_a_packed_run_of_any_release_is_read_like_the_run(run, tmp_path):
    pack_run(run, tmp_path / "packed")
    as_before(tmp_path / "packed", run)


def test_there_are_runs_of_five_releases_and_of_each_form():
    assert len({path.parts[-2] for path in RUNS}) >= 5
    assert {path.name for path in RUNS} == {"folder", "file", "inside"}


def test_documents_of_two_releases_are_paired_by_their_hashes():
    first, last = (read_run(RELEASES / release / "folder") for release in ("0.4.2", "0.4.13"))
    for key, task in last.tasks.items():
        assert np.array_equal(first.tasks[key].samples.hashes, task.samples.hashes)


def without(*names):
    """Rows as an older release wrote them."""

    def change(row: dict) -> dict:
        return {name: value for name, value in row.items() if name not in names}

    return change


def two_filters(folder: Path, n: int = 6) -> Path:
    """Every document under one filter, then under the other; the first reads nothing of odd documents."""
    rows = [
        written_row("cot", i, None if name == "strict" and i % 2 else "B", 1) | {"filter": name}
        for name in ("strict", "flexible")
        for i in range(n)
    ]
    configs = {"cot": {"output_type": "generate_until", "num_fewshot": 0, "filter_list": TWO_FILTERS}}
    return write_run(folder, {"cot": rows}, configs=configs)


HASHES = ("doc_hash", "prompt_hash", "target_hash")


def test_rows_without_a_filter_are_those_of_the_tasks_filters_in_their_order(tmp_path):
    expected, older = two_filters(tmp_path / "expected"), two_filters(tmp_path / "older")
    rewrite(samples(older, "cot"), without("filter"))
    as_before(older, expected)
    assert [run.unread for run in read_run(older).tasks.values()] == [0.5, 0.0]
    index = RowIndex(samples(older, "cot"))
    assert (index["strict", 1].answers, index["flexible", 1].answers) == ([None], ["B"])
    assert index["flexible", 1].filter == "flexible"


def test_a_document_more_often_than_there_are_filters_comes_twice(tmp_path):
    older = two_filters(tmp_path)
    rewrite(samples(older, "cot"), without("filter"))
    samples(older, "cot").write_text(samples(older, "cot").read_text() * 2, encoding="utf-8")
    with pytest.raises(DatasetError, match="filter flexible: document 0 comes twice"):
        read_run(older)


def test_rows_without_hashes_and_metrics_in_a_json_list_are_read(tmp_path):
    expected, older = run_in(tmp_path / "expected"), run_in(tmp_path / "older")

    def change(row: dict) -> dict:
        row["arguments"] = [list(request.values()) for request in row["arguments"].values()]
        return without("filter", "metrics", *HASHES)(row) | {"target": int(row["target"])}

    rows = rows_of(samples(older))
    rewrite(samples(older), change, as_list=True)
    run = read_run(older).tasks["arc", "none"]
    assert run.samples.scores.keys() == {"acc"}
    assert run.samples.gold.argmax(axis=1).tolist() == [int(row["target"]) for row in rows]
    prompts = [hashlib.sha256(row["arguments"]["gen_args_0"]["arg_0"].encode()).hexdigest() for row in rows]
    assert run.samples.hashes[:, 1].tolist() == [int(digest[:16], 16) for digest in prompts]
    assert np.array_equal(run.samples.hashes[:, 2], read_run(expected).tasks["arc", "none"].samples.hashes[:, 2])
    assert len(set(run.samples.hashes[:, 0].tolist())) == 12
    index = RowIndex(samples(older))
    assert index["none", 11].doc == rows[11]["doc"]


def test_a_list_that_was_cut_off_is_a_broken_line(tmp_path):
    folder = run_in(tmp_path)
    rewrite(samples(folder), dict, as_list=True)
    samples(folder).write_text(samples(folder).read_text()[:-100], encoding="utf-8")
    with pytest.raises(DatasetError, match=r"jsonl:1: broken line .*Run it again"):
        read_run(folder)
