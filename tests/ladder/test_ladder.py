"""A ladder with real processes: stand-in scripts where the order of things is tested, the real ones once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mcqa_suite.common.errors import ConfigError, DatasetError, StageError
from mcqa_suite.common.locks import locked
from mcqa_suite.common.manifest import Hardware, Manifest
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.plan import Evaluation
from mcqa_suite.ladder import leak_check as audits
from mcqa_suite.ladder import run
from mcqa_suite.ladder.evaluation import plan_of
from mcqa_suite.ladder.outputs import RungResult, save_sweeps
from mcqa_suite.ladder.preflight import Rows
from mcqa_suite.ladder.process import run_process
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.stages import has_chat_template
from mcqa_suite.questions import generated
from mcqa_suite.questions.prompts import letter

# Copies its parent, plus a file with its settings; `fail` in the seed's place makes it fail or be killed half-way.
SCRIPT = """
import argparse, os, signal, sys
from pathlib import Path
from mcqa_suite.common.manifest import Manifest, Parent, checkpoint_size, complete_folder, content_hash, hardware, name_of
from mcqa_suite.common.manifest import write_manifest
from mcqa_suite.ladder.stage_settings import read_rows, read_settings, record

KIND = Path(__file__).stem
parser = argparse.ArgumentParser()
for name in ("config", "parent", "output", "parent-base"):
    parser.add_argument(f"--{name}", type=Path)
parser.add_argument("--check", type=Path, nargs="+")
args = parser.parse_args()
settings = [read_settings(KIND, file) for file in args.check or [args.config]][0]
trainer = getattr(settings, "trainer", {})
if "learning_rat" in trainer:
    sys.exit(f"{KIND}.py: unknown key 'learning_rat'")
if args.check:
    sys.exit()
rows, data = read_rows(settings)
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
    write_manifest(folder, Manifest(
        kind=KIND,
        name=args.output.name,
        parent=Parent(name_of(args.parent), content_hash(args.parent)),
        settings=record(settings),
        content=content_hash(folder),
        seed=settings.seed,
        hardware=hardware(),
        seconds=1.0,
        data=data,
        size=checkpoint_size(folder),
        metrics={"parent_base": args.parent_base and args.parent_base.name, "reward_accuracy": trainer.get("learning_rate")},
        adapter=not getattr(settings, "merge", True),
    ))
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
        (scripts / f"{kind}.py").write_text(SCRIPT)
    monkeypatch.setattr("mcqa_suite.ladder.stages.training_dir", lambda: scripts)

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
    assert not (tmp_path / "run/checkpoints").exists()


