"""`--store`: complete folders are uploaded to a URL, and downloaded only where their content hash is right."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest
from helpers.stage_scripts import use_stand_ins

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.ladder.run import run_recipe
from mcqa_suite.ladder.steps import LadderResult, StepResult
from mcqa_suite.ladder.store import Store, inputs_of, with_store

RECIPE = """
name: small
base: {base}
stages:
  - {{name: sft, kind: sft, parent: base, settings: {{data: [{{source: symbolic_local, n: 6}}]}}}}
  - {{name: gptq4, kind: gptq, parent: sft, settings: {{bits: 4, calibration: [{{source: symbolic_local, n: 6}}]}}}}
"""


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server on loopback."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        return f"file://{tmp_path}/store"
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return f"s3://{tmp_path.name.replace('_', '-').lower()}/store"


def write(url: str, text: str) -> None:
    with fsspec.open(url, "w") as stream:
        stream.write(text)


def exists(url: str) -> bool:
    files, path = fsspec.url_to_fs(url, use_listings_cache=False)
    return bool(files.exists(path))


@pytest.fixture
def run_in(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a recipe with stand-in scripts in a folder, with a store."""
    use_stand_ins(tmp_path, monkeypatch)
    recipe = tmp_path / "small.yaml"
    recipe.write_text(RECIPE.format(base=tiny_checkpoint))
    return lambda folder, url: run_recipe(recipe, tmp_path / folder, store=url)


def contents(result: LadderResult) -> dict[str, str]:
    return {rung.name: rung.manifest.content for rung in result.rungs}


@pytest.mark.slow
def test_another_run_downloads_everything_from_the_store(run_in, url, tmp_path, capsys):
    first = run_in("one", url)
    for kind in ("sft", "gptq"):
        (tmp_path / "scripts" / f"{kind}.py").write_text("import sys; sys.exit('this stage was stored')")
    capsys.readouterr()
    assert contents(run_in("two", url)) == contents(first)
    assert capsys.readouterr().out.count("  from the store\n") == 2
    assert contents(run_in("two", url)) == contents(first)
    assert capsys.readouterr().out.count("  unchanged\n") == 2


@pytest.mark.slow
def test_a_worker_downloads_the_parent_that_it_lacks(run_in, url, tmp_path):
    rungs = {rung.name: rung for rung in run_in("one", url).rungs}
    elsewhere = Store(url, tmp_path / "elsewhere")
    parent = elsewhere.output / "checkpoints/sft"

    def step() -> StepResult:
        assert (parent / "model.safetensors").is_file()
        return StepResult(rungs["gptq4"], "unchanged")

    with_store(elsewhere, inputs_of(rungs["sft"]), "checkpoints/gptq4", step)
    ((name, content),) = inputs_of(rungs["base"])
    assert not elsewhere.download(name, content)  # every machine has it


@pytest.mark.slow
def test_a_parent_with_another_content_is_downloaded_again(run_in, url, tmp_path):
    rungs = {rung.name: rung for rung in run_in("one", url).rungs}
    store, name, content = Store(url, tmp_path / "one"), "checkpoints/sft", rungs["sft"].manifest.content
    manifest = tmp_path / "one" / name / "manifest.json"
    manifest.write_text(manifest.read_text().replace(content, "0" * 64))
    assert store.download(name, content)
    assert not store.download(name, content)


@pytest.mark.slow
def test_a_folder_that_was_changed_in_the_store_is_refused(run_in, url, tmp_path):
    run_in("one", url)
    write(f"{url}/checkpoints/sft/made.json", "{}")
    with pytest.raises(CheckpointError, match="store/checkpoints/sft: its files do not match its manifest"):
        run_in("two", url)
    assert not (tmp_path / "two/checkpoints/sft").exists()


@pytest.mark.slow
def test_a_folder_whose_upload_was_cut_off_counts_as_missing(run_in, url, tmp_path):
    result = run_in("one", url)
    files, path = fsspec.url_to_fs(f"{url}/checkpoints/gptq4/manifest.json")
    files.rm_file(path)
    elsewhere = Store(url, tmp_path / "two")
    assert not elsewhere.download("checkpoints/gptq4")
    Store(elsewhere.url, result.output).upload("checkpoints/gptq4")
    assert elsewhere.download("checkpoints/gptq4", result.rungs[-1].manifest.content)


@pytest.mark.slow
def test_a_new_upload_replaces_the_old_folder(run_in, url, tmp_path):
    run_in("one", url)
    write(f"{url}/checkpoints/gptq4/left.json", "{}")
    recipe = tmp_path / "small.yaml"
    recipe.write_text(recipe.read_text().replace("bits: 4", "bits: 3"))
    run_in("one", url)
    assert not exists(f"{url}/checkpoints/gptq4/left.json")
    assert Store(url, tmp_path / "two").manifest("checkpoints/gptq4").settings["bits"] == 3


@pytest.mark.parametrize("store", ["s4://bucket/run", "file:///proc/nowhere/run"])
def test_a_store_that_cannot_be_written_is_one_line_before_anything_runs(run_in, tmp_path, store, capsys):
    assert main(["run", str(tmp_path / "small.yaml"), "--output", str(tmp_path / "one"), "--store", store]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mcqa: --store {store}: cannot be written: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "one").exists()


@pytest.mark.slow
def test_evaluations_are_stored_too(tmp_path, tiny_checkpoint, url, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: x\nbase: {tiny_checkpoint}\nevaluate: [{{tasks: [mcqa_epfl], limit: 4}}]\n")
    again = partial(run_recipe, recipe, store=url)
    (first,) = again(tmp_path / "one").rungs
    (second,) = again(tmp_path / "two").rungs
    assert capsys.readouterr().out.count("from the store") == 1
    assert second.record == first.record
    assert [path.name for path in second.evaluation.rglob("samples_*")] == [
        path.name for path in first.evaluation.rglob("samples_*")
    ]
