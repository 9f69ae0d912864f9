"""When an evaluation is made again: what it depends on is compared with its manifest; no model is loaded."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mcqa_suite.cli.main import main
from mcqa_suite.common.chat_template import WITHOUT
from mcqa_suite.common.manifest import Data, Hardware, Manifest, content_hash, read_manifest, write_manifest
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.ladder.changes import data_changes
from mcqa_suite.ladder.context import redo_reason
from mcqa_suite.ladder.evaluation import LIBRARIES, expected_evaluation, other_versions
from mcqa_suite.ladder.leaks import check_rows
from mcqa_suite.ladder.questions import load_tasks, questions_of
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.run import run_recipe
from mcqa_suite.ladder.steps import RungResult

RECIPE = """
name: small
base: {base}
output: run
seed: 0
evaluate:
  - {{tasks: [mcqa_epfl], limit: 10, metadata: {{epfl_file: exam.jsonl}}}}
"""
MANIFEST = Manifest("base", "base", None, {}, "c", 0, Hardware("cpu", 1), 1.0, chat_template=WITHOUT)
BASE = RungResult("base", Path("x"), MANIFEST, None, None)


@pytest.fixture
def recipe(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe beside its questions, 50 rows of the sample."""
    monkeypatch.delenv("MCQA_EPFL_FILE", raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    exam(folder / "exam.jsonl", 50)
    (folder / "recipe.yaml").write_text(RECIPE.format(base=tiny_checkpoint, folder=folder))
    return folder / "recipe.yaml"


def exam(path: Path, n: int) -> None:
    lines = (tasks_dir() / "epfl/sample.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:n]), encoding="utf-8")


def manifest_of(recipe: Path) -> Manifest:
    """The manifest that a run of the recipe would give the evaluation of its base."""
    content = read_recipe(recipe)
    expected = expected_evaluation(content, BASE, questions_of(content, load_tasks(content)))
    fields = {name: getattr(expected, name) for name in ("kind", "name", "parent", "settings", "data", "tasks")}
    return Manifest(**fields, content="", seed=content.seed, hardware=Hardware("cpu", 1), seconds=1.0)


def save(folder: Path, manifest: Manifest) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rung.json").write_text("{}")
    write_manifest(folder, replace(manifest, content=content_hash(folder)))
    return folder


def reason(recipe: Path, folder: Path) -> str | None:
    content = read_recipe(recipe)
    expected = expected_evaluation(content, BASE, questions_of(content, load_tasks(content)))
    return redo_reason(folder, expected, content.processes)


def edit(recipe: Path, before: str, now: str) -> None:
    text = recipe.read_text()
    assert before in text
    recipe.write_text(text.replace(before, now))


def test_an_unchanged_evaluation_is_not_made_again_also_from_elsewhere_and_after_a_move(recipe, tmp_path, monkeypatch):
    folder = save(tmp_path / "run", manifest_of(recipe))
    assert reason(recipe, folder) is None
    monkeypatch.chdir(tmp_path)
    assert reason(Path("project/recipe.yaml"), folder) is None
    moved = recipe.parent.rename(tmp_path / "elsewhere")
    assert reason(moved / "recipe.yaml", folder.rename(moved / "run")) is None


def test_the_manifest_says_what_was_read_and_no_path(recipe, tmp_path):
    (task,) = json.loads((save(tmp_path / "run", manifest_of(recipe)) / "manifest.json").read_text())["tasks"]
    assert (task["task"], task["source"], task["n"]) == ("mcqa_epfl", "exam.jsonl", 50)
    assert str(recipe.parent) not in (tmp_path / "run/manifest.json").read_text()


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ("seed: 0", "seed: 7", "seed: 0 -> 7"),
        ("limit: 10", "limit: 15", "evaluate[0].limit: 10 -> 15"),
        ("[mcqa_epfl]", "[mcqa_epfl, mcqa_epfl_cloze]", "evaluate[0].tasks: + mcqa_epfl_cloze"),
        ("limit: 10", "limit: 10, num_fewshot: 3", "evaluate[0].num_fewshot: none -> 3"),
        ("limit: 10", "limit: 10, gen_kwargs: {temperature: 1.0}", "evaluate[0].gen_kwargs.temperature: none -> 1"),
        ("seed: 0", "seed: 0\ndtype: bfloat16", "dtype: float32 -> bfloat16"),
        ("exam.jsonl", "other.jsonl", "questions of mcqa_epfl changed (exam.jsonl: 50 rows -> other.jsonl: 20 rows)"),
        (
            ", metadata: {epfl_file: exam.jsonl}",
            "",
            "questions of mcqa_epfl changed (exam.jsonl: 50 rows -> sample.jsonl:",
        ),
    ],
)
@pytest.mark.slow
def test_each_change_of_the_recipe_is_a_reason(recipe, tmp_path, before, now, why):
    folder = save(tmp_path / "run", manifest_of(recipe))
    exam(recipe.parent / "other.jsonl", 20)
    edit(recipe, before, now)
    assert (reason(recipe, folder) or "").startswith(why)


