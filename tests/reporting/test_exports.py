"""`mcqa export`: Every Eval Ever's JSON, by that project's own schema, and Parquet."""

from __future__ import annotations

import hashlib
import json

import pytest
from helpers.locations import REPOSITORY
from helpers.log_files import STAMP, choice_rows, questions, write_run, written_row

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.every_eval_ever import evaluation_files

DEMO = REPOSITORY / "docs" / "demo" / "evaluations"
SCHEMAS = REPOSITORY / "tests" / "reporting" / "schemas"
ABOUT = {"organization": "Jane", "relationship": "first_party", "model": None, "created": 1_800_000_000.5}


def errors(value, of=""):
    """What the published schema has to say about a log, or of "_samples" about a sample."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((SCHEMAS / f"every_eval_ever{of}_0.3.0.schema.json").read_text())
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(value)]


def written(run, *, samples=False, **about):
    """The log of a run, and the records of its samples."""
    files = evaluation_files(read_run(run), **{**ABOUT, **about}, samples=samples)
    log, *records = files.values()
    return json.loads(log), [json.loads(line) for file in records for line in file.decode().splitlines()]


@pytest.mark.parametrize("name", ["base", "sft", "gptq4"])
def test_a_real_run_is_valid_by_the_published_schema(name):
    log, records = written(DEMO / name)
    assert errors(log) == records == []
    assert errors({**log, "evaluation_results": [{"evaluation_name": "no source"}]})


def test_scores_and_intervals_are_those_of_the_leaderboard():
    log, _ = written(DEMO / "gptq4")
    results = {result["evaluation_name"]: result for result in log["evaluation_results"]}
    for row in mcqa_suite.leaderboard([DEMO / "gptq4"]).to_frame().query("metric == 'acc'").itertuples():
        if row.task in results:
            details = results[row.task]["score_details"]
            assert details["score"] == row.value
            interval = details["uncertainty"]["confidence_interval"]
            assert (interval["lower"], interval["upper"]) == (row.low, row.high)
    arc = results["mcqa_arc_easy_cloze"]
    assert arc["source_data"]["hf_repo"] == "allenai/ai2_arc"
    assert arc["score_details"]["details"]["questions_of_the_whole_set"] == "2376"
    assert log["retrieved_timestamp"] == "1800000000"
    content = read_manifest(DEMO.parent / "checkpoints" / "gptq4").content
    assert log["evaluation_id"] == f"mcqa-suite/gptq4/{content}/{log['evaluation_timestamp']}"


def test_written_answers_servers_and_metrics_without_bounds_are_valid_too(tmp_path):
    rows = [written_row("t", i, "ABCD"[i % 4] if i % 3 else None, i % 4) | {"loss": 2.5} for i in range(40)]
    run = write_run(tmp_path / "run", {"t": rows}, model="x", config={"model": "local-completions", "model_args": {}})
    path = run / f"results_{STAMP}.json"
    results = json.loads(path.read_text())
    results["configs"]["t"]["generation_kwargs"] = {"temperature": 0.0, "max_gen_toks": 64, "until": ["\n"]}
    path.write_text(json.dumps(results))
    log, records = written(run, model="jane/x", samples=True)
    assert errors(log) == []
    assert [error for record in records for error in errors(record, "_samples")] == []
    assert [len(record["answer_attribution"]) for record in records[:3]] == [
        0,
        1,
        1,
    ]  # none where nothing could be read
    assert log["model_info"]["developer"] == "jane"
    assert log["model_info"]["additional_details"]["deployment_type"] == "unknown"
    (result,) = log["evaluation_results"]
    assert result["generation_config"]["generation_args"] == {"temperature": 0.0, "max_tokens": 64}
    assert float(result["score_details"]["details"]["unread_share"]) == pytest.approx(14 / 40)


def test_each_sample_is_a_valid_record_and_their_mean_is_the_score():
    log, records = written(DEMO / "gptq4", samples=True, model="jane/gptq4")
    assert [error for record in records for error in errors(record, "_samples")] == []
    assert errors({**records[0], "output": None}, "_samples")
    scores = {result["evaluation_result_id"]: result["score_details"] for result in log["evaluation_results"]}
    by_result = {name: [r for r in records if r["evaluation_result_id"] == name] for name in scores}
    assert sum(map(len, by_result.values())) == len(records) > 100
    for name, own in by_result.items():
        values = [record["evaluation"]["score"] for record in own]
        assert sum(values) / len(values) == pytest.approx(scores[name]["score"])
        assert len(values) == scores[name]["uncertainty"]["num_samples"]
    assert {(r["evaluation_id"], r["model_id"]) for r in records} == {(log["evaluation_id"], "jane/gptq4")}
    for record in records:
        if "loglikelihoods" in record["metadata"]:
            question, [output] = record["input"], record["output"]["raw"]
            assert record["evaluation"]["is_correct"] == (output in question["reference"])
            assert record["answer_attribution"][0]["extracted_value"] == "ABCDE"[question["choices"].index(output)]


def test_the_log_names_the_file_of_its_samples_as_the_datastore_does():
    (path, log), (samples, content) = evaluation_files(
        read_run(DEMO / "sft"), **{**ABOUT, "model": "jane/my model"}, samples=True
    ).items()
    details = json.loads(log)["detailed_evaluation_results"]
    assert path.startswith("data/mcqa-suite/jane/my_model/")
    assert samples == path.replace(".json", "_samples.jsonl") == details["file_path"]
    assert details["checksum"] == hashlib.sha256(content).hexdigest()
    assert details["total_rows"] == content.count(b"\n")


def test_samples_of_gpqa_are_left_out(tmp_path):
    choices, gold = questions(40)
    rows = choice_rows("t", choices, gold)
    run = write_run(tmp_path / "run", {"mcqa_gpqa_diamond": rows, "t": rows})
    _, records = written(run, samples=True)
    assert {record["metadata"]["task"] for record in records} == {"t"}
    alone, records = written(write_run(tmp_path / "alone", {"mcqa_gpqa_diamond": rows}), samples=True)
    assert records == []
    assert "detailed_evaluation_results" not in alone


def test_the_command_writes_a_file_for_each_run(tmp_path, capsys):
    output = tmp_path / "out"
    words = ["export", f"a/b={DEMO / 'sft'}", f"a_b={DEMO / 'gptq4'}", "-o", str(output), "--organization", "Jane"]
    assert main(words) == 0
    files = sorted(path for path in output.rglob("*") if path.is_file())
    folders = [path.relative_to(output).parent.as_posix() for path in files]
    assert folders == ["data/mcqa-suite/a/b", "data/mcqa-suite/unknown/a_b"]
    assert all(errors(json.loads(path.read_text())) == [] for path in files)
    assert capsys.readouterr().out.count("kB") == 2
    assert main([*words, "--samples"]) == 0
    assert len([path for path in output.rglob("*") if path.is_file()]) == 4  # the same names again, and their samples


def test_parquet_holds_all_scores_and_samples(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    runs = [DEMO / "sft", DEMO / "gptq4"]
    result = mcqa_suite.export(*runs, output=tmp_path, format="parquet")
    scores, samples = map(pd.read_parquet, result.files)
    assert len(scores) == len(mcqa_suite.leaderboard(runs).to_frame())
    for run in runs:
        of_run = samples[samples["run"] == run.name]
        frame = mcqa_suite.load_run(run).samples()
        assert len(of_run) == len(frame)
        assert of_run["acc"].mean() == pytest.approx(frame["acc"].mean())
        texts = of_run["response"].dropna()
        assert [list(value) for value in texts] == [[text] for text in frame["response"].dropna()]
    assert samples["loglikelihoods"].dropna().map(len).min() >= 2


@pytest.mark.parametrize("format", ["every-eval-ever", "parquet"])
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, capsys, format):
    output = tmp_path / "out"
    output.write_text("a file")
    assert main(["export", str(DEMO / "sft"), "-o", str(output), "--format", format]) == 2
    assert main(["export", str(tmp_path / "nowhere"), "-o", str(tmp_path / "new"), "--format", format]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("mcqa: ") for line in lines)
    assert output.read_text() == "a file"
    assert not (tmp_path / "new").exists()


def test_a_name_of_one_model_is_for_one_run(tmp_path):
    with pytest.raises(ConfigError, match="names one model, and there are 2 runs"):
        mcqa_suite.export(DEMO / "sft", DEMO / "gptq4", output=tmp_path / "out", model="jane/x")
    with pytest.raises(ConfigError, match="--model jane: not the name of a repository; give USER/NAME"):
        mcqa_suite.export(DEMO / "sft", output=tmp_path / "out", model="jane")
    with pytest.raises(ConfigError, match="--samples: only for --format every-eval-ever"):
        mcqa_suite.export(DEMO / "sft", output=tmp_path / "out", format="parquet", samples=True)
    with pytest.raises(ConfigError, match="expected one of first_party"):
        mcqa_suite.export(DEMO / "sft", output=tmp_path / "out", relationship="self")
    with pytest.raises(DatasetError):
        mcqa_suite.export(tmp_path, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_that_cannot_be_read_is_a_problem_and_the_others_are_written(tmp_path, capsys):
    _, gold = questions(40)
    (tmp_path / "broken").mkdir()
    run = write_run(tmp_path / "run", {"t": choice_rows("t", questions(40)[0], gold)})
    assert main(["export", str(run), str(tmp_path / "broken"), "-o", str(tmp_path / "out")]) == 2
    assert [path.parent.name for path in (tmp_path / "out").rglob("*.json")] == ["run"]
    assert "broken" in capsys.readouterr().err
