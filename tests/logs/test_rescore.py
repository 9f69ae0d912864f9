"""Logs of the real harness, and rows in other formats, are extracted again without the model."""

from __future__ import annotations

import json

import pytest
from helpers.generated_rows import CITIES, OURS, row, rows, write
from helpers.locations import REPOSITORY

from mcqa_suite.cli.main import main
from mcqa_suite.evaluation import evaluate_checkpoint as rung
from mcqa_suite.logs.log_row import Columns, log_row
from mcqa_suite.logs.rescore import rescore_all
from mcqa_suite.logs.rows import read_extraction

PLAN = [
    {"tasks": ["mcqa_epfl"], "limit": 2},
    {"tasks": ["mcqa_epfl_cot"], "limit": 3, "gen_kwargs": {"max_gen_toks": 8}},
    {"tasks": ["mcqa_gsm8k"], "limit": 3, "num_fewshot": 0, "gen_kwargs": {"max_gen_toks": 8}},
    {"tasks": ["mcqa_arc_grid_1_training"], "limit": 2, "gen_kwargs": {"max_gen_toks": 8}},
]


@pytest.fixture(scope="module")
def logs(tiny_checkpoint, made_up_hub, tmp_path_factory):
    """What the harness wrote for a tiny checkpoint, by task."""
    output = tmp_path_factory.mktemp("rung")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCQA_SHARED", str(made_up_hub))
        patch.delenv("MCQA_EPFL_FILE", raising=False)
        rung.evaluate(str(tiny_checkpoint), PLAN, output, dtype="float32", batch_size=4)
    return {path.name.rsplit("_", 1)[0]: path for path in sorted(output.rglob("samples_*.jsonl"))}


@pytest.mark.parametrize("task", ["mcqa_epfl_cot", "mcqa_gsm8k", "mcqa_arc_grid_1_training"])
@pytest.mark.slow
def test_a_log_of_ours_read_again_by_the_same_rules_changes_nothing(logs, tmp_path, capsys, task):
    log = logs[f"samples_{task}"]
    assert main(["extract", str(log), "--output", str(tmp_path / "new" / "folder")]) == 0
    (written,) = (tmp_path / "new" / "folder").iterdir()
    assert written.name == log.name.replace(".jsonl", ".reread.jsonl")
    before, after = rows(log), rows(written)
    assert len(before) == len(after) >= 2
    for old, new in zip(before, after, strict=True):
        assert {name: old[name] for name in old["metrics"]} == {name: new[name] for name in new["metrics"]}
        assert new["filtered_resps"] == old["filtered_resps"]
        assert {name: old[name] for name in ("doc", "resps", "doc_hash")} == {
            name: new[name] for name in ("doc", "resps", "doc_hash")
        }
    assert f"| {log.name} | extracted | {len(before)} |" in capsys.readouterr().out


@pytest.mark.slow
def test_the_default_output_lies_beside_the_log_and_is_skipped_the_next_time(logs, tmp_path, capsys):
    log = write(tmp_path / "samples_a.jsonl", *rows(logs["samples_mcqa_epfl_cot"]))
    assert main(["extract", str(log)]) == 0
    both = sorted(tmp_path.iterdir())
    assert [path.name for path in both] == ["samples_a.jsonl", "samples_a.reread.jsonl"]
    assert main(["extract", *map(str, both)]) == 0
    assert sorted(tmp_path.iterdir()) == both
    assert f"mcqa: skipped: {both[1]}: written by this command" in capsys.readouterr().err


