"""Answers that are extracted again: those of several responses, and scores that are fractions."""

from __future__ import annotations

import pytest
from helpers.generated_rows import CITIES, OURS, row, rows, write

from mcqa_suite.cli.main import main
from mcqa_suite.extract import extract_choice
from mcqa_suite.logs.rows import read_extraction, write_extraction

MAJORITY = [{"function": "regex"}, {"function": "majority_vote"}, {"function": "take_first"}]
FIRST = [{"function": "regex"}, {"function": "take_first"}]
NUMBER = {"question": "?", "answer": "#### 7"}
EIGHT = ["The answer is 7."] * 3 + ["The answer is 8."] * 5


def two_filters(tmp_path):
    """A log of eight responses, of which one filter takes a vote and the other the first, with its results file."""
    task = {"filter_list": [{"name": "maj@8", "filter": MAJORITY}, {"name": "score-first", "filter": FIRST}]}
    write(tmp_path / "results_2026.json", {"configs": {"gsm": task}})
    return write(
        tmp_path / "samples_gsm_2026.jsonl",
        row(EIGHT, NUMBER, answer=["8"], name="maj@8", exact_match=0.0),
        row(EIGHT, NUMBER, answer=["7"], name="score-first", exact_match=1.0),
    )


def test_a_vote_is_not_compared_with_a_reading_of_one_response(tmp_path, capsys):
    log = two_filters(tmp_path)
    assert main(["extract", str(log), "--kind", "numbers"]) == 0
    out, error = capsys.readouterr()
    assert f"| {log.name} | score-first | 1 | 100.0 | 100.0 | 0.0 | 0.0 |" in out
    assert "maj@8" not in out
    assert error.endswith(
        "1 rows copied unchanged and not counted: filter maj@8 makes one answer of several responses, "
        "which is not compared with one response; use mcqa vote\n"
    )
    vote, first = rows(tmp_path / "samples_gsm_2026.reread.jsonl")
    assert vote == rows(log)[0]
    assert [read_extraction(value).answer for value in first["filtered_resps"][0]] == ["7"]


def test_a_log_of_votes_alone_or_of_an_unknown_filter_is_refused(tmp_path, capsys):
    for name in ("maj@8", "score-first"):  # no results file says how the answer was made
        log = write(tmp_path / "samples_gsm_2026.jsonl", row(EIGHT, NUMBER, answer=["8"], name=name, exact_match=0.0))
        assert main(["extract", str(log), "--kind", "numbers"]) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert f"filter {name} makes one answer of several responses" in error
        assert error.endswith(f"{log}: no answers to extract again; give the samples_*.jsonl of a cot or math task\n")
    assert list(tmp_path.iterdir()) == [log]


def test_scores_of_all_samples_are_compared_with_scores_of_all_samples(tmp_path, capsys):
    read = [write_extraction(extract_choice(text, CITIES)) for text in ["Answer: A", "Answer: B", "Answer: B", "Hm."]]
    scores = {"acc": 0.5, "majority": 1.0, "any_right": 1.0, "parsed": 0.75, "refused": 0.0, "truncated": 0.25}
    texts = ["Answer: A", "Answer: B", "Answer: B", "Hm."]
    log = write(tmp_path / "samples_n4.jsonl", row(texts, OURS, answer=[read], name="extracted", **scores))
    assert main(["extract", str(log)]) == 0
    assert capsys.readouterr().out.startswith(
        "| samples | filter | rows | acc % recorded | acc % now | unread % recorded | unread % now |\n"
        "|---|---|---:|---:|---:|---:|---:|\n"
        "| samples_n4.jsonl | extracted | 1 | 50.0 | 50.0 | 0.0 | 0.0 |\n\n"
        "### extracted: recorded -> now\n\n"
        "|  | right | partly right | wrong | unread |\n|---|---:|---:|---:|---:|\n"
        "| right | 0 | 0 | 0 | 0 |\n| partly right | 0 | 1 | 0 | 0 |\n"
    )
    (new,) = rows(tmp_path / "samples_n4.reread.jsonl")
    assert (new["acc"], new["majority"], new["any_right"], new["parsed"]) == (0.5, 1.0, 1.0, 0.75)


def test_a_fractional_score_counts_as_a_fraction(tmp_path, capsys):
    log = write(tmp_path / "samples_a.jsonl", row("The answer is B.", OURS, acc=0.4), row("", OURS, acc=0.2))
    assert main(["extract", str(log)]) == 0
    assert "| samples_a.jsonl | strict-match | 2 | 30.0 | 50.0 | 0.0 | 50.0 |" in capsys.readouterr().out


@pytest.mark.parametrize("gold", [28, "#29"])
def test_options_behind_the_letters_are_read_by_their_text(tmp_path, gold):
    words = [f"{first}{second}" for first in ("pa", "lo", "be") for second in "abcdefghij"]
    doc = {"choices": words, "answer": gold}
    answers = ["The answer is bei.", "The answer is (B)."]
    log = write(tmp_path / "samples_30.jsonl", *[row(text, doc, exact_match=0.0) for text in answers])
    assert main(["extract", str(log), "--kind", "letters"]) == 0
    read = [
        (read_extraction(new["filtered_resps"][0][0]).answer, new["acc"])
        for new in rows(tmp_path / "samples_30.reread.jsonl")
    ]
    assert read == [("#29", 1.0), ("B", 0.0)]
