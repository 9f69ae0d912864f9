"""A log that cannot be read is an error with its place and remedy; the other logs of the run are still read."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from helpers.log_files import STAMP, choice_rows, questions, write_run, written_row

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.rows import Sample
from mcqa_suite.logs.runs import read_run


def cut(folder):
    path = next(folder.glob("samples_t_*.jsonl"))
    path.write_text(path.read_text(encoding="utf-8")[:-100], encoding="utf-8")


def write_twice(folder):
    path = next(folder.glob("samples_t_*.jsonl"))
    path.write_text(path.read_text(encoding="utf-8") * 2, encoding="utf-8")


def drop_key(folder):
    path = next(folder.glob("samples_t_*.jsonl"))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "prompt_hash"}) + "\n" for row in rows))


def change(**values):
    """Damage to the results file: these keys with these values."""

    def damage(folder):
        path = folder / f"results_{STAMP}.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")

    return damage


BROKEN = {
    "truncated line": (cut, r"samples_t_.*\.jsonl:10: broken line .*Run it again"),
    "no results": (lambda f: (f / f"results_{STAMP}.json").unlink(), r"samples without results_\*\.json; put the"),
    "no samples": (lambda f: next(f.glob("samples_t_*")).unlink(), r"is missing; run lm_eval with --log_samples"),
    "empty samples": (lambda f: next(f.glob("samples_t_*")).write_text(""), r"holds no sample; run the task again"),
    "written twice": (write_twice, r"document 0 comes twice"),
    "cut results": (lambda f: (f / f"results_{STAMP}.json").write_text('{"resu'), r"broken results .*Run it again"),
    "deep results": (lambda f: (f / f"results_{STAMP}.json").write_text("[" * 3000), r"broken results .*Run it again"),
    "deep line": (lambda f: next(f.glob("samples_t_*")).write_text("[" * 3000), r":1: broken line .*Run it again"),
    "listed groups": (change(group_subtasks=[{"g": "t"}]), r"broken results .*group_subtasks is not a mapping"),
    "group of objects": (change(group_subtasks={"g": [{}]}), r"broken results .*list of names"),
    "listed versions": (change(versions=[1]), r"broken results .*versions is not a mapping"),
    "listed counts": (change(**{"n-samples": {"t": []}}), r"broken results .*n-samples has"),
    "no count": (change(**{"n-shot": {"t": ["0"]}}), r"broken results .*not a whole number"),
    "old harness": (drop_key, r":1: not a sample of lm_eval .* \(no 'prompt_hash'\)"),
    "nothing": (lambda f: shutil.rmtree(f) or f.mkdir(), r"no results_\*\.json below it; give what lm_eval wrote"),
    "not utf-8": (lambda f: next(f.glob("samples_t_*")).write_bytes(b'{"a": "\xff'), r"not UTF-8"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_run_is_named_with_its_remedy(tmp_path, name):
    scores, gold = questions(10)
    folder = write_run(tmp_path / "run", {"t": choice_rows("t", scores, gold)})
    damage, words = BROKEN[name]
    damage(folder)
    with pytest.raises(DatasetError, match=words) as caught:
        read_run(folder)
    assert "\n" not in str(caught.value)


def test_groups_inside_each_other_are_refused(tmp_path):
    scores, gold = questions(4)
    folder = write_run(tmp_path / "run", {"t": choice_rows("t", scores, gold)}, groups={"g": ["t"]})
    change(group_subtasks={"g": ["h", "t"], "h": ["g"]})(folder)
    with pytest.raises(DatasetError, match=r"groups inside each other: g in h in g; correct group_subtasks"):
        read_run(folder)


@pytest.mark.parametrize("resps", ["A", 0.5, None])
def test_responses_that_are_no_list_are_named_by_their_line(tmp_path, resps):
    folder = write_run(tmp_path / "run", {"t": [choice_rows("t", *questions(2))[0] | {"resps": resps}]})
    with pytest.raises(DatasetError, match=r":1: not a sample .*resps is not a list"):
        read_run(folder)


@pytest.mark.parametrize("arguments", [{"gen_args_0": -1}, [3], [[]], 7, None, {"gen_args_0": {}}])
def test_options_that_the_log_does_not_name_have_no_text(arguments):
    assert Sample({"arguments": arguments}).option_texts(1) == [""]


@pytest.mark.parametrize(
    "text", ["{'answer'", "{'answer': " + "[" * 3000, "{'answer': {[]: 1}}", '{"answer"', '{"answer": ' + "[" * 3000]
)
def test_a_logged_extraction_that_is_cut_off_is_named_by_its_line(tmp_path, text):
    folder = write_run(tmp_path / "run", {"t": [written_row("t", 0, "B", 1) | {"filtered_resps": [[text]]}]})
    with pytest.raises(DatasetError, match=r":1: not a sample .*broken extraction"):
        read_run(folder)


def test_a_sample_file_is_not_a_run(tmp_path):
    scores, gold = questions(4)
    folder = write_run(tmp_path, {"t": choice_rows("t", scores, gold)})
    with pytest.raises(DatasetError, match=r"not a results_\*\.json or a log of Inspect; give one"):
        read_run(next(folder.glob("samples_*")))


def test_the_other_tasks_of_a_run_with_a_broken_file_are_read(tmp_path):
    scores, gold = questions(10)
    tasks = {"t": choice_rows("t", scores, gold), "u": [written_row("u", i, "A", 0) for i in range(5)]}
    folder = write_run(tmp_path, tasks)
    cut(folder)
    run = read_run(folder)
    assert list(run.task_names) == ["u"]
    assert len(run.problems) == 1
    assert "broken line" in run.problems[0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "null"), (float("nan"), "NaN"), ("high", '"high"'), (1e9, "1000000000.0"), (-0.5, "-0.5")],
)
@pytest.mark.parametrize("metric", ["acc", "acc_norm", "exact_match"])
def test_a_score_that_is_no_share_of_right_answers_is_named_by_its_line(tmp_path, value, shown, metric):
    rows = choice_rows("t", *questions(6))
    for row in rows:
        row |= {metric: 1.0, "metrics": [metric]}
    rows[3][metric] = value
    folder = write_run(tmp_path / "run", {"t": rows})
    words = f"samples_t_{STAMP}.jsonl:4: {metric} is {shown}, expected a number from 0 to 1; correct the row, or run"
    with pytest.raises(DatasetError) as error:
        read_run(folder)
    assert words in str(error.value)


@pytest.mark.parametrize(("scored", "line"), [({0, 1, 3}, 3), ({2, 3}, 1)], ids=["later", "at first"])
def test_a_score_that_some_rows_lack_is_named_by_its_line(tmp_path, scored, line):
    rows = choice_rows("t", *questions(4))
    folder = write_run(tmp_path / "run", {"t": rows})
    lines = [json.dumps({k: v for k, v in row.items() if k != "acc" or i in scored}) for i, row in enumerate(rows)]
    (folder / f"samples_t_{STAMP}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(
        DatasetError, match=rf"jsonl:{line}: acc is in some rows, and missing in this one; correct the row"
    ):
        read_run(folder)


def test_a_bool_is_a_score_and_a_list_is_not(tmp_path):
    rows = choice_rows("t", *questions(4))
    for row in rows:
        row |= {"acc": bool(row["acc"]), "exact_match": [1, 2], "metrics": ["acc", "exact_match"]}
    (run,) = read_run(write_run(tmp_path / "run", {"t": rows})).tasks.values()
    assert run.metrics == ["acc"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"doc_id": None}, "doc_id is null, expected a whole number; correct the row"),
        ({"doc_id": 2.5}, "doc_id is 2.5, expected a whole number; correct the row"),
        ({"filtered_resps": [[None, "False"]] * 4}, "expected a log-likelihood for each option; correct the row"),
        ([1], "a row is [1], expected an object; run the task again with --log_samples"),
    ],
)
def test_a_value_that_a_row_cannot_have_is_named_in_plain_words(tmp_path, change, words):
    rows = choice_rows("t", *questions(10))
    folder = write_run(tmp_path, {"t": rows})
    rows[3] = rows[3] | change if isinstance(change, dict) else change
    path = next(folder.glob("samples_t_*"))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(DatasetError, match=re.escape(words)) as error:
        read_run(folder)
    assert f"{path}:4: " in str(error.value)


def test_a_results_value_that_is_no_float_is_not_that_of_the_samples(tmp_path):
    rows = {"t": choice_rows("t", *questions(10))}
    run = read_run(write_run(tmp_path, rows, results={"t": {"acc,none": 10**400}}))
    assert [fault.detail[:34] for fault in run.tasks["t", "none"].faults] == ["the results file says acc inf, the"]