@pytest.mark.slow
def test_log_likelihoods_are_skipped_beside_generated_answers(logs, tmp_path, capsys):
    likelihoods, generated = str(logs["samples_mcqa_epfl"]), str(logs["samples_mcqa_epfl_cot"])
    assert main(["extract", likelihoods, generated, "--output", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 1
    assert main(["extract", likelihoods, "--output", str(tmp_path)]) == 2
    assert "no answers to extract again; give" in capsys.readouterr().err


def test_changes_are_counted_by_outcome_status_and_rule(tmp_path, capsys):
    was = "{'answer': None, 'status': 'none', 'rule': None, 'span': None}"
    wrong = "{'answer': 'C', 'status': 'answered', 'rule': 'old_rule', 'span': (0, 1)}"
    log = write(
        tmp_path / "samples_mcqa_x_cot.jsonl",
        row("The answer is B.", OURS, answer=[[was]], acc=0.0, parsed=0.0, epfl_mark=0.0, name="extracted"),
        row("The answer is B.", OURS, answer=[[wrong]], acc=0.0, parsed=1.0, epfl_mark=-1.0, name="extracted"),
        row("", OURS, answer=[[was]], acc=0.0, parsed=0.0, epfl_mark=0.0, name="extracted"),
    )
    assert main(["extract", str(log)]) == 0
    assert capsys.readouterr().out == (
        "| samples | filter | rows | acc % recorded | acc % now | unread % recorded | unread % now |\n"
        "|---|---|---:|---:|---:|---:|---:|\n"
        "| samples_mcqa_x_cot.jsonl | extracted | 3 | 0.0 | 66.7 | 66.7 | 33.3 |\n\n"
        "### extracted: recorded -> now\n\n"
        "|  | right | wrong | unread |\n|---|---:|---:|---:|\n"
        "| right | 0 | 0 | 0 |\n| wrong | 1 | 0 | 0 |\n| unread | 1 | 0 | 1 |\n\n"
        "| status | rule | recorded | now | other answer |\n|---|---|---:|---:|---:|\n"
        "| answered | answer_is | 0 | 2 | 2 |\n"
        "| answered | old_rule | 1 | 0 | 0 |\n"
        "| empty | - | 0 | 1 | 0 |\n"
        "| none | - | 2 | 0 | 0 |\n"
    )
    first = rows(tmp_path / "samples_mcqa_x_cot.reread.jsonl")[0]
    assert first["filtered_resps"] == [['{"answer": "B", "status": "answered", "rule": "answer_is", "span": [14, 15]}']]
    assert (first["acc"], first["parsed"], first["epfl_mark"]) == (1.0, 1.0, 3.0)
    assert first["recorded"] == {
        "filter": "extracted",
        "filtered_resps": [[was]],
        "acc": 0.0,
        "parsed": 0.0,
        "epfl_mark": 0.0,
    }


def test_each_attempt_at_a_grid_is_read_and_either_may_be_right(tmp_path):
    doc = {"task_id": "t", "text": "...", "output": [[1, 2], [3, 4]]}
    log = write(tmp_path / "samples_g.jsonl", row(["no idea", "1 2\n3 4"], doc, answer=[["x", "x"]], acc=0.0))
    assert main(["extract", str(log)]) == 0
    (new,) = rows(tmp_path / "samples_g.reread.jsonl")
    assert [read_extraction(value).answer for value in new["filtered_resps"][0]] == [None, [[1, 2], [3, 4]]]
    assert (new["acc"], new["parsed"]) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("text", "doc", "target", "flags", "answer"),
    [
        ("It is (C).", {"question": "?", "choices": CITIES, "answer": 2}, "2", [], "C"),
        ("Answer: C", {"question": "?", "options": CITIES, "answer": "C", "answer_index": 2}, "C", [], "C"),
        ("The answer is Berlin.", {"query": "?", "choices": CITIES}, "(C)", [], "C"),
        ("The answer is Berlin.", {"query": "?", "choices": CITIES}, "Berlin", [], "C"),
        ("Answer: C", {"choices": {"text": CITIES, "label": list("1234")}, "answerKey": "3"}, "", [], "C"),
        ("Answer: C", {"options": dict(zip("ABCD", CITIES, strict=True)), "answer_idx": "C"}, "", [], "C"),
        ("The answer is 6 km.", {"options": ["A)5 km", "B)6 km", "C)7 km"], "correct": "B"}, "", [], "B"),
        (
            "The answer is Berlin",
            dict(zip(["a", "b", "c", "d", "cop"], [*CITIES, 2], strict=True)),
            "",
            ["--choices-key", "a,b,c,d", "--gold-key", "cop"],
            "C",
        ),
        ("So the answer is (C).", {"input": "?", "target": "(C)"}, "(C)", ["--choices-key", "6"], "C"),
    ],
)
def test_multiple_choice_logs_of_other_projects_are_rescored(tmp_path, text, doc, target, flags, answer):
    log = write(tmp_path / "samples_other.jsonl", row(text, doc, target=target, exact_match=0.0))
    assert main(["extract", str(log), "--kind", "letters", *flags]) == 0
    (new,) = rows(tmp_path / "samples_other.reread.jsonl")
    assert (read_extraction(new["filtered_resps"][0][0]).answer, new["acc"], new["exact_match"]) == (
        answer,
        1.0,
        0.0,
    )
    assert new["metrics"] == ["exact_match", "acc", "parsed", "refused", "truncated"]


def test_an_answer_that_is_cut_off_counts_as_truncated_and_unread(tmp_path, capsys):
    cut = "Paris lies on the Seine.\n\nThe final answer is ("
    rows_of_cuts = [row(cut, OURS | {"id": f"x/{n}"}) | {"doc_id": n} for n in (1, 2)]
    log = write(
        tmp_path / "samples_cut.jsonl", *rows_of_cuts, row("The answer is (B).", OURS | {"id": "x/3"}) | {"doc_id": 3}
    )
    assert main(["extract", str(log)]) == 0
    assert "| truncated | - | 0 | 2 | 0 |" in capsys.readouterr().out
    scores = [(new["parsed"], new["truncated"], new["refused"]) for new in rows(tmp_path / "samples_cut.reread.jsonl")]
    assert scores == [(0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    votes = write(tmp_path / "votes.jsonl", {**OURS, "responses": [cut, cut, "The answer is (B)."]})
    assert main(["vote", str(votes)]) == 0
    assert "66.7 |" in capsys.readouterr().out  # unread %


def test_two_filters_of_a_log_are_rescored_separately(tmp_path, capsys):
    doc = {"question": "?", "answer": "6 * 180 = 1,080\n#### 1,080"}
    text = "6 * 180 = 1,080, so the answer is $1,080.00."
    log = write(
        tmp_path / "samples_gsm8k.jsonl",
        row(text, doc, answer="[invalid]", name="strict-match", exact_match=0.0),
        row(text, doc, answer="$1,080.00.", name="flexible-extract", exact_match=0.0),
    )
    assert main(["extract", str(log), "--kind", "numbers"]) == 0
    table = capsys.readouterr().out
    assert "| samples_gsm8k.jsonl | strict-match | 1 | 0.0 | 100.0 | 100.0 | 0.0 |" in table
    assert "| samples_gsm8k.jsonl | flexible-extract | 1 | 0.0 | 100.0 | 0.0 | 0.0 |" in table


@pytest.mark.parametrize(
    ("doc", "flags", "words"),
    [
        ({"question": "?", "answer": "B"}, [], "(question, answer) are not this suite's; give --kind"),
        ({"question": "?", "answer": "B"}, ["--kind", "letters"], "no choices among the columns question, answer"),
        ({"question": "?", "choices": CITIES}, ["--kind", "letters"], "give --gold-key COLUMN"),
        ({"choices": CITIES, "answer": "E"}, ["--kind", "letters"], "gold answer 'E'"),
        ({"choices": ["1", "2", "3"], "answer": "3"}, ["--kind", "letters"], None),
        ({"choices": ["2", "3", "4"], "answer": "3"}, ["--kind", "letters"], "an option's text and another's label"),
        (
            {"choices": CITIES, "answer": None},
            ["--kind", "letters"],
            "no gold answer among the columns choices, answer",
        ),
        ({"answer": "B"}, ["--kind", "letters", "--choices-key", "a,b"], "--choices-key a,b: no column a among"),
        ({"answer": "B"}, ["--kind", "letters", "--gold-key", "key"], "--gold-key key: no such column among answer"),
        ({"question": "?", "answer": "3 or 4"}, ["--kind", "numbers"], "gold number '3 or 4'"),
        ({"question": "?", "output": "none"}, ["--kind", "grids"], "the gold answer is not a grid"),
    ],
)
def test_a_log_without_the_needed_fields_is_an_error_that_names_the_options(tmp_path, capsys, doc, flags, words):
    log = write(tmp_path / "samples_other.jsonl", row("The answer is C.", doc, exact_match=0.0))
    assert main(["extract", str(log), *flags]) == (2 if words else 0)
    error = capsys.readouterr().err
    if words:
        assert error.startswith(f"mcqa: {log}:1: ")
        assert words in error
        assert error.count("\n") == 1
        assert list(tmp_path.iterdir()) == [log]


def test_broken_lines_are_named_and_the_rest_goes_on(tmp_path, capsys):
    good = row("The answer is B.", OURS, acc=1.0)
    cut = json.dumps(good)[:-20]
    log = tmp_path / "samples_cut.jsonl"
    lines = [json.dumps(good), "", '{"doc": 1}', "[" * 100_000, json.dumps({**good, "resps": []}), cut]
    log.write_bytes("\n".join(lines).encode() + b'\n{"doc": "\xff"}\n' + json.dumps(good).encode())
    other = write(tmp_path / "samples_whole.jsonl", good)
    assert main(["extract", str(log), str(other)]) == 1
    printed = capsys.readouterr()
    named = [line.removeprefix("mcqa: ").split(": ")[0] for line in printed.err.splitlines()]
    assert named == [f"{log}:{number}" for number in (3, 4, 5, 6, 7)]
    assert "samples_cut.jsonl | strict-match | 2 |" in printed.out
    assert "samples_whole.jsonl | strict-match | 1 |" in printed.out
    assert len(rows(tmp_path / "samples_cut.reread.jsonl")) == 2


@pytest.mark.parametrize("value", ["", None, 5, {}, {"a": None}])
@pytest.mark.parametrize("command", ["extract {} --output {}.new", "vote {}", "grids vote {}"])
def test_answers_that_are_no_list_are_named_by_their_line(tmp_path, capsys, command, value):
    log = write(tmp_path / "samples_a.jsonl", row("The answer is B.", OURS) | {"filtered_resps": value})
    assert main(command.format(log, log).split()) == 2
    assert f"{log}:1: " in capsys.readouterr().err


def test_a_log_of_nothing_but_broken_lines_leaves_no_output(tmp_path, capsys):
    log = write(tmp_path / "samples_a.jsonl", *["{" for _ in range(30)])
    empty = tmp_path / "samples_b.jsonl"
    empty.touch()
    assert main(["extract", str(log), str(empty)]) == 2
    assert sorted(tmp_path.iterdir()) == [log, empty]
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 8
    assert lines[5:7] == [f"mcqa: {log}: ... and 25 more broken lines", f"mcqa: {empty}: no rows"]
    assert lines[7].startswith(f"mcqa: {log}: no line could be read; give samples_*.jsonl")


def test_a_binary_file_is_a_few_lines_and_an_empty_one_a_single_line(tmp_path, capsys):
    binary, empty = tmp_path / "samples_a.jsonl", tmp_path / "samples_b.jsonl"
    binary.write_bytes(bytes(range(128, 256)) * 40 + b"\n\x00\xff" * 40)
    empty.write_text("\n\n", encoding="utf-8")
    for path, most in ((binary, 7), (empty, 1)):
        assert main(["extract", str(path)]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", most)
    assert err.startswith(f"mcqa: {empty}: no rows; give samples_*.jsonl")
    assert sorted(tmp_path.iterdir()) == [binary, empty]


def test_paths_that_cannot_be_used_are_one_line(tmp_path, capsys):
    log = write(tmp_path / "samples_a.jsonl", row("B", OURS, acc=0.0))
    (tmp_path / "deep").mkdir()
    same = write(tmp_path / "deep" / "samples_a.jsonl", row("B", OURS, acc=0.0))
    file = write(tmp_path / "notes.txt", "x")
    cases = [
        ([str(tmp_path / "none.jsonl")], "no such file"),
        ([str(tmp_path)], "a folder"),
        ([str(log), "--output", str(file)], "give a folder or a file named *.jsonl"),
        ([str(log), "--output", str(file / "deeper")], "Not a directory"),
        ([str(log), "--output", str(log)], "is one of the logs to be rescored"),
        ([str(log), str(same), "--output", str(tmp_path / "all.jsonl")], "one file for 2 logs"),
        ([str(log), str(same), "--output", str(tmp_path / "out")], "would both be written there"),
    ]
    for words, message in cases:
        assert main(["extract", *words]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "deep", log, same, file])


def test_a_response_of_broken_unicode_survives(tmp_path):
    log = write(tmp_path / "samples_a.jsonl", row("\ud800 The answer is B. \0", OURS, acc=0.0))
    (change,) = rescore_all([log], None, Columns(), report=pytest.fail)
    (new,) = rows(change.output)
    assert (new["acc"], new["resps"]) == (1.0, [["\ud800 The answer is B. \0"]])


def test_an_answer_recorded_by_another_filter_is_compared_by_what_it_means():
    doc = {"choices": CITIES, "answer": 1}
    for answer, meant in (("(B)", "B"), ("b", "B"), ("London.", "B"), ("[invalid]", None), ("B because", None)):
        old = log_row(row("", doc, answer=answer, exact_match=0.0), Columns(kind="letters"))
        assert [extraction.answer for extraction in old.extractions] == [meant]


@pytest.mark.slow
def test_a_yaml_of_anyone_may_name_the_filters_by_their_registered_names(tiny_checkpoint, tmp_path):
    write(tmp_path / "data.jsonl", *[{"question": f"{i}?", "choices": CITIES, "gold": [1]} for i in range(2)])
    (tmp_path / "own.yaml").write_text(
        "task: own_task\ndataset_path: json\n"
        f"dataset_kwargs: {{data_files: {{test: {tmp_path / 'data.jsonl'}}}}}\n"
        "test_split: test\noutput_type: generate_until\n"
        'doc_to_text: "{{question}}"\ndoc_to_target: "B"\n'
        "process_results: !function mcqa_suite.harness.scoring.cot_results\n"
        "generation_kwargs: {until: [], max_gen_toks: 4}\n"
        "filter_list: [{name: extracted, filter: [{function: mcqa_letters}]}]\n"
        "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n",
        encoding="utf-8",
    )
    words = ["--model", "hf", "--model_args", f"pretrained={tiny_checkpoint}", "--device", "cpu", "--log_samples"]
    words += ["--tasks", "own_task", "--include_path", str(tmp_path), "--output_path", str(tmp_path / "out")]
    assert main(["eval", *words]) == 0
    (log,) = (tmp_path / "out").rglob("samples_own_task_*.jsonl")
    assert all(read_extraction(value) for logged in rows(log) for value in logged["filtered_resps"][0])


def test_the_declared_entry_points_are_the_registered_filters():
    from lm_eval.api.registry import get_filter

    from mcqa_suite.harness import filters

    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    for name, kind in (("mcqa_letters", "Letters"), ("mcqa_numbers", "Numbers"), ("mcqa_grids", "Grids")):
        assert f'{name} = "{filters.__name__}:{kind}"' in text
        assert get_filter(name) is getattr(filters, kind)
