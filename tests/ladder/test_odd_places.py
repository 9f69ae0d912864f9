"""A run folder that holds something else, links, temporary files and a second run: nothing is lost and nothing stays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from helpers.report_runs import ladder
from helpers.two_rungs import DRIVER, contents, statuses

from mcqa_suite.backend.loading import check_checkpoint
from mcqa_suite.cli.main import main
from mcqa_suite.cli.run import save_tables
from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError
from mcqa_suite.common.locks import run_lock
from mcqa_suite.common.scratch import scratch_of_run
from mcqa_suite.ladder.outputs import remove_tables, save_report
from mcqa_suite.ladder.run import finished, run_recipe
from mcqa_suite.ladder.steps import LadderResult, RungResult

TABLES = ("report.html", "leaderboard.md", "leaderboard.csv", "training.md")


@pytest.mark.parametrize("name", ["logs", "configs", "checkpoints"])
def test_something_else_in_the_place_of_a_folder_is_one_line(recipe, tmp_path, capsys, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("mine")
    assert main(["run", str(recipe), "--output", str(tmp_path / "run")]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert re.search(rf"run/{name}\S*: .*something else has this name; move it away, then rerun to resume", line)
    assert (tmp_path / "run" / name).read_text() == "mine"


def test_a_run_folder_with_a_byte_that_is_not_utf_8_is_one_line(recipe, tmp_path):
    with pytest.raises(ConfigError, match=r"odd\\udcff.*: a name with a byte that is not UTF-8; rename it"):
        run_recipe(recipe, tmp_path / "odd\udcff")


def test_a_checkpoint_that_is_gone_is_not_looked_for_on_the_hub(tmp_path):
    with pytest.raises(CheckpointError, match="sft: no such folder; give another one, or rerun where a run made it"):
        check_checkpoint(str(tmp_path / "sft"), None)


def test_no_earlier_report_stays_where_a_new_one_cannot_be_written(tmp_path):
    for name in TABLES:
        (tmp_path / name).write_text("of an earlier recipe")
    (tmp_path / f".report.html.{os.getpid()}.partial").mkdir()
    rungs = [RungResult(name, tmp_path, None, folder, None) for name, folder in ladder(tmp_path, n=20).items()]
    remove_tables(tmp_path)
    with pytest.raises(DatasetError, match=r"no report: .*report\.html: cannot be written"):
        save_report(LadderResult(None, tmp_path, tuple(rungs), 0.0))
    assert not [name for name in TABLES if (tmp_path / name).exists()]


def test_temporary_files_of_a_run_are_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with scratch_of_run(Path("/a/run")) as first:
        assert Path(tempfile.gettempdir()) == Path(os.environ["TMPDIR"]) == first
        assert first.parent == tmp_path
        (first / "left by a killed process").touch()
    assert Path(tempfile.gettempdir()) == Path(os.environ["TMPDIR"]) == tmp_path
    with scratch_of_run(Path("/a/run")) as second, scratch_of_run(Path("/another/run")) as other:
        assert first == second != other
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


@pytest.mark.slow
def test_the_tables_are_written_before_another_run_gets_the_folder(recipe, tmp_path):
    refused = pytest.raises(ConfigError, match="another run uses this folder")
    with finished(recipe) as result, refused, run_lock(tmp_path / "run"):
        pass
    assert [rung.name for rung in result.rungs] == ["base", "g8", "g4"]
    with run_lock(tmp_path / "run"):
        save_tables(result)


@pytest.mark.slow
def test_a_checkpoint_that_is_a_link_to_another_disk_is_made_again_there(recipe, tmp_path, capsys):
    statuses(recipe, capsys)
    (tmp_path / "disk").mkdir()
    (tmp_path / "run/checkpoints/g8").rename(tmp_path / "disk/big")
    (tmp_path / "run/checkpoints/g8").symlink_to(tmp_path / "disk/big")
    assert statuses(recipe, capsys) == {"g8": "unchanged", "g4": "unchanged"}
    before = contents(tmp_path / "run")
    for old, new in ((8, 3), (3, 2)):
        recipe.write_text(recipe.read_text().replace(f"bits: {old}", f"bits: {new}"))
        assert statuses(recipe, capsys) == {"g8": f"(bits: {old} -> {new})", "g4": "unchanged"}
        assert (tmp_path / "run/checkpoints/g8").is_symlink()
        assert contents(tmp_path / "run")["g8"] not in before.values()
    assert sorted(path.name for path in (tmp_path / "disk").glob("[!.]*")) == ["big"]


@pytest.mark.slow
def test_nothing_stays_in_tmpdir_after_a_kill_and_the_next_run(recipe, tmp_path):
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "scripts"), str(recipe)]
    env = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    script = tmp_path / "scripts/gptq.py"
    script.write_text(f"import tempfile\ntempfile.mkdtemp(prefix='gptqmodel_')\n{script.read_text()}")
    killed = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, start_new_session=True)
    while not list(tmp_path.glob("tmp/*/gptqmodel_*")):
        assert killed.poll() is None
    os.killpg(killed.pid, 9)
    killed.wait()
    (tmp_path / "run/.leaderboard.md.123.partial").write_text("half")
    assert list((tmp_path / "tmp").iterdir())
    subprocess.run(command, env=env, check=True, capture_output=True)
    assert not list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "run").glob(".*.partial"))
