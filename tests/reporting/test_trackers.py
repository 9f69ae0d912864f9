"""`--log`: each tracker through its real library, without a network; what it gets, and what it does when it is down."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import subprocess
import sys

import pytest
from helpers.comparison_runs import noisy, two_runs
from helpers.ladder_runs import ladder
from helpers.locations import REPOSITORY
from helpers.log_files import write_run, written_row

from mcqa_suite.cli.main import main
from mcqa_suite.cli.run import log_result
from mcqa_suite.common.errors import ConfigError, DatasetError, McqaError
from mcqa_suite.common.manifest import Hardware, Manifest, read_manifest
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.steps import LadderResult, RungResult
from mcqa_suite.reporting.page_data import gather
from mcqa_suite.reporting.trackers import libraries
from mcqa_suite.reporting.trackers.names import TRACKERS
from mcqa_suite.reporting.trackers.records import Record, records_of

SECRET = "s3cret-s3cret-s3cret"
NOWHERE = "http://127.0.0.1:9"  # nothing listens there


def needs(name):
    """Skip without the library; those that take seconds to start are slow."""
    marks = [pytest.mark.skipif(not importlib.util.find_spec(libraries.TRACKERS[name].module), reason=f"needs {name}")]
    return pytest.param(name, marks=[*marks, *([pytest.mark.slow] if name in ("wandb", "mlflow") else [])])


def variables(folder):
    """Everything that is written goes below a folder, and nothing is sent."""
    places = {"WANDB_DIR": "wandb", "WANDB_DATA_DIR": "data", "WANDB_CACHE_DIR": "cache", "WANDB_CONFIG_DIR": "config"}
    places |= {"TRACKIO_DIR": "trackio", "TENSORBOARD_LOGGING_DIR": "tensorboard", "HOME": "home"}
    for name in places.values():
        (folder / name).mkdir(exist_ok=True)
    own = {name: str(folder / part) for name, part in places.items()}
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "WANDB_MODE": "offline"}
    return own | store


def mcqa(folder, *words, **more):
    done = subprocess.run(
        [sys.executable, "-m", "mcqa_suite.cli.main", *map(str, words)],
        env={**os.environ, **variables(folder), **more},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def worse(folder):
    return two_runs(folder, lambda scores, gold: noisy(scores, 3.0), 200)


def events_of(path):
    """The last value of each scalar in a folder of event files, and all its texts."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(path)).Reload()
    texts = [events.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in events.Tags()["tensors"]]
    scalars = {tag: events.Scalars(tag)[-1].value for tag in events.Tags()["scalars"]}
    return scalars | {"texts": "\n".join(texts)}


def of_tensorboard(folder):
    group = folder / "tensorboard" / "base_and_gptq"
    runs = {path.name: events_of(path) for path in group.iterdir()}
    assert "| t | acc |" in runs.pop("comparison")["texts"]
    assert (group / "comparison" / "report.html").is_file()
    return {name: values["t/acc"] for name, values in runs.items()}


def of_trackio(folder):
    rows = (
        sqlite3.connect(folder / "trackio" / "mcqa-suite.db")
        .execute("select run_name, metrics from metrics")
        .fetchall()
    )
    values = {name.rpartition("-")[0].rpartition("-")[0]: json.loads(text) for name, text in rows}
    [row] = values.pop("comparison")["comparison"]["_value"]
    assert (row["task"], row["verdict"]) == ("t", "worse")
    assert any(
        b"<html" in path.read_bytes() for path in (folder / "trackio" / "artifacts").rglob("*") if path.is_file()
    )
    return {name: own["t/acc"] for name, own in values.items()}


