"""A ladder on a Ray cluster of two nodes makes the same rungs, whatever is killed. Real workers, real processes."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from helpers.stage_scripts import MIXED, RECIPE, SCRIPT, write_recipe, write_scripts
from helpers.waiting import eventually

from mcqa_suite.cli.main import main
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.common.speed import Speed

# Writes its process, its parent process and its threads to a file; a GPTQ stage then waits for the file `go`.
WAITS = """
import os, sys, time
from pathlib import Path
folder, stage = Path(os.environ["MCQA_TEST_FOLDER"]), Path(sys.argv[2]).stem
if sys.argv[1] == "--config":
    with (folder / f"{stage}.began").open("a") as stream:
        stream.write(f"{os.getpid()} {os.getppid()} {os.environ['OMP_NUM_THREADS']}\\n")
    while stage.startswith("gptq") and not (folder / "go").exists():
        time.sleep(0.05)
"""
# In every Python process of the cluster: use the scripts of the ladder's environment.
STAND_INS = """
import os
from pathlib import Path
from mcqa_suite.common import paths
real = paths.training_dir
paths.training_dir = lambda: Path(os.environ.get("MCQA_TEST_SCRIPTS") or real())
"""
SPEEDS = {field.name for field in fields(Speed)}


def alive(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two nodes with one core each."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from ray.cluster_utils import Cluster

    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(STAND_INS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_process_group_cleanup_enabled", "1")
        patch.delenv("OMP_NUM_THREADS", raising=False)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        try:
            cluster.add_node(num_cpus=1)
            cluster.wait_for_nodes()
            yield cluster
        finally:
            cluster.shutdown()


class Ladder:
    """`mcqa run` in a process of its own, with stand-in scripts unless `real`."""

    def __init__(self, tmp_path: Path, text: str, base: Path, script: str) -> None:
        self.folder, self.output = tmp_path, tmp_path / "run"
        self.recipe = write_recipe(tmp_path, text, base)
        scripts = write_scripts(tmp_path, script)
        self.environment = os.environ | {"MCQA_TEST_SCRIPTS": str(scripts), "MCQA_TEST_FOLDER": str(tmp_path)}

    def start(self, ray: str | None, *options: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        flags = ["--output", str(self.output), *(["--ray", ray] if ray else []), *options]
        command = [*before, sys.executable, "-m", "mcqa_suite.cli.main", "run", str(self.recipe), *flags]
        pipe, cwd = subprocess.PIPE, self.folder
        environment = self.environment
        return subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=cwd, preexec_fn=restore_interrupt
        )

    def end(self, run: subprocess.Popen[str]) -> tuple[int, str, str]:
        out, err = run.communicate(timeout=600)
        return run.returncode, out, err

    def began(self, stage: str) -> list[list[int]]:
        """The process, parent process and threads of every attempt at a stage."""
        path = self.folder / f"{stage}.began"
        return [[int(word) for word in line.split()] for line in path.read_text().splitlines()] if path.exists() else []

    def release(self) -> None:
        """Let the GPTQ stages go on."""
        (self.folder / "go").touch()

    def contents(self) -> dict[str, str]:
        folders = sorted((self.output / "checkpoints").glob("[!.]*"))
        return {folder.name: read_manifest(folder).content for folder in folders}


@pytest.fixture
def ladder(tmp_path: Path, tiny_checkpoint: Path) -> Ladder:
    return Ladder(tmp_path, RECIPE, tiny_checkpoint, WAITS + SCRIPT)


def in_order(ladder: Ladder, tmp_path: Path) -> dict[str, str]:
    """The contents of every rung of a ladder without Ray."""
    ladder.release()
    ladder.output = tmp_path / "in order"
    code, _, err = ladder.end(ladder.start(None))
    assert code == 0, err
    return ladder.contents()


@pytest.mark.slow
def test_a_killed_worker_costs_only_its_step_and_the_rungs_are_the_same(cluster, ladder, tmp_path):
    run = ladder.start(cluster.address)
    first, other = both_began(ladder, run)
    (child, worker, threads), alone = first, other[1] != first[1]
    assert (alone, threads) == (True, 1)  # both at once, each in a worker of its own
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: len(ladder.began("gptq8")) == 2)
    assert not alive(child)
    ladder.release()
    code, out, err = ladder.end(run)
    assert code == 0, err
    assert "gptq8: its worker was lost (WorkerCrashedError); restart 1 of 3" in out
    assert [len(ladder.began(stage)) for stage in ("sft", "gptq8", "gptq4")] == [1, 2, 1]
    assert re.search(r"^\[\d/4\] gptq4  gptq +[\d.]+ s  on \S+:\w{6}$", out, re.MULTILINE)
    assert not list((ladder.output / "checkpoints").glob(".*.partial"))
    assert ladder.contents() == in_order(ladder, tmp_path)


def restore_interrupt() -> None:
    """Let Ctrl-C interrupt a child process even where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def both_began(ladder: Ladder, run: subprocess.Popen[str]) -> tuple[list[int], list[int]]:
    """The first attempt at each GPTQ stage, once both have begun."""

    def attempts() -> Any:
        assert run.poll() is None, run.communicate()
        both = ladder.began("gptq8"), ladder.began("gptq4")
        return all(both) and (both[0][0], both[1][0])

    pair: tuple[list[int], list[int]] = eventually(attempts)
    return pair


