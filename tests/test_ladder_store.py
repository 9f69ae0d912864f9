"""`--store`: finished folders at a URL, whole or not there, and taken back only where they are what they say."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from test_ladder import SCRIPT

from mcqa_suite.cli import main
from mcqa_suite.errors import CheckpointError
from mcqa_suite.ladder import climb
from mcqa_suite.ladder.climb import Done
from mcqa_suite.ladder.store import Store, needed_of, through
from mcqa_suite.outcome import LadderResult
from mcqa_suite.recipe import read_recipe

RECIPE = """
name: small
base: {base}
stages:
  - {{name: sft, kind: sft, parent: base, settings: {{data: [{{source: generated, n: 6}}]}}}}
  - {{name: gptq4, kind: gptq, parent: sft, settings: {{bits: 4, calibration: [{{source: generated, n: 6}}]}}}}
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/kept"


@pytest.fixture
def climbed(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Climbs a recipe over stand-in scripts into a folder, with a store."""
    scripts, recipe = tmp_path / "scripts", tmp_path / "small.yaml"
    scripts.mkdir()
    for kind in ("sft", "gptq"):
        (scripts / f"{kind}.py").write_text(SCRIPT)
    monkeypatch.setattr("mcqa_suite.ladder.stages.training_dir", lambda: scripts)
    recipe.write_text(RECIPE.format(base=tiny_checkpoint))
    return lambda folder, url: climb(read_recipe(recipe), tmp_path / folder, store=url)


def contents(result: LadderResult) -> dict[str, str]:
    return {rung.name: rung.manifest.content for rung in result.rungs}


@pytest.mark.parametrize("backend", ["file", "memory"])
def test_another_run_takes_everything_from_the_store_and_makes_nothing(climbed, url, tmp_path, capsys, backend):
    url = url if backend == "file" else f"memory://{tmp_path.name}"
    first = climbed("one", url)
    for script in (tmp_path / "scripts").iterdir():
        script.write_text("import sys; '--check' in sys.argv or sys.exit('nothing is to be made')")
    capsys.readouterr()
    assert contents(climbed("two", url)) == contents(first)
    assert capsys.readouterr().out.count("  from the store\n") == 2
    assert contents(climbed("two", url)) == contents(first)
    assert capsys.readouterr().out.count("  unchanged\n") == 2


def test_a_worker_takes_the_parent_that_it_does_not_see(climbed, url, tmp_path):
    rungs = {rung.name: rung for rung in climbed("one", url).rungs}
    elsewhere = Store(url, tmp_path / "elsewhere")
    parent = elsewhere.output / "checkpoints/sft"

    def made() -> Done:
        assert (parent / "model.safetensors").is_file()
        return Done(rungs["gptq4"], "unchanged")

    through(elsewhere, needed_of(rungs["sft"]), "checkpoints/gptq4", made)
    assert needed_of(rungs["base"]) == ()


def test_a_parent_that_is_another_here_is_taken_again(climbed, url, tmp_path):
    rungs = {rung.name: rung for rung in climbed("one", url).rungs}
    here = Store(url, tmp_path / "one")
    other, wanted = "checkpoints/sft", rungs["sft"].manifest.content
    manifest = tmp_path / "one" / other / "manifest.json"
    manifest.write_text(manifest.read_text().replace(wanted, "0" * 64))
    assert here.take(other, wanted)
    assert not here.take(other, wanted)


def test_what_was_changed_in_the_store_is_not_taken(climbed, url, tmp_path):
    climbed("one", url)
    (tmp_path / "kept/checkpoints/sft/made.json").write_text("{}")
    with pytest.raises(CheckpointError, match="kept/checkpoints/sft: its files are not those its manifest names"):
        climbed("two", url)
    assert not (tmp_path / "two/checkpoints/sft").exists()


def test_a_folder_whose_giving_was_cut_off_is_not_there(climbed, url, tmp_path):
    result = climbed("one", url)
    (tmp_path / "kept/checkpoints/gptq4/manifest.json").unlink()
    elsewhere = Store(url, tmp_path / "two")
    assert not elsewhere.take("checkpoints/gptq4")
    Store(elsewhere.url, result.output).give("checkpoints/gptq4")
    assert elsewhere.take("checkpoints/gptq4", result.rungs[-1].manifest.content)


def test_what_is_given_anew_takes_the_place_of_what_was_there(climbed, url, tmp_path):
    climbed("one", url)
    (tmp_path / "kept/checkpoints/gptq4/left.json").write_text("{}")
    recipe = tmp_path / "small.yaml"
    recipe.write_text(recipe.read_text().replace("bits: 4", "bits: 3"))
    climbed("one", url)
    assert not (tmp_path / "kept/checkpoints/gptq4/left.json").exists()
    assert Store(url, tmp_path / "two").manifest("checkpoints/gptq4").settings["bits"] == 3


@pytest.mark.parametrize("store", ["s4://bucket/run", "file:///proc/nowhere/run"])
def test_a_store_that_cannot_be_written_is_one_line_before_anything_runs(climbed, tmp_path, store, capsys):
    assert main(["run", str(tmp_path / "small.yaml"), "--output", str(tmp_path / "one"), "--store", store]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mcqa: --store {store}: cannot be written: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "one").exists()


@pytest.mark.slow
def test_evaluations_are_kept_too(tmp_path, tiny_checkpoint, url, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: x\nbase: {tiny_checkpoint}\nevaluate: [{{tasks: [mcqa_generated], limit: 4}}]\n")
    again = partial(climb, read_recipe(recipe), store=url)
    (first,) = again(tmp_path / "one").rungs
    (second,) = again(tmp_path / "two").rungs
    assert capsys.readouterr().out.count("from the store") == 1
    assert second.record == first.record
    assert [path.name for path in second.evaluation.rglob("samples_*")] == [
        path.name for path in first.evaluation.rglob("samples_*")
    ]
