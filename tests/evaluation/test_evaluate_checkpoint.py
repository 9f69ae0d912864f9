"""A checkpoint through the real harness, read back, and put on a leaderboard."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
from dataclasses import asdict, replace

import pytest
from helpers.checkpoints import as_stage
from helpers.locations import TOY
from helpers.log_files import by_name

from mcqa_suite.analysis.leaderboard import rung_leaderboard
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError
from mcqa_suite.common.manifest import content_hash
from mcqa_suite.common.speed import Speed
from mcqa_suite.evaluation.evaluate_checkpoint import evaluate, peak_memory_mb
from mcqa_suite.evaluation.worker import release_memory
from mcqa_suite.logs.origin import Origin
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.leaderboard import as_csv
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task

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
        evaluate(str(tiny_checkpoint), PLAN, output, dtype="float32", batch_size=4)
    return output


def test_an_optional_task_without_data_is_skipped_and_named(evaluated):
    record = json.loads((evaluated / "rung.json").read_text(encoding="utf-8"))
    assert [item["tasks"] for item in record["skipped"]] == [["mcqa_sciq"]]
    assert "allenai/sciq: not on this machine" in record["skipped"][0]["reason"]
    assert record["tokens_per_second"] > 0
    assert record["peak_memory_mb"] > 10
    speed = read_run(evaluated).origin.speed
    assert speed.tokens_per_second == record["tokens_per_second"]
    assert all(value > 0 for value in asdict(speed).values())


def test_the_written_run_is_read(evaluated):
    tasks = by_name(read_run(evaluated))
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
    base = TOY / "base"
    plan = [{"tasks": ["mcqa_epfl"], "limit": 2, "apply_chat_template": True}]
    evaluate(str(base), plan, tmp_path, dtype="float32", batch_size=2)
    chat = json.loads(next((tmp_path / "0").glob("results_*.json")).read_text(encoding="utf-8"))
    assert "message['content']" in chat["chat_template"]


def chat_template(output):
    return json.loads(next((output / "0").glob("results_*.json")).read_text(encoding="utf-8"))["chat_template"]


@pytest.mark.parametrize("way", [True, False])
@pytest.mark.slow
def test_an_entry_that_says_nothing_is_asked_as_the_manifest_says(tmp_path, way):
    checkpoint = as_stage(TOY / "base", tmp_path / "sft", chat_template=ChatTemplate(letter=way))
    entry = {"tasks": ["mcqa_epfl"], "limit": 1}
    evaluate(str(checkpoint), [entry], tmp_path / "out", dtype="float32", batch_size=2)
    assert bool(chat_template(tmp_path / "out")) is way
    contrary = [{**entry, "apply_chat_template": not way}]
    evaluate(str(checkpoint), contrary, tmp_path / "contrary", dtype="float32", batch_size=2)
    assert bool(chat_template(tmp_path / "contrary")) is not way


@pytest.mark.slow
def test_an_entry_of_several_formats_asks_each_task_in_its_way_and_is_one_run(tmp_path):
    """Scores, groups and settings are those of an entry for each format."""
    base = str(TOY / "base")
    settings = {"limit": 3, "gen_kwargs": {"max_gen_toks": 8}, "num_fewshot": 1}
    ways = {"letter": False, "cloze": False, "written": True}
    names = ["mcqa_epfl", "mcqa_epfl_cot", "mcqa_epfl_cloze"]
    mixed = [{"tasks": names, "apply_chat_template": ways, **settings}]
    apart = [{"tasks": [name], "apply_chat_template": name.endswith("_cot"), **settings} for name in names]
    for plan, folder in ((mixed, "mixed"), (apart, "apart")):
        evaluate(base, plan, tmp_path / folder, dtype="float32", batch_size=2)
    assert len(list((tmp_path / "mixed" / "0").glob("results_*.json"))) == 2
    one, several = (by_name(read_run(tmp_path / folder)) for folder in ("mixed", "apart"))
    assert list(one) == list(several) == sorted(names)
    for name in names:
        assert one[name].settings == several[name].settings
        assert bool(one[name].settings["chat template"]) is name.endswith("_cot")
        assert (one[name].samples.hashes == several[name].samples.hashes).all()
        assert {m: v.tolist() for m, v in one[name].samples.scores.items()} == {
            m: v.tolist() for m, v in several[name].samples.scores.items()
        }
    read = [json.loads((tmp_path / folder / "rung.json").read_text())["tasks"] for folder in ("mixed", "apart")]
    assert sorted(task["task"] for task in read[0]) == sorted(names)
    rungs = [{task["task"]: {**task, "entry": 0} for task in tasks} for tasks in read]
    assert rungs[0] == rungs[1]


@pytest.fixture
def adapter(tiny_checkpoint, tmp_path):
    """An adapter of the tiny checkpoint that changes its answers, as a stage keeps it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1)
    config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", init_lora_weights=False)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_checkpoint), config)
    model.save_pretrained(tmp_path / "peft")
    model.merge_and_unload().save_pretrained(tmp_path / "merged")
    for name in ("peft", "merged"):
        AutoTokenizer.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path / name)
    return as_stage(tmp_path / "peft", tmp_path / "adapter", adapter=True, parent=content_hash(tiny_checkpoint))


