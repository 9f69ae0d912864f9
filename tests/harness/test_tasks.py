"""Every task runs in the real harness, offline and from any folder, with the expected prompts and scores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from helpers.dataset_rows import N, write_dataset
from helpers.locations import MMLU_SUBJECTS, REPOSITORY

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, DatasetError, LoglikelihoodError
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.check import check
from mcqa_suite.harness import scoring
from mcqa_suite.harness.mirror import local_dataset
from mcqa_suite.harness.tasks import load, manager

BENCHMARKS = [
    "epfl",
    "arc_easy",
    "arc_challenge",
    "gpqa_main",
    "gpqa_diamond",
    "gpqa_extended",
    "openbookqa",
    "sciq",
    "aqua_rat",
    *(f"mmlu_stem_{subject}" for subject in MMLU_SUBJECTS),
]
TASKS = [
    f"mcqa_{benchmark}{suffix}" for benchmark in BENCHMARKS for suffix in ("", "_cloze", "_cot", "_perm", "_cot_n8")
]
MATH = ["mcqa_gsm8k", *(f"mcqa_gsm_symbolic_{part}" for part in ("main", "p1", "p2"))]
GRIDS = [f"mcqa_arc_grid_{release}_{split}" for release in (1, 2) for split in ("training", "evaluation")]
RULES = [f"mcqa_arc_grid_{release}_evaluation_{part}" for release in (1, 2) for part in ("describe", "apply")]
TASKS += [*GRIDS, *(f"{task}_views" for task in GRIDS), *RULES]
LOCAL = [f"mcqa_symbolic_local_{part}" for part in ("main", "p1", "p2", "noop")]
TASKS += [f"{task}{form}{n8}" for task in (*MATH, *LOCAL) for form in ("", "_final_answer") for n8 in ("", "_n8")]
BUILTIN = [name for name in BENCHMARKS if name not in ("epfl", "aqua_rat")]
TASKS += [f"mcqa_{benchmark}_harness" for benchmark in BUILTIN]
TASKS += ["mcqa_epfl_2025", "mcqa_epfl_2025_text"]
SUBJECTS = 19


def run_dummy(names: list[str], **kwargs):
    from lm_eval import simple_evaluate

    tasks = manager()
    return simple_evaluate(model="dummy", tasks=names, task_manager=tasks, bootstrap_iters=0, limit=8, **kwargs)


@pytest.fixture
def in_made_up_hub(made_up_hub, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))
    monkeypatch.delenv("MCQA_EPFL_FILE", raising=False)
    monkeypatch.setattr(os, "chdir", lambda folder: pytest.fail(f"working directory changed to {folder}"))


def test_every_yaml_is_a_task_a_group_or_included():
    files = list(tasks_dir().rglob("*.yaml"))
    index = manager().task_index
    assert len(MMLU_SUBJECTS) == SUBJECTS
    assert sorted(manager().all_subtasks) == sorted(TASKS)
    defined = {entry.yaml_path for entry in index.values()}
    shared = {path for path in files if path not in defined}
    # The harness silently skips a YAML that does not parse: only these files may define no task.
    formats = {f"{name}.yaml" for name in ("letter", "cloze", "cot", "math", "perm", "cot_n8", "math_n8")}
    formats |= {"math_final_answer.yaml", "math_final_answer_n8.yaml"}
    bases = {
        "arc",
        "arc_grid",
        "aqua_rat",
        "epfl",
        "gpqa",
        "mmlu_stem",
        "openbookqa",
        "sciq",
        "symbolic_local",
    }
    assert {path.name for path in shared} == formats | {f"_{base}.yaml" for base in bases} | {
        "_views.yaml",
        "_describe.yaml",
        "_apply.yaml",
        "_mmlu_stem_harness.yaml",
    }
    assert len(files) > 150
    assert all(name.startswith("mcqa_") for name in index)


def test_mmlu_files_are_what_their_generator_writes():
    import runpy

    folder = tasks_dir() / "mmlu_stem"
    written = runpy.run_path(str(folder / "generate.py"))["files"]()
    on_disk = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.glob("*/*.yaml")}
    assert on_disk == written


@pytest.mark.usefixtures("in_made_up_hub")
@pytest.mark.parametrize("suffix", ["", "_cloze", "_cot", "_perm"])
@pytest.mark.slow
def test_every_task_of_a_format_runs_in_the_harness(suffix):
    results = run_dummy([f"mcqa_suite{suffix}"])
    expected = [f"mcqa_{benchmark}{suffix}" for benchmark in BENCHMARKS]
    if suffix == "_cot":
        expected += [*MATH, "mcqa_arc_grid_1_evaluation", "mcqa_arc_grid_2_evaluation"]
    assert sorted(results["samples"]) == sorted(expected)
    for task, samples in results["samples"].items():
        assert len(samples) == 8, task
        assert {"acc"} < set(samples[0]["metrics"]), task


@pytest.mark.usefixtures("in_made_up_hub")
@pytest.mark.slow
def test_sampled_tasks_ask_eight_times_and_score_the_vote():
    results = run_dummy(
        [
            *("mcqa_suite_n8", "mcqa_gpqa_diamond_cot_n8", "mcqa_gsm_symbolic_p2_n8"),
            "mcqa_gsm8k_final_answer_n8",
        ]
    )
    assert len(results["samples"]) == 9 - 1 + SUBJECTS + 4
    for task, samples in results["samples"].items():
        assert len(samples[0]["resps"][0]) == 8, task
        assert {"acc", "majority", "any_right", "parsed"} <= set(samples[0]["metrics"]), task


@pytest.mark.usefixtures("in_made_up_hub")
@pytest.mark.slow
def test_training_grids_and_level_groups_run():
    names = ["mcqa_arc_grid_1_training", "mcqa_arc_grid_2_training", "mcqa_mmlu_stem_by_level"]
    results = run_dummy(names)
    assert len(results["samples"]) == 2 + SUBJECTS
    assert results["groups"]["mcqa_mmlu_stem_level_high_school"]["acc,none"] is not None


@pytest.mark.usefixtures("in_made_up_hub")
@pytest.mark.parametrize("name", ["mcqa_epfl", "mcqa_arc_easy", "mcqa_gpqa_main_cot", "mcqa_mmlu_stem_anatomy_cloze"])
def test_few_shot_examples_never_hold_the_evaluated_question(name):
    results = run_dummy([name], num_fewshot=5)
    for sample in results["samples"][name]:
        shots, _, question = sample["arguments"][0][0].rpartition("Question: ")
        assert shots.count("Question: ") == 5
        if not name.startswith("mcqa_arc"):  # its made-up train and test rows are the same on purpose
            assert question.split("\n")[0] not in shots


@pytest.mark.usefixtures("in_made_up_hub")
@pytest.mark.slow
def test_right_answers_score_full_marks_and_wrong_ones_none():
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM

    class Oracle(LM):
        """Knows the target of each document; `sign` -1 makes it prefer what is wrong."""

        def __init__(self, sign: int) -> None:
            super().__init__()
            self.sign = sign

        def loglikelihood(self, requests):
            def right(request):
                doc = request.doc
                continuation = request.args[1].strip()
                return continuation in (doc["choices"][doc["gold"][0]], "ABCDEFGH"[doc["gold"][0]])

            return [(-1.0 + 0.5 * self.sign * right(request), False) for request in requests]

        def generate_until(self, requests):
            return [self.answer(request.doc) for request in requests]

        def answer(self, doc):
            if "output" in doc:
                rows = doc["output"] if self.sign > 0 else [[9, 9]]
                return "\n".join(" ".join(map(str, row)) for row in rows)
            if "question" in doc:
                ending = "The final answer is" if doc["id"] < "gsm8k/8" else "Final answer:"
                return f"So it is. {ending} {doc['gold'] if self.sign > 0 else -7}."
            index = doc["gold"][0] if self.sign > 0 else (doc["gold"][0] + 1) % len(doc["choices"])
            return f"Let me think. The answer is {'ABCDEFGH'[index]}."

        def loglikelihood_rolling(self, requests):
            raise AssertionError

    names = ["mcqa_epfl", "mcqa_arc_easy_cloze", "mcqa_sciq_cot", "mcqa_gsm8k", "mcqa_arc_grid_1_evaluation"]
    names += ["mcqa_gsm8k_final_answer", "mcqa_symbolic_local_p1_final_answer"]
    for sign, expected in ((1, 1.0), (-1, 0.0)):
        results = simple_evaluate(model=Oracle(sign), tasks=names, task_manager=manager(), bootstrap_iters=0, limit=8)
        for name in names:
            scores = {key.split(",")[0]: value for key, value in results["results"][name].items()}
            assert scores["acc"] == expected, (name, scores)
        assert results["results"]["mcqa_epfl"]["epfl_mark,none"] == (3 if expected else -1)
        assert results["results"]["mcqa_arc_grid_1_evaluation"]["task_score,extracted"] == expected


def test_grid_score_is_the_mean_over_tasks():
    assert scoring.mean_over_tasks([("a", 1.0), ("a", 0.0), ("b", 1.0)]) == 0.75


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loglikelihood_that_is_not_a_number_is_an_error_that_names_task_and_document(value):
    doc = {"id": "openbookqa/7-980", "choices": ["a", "b"], "gold": [0]}
    with pytest.raises(LoglikelihoodError, match=r"mcqa_openbookqa_cloze: document openbookqa/7-980: .* option 2"):
        scoring.cloze_results(doc, [(-1.0, False), (value, False)])
    assert scoring.letter_results(doc, [(-1.0, False), (float("-inf"), False)]) == {"acc": 1.0, "finite": 0.0}


def lm_eval(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "dummy", "--limit", "8", *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **env}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_harness_alone_runs_a_task_from_any_folder(tmp_path):
    done = lm_eval("--tasks", "mcqa_epfl", "--include_path", str(REPOSITORY / "tasks"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "epfl_mark" in done.stdout


@pytest.mark.slow
def test_another_project_reuses_a_task_by_include(tmp_path):
    mine = [{"question": f"Mine {i}?\nA. a\nB. b\nC. c\nAnswer:", "answer": "C", "subject": "own"} for i in range(9)]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, mine)), encoding="utf-8")
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "exam.yaml").write_text(
        f"include: {tasks_dir() / 'epfl' / 'epfl.yaml'}\ntask: my_exam\ndataset_kwargs: {{epfl_file: mine.jsonl}}\n"
        'description: "An exam.\\n\\n"\n'
        "metadata: {version: 2.0}\n",
        encoding="utf-8",
    )
    done = lm_eval(
        "--tasks", "my_exam", "--include_path", str(folder), "--log_samples", "--output_path", "out", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    samples = next((tmp_path / "out").rglob("samples_my_exam_*.jsonl"))
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 8
    assert rows[0]["arguments"]["gen_args_0"]["arg_0"].startswith("An exam.\n\nQuestion: Mine 0?")


def test_a_users_own_questions_by_metadata_and_by_environment(tmp_path, monkeypatch):
    row = {"question": "Mine?\nA. a\nB. b\nC. c\nAnswer:", "answer": "C"}
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "answer": "Z"}) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"mine\.jsonl:2: answer 'Z'"):
        check(["mcqa_epfl"], {"epfl_file": str(path)})
    assert check(["mcqa_epfl"], {"epfl_file": str(path), "epfl_skip_bad": True})[0].n == 1
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    monkeypatch.setenv("MCQA_EPFL_FILE", str(path))
    assert check(["mcqa_epfl_cloze"])[0].n == 1


def test_an_unknown_task_is_named_with_its_nearest():
    with pytest.raises(ConfigError, match=r"unknown task 'mcqa_epfll': did you mean .*mcqa_epfl"):
        load(["mcqa_epfll"], manager())


@pytest.mark.usefixtures("in_made_up_hub")
def test_data_in_the_mirror_is_read_from_any_folder_and_logged_under_its_public_name(tmp_path, made_up_hub):
    before = Path.cwd()
    (task,) = load(["mcqa_openbookqa"], manager({"data": "hub"}))
    assert len(task.eval_docs) == N
    assert task.dump_config()["dataset_path"] == "allenai/openbookqa"
    assert local_dataset("allenai/openbookqa") == str((made_up_hub / "hub" / "allenai" / "openbookqa").resolve())
    assert local_dataset("owner/of-nothing") == "owner/of-nothing"
    assert Path.cwd() == before


def test_a_missing_data_set_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    with pytest.raises(DatasetError, match=r"mcqa_sciq: allenai/sciq: not on this machine .* connect once"):
        load(["mcqa_sciq"], manager())


@pytest.mark.usefixtures("in_made_up_hub")
def test_a_data_set_with_other_columns_is_an_error_with_the_missing_column(made_up_hub, tmp_path, monkeypatch):
    rows = {split: [{"stem": "Q?"}] for split in ("train", "test")}
    write_dataset(tmp_path / "hub", "allenai/openbookqa", "main", rows)
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    with pytest.raises(DatasetError, match=r"openbookqa row 0: no column 'question_stem' among stem"):
        load(["mcqa_openbookqa"], manager({"data": "hub"}))


FULL = {"mcqa_mmlu_stem": 3153, "mcqa_arc": 3548, "mcqa_openbookqa": 500, "mcqa_aqua_rat": 254, "mcqa_gsm8k": 1319}


@pytest.mark.parametrize("name", FULL)
def test_every_document_of_the_public_test_sets_renders(name):
    checks = check([name])
    assert sum(task_check.n for task_check in checks) == FULL[name]
    golds: Counter[int] = Counter()
    for task_check in checks:
        golds.update(task_check.golds)
    if golds:
        assert sum(golds.values()) == FULL[name]
        assert len(golds) >= 4


@pytest.mark.slow
def test_grids_render_for_every_public_task():
    counts = {task_check.task: task_check.n for task_check in check(["mcqa_arc_grid"])}
    assert counts == {
        "mcqa_arc_grid_1_training": 416,
        "mcqa_arc_grid_1_evaluation": 419,
        "mcqa_arc_grid_2_training": 1076,
        "mcqa_arc_grid_2_evaluation": 167,
    }


def test_the_list_of_tasks_has_a_section_a_benchmark(capsys):
    assert main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert "\narc: 12 tasks, 5 groups\n  mcqa_arc  " in out
    assert "\nopenbookqa: 6 tasks\n" in out
    assert "mcqa_arc_easy_cloze" not in out  # it is in the group mcqa_arc_cloze


def test_the_tasks_that_match_are_listed_and_counted(capsys):
    assert main(["tasks", "arc_easy"]) == 0
    out = capsys.readouterr().out
    assert out.count("mcqa_arc_easy") == 6
    assert out.endswith("\n6 tasks\n")
    assert main(["tasks", "mcqa_mmlu_stem*_cloze"]) == 0
    assert capsys.readouterr().out.endswith("\n19 tasks, 12 groups\n")
    assert main(["tasks", "arx_easy"]) == 2
    assert capsys.readouterr().err == "mcqa: unknown task 'arx_easy': did you mean mcqa_arc_easy?\n"