@pytest.mark.slow
def test_changed_questions_are_a_reason_with_other_changes(recipe, tmp_path):
    folder = save(tmp_path / "run", manifest_of(recipe))
    exam(recipe.parent / "exam.jsonl", 20)
    changed = "questions of mcqa_epfl changed (exam.jsonl: 50 rows -> 20 rows)"
    assert reason(recipe, folder) == changed
    edit(recipe, "seed: 0", "seed: 7")
    assert reason(recipe, folder) == f"seed: 0 -> 7; {changed}"
    edit(recipe, "limit: 10", "limit: 15")
    assert reason(recipe, folder) == "evaluate[0].limit: 10 -> 15; seed: 0 -> 7; and 1 more"


@pytest.mark.slow
def test_the_variable_that_chooses_questions_counts_by_their_content(recipe, tmp_path, monkeypatch):
    folder = save(tmp_path / "run", manifest_of(recipe))
    edit(recipe, ", metadata: {epfl_file: exam.jsonl}", "")
    shutil.copy(recipe.parent / "exam.jsonl", tmp_path / "mine.jsonl")
    monkeypatch.setenv("MCQA_EPFL_FILE", str(tmp_path / "mine.jsonl"))
    assert reason(recipe, folder) is None
    exam(tmp_path / "mine.jsonl", 20)
    assert reason(recipe, folder) == "questions of mcqa_epfl changed (exam.jsonl: 50 rows -> mine.jsonl: 20 rows)"


@pytest.mark.slow
def test_a_manifest_without_its_data_is_read_and_is_a_reason(recipe, tmp_path):
    manifest = manifest_of(recipe)
    plan = [{**manifest.settings["plan"][0], "metadata": {"epfl_file": "exam.jsonl"}}]
    settings = {"plan": plan, "dtype": "float32", "batch_size": manifest.settings["batch_size"]}
    folder = save(tmp_path / "run", replace(manifest, settings=settings, tasks=None))
    assert reason(recipe, folder) == "its data was not recorded"
    edit(recipe, "seed: 0", "seed: 7")
    assert reason(recipe, folder) == "seed: 0 -> 7; its data was not recorded"


@pytest.mark.slow
def test_an_optional_entry_that_cannot_be_loaded_now_leaves_its_evaluation(recipe, tmp_path, monkeypatch, made_up_hub):
    edit(recipe, "evaluate:", "evaluate:\n  - {tasks: [mcqa_gpqa_main], optional: true}")
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))
    manifest = manifest_of(recipe)
    folder = save(tmp_path / "run", manifest)
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    assert reason(recipe, folder) is None
    only_epfl = [task for task in manifest.tasks if task.entry]
    save(folder, replace(manifest, tasks=tuple(only_epfl)))
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))
    assert reason(recipe, folder) == "mcqa_gpqa_main can be loaded now"


@pytest.mark.slow
def test_other_versions_are_named_and_no_reason(recipe, tmp_path):
    manifest = replace(manifest_of(recipe), versions={"python": "3.1", "lm_eval": "0.4.1"}, mcqa_suite="0.1.0")
    assert reason(recipe, save(tmp_path / "run", manifest)) is None
    assert re.fullmatch(r"mcqa_suite 0\.1\.0 -> \S+, lm_eval 0\.4\.1 -> \S+", other_versions(manifest))
    assert set(LIBRARIES) >= {"lm_eval", "torch", "transformers", "datasets"}


