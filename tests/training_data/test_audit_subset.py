"""A comparison can rest on the documents that no training row gives away, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.log_files import choice_rows, digest, questions, write_run

from mcqa_suite.analysis.compare import read_subset, restricted
from mcqa_suite.analysis.compare.subset import FORM
from mcqa_suite.analysis.leaderboard import leaderboard
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.packing import document_hash
from mcqa_suite.logs.runs import read_run

N = 200


def logs(tmp_path: Path) -> tuple[str, str]:
    """A base and a variant on two tasks; half of task `one` is what the variant was trained on, and always gets right."""
    runs = []
    for name in ("base", "variant"):
        tasks = {}
        for task in ("one", "two"):
            scores, gold = questions(N, seed=len(tasks))
            scores += 1e-6 * (name == "variant")  # another model's log-likelihoods, with the same answers
            if name == "variant" and task == "one":
                scores[np.arange(N // 2), gold[: N // 2]] += 100
            tasks[task] = choice_rows(task, scores, gold)
        runs.append(str(write_run(tmp_path / name, tasks, model=name, groups={"both": ["one", "two"]})))
    return runs[0], runs[1]


def subset(path: Path, **tasks: range) -> str:
    content = {
        task: {"documents": N, "doc_ids": list(documents), "doc_hashes": [digest(f"{task}/{i}") for i in documents]}
        for task, documents in tasks.items()
    }
    path.write_text(json.dumps({"form": FORM, "tasks": content}), encoding="utf-8")
    return str(path)


def compared(capsys: pytest.CaptureFixture[str], *words: str) -> dict[tuple[str, str], dict]:
    assert main(["compare", *words, "--format", "json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    return {row["task"]: row for row in whole["comparisons"]} | {"subset": whole.get("subset")}


def test_a_difference_from_training_on_the_test_vanishes_on_the_clean_documents(tmp_path, capsys):
    runs = logs(tmp_path)
    whole = compared(capsys, *runs)
    assert (whole["one"]["n"], whole["subset"]) == (N, None)
    assert whole["one"]["difference"] > 0.1
    clean = compared(capsys, *runs, "--subset", subset(tmp_path / "clean.json", one=range(N // 2, N), two=range(N)))
    assert (clean["one"]["n"], clean["one"]["difference"], clean["two"]["n"], clean["both"]["n"]) == (100, 0, 200, 300)
    assert clean["subset"] == "only the 300 of 400 documents that clean.json keeps"


def test_the_titles_of_tables_name_the_subset(tmp_path, capsys):
    runs, file = logs(tmp_path), subset(tmp_path / "clean.json", one=range(50), two=range(60))
    assert main(["compare", *runs, "--subset", file]) == 0
    assert "(only the 110 of 400 documents that clean.json keeps)\n\n| task |" in capsys.readouterr().out
    assert main(["table", *runs, "--subset", file]) == 0
    message = capsys.readouterr().out
    assert message.startswith("### Leaderboard (only the 110 of 400 documents that clean.json keeps)")
    whole = main(["table", *runs])
    assert (whole, "only the" in capsys.readouterr().out) == (0, False)


def test_a_macro_mean_of_a_subset_is_a_macro_mean(tmp_path):
    scores, gold = questions(N)
    tasks = {"one": choice_rows("one", scores, gold), "two": choice_rows("two", scores[:50], gold[:50])}
    folder = write_run(tmp_path / "run", tasks, groups={"both": ["one", "two"]})
    file = next(folder.glob("results_*.json"))
    results = json.loads(file.read_text(encoding="utf-8"))
    means = [float(np.mean([row["acc"] for row in rows])) for rows in tasks.values()]
    results["groups"]["both"] = results["results"]["both"] = {"acc,none": float(np.mean(means))}
    file.write_text(json.dumps(results), encoding="utf-8")
    documents = read_subset(Path(subset(tmp_path / "clean.json", one=range(90), two=range(10))))
    run = restricted(read_run(folder), documents)
    clean = [np.mean([row["acc"] for row in rows[:n]]) for rows, n in zip(tasks.values(), (90, 10), strict=True)]
    (entry,) = leaderboard([run]).rows[0].entries
    assert (entry.column.name, entry.column.mean.words, entry.accuracy.n) == ("both", "mean", 100)
    assert entry.accuracy.value == pytest.approx(np.mean(clean))


def test_an_unusable_subset_is_a_one_line_error(tmp_path, capsys):
    runs = logs(tmp_path)
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    for file, message in (
        (tmp_path / "deep.json", "nested more than 100 deep"),
        (tmp_path / "none.json", "No such file or directory; give the clean.json of `mcqa audit -o DIR`"),
        (tmp_path / "bad.json", "no 'form'; give the clean.json of `mcqa audit -o DIR`"),
        (subset(tmp_path / "other.json", three=range(9)), "none of its documents is in other.json; audit against"),
    ):
        assert main(["compare", *runs, "--subset", str(file)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_documents_have_the_hash_that_the_harness_logs(tmp_path):
    from lm_eval import simple_evaluate

    from mcqa_suite.harness.tasks import manager
    from mcqa_suite.training_data.audit.items import items_of

    done = simple_evaluate(model="dummy", tasks=["mcqa_epfl"], task_manager=manager(), log_samples=True, limit=20)
    logged = [(row["doc_id"], row["doc_hash"]) for row in done["samples"]["mcqa_epfl"]]
    assert logged == [(item.doc_id, item.doc_hash) for item in items_of(["mcqa_epfl"])[:20]]
    assert document_hash(done["samples"]["mcqa_epfl"][0]["doc"]) == logged[0][1]


def test_a_comparison_reads_the_subset_that_an_audit_writes(tmp_path):
    from mcqa_suite.training_data.audit import audit
    from mcqa_suite.training_data.audit.items import item_of
    from mcqa_suite.training_data.audit.report import save

    docs = [{"question": f"What is the square of {i}?", "gold": str(i * i)} for i in range(5)]
    rows = [{"id": "r", "prompt": docs[3]["question"], "completion": " 9"}]
    save(audit(rows, [item_of("squares", i, doc) for i, doc in enumerate(docs)]), tmp_path)
    documents = read_subset(tmp_path / "clean.json")
    assert documents.clean == {"squares": {i: document_hash(docs[i]) for i in (0, 1, 2, 4)}}
    assert documents.note == "only the 4 of 5 documents that clean.json keeps"
    with pytest.raises(ComparisonError, match="none of its documents"):
        restricted(read_run(write_run(tmp_path / "run", {"one": choice_rows("one", *questions(9))})), documents)