def of_wandb(folder):
    """The names of its records are plain text in its files; the table is a file."""
    logs = [path.read_bytes() for path in sorted((folder / "wandb").rglob("*.wandb"))]
    assert len(logs) == 3
    [table] = [json.loads(path.read_text()) for path in (folder / "wandb").rglob("*.table.json")]
    row = dict(zip(table["columns"], table["data"][0], strict=True))
    assert (row["task"], row["verdict"]) == ("t", "worse")
    assert any(b"report.html" in log for log in logs)
    assert sum(b"t/acc" in log for log in logs) == 2
    assert not any(str(folder).encode() in log and b"sys.argv" in log for log in logs)
    return {"base": row["base"], "gptq": row["value"]}


def of_mlflow(folder):
    store = sqlite3.connect(folder / "mlflow.db")
    runs = {name: row for name, *row in store.execute("select name, run_uuid, status, artifact_uri from runs")}
    assert {status for _, status, _ in runs.values()} == {"FINISHED"}
    files = {path.name: path for path in (folder / runs.pop("comparison")[2].removeprefix("file://")).iterdir()}
    table = json.loads(files["comparison.json"].read_text(encoding="utf-8"))
    row = dict(zip(table["columns"], table["data"][0], strict=True))
    assert (row["task"], row["verdict"]) == ("t", "worse")
    assert "<html" in files["report.html"].read_text(encoding="utf-8")
    scores = "select value from metrics where run_uuid = ? and key = 't/acc'"
    return {name: store.execute(scores, [identity]).fetchone()[0] for name, (identity, _, _) in runs.items()}


READERS = {"tensorboard": of_tensorboard, "trackio": of_trackio, "wandb": of_wandb, "mlflow": of_mlflow}


@pytest.mark.parametrize("name", [needs(name) for name in TRACKERS])
def test_a_comparison_is_in_the_tracker_with_scores_table_and_report_and_without_secrets(tmp_path, name):
    base, variant = worse(tmp_path)
    for run in (base, variant):
        path = next(run.glob("results_*"))
        content = json.loads(path.read_text(encoding="utf-8"))
        content["config"] = content.get("config", {}) | {"model_args": f"pretrained={SECRET},token=hf_abcdefgh"}
        path.write_text(json.dumps(content), encoding="utf-8")
    code, out, err = mcqa(tmp_path, "compare", base, variant, "--log", name, SOME_API_KEY=SECRET)
    assert (code, err.count("\n")) == (0, 1), err
    assert f"mcqa: logged to {name}: " in err
    assert "**worse**" in out
    scores = READERS[name](tmp_path)
    assert scores.keys() == {"base", "gptq"}
    assert f"{100 * scores['base']:.1f} | {100 * scores['gptq']:.1f}" in out
    written = [
        path for path in tmp_path.rglob("*") if path.is_file() and {"base", "gptq"}.isdisjoint(path.parts[-2:-1])
    ]
    assert written
    assert not [path for path in written if SECRET.encode() in path.read_bytes() or b"hf_abcdefgh" in path.read_bytes()]


DOWN = {
    "wandb": ({"WANDB_MODE": "online", "WANDB_BASE_URL": NOWHERE, "WANDB_API_KEY": "a" * 40}, "127.0.0.1:9"),
    "trackio": ({"TRACKIO_SERVER_URL": f"{NOWHERE}/?write_token=x"}, "refused"),
    "mlflow": ({"MLFLOW_TRACKING_URI": NOWHERE}, "127.0.0.1:9"),
    "tensorboard": ({"TENSORBOARD_LOGGING_DIR": "/dev/null/x"}, "Not a directory"),
}


@pytest.mark.parametrize("name", [needs(name) for name in TRACKERS])
def test_a_tracker_that_is_down_is_one_line_before_any_work(tmp_path, name):
    environment, words = DOWN[name]
    code, out, err = mcqa(tmp_path, "compare", *worse(tmp_path), "--log", name, **environment)
    assert (code, out) == (2, "")
    line = err.splitlines()[-1]
    assert line.startswith(f"mcqa: --log {name}: ")
    assert words in line
    assert line.endswith(("to write files", "to write a file", "to another folder"))  # what to do


