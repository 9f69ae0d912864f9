"""Logs of the harness read back, our own and other people's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.log_files import STAMP, by_name, choice_row, choice_rows, questions, write_run

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.manifest import Hardware, Manifest, Parent, Size, write_manifest
from mcqa_suite.common.speed import Speed
from mcqa_suite.evaluation import evaluate_checkpoint as rung
from mcqa_suite.logs.origin import Origin
from mcqa_suite.logs.runs import read_run

PLAN = [
    {"tasks": ["mcqa_arc"], "limit": 6},
    {"tasks": ["mcqa_mmlu_stem_physics"], "limit": 4},
    {"tasks": ["mcqa_arc_easy_cloze"], "limit": 6},
    {"tasks": ["mcqa_epfl_cot"], "limit": 3, "gen_kwargs": {"max_gen_toks": 8}},
    {"tasks": ["mcqa_arc_grid_1_training"], "limit": 2, "gen_kwargs": {"max_gen_toks": 8}},
]
PLAIN_CHOICE = """
task: plain_choice
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices.text}}}}"
doc_to_target: "{{{{choices.label.index(answerKey)}}}}"
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
metadata: {{version: 2.0}}
"""
PLAIN_WRITTEN = """
task: plain_written
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: generate_until
generation_kwargs: {{until: ["\\n"], max_gen_toks: 6}}
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{number}}}}"
filter_list:
  - name: strict-match
    filter: [{{function: regex, regex_pattern: "#### (\\\\d+)"}}, {{function: take_first}}]
  - name: flexible-extract
    filter: [{{function: regex, regex_pattern: "(.+)"}}, {{function: take_first}}]
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""


@pytest.fixture(scope="module")
def evaluated(tiny_checkpoint, made_up_hub, tmp_path_factory):
    output = tmp_path_factory.mktemp("evaluated") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCQA_SHARED", str(made_up_hub))
        rung.evaluate(str(tiny_checkpoint), PLAN, output, dtype="float32", batch_size=4)
    return output


@pytest.fixture(scope="module")
def plain(tiny_checkpoint, tmp_path_factory):
    """A multiple-choice and a generative task of someone else's, through the real harness."""
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    folder = tmp_path_factory.mktemp("plain")
    rows = [
        {
            "question": f"Question {i}?",
            "choices": {"text": [f"{i}", "longer text", "x" * (i + 1)], "label": list("123")},
            "answerKey": "123"[i % 3],
            "number": i,
        }
        for i in range(9)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name, text in (("choice", PLAIN_CHOICE), ("written", PLAIN_WRITTEN)):
        (folder / f"{name}.yaml").write_text(text.format(file=folder / "rows.jsonl"), encoding="utf-8")
    results = simple_evaluate(
        model=rung.load_model(str(tiny_checkpoint), dtype="float32", batch_size=4),
        tasks=["plain_choice", "plain_written"],
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        bootstrap_iters=0,
    )
    tracker = EvaluationTracker(output_path=str(folder / "out" / "results.json"))
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, task_rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=task_rows)
    return folder / "out", results


@pytest.mark.slow
@pytest.mark.slow
def test_a_real_run_is_read(evaluated):
    run = read_run(evaluated, cluster="subject")
    assert run.name == "tiny"
    assert {key[0]: task.n for key, task in run.tasks.items() if "mmlu" not in key[0]} == {
        "mcqa_arc_challenge": 6,
        "mcqa_arc_easy": 6,
        "mcqa_arc_easy_cloze": 6,
        "mcqa_arc_grid_1_training": 2,
        "mcqa_epfl_cot": 3,
    }
    assert run.groups["mcqa_mmlu_stem_physics"].tasks[0] == "mcqa_mmlu_stem_astronomy"
    task = run.tasks["mcqa_mmlu_stem_astronomy", "none"]
    assert (task.samples.clustered_by, len(set(task.samples.cluster.tolist()))) == ("subject", 1)
    assert task.settings["harness version"].startswith("0.4")
    assert (task.settings["task version"], task.n_shot, task.settings["dtype"]) == ("1.0", 0, "float32")
    assert not any(task.faults for task in run.tasks.values())