@pytest.mark.slow
def test_an_adapter_is_evaluated_on_its_recorded_parent_and_on_nothing_else(tiny_checkpoint, adapter, tmp_path):
    plan = [{"tasks": ["mcqa_epfl"], "limit": 6}]

    def scores(checkpoint, base=None):
        output = tmp_path / f"out-{checkpoint.name}"
        evaluate(str(checkpoint), plan, output, dtype="float32", batch_size=4, base=base)
        samples = next((output / "0").glob("samples_*.jsonl")).read_text(encoding="utf-8").splitlines()
        return [float(answer[0][0]) for line in samples for answer in json.loads(line)["resps"]]

    on_base, plain = scores(adapter, str(tiny_checkpoint)), scores(tiny_checkpoint)
    assert on_base == pytest.approx(scores(tmp_path / "merged"), abs=1e-3)
    assert on_base != pytest.approx(plain, abs=1e-3)
    for base, words in ((TOY / "base", "is another checkpoint"), (None, "give the folder of its")):
        with pytest.raises(CheckpointError, match=words):
            scores(adapter, base and str(base))
    with pytest.raises(CheckpointError, match="not an adapter"):
        scores(tiny_checkpoint, str(tiny_checkpoint))


def test_a_reward_model_gives_no_answers_to_evaluate(tiny_checkpoint, tmp_path):
    folder = as_stage(tiny_checkpoint, tmp_path / "reward", kind="reward")
    with pytest.raises(CheckpointError, match="a reward model gives scores, not answers"):
        evaluate(str(folder), PLAN, tmp_path / "out", dtype="float32", batch_size=4)


@pytest.mark.slow
def test_later_evaluations_of_a_process_equal_those_of_a_new_process(evaluated, tiny_checkpoint, tmp_path, monkeypatch):
    """Another model before changes nothing."""
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    monkeypatch.setenv("MCQA_CACHE", str(tmp_path / "cache.sqlite"))
    base = [{"tasks": ["mcqa_epfl"], "limit": 2, "apply_chat_template": True}]
    evaluate(str(TOY / "base"), base, tmp_path / "base", dtype="bfloat16", batch_size=2, seed=3)
    for output in (tmp_path / "again", tmp_path / "cached"):
        evaluate(str(tiny_checkpoint), PLAN, output, dtype="float32", batch_size=4)
        assert samples(output) == samples(evaluated)
    record = json.loads((tmp_path / "cached" / "rung.json").read_text(encoding="utf-8"))
    assert record["prefix_sharing"]["cache_hits"] == record["prefix_sharing"]["loglikelihood_requests"] > 0


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the system has no such reset")
def test_the_peak_memory_of_an_earlier_evaluation_is_not_counted():
    peak_memory_mb()  # imports torch
    block = b"x" * (300 << 20)
    del block
    before = peak_memory_mb()
    release_memory()
    assert 10 < peak_memory_mb() < before - 200