@pytest.mark.parametrize("optional", ["", ", optional: true"], ids=["required", "optional"])
@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("tasks: [mcqa_epfl], metadata: {epfl_file: gone.jsonl}", "mcqa_epfl: metadata: epfl_file: "),
        ("tasks: [mcqa_epfl]", "mcqa_epfl: MCQA_EPFL_FILE: "),
        ("tasks: [mcqa_arc_grid_1_evaluation_apply], metadata: {rules: gone.jsonl}", "_apply: metadata: rules: "),
    ],
)
def test_a_missing_file_is_one_line_before_anything_runs(recipe, monkeypatch, capsys, entry, words, optional):
    monkeypatch.setenv("MCQA_EPFL_FILE", "/gone.jsonl")
    edit(recipe, "tasks: [mcqa_epfl], limit: 10, metadata: {epfl_file: exam.jsonl}", entry + optional)
    assert main(["run", str(recipe)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(rf"recipe\.yaml: evaluate\[0\]: \S*{words}/.*gone\.jsonl: no such file", line)
    assert not Path("run").exists()


def test_a_broken_file_is_one_line_before_anything_runs(recipe, monkeypatch, capsys):
    (recipe.parent / "exam.jsonl").write_text('{"question": 1}\n')
    assert main(["run", str(recipe)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "exam.jsonl:1" in line
    assert not Path("run").exists()


STAGES = """stages:
  - {name: sft, kind: sft, parent: base, settings: {data: [{source: epfl, path: rows.jsonl}], allow_leaks: true}}
  - {name: g4, kind: gptq, parent: base, settings: {bits: 4, calibration: [{source: epfl, path: rows.jsonl}]}}
evaluate:"""


def test_changed_training_rows_are_a_reason_and_the_audit_follows_rows_and_questions(recipe, capsys):
    edit(recipe, "evaluate:", STAGES)
    lines = (tasks_dir() / "epfl/sample.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)

    def check(rows: list[str]) -> tuple[dict[str, tuple[Data, ...]], str]:
        (recipe.parent / "rows.jsonl").write_text("".join(rows), encoding="utf-8")
        content = read_recipe(recipe)
        data = check_rows(content, load_tasks(content), recipe.parent)
        return {name: rows.sources for name, rows in data.items()}, (recipe.parent / "audits/sft.md").read_text(
            encoding="utf-8"
        )

    data, clean = check(lines[60:80])
    assert "Allowed by" not in clean
    changed, leaky = check([*lines[60:79], lines[0]])
    assert "Allowed by" in leaky
    for stage in ("sft", "g4"):
        assert list(data_changes(data[stage], changed[stage])) == ["rows of epfl changed (20 rows)"]
    (recipe.parent / "exam.jsonl").write_text("".join(lines[90:99]), encoding="utf-8")
    same, clean = check([*lines[60:79], lines[0]])
    assert (same, "Allowed by" in clean) == (changed, False)


def statuses(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = re.findall(r"^\[\d/\d\] \S+ +evaluate +(.*)$", capsys.readouterr().out, re.MULTILINE)
    return [re.sub(r"^[\d.]+ s *", "", line) for line in lines]


@pytest.mark.slow
def test_sampled_answers_of_another_seed_equal_those_of_a_fresh_folder(tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    sampled = "{max_gen_toks: 24, do_sample: true, temperature: 1.0}"
    recipe.write_text(f"""
name: sampled
chat_template: false
threads: 1
batch_size: 32
output: run
seed: 0
evaluate:
  - {{tasks: [mcqa_epfl_cot], limit: 20, gen_kwargs: {sampled}}}
""")

    def answers(folder: Path) -> list[object]:
        (path,) = (folder / "evaluations/base").rglob("samples_*.jsonl")
        return [json.loads(line)["resps"] for line in path.read_text(encoding="utf-8").splitlines()]

    run_recipe(recipe)
    first = answers(tmp_path / "run")
    edit(recipe, "seed: 0", "seed: 7")
    capsys.readouterr()
    run_recipe(recipe)
    assert statuses(capsys) == ["(seed: 0 -> 7)"]
    assert main(["run", str(recipe)]) == 0
    assert statuses(capsys) == ["unchanged"]
    run_recipe(recipe, tmp_path / "fresh")
    assert answers(tmp_path / "fresh") == answers(tmp_path / "run") != first
    assert asdict(read_manifest(tmp_path / "run/evaluations/base"))["tasks"]
