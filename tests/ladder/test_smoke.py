"""`--smoke`: any recipe in small on a random model, and nothing else changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.locations import TRAIN

from mcqa_suite.backend import random_model
from mcqa_suite.common.chat_template import as_chat_template
from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.evaluate_checkpoint import Evaluation
from mcqa_suite.ladder.audit import stage_rows
from mcqa_suite.ladder.outputs import save_leaderboard, save_sweeps, save_training
from mcqa_suite.ladder.questions import load_tasks
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.run import run_recipe
from mcqa_suite.ladder.smoke import DOCUMENTS, ROWS, SAMPLES, STEPS, _few_documents, _small_source, smoke
from mcqa_suite.ladder.stage_settings import SETTINGS
from mcqa_suite.training_data.sources import PAIRS, SOURCES, PairSource, Source, rows

CONFIGS = training_dir() / "configs"
RECIPES = sorted(path for path in CONFIGS.glob("*.yaml") if path.stem not in SETTINGS)
# What the recipes of the prior systems are called here.
EXPECTED = {
    *("phi3_sft_arc", "phi3_sft_sciq", "phi3_sft_openbookqa", "phi3_sft_mix", "phi3_gptq_ladder"),
    *("phi2_dpo_grid", "gsm_symbolic_sft", "arc_grid_sft", "persuasion", "demo"),
}
REAL = """
name: real
base: microsoft/phi-2
dtype: bfloat16
output: runs/elsewhere
stages:
  - name: sft
    kind: sft
    parent: base
    settings:
      rows: 4000
      data:
        - {source: epfl, share: 0.5, path: QUESTIONS, style: cloze}
        - {source: epfl, share: 0.5, path: nowhere.jsonl, style: letter_text}
      lora: {r: 4, target_modules: [qkv_proj]}
      trainer: {learning_rate: 1e-4, num_train_epochs: 3, per_device_train_batch_size: 64, gradient_checkpointing: true}
  - name: dpo
    kind: dpo
    parent: sft
    settings: {data: [{source: evaluator, path: nowhere.jsonl}], qlora: true}
    sweep: {beta: [0.1, 0.2, 0.3]}
    criterion: {task: mcqa_arc, metric: acc}
  - {name: gptq4, kind: gptq, parent: {best: dpo}, settings: {bits: 4, calibration: [{source: epfl, path: nowhere.jsonl}]}}
evaluate:
  - {tasks: [mcqa_arc], num_fewshot: 5, apply_chat_template: true}
  - {tasks: [mcqa_epfl_cot]}
""".replace("QUESTIONS", str(TRAIN))


@pytest.fixture
def small(tmp_path: Path):
    path = tmp_path / "recipe.yaml"
    path.write_text(REAL)
    return smoke(read_recipe(path))


def test_smoke_makes_the_same_stages_small(small):
    recipe = small.recipe
    assert [stage.name for stage in recipe.stages] == ["sft", "dpo-beta0.1", "dpo-beta0.3", "gptq4"]
    assert (recipe.base, recipe.dtype, recipe.chat_template) == (random_model.NAME, "float32", None)
    assert recipe.output == Path("runs/elsewhere-smoke")
    sft, dpo, _, gptq = (stage.settings for stage in recipe.stages)
    assert (sft.rows, [source.n for source in sft.data], sft.dtype) == (None, [ROWS] * 2, "float32")
    assert sft.trainer["max_steps"] == STEPS
    assert sft.trainer["learning_rate"] == 1e-4
    assert "gradient_checkpointing" not in sft.trainer
    assert sft.lora == {"r": 4, "target_modules": "all-linear"}
    assert (dpo.qlora, dpo.trainer["beta"]) == (False, 0.1)
    assert gptq.group_size == 32
    assert [entry.limit for entry in recipe.evaluate] == [DOCUMENTS] * 3
    assert [entry.apply_chat_template for entry in recipe.evaluate] == [None, as_chat_template(True), None]


def test_a_missing_file_becomes_made_up_rows_in_the_same_form_and_a_line(small):
    sft, dpo = (stage.settings for stage in small.recipe.stages[:2])
    assert [(source.source, source.style) for source in sft.data] == [("epfl", "cloze"), ("epfl", "letter_text")]
    assert [Path(source.path).name for source in sft.data] == [TRAIN.name, SAMPLES["epfl"]]
    assert (dpo.data[0].source, Path(dpo.data[0].path).name) == ("evaluator", SAMPLES["evaluator"])
    text = "\n".join(small.lines)
    assert "sft: made-up rows in the form of source 'epfl' (" in text
    assert "dpo: made-up rows in the form of source 'evaluator' (" in text
    assert "nowhere.jsonl: No such file or directory" in text
    assert "gptq4: made-up rows in the form of source 'epfl' (" in text
    assert text.count("source 'evaluator'") == 1
    assert [len(group.rows) for group in stage_rows(small.recipe)] == [2 * ROWS, ROWS, ROWS]


def test_no_row_is_too_long_and_made_up_rows_are_not_kept_from_training():
    """The random model's tokens are bytes, so that a limit of 384 leaves nothing of GSM8K; a sample file has few rows."""
    curriculum = smoke(read_recipe(CONFIGS / "curriculum.yaml")).recipe
    sources = [source for stage in curriculum.stages for source in stage.settings.data]
    assert {(source.max_tokens, source.too_long) for source in sources} == {(None, None)}
    mixes = read_recipe(CONFIGS / "phi2_dpo_mixes.yaml")
    assert all(stage.settings.validation for stage in mixes.stages)
    assert not any(stage.settings.validation for stage in smoke(mixes).recipe.stages)