@pytest.mark.slow
def test_the_step_of_a_lost_node_is_restarted_on_another(cluster, ladder, tmp_path):
    run = ladder.start(cluster.address)
    both = both_began(ladder, run)
    (lost,) = cluster.worker_nodes
    cluster.remove_node(lost, allow_graceful=False)
    eventually(lambda: not all(alive(process) for process, *_ in both))  # or a step could end before its worker does
    ladder.release()
    code, out, err = ladder.end(run)
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()  # the lost one is known to be, or the next ladder would look there
    assert code == 0, err
    assert re.search(r"gptq\d: its worker was lost \(\w+\); restart 1 of 3", out)
    assert ladder.contents() == in_order(ladder, tmp_path)


@pytest.mark.slow
def test_an_interrupted_ladder_leaves_no_process_and_no_partial_folder(cluster, ladder):
    run = ladder.start(cluster.address)
    first, other = both_began(ladder, run)
    run.send_signal(signal.SIGINT)
    code, _, err = ladder.end(run)
    assert code == 130
    assert err.splitlines()[-1] == "mcqa: interrupted; rerun to resume"
    assert not alive(first[0])
    assert not alive(other[0])
    assert sorted(path.name for path in (ladder.output / "checkpoints").glob("[!.]*")) == ["base", "sft"]


@pytest.mark.slow
def test_a_step_that_kills_every_worker_fails_after_three_restarts(cluster, tmp_path, tiny_checkpoint):
    kills = "import os, signal, sys\nif sys.argv[1] == '--config': os.kill(os.getppid(), signal.SIGKILL)\n"
    ladder = Ladder(tmp_path, RECIPE, tiny_checkpoint, kills + SCRIPT)
    code, out, err = ladder.end(ladder.start(cluster.address))
    assert (code, out.count("its worker was lost")) == (2, 3), err
    assert "mcqa: stage 'sft' failed: it lost 4 workers, the last by WorkerCrashedError\n" in err


@pytest.mark.slow
def test_a_stage_that_fails_on_a_worker_is_one_line_as_without_ray(cluster, tmp_path, tiny_checkpoint):
    text = RECIPE.replace("n: 6}}]}}}}\n  - {{name: gptq8", "n: 6}}], seed: 13}}}}\n  - {{name: gptq8")
    ladder = Ladder(tmp_path, text, tiny_checkpoint, SCRIPT)
    code, _, err = ladder.end(ladder.start(cluster.address))
    log = ladder.output / "logs/sft.log"
    line = f"mcqa: stage 'sft' failed: ValueError: an unlucky number (log: {log})"
    assert (code, err.splitlines()[-1]) == (2, line)


@pytest.mark.slow
def test_a_ladder_continues_from_the_best_of_a_sweep_on_a_cluster_too(cluster, tmp_path, tiny_checkpoint):
    ladder = Ladder(tmp_path, MIXED, tiny_checkpoint, SCRIPT)
    code, out, err = ladder.end(ladder.start(cluster.address))
    assert code == 0, err
    assert "the best of dpo by reward_accuracy is dpo-lr0.9" in out
    assert read_manifest(ladder.output / "checkpoints/gptq4").parent.name == "dpo-lr0.9"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (
            "num_gpus: 2\n",
            "stage sft: num_cpus: 1, num_gpus: 2, and the nodes of the Ray cluster have 1 and 0; 1 and 0; ask for less",
        ),
        (
            "num_cpus: 3\n",
            "stage sft: num_cpus: 3, num_gpus: 0, and the nodes of the Ray cluster have 1 and 0; 1 and 0; ask for less",
        ),
    ],
)
def test_a_step_that_fits_on_no_node_is_an_error_before_anything_runs(cluster, tmp_path, tiny_checkpoint, extra, words):
    ladder = Ladder(tmp_path, RECIPE + extra, tiny_checkpoint, SCRIPT)
    code, _, err = ladder.end(ladder.start(cluster.address))
    assert (code, err.count("\n")) == (2, 1)
    assert words in err
    assert not ladder.output.exists()


