"""`mcqa export`: Every Eval Ever's JSON, by that project's own schema, and Parquet."""

from __future__ import annotations

import json

import pytest
from helpers.locations import REPOSITORY
from helpers.log_files import STAMP, choice_rows, questions, write_run, written_row

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.every_eval_ever import evaluation_log

DEMO = REPOSITORY / "docs" / "demo" / "evaluations"
SCHEMA = REPOSITORY / "tests" / "reporting" / "schemas" / "every_eval_ever_0.3.0.schema.json"
ABOUT = {"organization": "Jane", "relationship": "first_party", "model": None, "created": 1_800_000_000.5}


def errors(log):
    """What the published schema has to say about a log."""
    jsonschema = pytest.importorskip("jsonschema")
    return [error.message for error in jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(log)]


@pytest.mark.parametrize("name", ["base", "sft", "gptq4"])
def test_a_real_run_is_valid_by_the_published_schema(name):
    log = evaluation_log(read_run(DEMO / name), **ABOUT)
    assert errors(log) == []
    assert errors({**log, "evaluation_results": [{"evaluation_name": "no source"}]})


def test_scores_and_intervals_are_those_of_the_leaderboard():
    log = evaluation_log(read_run(DEMO / "gptq4"), **ABOUT)
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
    assert log["evaluation_id"] == f"mcqa-suite/gptq4/{read_manifest(DEMO.parent / 'checkpoints' / 'gptq4').content}"


def test_written_answers_servers_and_metrics_without_bounds_are_valid_too(tmp_path):
    rows = [written_row("t", i, "ABCD"[i % 4] if i % 3 else None, i % 4) | {"loss": 2.5} for i in range(40)]
    run = write_run(tmp_path / "run", {"t": rows}, model="x", config={"model": "local-completions", "model_args": {}})
    path = run / f"results_{STAMP}.json"
    results = json.loads(path.read_text())
    results["configs"]["t"]["generation_kwargs"] = {"temperature": 0.0, "max_gen_toks": 64, "until": ["\n"]}
    path.write_text(json.dumps(results))
    log = evaluation_log(read_run(run), **{**ABOUT, "model": "jane/x"})
    assert errors(log) == []
    assert log["model_info"]["developer"] == "jane"
    assert log["model_info"]["additional_details"]["deployment_type"] == "unknown"
    (result,) = log["evaluation_results"]
    assert result["generation_config"]["generation_args"] == {"temperature": 0.0, "max_tokens": 64}
    assert float(result["score_details"]["details"]["unread_share"]) == pytest.approx(14 / 40)


def test_the_command_writes_a_file_for_each_run(tmp_path, capsys):
    output = tmp_path / "out"
    assert (
        main(["export", f"a/b={DEMO / 'sft'}", f"a_b={DEMO / 'gptq4'}", "-o", str(output), "--organization", "Jane"])
        == 0
    )
    assert sorted(path.name for path in output.iterdir()) == ["a_b.json", "a_b_2.json"]
    assert all(errors(json.loads(path.read_text())) == [] for path in output.iterdir())
    assert capsys.readouterr().out.count("kB") == 2


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
        written = of_run["response"].dropna()
        assert [list(value) for value in written] == [[text] for text in frame["response"].dropna()]
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
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]
    assert "broken" in capsys.readouterr().err