def persuasion(
    tmp_path: Path, pairs: str | None, entry: str = "source: persuasion, path: pairs.jsonl, pool: ai"
) -> Path:
    """A recipe of one DPO stage, and its file of pairs, where there is one."""
    if pairs is not None:
        (tmp_path / "pairs.jsonl").write_text(pairs)
    path = tmp_path / "p.yaml"
    path.write_text(
        f"name: p\nstages:\n  - {{name: dpo, kind: dpo, parent: base, settings: {{data: [{{{entry}}}]}}}}\n"
    )
    return path


PAIR = '{"id": "x", "group": "g%d", "prompt": "p %d", "chosen": "c", "rejected": "r", "pool": "ai"}\n'


def test_a_file_that_exists_is_used_even_with_few_rows(tmp_path):
    small = smoke(read_recipe(persuasion(tmp_path, PAIR % (0, 0) + PAIR % (1, 1))))
    assert len(small.lines) == 1
    (group,) = stage_rows(small.recipe)
    assert [row["prompt"] for row in group.rows] == ["p 0", "p 1"]


# The pairs that `mcqa preferences check` wrote had no group, and --smoke trained on other pairs instead.
@pytest.mark.parametrize(
    ("pairs", "entry", "words"),
    [
        ((PAIR % (0, 0)).replace('"group"', '"dialogue"'), None, r"stage dpo: .*pairs.jsonl:1: no key 'group'"),
        (PAIR % (0, 0) + "{", None, r"stage dpo: .*pairs.jsonl:2: not valid JSON"),
        ("", None, r"stage dpo: .*pairs.jsonl: no rows"),
        ((PAIR % (0, 0)).replace('"ai"', '"human"'), None, "stage dpo: source 'persuasion': no row left"),
        (None, "source: persuasion, path: pairs.jsonl, min_agreement: 3", "stage dpo: .*unknown key 'min_agreement'"),
        (None, "source: persuasion", "stage dpo: source 'persuasion': no 'path'"),
    ],
)
def test_a_file_that_exists_and_is_wrong_is_an_error(tmp_path, pairs, entry, words):
    recipe = read_recipe(persuasion(tmp_path, pairs, *([entry] if entry else [])))
    with pytest.raises(McqaError, match=words) as caught:
        smoke(recipe)
    assert "\n" not in str(caught.value)


