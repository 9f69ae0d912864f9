"""`mcqa extract --disagree` lists the responses in which another reader reads something else."""

from __future__ import annotations

import json
import sys

import pytest
from helpers.generated_rows import CITIES, OURS, row, rows, write
from helpers.model_server import prompt_of, serving

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.logs.log_row import Columns

SUM = {"question": "6 * 7?", "solution": "", "gold": "42"}
LETTERS = (
    "The answer is (B).",  # all read B
    "At first I thought the answer is (A). On reflection, the answer is (C).",  # the first pattern of MMLU-Pro
    "I cannot say which one is right: (A), (B), (C) or (D).",  # the flexible filter takes the last letter
    'Action: Finish["D"]',  # nobody but us
)
NUMBERS = ("6 * 7 = 42\n#### 42", "The answer is 42. I checked it 3 times.")


def log(folder, name, texts, doc):
    items = [row(text, doc, acc=0.0) | {"doc_id": index} for index, text in enumerate(texts)]
    twice = [item | {"filter": "flexible-extract"} for item in items]  # the harness logs each filter's rows
    return write(folder / f"samples_{name}_2026-01-01T00-00-00.jsonl", *items, *twice)


@pytest.fixture
def runs(tmp_path):
    (tmp_path / "runs").mkdir()
    log(tmp_path / "runs", "mcqa_x_cot", LETTERS, OURS)
    log(tmp_path / "runs", "mcqa_sum", NUMBERS, SUM)
    return tmp_path / "runs"


def by_line(path):
    return {item["id"].rpartition("_")[0].rpartition("_")[2] + item["id"][-2:]: item for item in rows(path)}