@pytest.mark.slow
def test_a_run_folder_that_a_node_does_not_see_is_named(cluster, ladder):
    ladder.output = Path("/proc/self/cwd/run")  # another folder in every process
    code, _, err = ladder.end(ladder.start(cluster.address))
    assert (code, err.count("\n")) == (2, 1)
    assert re.search(r"--ray: node \S+ does not see /proc/self/cwd/run; choose an --output that all nodes share", err)
    assert not list((ladder.folder / "run").iterdir())


@pytest.mark.slow
def test_with_a_store_the_nodes_need_not_see_the_run_folder(cluster, ladder, tmp_path):
    private = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(ladder.output))
    ladder.output.mkdir()
    if subprocess.run([*private, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no folder can be mounted for one process alone")
    ladder.release()
    code, _, err = ladder.end(ladder.start(cluster.address, before=private))
    assert (code, "does not see" in err) == (2, True)
    evaluated = "evaluate: [{tasks: [mcqa_epfl], limit: 4}]\n"
    ladder.recipe.write_text(
        ladder.recipe.read_text().replace("n: 6}]}}", "n: 6}], allow_leaks: true}}", 1) + evaluated
    )
    options = ("--until", "sft", "--store", f"file://{tmp_path}/kept")
    code, out, err = ladder.end(ladder.start(cluster.address, *options, before=private))
    assert (code, "not valid (identical)" in err) == (2, True), err  # the stand-in's sft is a copy of base
    assert "| sft |" in out
    assert sorted(path.name for path in (tmp_path / "kept/evaluations").iterdir()) == ["base", "sft"]
    code, out, err = ladder.end(ladder.start(None, *options, before=private))
    assert (code, out.count("from the store")) == (2, 3), err


@pytest.mark.slow
@pytest.mark.parametrize("address", ["127.0.0.1:9", "nonsense", "ray://127.0.0.1:10001"])
def test_a_cluster_that_cannot_be_reached_is_one_line(tmp_path, tiny_checkpoint, address, capsys):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    assert main(["run", str(write_recipe(tmp_path, RECIPE, tiny_checkpoint)), "--ray", address]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mcqa: --ray {address}: ")
    assert error.count("\n") == 1


REAL = """
name: real
base: {base}
threads: 1
stages:
  - name: sft
    kind: sft
    parent: base
    settings: {{data: [{{source: symbolic_local, n: 8}}], trainer: {{max_steps: 2, logging_steps: 1}}, allow_leaks: true}}
evaluate:
  - {{tasks: [mcqa_epfl], limit: 32}}
"""


@pytest.mark.slow
def test_the_table_of_a_ladder_whose_worker_was_killed_is_that_of_a_ladder_without_ray(
    cluster, tmp_path, tiny_checkpoint
):
    ladder = Ladder(tmp_path, REAL, tiny_checkpoint, SCRIPT)
    del ladder.environment["MCQA_TEST_SCRIPTS"]
    run = ladder.start(cluster.address)
    log = ladder.output / "logs/sft.log"
    eventually(lambda: log.exists() and log.stat().st_size)  # the stage is under way
    os.kill(process_titled("ray::sft"), signal.SIGKILL)
    code, out, err = ladder.end(run)
    assert code == 0, err
    assert "its worker was lost" in out
    tables = without_speeds(ladder.output)
    ladder.output = tmp_path / "in order"
    code, _, err = ladder.end(ladder.start(None))
    assert code == 0, err
    assert tables == without_speeds(ladder.output)


def without_speeds(output: Path) -> tuple[str, list[dict[str, str]]]:
    """The tables of a run but for the speeds, which differ from run to run."""
    text, _, speeds = (output / "leaderboard.md").read_text().partition("### Size and speed")
    rows = list(csv.DictReader((output / "leaderboard.csv").read_text().splitlines()))
    assert speeds
    return text, [{name: cell for name, cell in row.items() if name not in SPEEDS} for row in rows]


def process_titled(title: str) -> int:
    """The process with this title, which Ray gives to a worker."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_text().strip("\0 ") == title:
                return int(folder.name)
        except OSError:
            continue
    raise LookupError(title)