def test_a_missing_file_of_every_kind_has_made_up_rows_that_its_reader_reads(tmp_path):
    readers = {**SOURCES, **PAIRS}
    files = {name for name, reader in readers.items() if "path" in reader.keys and "config" not in reader.keys}
    assert files == set(SAMPLES)  # the others are public data sets too, in whose place questions of ARC are read
    for name in SAMPLES:
        kind = Source if name in SOURCES else PairSource
        small, reason = _small_source(kind(name, path=str(tmp_path / "missing.jsonl"), pool="human"))
        assert small.source == name
        assert f"made-up rows in the form of source {name!r}" in reason
        assert len({row["group"] for row in rows(small)}) > 1


def test_a_missing_data_set_becomes_questions_of_arc_in_the_same_style(made_up_hub, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))
    for source, style in ((Source("math_qa", style="cloze"), "cloze"), (Source("gsm8k", config="none"), None)):
        small, reason = _small_source(source)
        assert (small.source, small.split, small.style) == ("arc", "train", style)
        assert reason.startswith(f"questions of ARC in place of source {source.source!r} (")
    small, _ = _small_source(PairSource("math_qa"))
    assert {"chosen", "rejected"} < rows(small)[0].keys()


def test_the_first_line_says_that_the_model_is_random(small):
    assert small.lines[0].startswith(
        "smoke: a model of 29,000 random weights, which is made here, in place of microsoft/phi-2;"
    )


def test_a_sweep_is_cut_to_two_points_and_ranked_by_the_added_questions(small):
    (sweep,) = small.recipe.sweeps
    assert [point.values["beta"] for point in sweep.points] == [0.1, 0.3]
    assert sweep.criterion.task == "mcqa_epfl"
    assert small.recipe.evaluate[0].tasks == ("mcqa_epfl",)


@pytest.mark.parametrize(
    ("task", "generates"),
    [
        *(("mcqa_symbolic_local", True), ("mcqa_gsm8k_final_answer", True), ("mcqa_gsm_symbolic_p1_n8", True)),
        *(("mcqa_suite_cot", True), ("mcqa_arc_grid_1", True), ("mcqa_epfl_perm", False), ("mcqa_suite", False)),
    ],
)
@pytest.mark.slow
def test_smoke_shortens_the_answers_of_every_task_that_generates(task, generates):
    assert (_few_documents(Evaluation((task,))).gen_kwargs is not None) == generates


def test_smoke_does_not_change_the_recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(REAL)
    recipe = read_recipe(path)
    smoke(recipe)
    assert recipe == read_recipe(path)


def test_there_is_a_recipe_for_every_prior_system():
    assert {path.stem for path in RECIPES} >= EXPECTED


def test_the_table_of_recipes_is_complete():
    table = (CONFIGS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in CONFIGS.glob("*.yaml") if f"`{path.name}`" not in table] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_has_a_comment_and_its_smoke_form_has_rows_and_tasks(path):
    head = path.read_text(encoding="utf-8").split("\nname:")[0]
    assert head.startswith("# ")
    assert f"mcqa run training/configs/{path.name}" in head
    small = smoke(read_recipe(path)).recipe
    load_tasks(small)
    assert all(len(group.rows) > 1 for group in stage_rows(small) if group.stages[0].kind not in ("merge", "bnb"))


@pytest.mark.slow
def test_the_smoke_form_of_a_grid_runs_from_end_to_end(tmp_path):
    trial = smoke(read_recipe(CONFIGS / "phi2_dpo_grid.yaml"))
    result = run_recipe(trial.recipe, tmp_path / "run")
    assert [rung.name for rung in result.rungs] == ["base", "dpo-lr5e-6-beta0.05", "dpo-lr5e-5-beta0.5", "gptq4"]
    assert all(rung.evaluation for rung in result.rungs)
    assert result.rungs[-1].manifest.parent.name.startswith("dpo-lr")
    text = save_training(result)
    assert "reward accuracy %" in text
    assert text.count("\n| dpo-lr") == 4  # both points, in both tables
    assert "Best: **dpo-lr" in save_sweeps(result)
    assert save_leaderboard(result)[0].startswith("| model | parent | epfl |")
    assert "mcqa_epfl, acc (n = 8" in (tmp_path / "run/leaderboard.md").read_text(encoding="utf-8")
