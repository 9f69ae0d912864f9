"""A checkpoint through the real harness, read back, and put on a leaderboard."""

from __future__ import annotations

import csv
import io
import json

import pytest
from conftest import REPOSITORY, needs_hub

from mcqa_suite.errors import CheckpointError, ConfigError, DatasetError
from mcqa_suite.harness import rung
from mcqa_suite.report import leaderboard
from mcqa_suite.runs import read_run

PLAN = [
    {"tasks": ["mcqa_epfl", "mcqa_epfl_cloze"], "limit": 12},
    {"tasks": ["mcqa_epfl_cot"], "limit": 3, "gen_kwargs": {"max_gen_toks": 8}},
    {"tasks": ["mcqa_sciq"], "limit": 2, "optional": True},
]


@pytest.fixture(scope="module")
def evaluated(tiny_checkpoint, tmp_path_factory):
    output = tmp_path_factory.mktemp("rung")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCQA_SHARED", str(output))  # no data here: the optional task cannot be had
        rung.evaluate(str(tiny_checkpoint), PLAN, output, dtype="float32", batch_size=4)
    return output


def test_an_optional_task_without_data_is_skipped_and_named(evaluated):
    record = json.loads((evaluated / "rung.json").read_text(encoding="utf-8"))
    assert [item["tasks"] for item in record["skipped"]] == [["mcqa_sciq"]]
    assert "allenai/sciq: not on this machine" in record["skipped"][0]["reason"]
    assert record["tokens_per_second"] > 0
    assert record["peak_memory_mb"] > 10


def test_the_run_reads_back(evaluated):
    tasks = read_run(evaluated)
    assert {name: run.n for name, run in tasks.items()} == {
        "mcqa_epfl": 12,
        "mcqa_epfl_cloze": 12,
        "mcqa_epfl_cot": 3,
    }
    assert tasks["mcqa_epfl"].chance == 0.25
    assert tasks["mcqa_epfl"].unread is None
    assert tasks["mcqa_epfl_cot"].unread is not None
    assert tasks["mcqa_epfl_cloze"].metrics == ["acc", "acc_norm"]


def test_the_results_name_the_model_and_the_chat_template(tmp_path, evaluated):
    plain = json.loads(next((evaluated / "0").glob("results_*.json")).read_text(encoding="utf-8"))
    assert (plain["model_name"], plain["chat_template"]) == ("checkpoint", None)
    base = REPOSITORY / "training" / "base"
    plan = [{"tasks": ["mcqa_epfl"], "limit": 2, "apply_chat_template": True}]
    rung.evaluate(str(base), plan, tmp_path, dtype="float32", batch_size=2)
    chat = json.loads(next((tmp_path / "0").glob("results_*.json")).read_text(encoding="utf-8"))
    assert "message['content']" in chat["chat_template"]


def test_a_model_differs_from_itself_by_nothing(evaluated):
    tasks = read_run(evaluated)
    base = leaderboard.Rung("base", tasks, None, 32.0, 0.5, 1000.0)
    table = leaderboard.rows([base, leaderboard.Rung("again", tasks)])
    assert {row.difference.value for row in table if row.difference} == {0.0}
    assert {row.unpaired for row in table} == {0}


def test_markdown_and_csv_tell_the_same(evaluated):
    tasks = read_run(evaluated)
    rungs = [leaderboard.Rung("base", tasks, None, 32.0, 0.5, 1000.0), leaderboard.Rung("again", tasks)]
    markdown, table = leaderboard.markdown(rungs), list(csv.DictReader(io.StringIO(leaderboard.as_csv(rungs))))
    assert "### mcqa_epfl, acc (n = 12, chance 25.0 %, always B 33.3 %, 0-shot)" in markdown
    assert len(table) == 2 * 4
    first = table[0]
    assert f"| base | {100 * float(first['acc']):.1f} | {100 * float(first['acc_low']):.1f} to" in markdown
    assert (first["chance"], first["unread"], first["diff"]) == ("0.25", "", "")


def test_a_rung_is_also_compared_with_its_parent(evaluated):
    tasks = read_run(evaluated)
    rungs = [leaderboard.Rung(name, tasks, parent) for name, parent in (("base", None), ("sft", "base"), ("q4", "sft"))]
    to_parent = {row.rung.name: row.to_parent for row in leaderboard.rows(rungs) if row.task == "mcqa_epfl"}
    assert (to_parent["base"], to_parent["sft"]) == (None, None)
    assert to_parent["q4"].value == 0.0
    header, line = leaderboard.as_csv(rungs).splitlines()[0], leaderboard.as_csv(rungs).splitlines()[3]
    assert dict(zip(header.split(","), line.split(","), strict=True))["parent_diff"] == "0"


@pytest.mark.parametrize(
    ("plan", "kind", "words"),
    [
        ([{"tasks": ["mcqa_epfll"]}], ConfigError, "did you mean"),
        ([{"tasks": ["mcqa_epfl"], "apply_chat_template": True, "limit": 1}], ConfigError, "no chat template"),
        ([{"tasks": ["mcqa_sciq"]}], DatasetError, "allenai/sciq: not on this machine"),
    ],
)
def test_what_cannot_be_evaluated_is_named(tiny_checkpoint, tmp_path, monkeypatch, plan, kind, words):
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    with pytest.raises(kind, match=words):
        rung.evaluate(str(tiny_checkpoint), plan, tmp_path / "out", dtype="float32", batch_size=4)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all"])
def test_a_missing_checkpoint_is_named(tmp_path, name):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        rung.evaluate(name, PLAN, tmp_path, dtype="float32", batch_size=4)


def test_broken_runs_are_named(tmp_path, evaluated):
    import shutil

    with pytest.raises(DatasetError, match=r"no results_\*\.json"):
        read_run(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(evaluated / "0", copy)
    samples = next(copy.glob("samples_mcqa_epfl_2*.jsonl"))
    whole = samples.read_text(encoding="utf-8")
    samples.write_text(whole[:-200], encoding="utf-8")
    with pytest.raises(DatasetError, match=r"\.jsonl:12: broken line"):
        read_run(copy)
    samples.unlink()
    with pytest.raises(DatasetError, match="is missing; run lm_eval with --log_samples"):
        read_run(copy)


@needs_hub
def test_documents_and_scores_equal_the_built_in_tasks(tiny_checkpoint):
    import sys

    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    import builtin_parity

    table = builtin_parity.compare(str(tiny_checkpoint), limit=4)
    assert len(table) == 19 + 3
    assert [row.task for row in table if not row.equal] == []