def samples(folder):
    """The rows of every log below a folder, by task."""
    logs = sorted(folder.rglob("samples_*.jsonl"))
    return {log.name.rpartition("_")[0]: [json.loads(row) for row in log.read_text().splitlines()] for log in logs}


def rungs_of(evaluated, *names):
    run = read_run(evaluated)
    sized = Origin("base", bits_per_weight=32.0, size_mb=0.5, speed=Speed(tokens_per_second=1000.0))
    return [replace(run, name=name, origin=sized if name == "base" else Origin(name)) for name in names]


def test_a_model_compared_with_itself_has_no_difference(evaluated):
    board = rung_leaderboard(rungs_of(evaluated, "base", "again"), {"again": "base"})
    differences = [entry.change for row in board.rows for entry in row.entries if entry.change]
    assert {row.change.difference.value for row in differences} == {0.0}
    assert {entry.unpaired for row in board.rows for entry in row.entries} == {None, 0}


def test_markdown_and_csv_agree(evaluated):
    board = rung_leaderboard(rungs_of(evaluated, "base", "again"), {"again": "base"})
    markdown, table = markdown_by_task(board), list(csv.DictReader(io.StringIO(as_csv(board))))
    assert "### mcqa_epfl, acc (n = 12, chance 25.0 %, always B 33.3 %, 0-shot)" in markdown
    assert len(table) == 2 * 4
    first = table[0]
    shown = f"| base | {100 * float(first['value']):.1f}{' †' if first['not_valid'] else ''} | {100 * float(first['low']):.1f} to"
    assert shown in markdown
    assert (first["chance"], first["unread"], first["difference"]) == ("0.25", "", "")


def test_a_rung_is_compared_with_its_parent(evaluated):
    board = rung_leaderboard(rungs_of(evaluated, "base", "sft", "q4"), {"base": None, "sft": "base", "q4": "sft"})
    changes = {row.run.name: row.entries[0].change for row in board.rows}
    assert (changes["base"], changes["sft"].parent, changes["q4"].parent) == (None, "base", "sft")
    (row,) = [
        row for row in csv.DictReader(io.StringIO(as_csv(board))) if (row["model"], row["task"]) == ("q4", "mcqa_epfl")
    ]
    assert (row["parent"], row["difference"]) == ("sft", "0")


@pytest.mark.parametrize(
    ("plan", "kind", "words"),
    [
        ([{"tasks": ["mcqa_epfll"]}], ConfigError, "did you mean"),
        ([{"tasks": ["mcqa_epfl"], "apply_chat_template": True, "limit": 1}], ConfigError, "no chat template"),
        ([{"tasks": ["mcqa_sciq"]}], DatasetError, "allenai/sciq: not on this machine"),
    ],
)
def test_an_evaluation_that_is_impossible_is_an_error_with_its_reason(
    tiny_checkpoint, tmp_path, monkeypatch, plan, kind, words
):
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    with pytest.raises(kind, match=words):
        evaluate(str(tiny_checkpoint), plan, tmp_path / "out", dtype="float32", batch_size=4)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all"])
def test_a_missing_checkpoint_is_named(tmp_path, name):
    with pytest.raises(CheckpointError, match=r"no such (checkpoint|folder)"):
        evaluate(name, PLAN, tmp_path, dtype="float32", batch_size=4)


def test_broken_runs_are_named(tmp_path, evaluated):
    with pytest.raises(DatasetError, match=r"no results_\*\.json"):
        read_run(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(evaluated / "0", copy)
    samples = next(copy.glob("samples_mcqa_epfl_2*.jsonl"))
    whole = samples.read_text(encoding="utf-8")
    samples.write_text(whole[:-200], encoding="utf-8")
    assert re.search(r"\.jsonl:12: broken line", *read_run(copy).problems)
    samples.unlink()
    assert re.search("is missing; run lm_eval with --log_samples", *read_run(copy).problems)