@pytest.mark.slow
def test_picks_and_golds_give_every_accuracy(evaluated, plain):
    choices = [task for task in read_run(evaluated).tasks.values() if task.samples.loglikelihoods is not None]
    choices.append(read_run(plain[0]).tasks["plain_choice", "none"])
    assert len(choices) > 5
    for task in choices:
        assert task.samples.gold.any(axis=1).all()
        for metric in task.metrics:
            assert task.samples.chose_gold(metric).tolist() == (task.samples.scores[metric] > 0).tolist()


def test_logs_of_other_projects_are_read(plain):
    folder, results = plain
    run = read_run(folder)
    assert list(run.tasks) == [
        ("plain_choice", "none"),
        ("plain_written", "strict-match"),
        ("plain_written", "flexible-extract"),
    ]
    assert run.tasks["plain_written", "strict-match"].unread == 1.0
    assert run.tasks["plain_written", "flexible-extract"].unread < 1.0
    for (task, name), part in run.tasks.items():
        for metric in part.metrics:
            assert part.samples.scores[metric].mean() == pytest.approx(results["results"][task][f"{metric},{name}"])
    assert run.tasks["plain_choice", "none"].chance == pytest.approx(1 / 3)


@pytest.mark.slow
def test_generated_answers_keep_their_state(evaluated):
    tasks = by_name(read_run(evaluated))
    written = tasks["mcqa_epfl_cot"].samples
    assert written.loglikelihoods is None
    assert ((written.answer == 0) == (written.scores["parsed"] == 0)).all()
    assert ((written.letter >= 0) <= (written.answer != 0)).all()
    assert tasks["mcqa_arc_grid_1_training"].chance is None


def test_a_row_takes_few_bytes_of_memory(tmp_path):
    scores, gold = questions(500)
    rows = choice_rows("t", scores, gold, prompt="long prompt " * 1000)
    samples = read_run(write_run(tmp_path, {"t": rows})).tasks["t", "none"].samples
    arrays = [samples.doc_id, samples.hashes, samples.options, samples.gold, samples.loglikelihoods, samples.lengths]
    assert sum(array.nbytes for array in [*arrays, *samples.scores.values()]) < 200 * 500


def test_documents_are_sorted_in_any_order_of_the_file(tmp_path):
    scores, gold = questions(20)
    rows = choice_rows("t", scores, gold)
    mixed = write_run(tmp_path / "mixed", {"t": rows[::-1]})
    tidy = write_run(tmp_path / "tidy", {"t": rows})
    first, second = (read_run(folder).tasks["t", "none"].samples for folder in (mixed, tidy))
    assert np.array_equal(first.loglikelihoods, second.loglikelihoods)
    assert np.array_equal(first.hashes, second.hashes)


def test_documents_may_have_different_numbers_of_options(tmp_path):
    rows = [choice_row("t", 0, [0, 1, 2], 2), choice_row("t", 1, [3, 1, 2, 0, 1], 1)]
    run = read_run(write_run(tmp_path, {"t": rows})).tasks["t", "none"]
    assert run.samples.options.tolist() == [3, 5]
    assert run.samples.pick("acc").tolist() == [2, 0]
    assert run.samples.has_option.sum() == 8
    assert run.chance == pytest.approx((1 / 3 + 1 / 5) / 2)


def test_a_gold_that_contradicts_the_accuracy_is_dropped(tmp_path):
    rows = [choice_row("t", i, [0, 1], 1) for i in range(3)]
    rows[2]["acc"] = 0.0  # scored by something that the log does not show
    samples = read_run(write_run(tmp_path, {"t": rows})).tasks["t", "none"].samples
    assert samples.gold.tolist() == [[False, True], [False, True], [False, False]]
    assert samples.contradictions == 1