@pytest.mark.parametrize("name", [needs("wandb")])
def test_wandb_without_a_key_is_one_line(tmp_path, name):
    code, out, err = mcqa(tmp_path, "compare", *worse(tmp_path), "--log", name, WANDB_MODE="online", WANDB_API_KEY="")
    assert (code, out) == (2, "")
    assert "no API key; set WANDB_API_KEY, or WANDB_MODE=offline to write files" in err


@pytest.mark.parametrize("name", [needs("tensorboard")])
def test_a_tracker_that_fails_later_loses_nothing_and_the_others_are_served(tmp_path, name):
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "base_and_gptq").write_text("in the way", encoding="utf-8")
    code, out, err = mcqa(tmp_path, "compare", *worse(tmp_path), "--log", name, "--fail-if", "worse")
    assert code == 2
    assert "**worse**" in out
    assert err.splitlines()[-1].startswith("mcqa: --log tensorboard: ")
    assert err.splitlines()[-1].endswith("the results themselves are on disk; log them with mcqa compare --log")


def test_a_library_that_is_not_installed_is_one_line_with_the_command_that_installs_it(tmp_path, monkeypatch, capsys):
    absent = libraries.Tracker("no_such_library", lambda: None, lambda records, group: "", "try again")
    monkeypatch.setitem(libraries.TRACKERS, "wandb", absent)
    assert main(["compare", *map(str, worse(tmp_path)), "--log", "wandb"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("mcqa: --log wandb: no_such_library is not installed: pip install ")
    assert "[track]'" in err


@pytest.mark.parametrize(
    "words",
    [
        ["run", str(REPOSITORY / "training" / "configs" / "demo.yaml")],
        ["eval", "--model_args", "pretrained=gone", "--tasks", "mcqa_arc_easy_cloze"],
    ],
    ids=["run", "eval"],
)
def test_other_commands_look_for_it_before_they_begin(tmp_path, monkeypatch, capsys, words):
    pytest.importorskip("lm_eval")
    monkeypatch.chdir(tmp_path)
    absent = libraries.Tracker("no_such_library", lambda: None, lambda records, group: "", "try again")
    monkeypatch.setitem(libraries.TRACKERS, "mlflow", absent)
    assert main([*words, "--log", "mlflow"]) == 2
    assert "mcqa: --log mlflow: no_such_library is not installed: " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_one_tracker_that_fails_does_not_keep_the_others_from_their_records(monkeypatch):
    seen = []
    monkeypatch.setitem(
        libraries.TRACKERS, "wandb", libraries.Tracker("json", lambda: None, lambda records, group: 1 / 0, "try again")
    )
    keep = libraries.Tracker("json", lambda: None, lambda records, group: seen.extend(records) or "here", "try again")
    monkeypatch.setitem(libraries.TRACKERS, "mlflow", keep)
    with pytest.raises(McqaError, match="--log wandb: division by zero; the results themselves are on disk"):
        libraries.send(["wandb", "mlflow"], [Record("m")], "group")
    assert seen == [Record("m")]


def test_the_names_of_the_command_line_are_those_of_the_table():
    assert tuple(libraries.TRACKERS) == TRACKERS


def test_each_model_has_its_scores_and_its_difference_and_the_comparison_is_a_table(tmp_path):
    records = records_of(gather([str(run) for run in worse(tmp_path)], base=str(tmp_path / "base")))
    base, variant, comparison = records
    assert [name for name in base.scalars if name.startswith("t/")] == ["t/acc"]
    assert variant.scalars["t/acc/difference"] == pytest.approx(variant.scalars["t/acc"] - base.scalars["t/acc"])
    assert variant.scalars["t/acc/bound"] < variant.scalars["t/acc/difference"]
    assert (comparison.name, comparison.rows[0]["variant"]) == ("comparison", "gptq")


def test_a_filter_is_behind_the_metric(tmp_path):
    rows = [written_row("t", number, "B", 1) | {"filter": "strict-match"} for number in range(4)]
    [record, _] = records_of(gather([str(write_run(tmp_path / "run", {"t": rows}))]))
    assert [name for name in record.scalars if name.startswith("t/")]
    assert all(name.split("/")[2] == "strict-match" for name in record.scalars if name.startswith("t/"))


def test_a_model_of_a_ladder_has_its_settings_and_training_curve_also_without_an_evaluation(tmp_path):
    log = tmp_path / "training_log.jsonl"
    log.write_text('{"step": 1, "loss": 2.0}\n{"step": 10, "loss": 1.5}\n', encoding="utf-8")
    manifest = Manifest(
        "sft", "sft", None, {"lora": {"r": 16}, "data": [{"source": "arc"}]}, "abc", 3, Hardware("cpu", 2), 1.0
    )
    [record] = records_of(None, manifests={"sft": manifest}, logs={"sft": log})
    assert record.config["settings.lora.r"] == 16
    assert record.config["settings.data"] == '[{"source": "arc"}]'
    assert record.by_step == {1: {"train/loss": 2.0}, 10: {"train/loss": 1.5}}


def test_every_checkpoint_of_a_ladder_has_a_record(tmp_path):
    folders = ladder(tmp_path)
    records = records_of(gather(list(folders.values())))
    assert [record.name for record in records] == ["base", "sft", "dpo", "gptq4", "comparison"]
    assert "t/acc/difference" in records[1].scalars


def test_a_recipe_and_a_configuration_file_send_nothing(tmp_path, capsys):
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\nbase: random\noutput: out\nlog: [wandb]\nstages: []\n", encoding="utf-8")
    with pytest.raises((ConfigError, DatasetError), match="log"):
        read_recipe(path)
    pytest.importorskip("lm_eval")
    config = tmp_path / "config.yaml"
    config.write_text("log: [wandb]\ntasks: [mcqa_arc_easy_cloze]\nmodel_args: {pretrained: gone}\n", encoding="utf-8")
    assert main(["eval", "--config", str(config)]) == 2
    assert "log" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", [needs("tensorboard")])
def test_an_evaluation_is_logged_after_it_is_saved(tmp_path, name):
    pytest.importorskip("lm_eval")
    words = ("eval", "--model", "dummy", "--tasks", "mcqa_epfl", "--limit", "8", "--output_path", "run")
    code, out, err = mcqa(tmp_path, *words, "--log", name)
    assert code == 0, err
    assert f"logged to {name}: tensorboard --logdir {tmp_path}/tensorboard/dummy" in out
    assert list((tmp_path / "run").rglob("results_*.json"))
    scores = events_of(tmp_path / "tensorboard" / "dummy" / "dummy")
    assert 0 <= scores["mcqa_epfl/acc"] <= 1


@pytest.mark.parametrize("name", [needs("tensorboard")])
def test_a_recipe_s_run_is_logged_with_settings_and_training_curves(tmp_path, name, monkeypatch):
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "tensorboard"))
    demo = REPOSITORY / "docs" / "demo"
    rungs = []
    for rung in ("base", "sft", "gptq4"):
        folder, checkpoint = demo / "evaluations" / rung, demo / "checkpoints" / rung
        rungs.append(RungResult(rung, checkpoint, read_manifest(checkpoint), folder, None))
    recipe = read_recipe(REPOSITORY / "training" / "configs" / "demo.yaml")
    [line] = log_result(LadderResult(recipe, tmp_path, tuple(rungs), seconds=0.0), [name])
    assert line == f"logged to {name}: tensorboard --logdir {tmp_path}/tensorboard/demo"
    scores = {rung: events_of(tmp_path / "tensorboard" / "demo" / rung) for rung in ("base", "sft", "gptq4")}
    assert "train/loss" in scores["sft"]
    assert "| settings.bits | 4 |" in scores["gptq4"]["texts"]
    task = "mcqa_arc_easy_cloze/acc"
    assert scores["gptq4"][f"{task}/difference"] == pytest.approx(scores["gptq4"][task] - scores["sft"][task])
