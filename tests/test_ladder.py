"""A ladder with real processes: stand-in scripts where the order of things is tested, the real ones once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mcqa_suite import ladder
from mcqa_suite.errors import ConfigError, DatasetError, StageError
from mcqa_suite.ladder import run
from mcqa_suite.lock import locked
from mcqa_suite.process import run_process

# Copies its parent, plus a file with its settings; `fail` in the seed's place makes it fail or be killed half-way.
SCRIPT = """
import os, signal, sys
sys.path.insert(0, {training!r})
import common
from pathlib import Path
from mcqa_suite import sources
from mcqa_suite.manifest import complete_folder, hardware
from mcqa_suite.settings import read_settings

KIND = Path(__file__).stem
args = common.arguments("")
settings = read_settings(KIND, args.config)
rows, data = sources.read(settings.data if KIND == "sft" else settings.calibration)
with complete_folder(args.output) as folder:
    for path in args.parent.iterdir():
        if path.suffix != ".csv" and path.name != "manifest.json":
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "made.json").write_text(str(settings))
    print(" 50%|#####     | 1/2", end="\\r", file=sys.stderr, flush=True)
    if settings.seed == 13:
        raise ValueError("an unlucky number")
    if settings.seed == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    common.finish(folder, args.output, args.parent, KIND, settings, data=data, hardware=hardware())
"""
RECIPE = """
name: small
base: {base}
output: {output}
stages:
  - {{name: sft, kind: sft, parent: base, settings: {{data: [{{source: generated, n: {n}}}], seed: {sft_seed}}}}}
  - {{name: gptq8, kind: gptq, parent: sft, settings: {{bits: 8, calibration: [{{source: generated, n: 6}}]}}}}
  - {{name: gptq4, kind: gptq, parent: sft, settings: {{bits: {bits}, calibration: [{{source: generated, n: 6}}]}}}}
"""


@pytest.fixture
def small(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the small recipe with changes; returns what each step said, by rung."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for kind in ("sft", "gptq"):
        (scripts / f"{kind}.py").write_text(SCRIPT.format(training=str(ladder.training_dir())))
    monkeypatch.setattr(ladder, "training_dir", lambda: scripts)

    def go(capsys: pytest.CaptureFixture[str], *, sft_seed: int = 0, bits: int = 4, n: int = 6, **options: object):
        recipe = tmp_path / "recipe.yaml"
        values = {"base": tiny_checkpoint, "output": tmp_path / "run", "sft_seed": sft_seed, "bits": bits, "n": n}
        recipe.write_text(RECIPE.format(**values))
        capsys.readouterr()
        run(recipe, **options)
        lines = re.findall(r"^\[\d/4\] (\S+) +(?:base|sft|gptq) +(.*)$", capsys.readouterr().out, re.MULTILINE)
        return {name: re.sub(r"^[\d.]+ s *", "", said) for name, said in lines}

    return go


NEW = {"base": "checkpoint", "sft": "", "gptq8": "", "gptq4": ""}
KEPT = {"base": "checkpoint", "sft": "unchanged", "gptq8": "unchanged", "gptq4": "unchanged"}


def test_a_second_run_makes_nothing(small, capsys, tmp_path):
    assert small(capsys) == NEW
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run/checkpoints").glob("*/model.safetensors")}
    assert small(capsys) == KEPT
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_changed_setting_redoes_its_stage_alone(small, capsys):
    small(capsys)
    assert small(capsys, bits=3) == {**KEPT, "gptq4": "(bits: 4 -> 3)"}


def test_a_changed_parent_redoes_what_was_made_from_it(small, capsys):
    small(capsys)
    changed = "(its parent sft changed)"
    assert small(capsys, sft_seed=1) == {**KEPT, "sft": "(seed: 0 -> 1)", "gptq8": changed, "gptq4": changed}


def test_a_damaged_checkpoint_is_made_again_and_its_children_stay(small, capsys, tmp_path):
    small(capsys)
    (tmp_path / "run/checkpoints/sft/model.safetensors").write_bytes(b"\x00")
    assert small(capsys) == {**KEPT, "sft": "(its files changed)"}


def test_a_rung_is_redone_when_asked_to(small, capsys):
    small(capsys)
    assert small(capsys, redo=["gptq8"]) == {**KEPT, "gptq8": "(asked to)"}


def test_a_stage_that_fails_is_one_line_with_its_log_and_leaves_no_folder(small, capsys, tmp_path):
    with pytest.raises(StageError, match=r"^stage 'sft' failed: ValueError: an unlucky number \(log: .*sft\.log\)$"):
        small(capsys, sft_seed=13)
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["base"]


def test_a_stage_that_is_killed_leaves_no_complete_folder_and_is_made_by_the_next_run(small, capsys, tmp_path):
    with pytest.raises(StageError, match="stage 'sft' failed: killed by signal 9"):
        small(capsys, sft_seed=9)
    assert not (tmp_path / "run/checkpoints/sft").exists()
    assert small(capsys) == NEW
    assert not list((tmp_path / "run/checkpoints").glob(".*"))


def test_data_that_cannot_be_had_is_found_before_anything_runs(small, capsys, tmp_path):
    with pytest.raises(DatasetError, match="ask for fewer"):
        small(capsys, n=10**6)
    assert not (tmp_path / "run").exists()


def test_progress_bars_are_shown_and_other_words_go_only_to_the_log(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mcqa_suite.process.SECONDS_BETWEEN_LINES", -1.0)
    script = "import sys; print('loading'); sys.stderr.write('\\r 10%|#   | 1/10\\r100%|####| 10/10\\n')"
    run_process([sys.executable, "-c", script], tmp_path / "x.log", "sft", "[1/2] sft", {})
    shown = capsys.readouterr().err
    assert "[1/2] sft  100%|####| 10/10" in shown
    assert "loading" not in shown
    assert "loading" in (tmp_path / "x.log").read_text()


def test_a_file_gets_a_line_of_progress_only_now_and_then(tmp_path, capsys):
    script = "import sys; [sys.stderr.write(f'\\r {i}%|#   | {i}/100') for i in range(100)]"
    run_process([sys.executable, "-c", script], tmp_path / "x.log", "sft", "[1/2] sft", {})
    assert capsys.readouterr().err == ""


def test_the_callers_variables_win_over_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    script = "import os; print(os.environ['OMP_WAIT_POLICY'], os.environ['OMP_NUM_THREADS'])"
    run_process([sys.executable, "-c", script], tmp_path / "x.log", "sft", "", {"OMP_NUM_THREADS": "3"})
    assert (tmp_path / "x.log").read_text() == "ACTIVE 3\n"


@pytest.mark.slow
def test_the_real_stages_climb_and_are_evaluated_and_a_second_run_keeps_them(tmp_path, tiny_checkpoint, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"""
name: real
base: {tiny_checkpoint}
threads: 1
stages:
  - name: sft
    kind: sft
    parent: base
    settings: {{data: [{{source: generated, n: 8}}], trainer: {{max_steps: 2, logging_steps: 1}}}}
  - name: gptq4
    kind: gptq
    parent: sft
    settings: {{bits: 4, group_size: 32, calibration: [{{source: generated, n: 8}}]}}