def test_a_log_with_only_the_required_fields_is_read(tmp_path):
    rows = [choice_row("t", i, [0, 1], 1) for i in range(3)]
    for row in rows:
        row |= {"doc": "a text", "doc_hash": f"document {row['doc_id']}", "arguments": [["?", " no"], ["?", " yes"]]}
        del row["metrics"]
    rows[2]["target"] = "yes"
    folder = write_run(tmp_path, {"t": rows}, configs={"t": {}})
    (folder / f"results_{STAMP}.json").write_text('{"configs": {"t": {}}}', encoding="utf-8")
    run = read_run(folder).tasks["t", "none"]
    assert run.samples.gold.tolist() == [[False, True]] * 3
    assert (run.metrics, run.n_shot, run.chance, run.constant) == (["acc"], 0, 0.5, ("B", 1.0))
    assert len(set(run.samples.hashes[:, 0].tolist())) == 3


def test_the_newest_samples_of_each_task_are_read_and_an_older_run_by_its_stamp(tmp_path):
    scores, gold = questions(10)
    old, new = "2026-01-01T00-00-00.000000", "2026-02-01T00-00-00.000000"
    write_run(tmp_path, {"t": choice_rows("t", scores, gold), "u": choice_rows("u", scores, gold)}, stamp=old)
    write_run(tmp_path, {"t": choice_rows("t", scores[:4], gold[:4])}, stamp=new)
    newest = by_name(read_run(tmp_path))
    assert (newest["t"].n, newest["u"].n) == (4, 10)
    assert read_run(tmp_path / f"results_{old}.json").tasks["t", "none"].n == 10
    assert read_run(tmp_path.with_name(f"{tmp_path.name}@2026-01-01")).tasks["t", "none"].n == 10
    with pytest.raises(DatasetError, match=r"2 runs have this stamp; give one of: .*@2026-01-01T.*, .*@2026-02-01T"):
        read_run(tmp_path.with_name(f"{tmp_path.name}@2026"))


def test_a_run_under_older_settings_does_not_mix_in(tmp_path):
    scores, gold = questions(4)
    tasks = {"t": choice_rows("t", scores, gold)}
    other = {"model": "hf", "model_args": "pretrained=base,dtype=bfloat16"}
    write_run(tmp_path, {"u": choice_rows("u", scores, gold)}, stamp="2026-01-01T00-00-00.0", config=other)
    write_run(tmp_path, tasks, stamp="2026-02-01T00-00-00.0")
    assert list(read_run(tmp_path).task_names) == ["t"]


def test_a_rung_of_a_ladder_has_its_size_and_speed(tmp_path):
    scores, gold = questions(4)
    evaluation, checkpoint = tmp_path / "evaluations" / "gptq_4", tmp_path / "checkpoints" / "gptq_4"
    write_run(evaluation / "0", {"t": choice_rows("t", scores, gold)})
    checkpoint.mkdir(parents=True)
    shared = {"name": "gptq_4", "settings": {}, "seed": 0, "hardware": Hardware("cpu", 2), "seconds": 1.0}
    size = Size(parameters=1000, bits_per_weight=4.25, bytes_on_disk=2_500_000)
    write_manifest(checkpoint, Manifest(kind="gptq", parent=None, content="abc", size=size, **shared))
    about = Manifest(kind="evaluation", parent=Parent("gptq_4", "abc"), content="-", tokens_per_second=900.0, **shared)
    write_manifest(evaluation, about)
    run = read_run(evaluation)
    assert run.origin == Origin("gptq_4", "abc", (), 4.25, 2.5, Speed(tokens_per_second=900.0), kind="gptq")
    write_manifest(checkpoint, Manifest(kind="gptq", parent=None, content="made again", size=size, **shared))
    assert read_run(evaluation).origin.bits_per_weight is None


def test_two_models_in_one_folder_are_refused(tmp_path):
    scores, gold = questions(4)
    for model in ("base", "gptq"):
        write_run(tmp_path / model, {"t": choice_rows("t", scores, gold)}, model=model)
    with pytest.raises(DatasetError, match=r"several models \(base and gptq\); give one of .*base, .*gptq"):
        read_run(tmp_path)