def test_filters_of_the_harness_are_compared_with_ours(runs, tmp_path, capsys):
    assert main(["extract", str(runs), "--disagree", "lm-eval", "-o", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "| lm-eval mmlu_pro | 4 | 1 | 1 | 1 | 0 | 1 |" in out
    assert "| lm-eval gsm8k strict | 2 | 1 | 0 | 1 | 0 | 0 |" in out
    assert "| lm-eval gsm8k flexible | 2 | 1 | 1 | 0 | 0 | 0 |" in out
    assert "4 of 6 responses are listed: 2 another answer, 1 only the other, 1 only mcqa." in out
    listed = by_line(tmp_path / "out" / "disagreements.jsonl")
    assert list(listed) == ["sum:2", "cot:2", "cot:3", "cot:4"]
    assert listed["sum:2"]["readers"] == {"mcqa": "42", "lm-eval gsm8k strict": None, "lm-eval gsm8k flexible": "3"}
    assert listed["cot:2"]["readers"] == {
        "mcqa": "C",
        "lm-eval mmlu_pro": "A",
        "lm-eval mmlu flan strict": None,
        "lm-eval mmlu flan flexible": "C",
    }
    assert (listed["cot:2"]["kind"], listed["cot:2"]["choices"], listed["cot:2"]["question"]) == (
        "mcq",
        CITIES,
        "Capital?",
    )


def test_the_page_shows_each_listed_response_as_text(tmp_path):
    path = log(tmp_path, "mcqa_x_cot", ["The answer is (A), no: <b>the answer is (C)</b>\x1b[2J."], OURS)
    result = mcqa_suite.disagreements(path, readers=["lm-eval"])
    result.save(tmp_path / "out")
    page = (tmp_path / "out" / "disagreements.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;the answer is (C)&lt;/b&gt;\ufffd[2J" in page
    assert "<dt>lm-eval mmlu_pro</dt><dd><b>A</b></dd>" in page
    assert "\x1b" not in result.text()
    assert result.to_frame()["disagreement"].tolist() == ["another answer"]


def test_a_judge_says_which_answer_a_response_gives_and_is_asked_once(tmp_path, capsys):
    texts = ["The answer is B. {answer}", "Both A and C are good.", "The answer is D.", "The answer is A."]
    path = log(tmp_path, "mcqa_x_cot", texts, OURS)

    def judge(body):
        assert body["temperature"] == 0
        response = prompt_of(body).split("[Response]\n")[1].split("\n\n[End]")[0]
        assert "the letter of the option (A to D)" in prompt_of(body).split("[End]")[1]
        assert "Capital?\nA. Paris\nB. London" in prompt_of(body)
        replies = ("Verdict: (B)", "It says A and C.\n**Verdict:** none", "<think>Verdict: A</think>Verdict: C", "Hm.")
        return replies[texts.index(response)]

    words = ["extract", str(path), "--disagree", "judge", "-o", str(tmp_path / "out")]
    with serving(judge) as served:
        assert main([*words, "--judge", served.url]) == 0
        assert len(served.bodies) == 4
        assert main([*words, "--judge", served.url]) == 0
        assert len(served.bodies) == 4, "what has a verdict is not asked again"
    # the reply without a verdict is not counted
    assert "| judge m | 3 | 1 | 1 | 0 | 0 | 1 |" in capsys.readouterr().out
    (listed,) = rows(tmp_path / "out" / "disagreements.jsonl")
    assert listed["readers"] == {"mcqa": "D", "judge m": "C"}


def test_a_judge_reads_numbers(tmp_path):
    path = log(tmp_path, "mcqa_sum", ["It is 12.5 %.", "It is 7 or so."], SUM)
    with serving(lambda body: "Verdict: -8" if "7 or so" in prompt_of(body) else "Verdict: 0.125") as served:
        result = mcqa_suite.disagreements(
            path, readers=["judge"], judge=served.url, verdicts=tmp_path / "verdicts.jsonl"
        )
    answers = [response.readers for response in result.responses]
    # 0.125 is the other scale of 12.5 %, so it is the same answer
    assert answers == [{"mcqa": "12.5", "judge m": "12.5"}, {"mcqa": "7", "judge m": "-8"}]
    assert [response.text for response in result.listed] == ["It is 7 or so."]


def test_math_verify_reads_letters_and_numbers(tmp_path):
    pytest.importorskip("math_verify")
    numbers = log(tmp_path, "mcqa_sum", [*NUMBERS, r"\boxed{\frac{1}{4}}", "$x=\\sqrt{-1}$"], SUM)
    letters = log(tmp_path, "mcqa_x_cot", ["Answer: B"], OURS)
    result = mcqa_suite.disagreements(numbers, letters, readers=["math-verify"])
    read = [response.readers["math-verify"] for response in result.responses]
    assert read[0] == "42"
    assert read[2:] == ["0.25", None, "B"]


def test_a_reader_that_is_not_installed_is_named_with_its_extra(runs, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "math_verify", None)
    assert main(["extract", str(runs), "--disagree", "math-verify"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mcqa: math_verify is not installed: pip install ")
    assert "[math]'" in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--disagree", "judge"], "give the URL of the judge (--judge)"),
        (["--judge", "http://localhost:1/v1"], "--judge: needs --disagree judge"),
        (["--disagree", "lighteval"], "reader 'lighteval': expected one of lm-eval, math-verify, judge"),
    ],
)
def test_readers_that_cannot_be_used_are_one_line(runs, capsys, words, message):
    assert main(["extract", str(runs), *words]) == 2
    assert capsys.readouterr().err == f"mcqa: {message}\n"


def test_no_gold_answer_is_needed(tmp_path):
    item = row("The answer is $7$.", {"problem": "?", "solution": "[-4, 9]"}) | {"target": ""}
    path = write(tmp_path / "samples_math.jsonl", item)
    result = mcqa_suite.disagreements(path, readers=["lm-eval"], columns=Columns(kind="numbers"))
    assert result.responses[0].readers == {"mcqa": "7", "lm-eval gsm8k strict": None, "lm-eval gsm8k flexible": "7"}


def test_logs_without_letters_or_numbers_are_named(tmp_path, capsys):
    grid = {"task_id": "t", "text": "...", "output": [[1, 2], [3, 4]]}
    path = log(tmp_path, "g", ["1 2\n3 4"], grid)
    assert main(["extract", str(path), "--disagree", "lm-eval"]) == 2
    err = capsys.readouterr().err
    assert f"skipped: {path}: grids are not read by other readers" in err
    assert "no letters or numbers to read" in err
    broken = write(tmp_path / "samples_b.jsonl", json.dumps({"doc_id": 0, "doc": {"x": 1}, "resps": [["A"]]}))
    assert main(["extract", str(broken), "--disagree", "lm-eval"]) == 2
    assert f"mcqa: {broken}:1: the document's columns (x) are not this suite's; give --kind" in capsys.readouterr().err