evaluate:
  - {{tasks: [mcqa_generated], limit: 4}}
""")
    result = run(recipe, tmp_path / "run")
    assert [rung.name for rung in result.rungs] == ["base", "sft", "gptq4"]
    for rung in result.rungs:
        assert list(rung.evaluation.rglob("results_*.json"))
        assert rung.record["tokens_per_second"] > 0
    bits = [rung.manifest.size.bits_per_weight for rung in result.rungs]
    assert bits[0] == bits[1] == 32 > bits[2]
    capsys.readouterr()
    assert run(recipe, tmp_path / "run").rungs[1:] == result.rungs[1:]
    assert capsys.readouterr().out.count("unchanged") == 5


def test_two_runs_do_not_share_a_folder(tmp_path):
    again = locked(tmp_path / "run")
    with locked(tmp_path / "run"), pytest.raises(ConfigError, match="another run, or a stage of one"), again:
        pass
    with locked(tmp_path / "run"):
        pass


def test_a_stage_that_outlives_its_ladder_keeps_others_out(tmp_path):
    with locked(tmp_path / "run") as descriptor:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    with pytest.raises(ConfigError, match="at work there"), locked(tmp_path / "run"):
        pass
    child.communicate(b"\n")
    with locked(tmp_path / "run"):
        pass


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match=r"cannot be written: .*choose another --output"),
        locked(tmp_path / "file" / "run"),
    ):
        pass


@pytest.mark.parametrize(
    ("evaluate", "words"),
    [
        ("- {tasks: [mcqa_epfll]}", r"evaluate\[0\]: unknown task 'mcqa_epfll': did you mean"),
        ("- {tasks: [mcqa_epfl], limit: -3}", r"evaluate\[0\]: limit: -3"),
        ("- {tasks: []}", r"evaluate\[0\]: tasks: empty"),
    ],
)
def test_a_mistake_in_the_plan_shows_before_anything_is_made(tmp_path, tiny_checkpoint, evaluate, words):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: x\nbase: {tiny_checkpoint}\noutput: {tmp_path}/run\nevaluate:\n  {evaluate}\n")
    with pytest.raises(ConfigError, match=words):
        run(recipe)
    assert not (tmp_path / "run").exists()