def test_progress_bars_are_shown_and_other_words_go_only_to_the_log(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mcqa_suite.ladder.process.SECONDS_BETWEEN_LINES", -1.0)
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


MIXED = """
name: mixed
base: {base}
output: {output}
stages:
  - {{name: adapter, kind: sft, parent: base, settings: {{data: [{{source: generated, n: 6}}], merge: false}}}}
  - {{name: whole, kind: merge, parent: adapter}}
  - name: dpo
    kind: dpo
    parent: whole
    settings: {{data: [{{source: generated, n: 6}}], trainer: {{}}}}
    sweep: {{learning_rate: [0.1, 0.9, 0.5]}}
    criterion: {{metric: {metric}}}
  - {{name: gptq4, kind: gptq, parent: {{best: dpo}}, settings: {{bits: 4, calibration: [{{source: generated, n: 6}}]}}}}
"""


def mixed(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch, metric: str = "reward_accuracy") -> Path:
    """A recipe of several kinds over stand-in scripts; the reward accuracy of a point is its learning rate."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for kind in ("sft", "merge", "dpo", "gptq"):
        (scripts / f"{kind}.py").write_text(SCRIPT)
    monkeypatch.setattr("mcqa_suite.ladder.stages.training_dir", lambda: scripts)
    recipe = tmp_path / "mixed.yaml"
    recipe.write_text(MIXED.format(base=base, output=tmp_path / "run", metric=metric))
    return recipe


def test_a_ladder_goes_on_from_the_best_point_of_a_sweep(tmp_path, tiny_checkpoint, monkeypatch, capsys):
    result = run(mixed(tmp_path, tiny_checkpoint, monkeypatch))
    names = ["base", "adapter", "whole", "dpo-lr0.1", "dpo-lr0.9", "dpo-lr0.5", "gptq4"]
    assert [rung.name for rung in result.rungs] == names
    rungs = dict(zip(names, result.rungs, strict=True))
    assert rungs["gptq4"].manifest.parent.name == "dpo-lr0.9"
    assert "the best of dpo by reward_accuracy is dpo-lr0.9" in capsys.readouterr().out
    text = save_sweeps(result)
    assert "Best: **dpo-lr0.9**" in text
    assert (tmp_path / "run/sweep_dpo.md").read_text() == text
    assert (tmp_path / "run/sweep_dpo.csv").exists()


def test_what_is_made_of_an_adapter_is_given_its_parent_and_no_other_stage_is(
    tmp_path, tiny_checkpoint, monkeypatch, capsys
):
    rungs = {rung.name: rung for rung in run(mixed(tmp_path, tiny_checkpoint, monkeypatch)).rungs}
    assert rungs["adapter"].manifest.adapter
    assert rungs["adapter"].adapter_base == tiny_checkpoint
    given = {name: rung.manifest.metrics.get("parent_base") for name, rung in rungs.items()}
    assert given.pop("whole") == tiny_checkpoint.name
    assert set(given.values()) == {None}


def test_a_criterion_that_no_manifest_has_stops_after_the_first_point(tmp_path, tiny_checkpoint, monkeypatch):
    with pytest.raises(
        ConfigError, match=r"'reward_acc': the manifest of dpo-lr0\.1 has no such figure; it has reward_acc"
    ):
        run(mixed(tmp_path, tiny_checkpoint, monkeypatch, "reward_acc"))
    assert not (tmp_path / "run/checkpoints/dpo-lr0.9").exists()


def test_a_misspelled_argument_of_a_later_stage_shows_before_the_first_trains(tmp_path, tiny_checkpoint, monkeypatch):
    recipe = mixed(tmp_path, tiny_checkpoint, monkeypatch)
    recipe.write_text(recipe.read_text().replace("trainer: {}", "trainer: {learning_rat: 1}"))
    with pytest.raises(StageError, match=r"stage 'dpo \(settings\)' failed: dpo.py: unknown key 'learning_rat'"):
        run(recipe)
    assert not (tmp_path / "run/checkpoints").exists()


def test_rows_that_hold_an_evaluated_question_stop_the_ladder_before_anything_runs(tmp_path, tiny_checkpoint):
    test = generated.generate("test", 1000)[:3]
    rows = [{"question": letter(question), "answer": question.answer, "subject": "x"} for question in test]
    (tmp_path / "exam.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"""
name: leaky
base: {tiny_checkpoint}
output: {tmp_path}/run
stages:
  - {{name: sft, kind: sft, parent: base, settings: {{data: [{{source: epfl, path: exam.jsonl}}]}}}}
evaluate:
  - {{tasks: [mcqa_generated], limit: 4}}
""")
    with pytest.raises(DatasetError) as caught:
        run(recipe)
    said = str(caught.value)
    assert re.search(
        r"stage sft: \d+ of 1000 items of mcqa_generated are in its training rows, such as item generated/\w+", said
    )
    assert "set allow_leaks: true" in said
    assert "\n" not in said
    assert not (tmp_path / "run/checkpoints").exists()
    assert "Leak" in (tmp_path / "run/audits/sft.md").read_text()


def test_leaks_that_are_allowed_are_said_and_written(tmp_path, tiny_checkpoint):
    question = generated.generate("test", 1000)[0]
    row = {"id": "mine", "group": "g", "source": "x", "topic": "", "prompt": letter(question), "completion": " A"}
    recipe = tmp_path / "recipe.yaml"
    data = "data: [{source: generated, n: 8}], allow_leaks: true"
    recipe.write_text(
        f"name: x\nbase: {tiny_checkpoint}\nstages:\n  - {{name: sft, kind: sft, parent: base, settings: {{{data}}}}}\n"
        "evaluate:\n  - {tasks: [mcqa_generated]}\n"
    )
    recipe = read_recipe(recipe)
    items, lines = audits.items_of(recipe)
    assert (len(items), lines) == (1000, [])
    (said,) = audits.audit(recipe, Rows(recipe.stages, [row], ()), items, tmp_path / "run")
    assert said.startswith("sft: 1 of 1000 items of mcqa_generated are in its training rows")
    assert said.endswith("allowed (allow_leaks)")
    assert "Allowed by the stage's settings" in (tmp_path / "run/audits/sft.md").read_text()


def rung(chat: bool | None) -> RungResult:
    manifest = Manifest("sft", "sft", None, {}, "c", 0, Hardware("cpu", 1), 1.0, chat_template=chat)
    return RungResult("sft", Path("x"), manifest, None, None)


def test_a_rung_is_evaluated_with_the_chat_template_that_it_was_trained_with():
    entries = (Evaluation(("mcqa_arc",)),)
    assert plan_of(rung(True), entries, "r.yaml") == [{"tasks": ("mcqa_arc",), "apply_chat_template": True}]
    assert (
        plan_of(rung(False), entries, "r.yaml") == plan_of(rung(None), entries, "r.yaml") == [{"tasks": ("mcqa_arc",)}]
    )


@pytest.mark.parametrize(("asked", "chat", "how"), [(True, False, "without"), (False, True, "with")])
def test_a_chat_template_that_contradicts_the_training_is_an_error(asked, chat, how):
    entries = (Evaluation(("mcqa_arc",), apply_chat_template=asked),)
    with pytest.raises(
        ConfigError, match=rf"evaluate\[0\]: apply_chat_template: .*, but sft was made {how} its chat template"
    ):
        plan_of(rung(chat), entries, "r.yaml")


def test_the_base_has_the_recipes_chat_template_or_its_tokenizers(tmp_path, tiny_checkpoint):
    assert not has_chat_template(tiny_checkpoint)
    assert has_chat_template(training_dir() / "base")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    assert has_chat_template(tmp_path)


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
    settings: {{data: [{{source: generated, n: 8}}], trainer: {{max_steps: 2, logging_steps: 1}}, allow_leaks: true}}
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
