"""`mcqa audit`: exit codes, recipes, every bad input, and real training data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.audit_rows import row
from helpers.locations import REPOSITORY, SHARED, TEST, TRAIN, needs_hub

from mcqa_suite import grids
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.questions import prompts
from mcqa_suite.questions.epfl import read_epfl
from mcqa_suite.training_data.audit import audit
from mcqa_suite.training_data.audit.items import item_of, items_of

# The command.


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_leak_is_named_and_the_exit_code_is_1(tmp_path, capsys):
    questions, _ = read_epfl(REPOSITORY / "tasks" / "epfl" / "sample.jsonl")
    rows = [
        {"id": f"row {i}", "prompt": prompts.letter(q), "completion": f" {q.answer}"}
        for i, q in enumerate(questions[:7])
    ]
    data = write(tmp_path / "train.jsonl", rows)
    assert main(["audit", data, "--against", "mcqa_epfl", "-o", str(tmp_path / "out")]) == 1
    report = capsys.readouterr().out
    assert "**Leak**: 7 of 160 evaluation documents are in the training rows" in report
    assert f"mcqa_epfl document 6 ({questions[6].id}): question in row row 6" in report
    assert (tmp_path / "out" / "report.md").read_text(encoding="utf-8") == report
    lines = (tmp_path / "out" / "overlaps.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1] == f"mcqa_epfl,0,{questions[0].id},question,1,row 0,1,1,1"
    clean = json.loads((tmp_path / "out" / "clean.json").read_text(encoding="utf-8"))["tasks"]["mcqa_epfl"]
    assert (clean["documents"], clean["doc_ids"]) == (160, list(range(7, 160)))
    assert main(["audit", data, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["checks"]["n"] == 7


ROWS = f"{{source: epfl, path: {TRAIN}, style: cloze}}"


def test_rows_come_from_a_stage_file_or_a_recipe(tmp_path, capsys):
    stage = tmp_path / "stage.yaml"
    stage.write_text("bits: 4\ncalibration: [{source: symbolic_local, n: 12}]\n", encoding="utf-8")
    assert main(["audit", str(stage), "--against", "mcqa_epfl"]) == 0
    assert "# Audit of 12 training rows\n" in capsys.readouterr().out
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"name: x\nstages:\n  - {{name: s, kind: sft, parent: base, settings: {{data: [{ROWS}]}}}}\n"
        f"evaluate: [{{tasks: [mcqa_epfl], metadata: {{epfl_file: {TEST}}}}}]\n",
        encoding="utf-8",
    )
    # these questions are few: what is the unit of force, asked without options, is asked again in the test
    assert main(["audit", str(recipe)]) == 1
    assert "| mcqa_epfl | 300 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.jsonl",
            '{"prompt": "x", "completion": "y"}\n{"prompt": "x"}\n',
            "a.jsonl:2: no 'completion'; correct or remove the row",
        ),
        ("a.jsonl", "\n", "a.jsonl: no rows; expected"),
        ("a.jsonl", "{", "a.jsonl:1: not valid JSON (Expecting"),
        ("a.yaml", "bats: 4\n", "a.yaml: neither a recipe (no 'stages') nor the settings of a stage"),
    ],
)
def test_unreadable_data_is_a_one_line_error(tmp_path, capsys, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["audit", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_other_bad_input_is_a_one_line_error(tmp_path, capsys):
    data = write(tmp_path / "a.jsonl", [{"prompt": "x", "completion": "y"}])
    for words, message in (
        ([str(tmp_path / "none.jsonl")], "No such file"),
        ([data, "--against", "mcqa_epfll"], "unknown task 'mcqa_epfll': did you mean"),
        ([data, "--tokenizer", str(tmp_path)], "no tokenizer.json in it"),
    ):
        assert main(["audit", *words]) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(DatasetError, match="no training row"):
        audit([])


# The shared real data.


@needs_hub
@pytest.mark.parametrize(
    ("name", "task", "leaks", "documents"),
    [
        ("gsm8k_preference_pairs.jsonl", "mcqa_gsm8k", 731, 1319),
        pytest.param("epfl_mcq_from_mmlu_stem_test.jsonl", "mcqa_mmlu_stem", 3153, 3153, marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_all_test_questions_in_real_training_data_are_found(name, task, leaks, documents):
    from mcqa_suite.training_data.audit.rows import read_training_rows

    result = audit(read_training_rows(SHARED / "data" / name), items_of([task]))
    assert (len(result.leaks), len(result.items)) == (leaks, documents)


@pytest.mark.slow
def test_arc_1_evaluation_tasks_are_found_in_arc_2_training_and_not_in_arc_1_training():
    def leaked(release: int) -> set[str]:
        rows = [row(doc["text"], grids.encode(doc["output"]), id=doc["id"]) for doc in grids.load(release, "training")]
        items = [item_of("arc", i, doc, lambda doc: doc["text"]) for i, doc in enumerate(grids.load(1, "evaluation"))]
        return {leak.item.split("/")[1] for leak in audit(rows, items).leaks}

    assert len(leaked(2)) == 376
    # two evaluation tasks are recoloured or share a pair with a training task
    assert leaked(1) == {"070dd51e", "50a16a69"}
