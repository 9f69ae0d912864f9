"""`mcqa check`: every document of a task is rendered, whatever its number of options."""

from __future__ import annotations

import string

import pytest
from helpers.dataset_rows import write_dataset

from mcqa_suite.cli.main import main
from mcqa_suite.evaluation.check import check

HUB = ["--metadata", '{"data": "hub"}']  # else the bundled rows are read


@pytest.fixture
def openbookqa(tmp_path, monkeypatch):
    """A function that writes OpenBookQA as one question of `n` options, the last of which is right."""

    def write(n: int) -> None:
        labels = [string.ascii_uppercase[i] if i < 26 else f"A{i}" for i in range(n)]
        options = {"text": [f"option {i}" for i in range(n)], "label": labels}
        row = {"id": "7-1", "question_stem": "Stem", "choices": options, "answerKey": labels[-1]}
        write_dataset(tmp_path / "hub", "allenai/openbookqa", "main", {split: [row] for split in ("train", "test")})

    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    return write


def test_a_question_with_eleven_options_is_rendered(openbookqa):
    openbookqa(11)
    [result] = check(["mcqa_openbookqa"], {"data": "hub"})
    assert result.options == (11, 11)
    assert "11 options, gold K 100%" in str(result)


def test_a_question_with_more_options_than_letters_is_one_line(openbookqa, capsys):
    openbookqa(30)
    assert main(["check", "mcqa_openbookqa", *HUB]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert "30 options, expected 2 to 26" in line


def test_show_prints_the_first_question_as_the_harness_asks_it(openbookqa, capsys):
    openbookqa(3)
    assert main(["check", "--show", "mcqa_openbookqa", "mcqa_openbookqa_cot_n8", *HUB]) == 0
    letter, cot = capsys.readouterr().out.split("\n\nmcqa_")
    assert letter.split("\n")[1:9] == [
        *("    Question: Stem", "", "    Options:", "    A. option 0", "    B. option 1", "    C. option 2", ""),
        "    Answer:",
    ]
    assert letter.split("\n")[9:13] == ["scored: the log-likelihood of each of", "    ' A'", "    ' B'", "    ' C'"]
    assert letter.endswith("right:  ' C'")
    assert "\nscored: 8 texts of at most 1024 tokens, temperature 0.7, top_p 0.95, up to '\\nQuestion:' or " in cot
    assert "\nread:   The option that each response commits to\nright:  ' The answer is (C).'\n" in cot
