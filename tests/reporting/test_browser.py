"""The sample browser: what is embedded."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.browser_runs import small_runs, unpacked
from helpers.log_files import choice_rows, digest, questions, write_run, written_row

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.browser.section import browser_section
from mcqa_suite.reporting.browser.texts import LONGEST, pieces


def test_every_document_is_embedded_once_with_a_cell_for_each_model(tmp_path):
    browser = browser_section(small_runs(tmp_path), "base")
    items, about = unpacked(browser)
    assert about["models"] == ["base", "same", "worse"]
    assert about["total"] == len(items) == 46
    assert "46 of 46 documents with the answers of 3 models are embedded." in browser.html
    assert {len(item[5]) for item in items} == {3}
    assert len({(item[0], item[1]) for item in items}) == 46
    letters = [item for item in items if about["tasks"][item[0]] == ["letters", "letters", "letters"]]
    assert all(abs(sum(cell[4:]) - 1000) <= 2 for item in letters for cell in item[5])
    assert {about["subjects"][item[2]] for item in letters} == {"physics"}


def test_transitions_agree_with_the_comparison(tmp_path):
    from mcqa_suite.analysis.compare import Options, compare

    runs = small_runs(tmp_path)
    items, about = unpacked(browser_section(runs, "base"))
    comparison = compare(runs[0], runs[1:], Options())
    for row in comparison.rows:
        task = [name for name, *_ in about["tasks"]].index(row.task)
        model = about["models"].index(row.variant)
        counts = np.bincount([item[5][model][0] for item in items if item[0] == task], minlength=6)
        flips = row.flips
        assert tuple(counts[1:4]) == (flips.right_to_wrong, flips.wrong_to_right, flips.wrong_to_wrong)


def test_a_generated_answer_has_its_status_its_rule_and_its_span(tmp_path):
    items, about = unpacked(browser_section(small_runs(tmp_path), "base"))
    task = [name for name, *_ in about["tasks"]].index("cot")
    item = next(item for item in items if item[0] == task and item[1] == 4)
    base, _same, worse = item[5]
    assert base[4] == [["answered", "it_is", "A", ["It is ", {"m": "A"}, "."]]]
    assert worse[4] == [["refused", "refusal", "", ["I ", {"m": "refuse"}, "."]]]
    assert about["statuses"][worse[2]] == "refused"


def test_the_first_responses_are_shown_and_the_others_counted(tmp_path):
    row = written_row("cot", 0, "A", 0)
    row["resps"], row["filtered_resps"] = [[f"Response {i}" for i in range(9)]], [["A"] * 9]
    run = read_run(write_run(tmp_path / "base", {"cot": [row]}))
    [[*_rest, [cell]]], _about = unpacked(browser_section([run], "base"))
    assert cell[4][:2] == [["answered", "", "A", [f"Response {i}"]] for i in range(2)]
    assert cell[4][4:] == [5]


def test_a_score_that_is_not_0_or_1_is_neither_right_nor_wrong(tmp_path):
    scores, gold = questions(5)
    rows = [row | {"metrics": ["acc", "mark"], "mark": 4 * row["acc"] - 1} for row in choice_rows("a", scores, gold)]
    run = read_run(write_run(tmp_path / "base", {"a": rows}))
    items, _about = unpacked(browser_section([run], "base", metric="mark"))
    assert {item[5][0][1] for item in items} == {2}


def test_under_a_size_limit_flips_come_first_and_the_page_gives_the_count(tmp_path):
    runs = small_runs(tmp_path)
    whole = browser_section(runs, "base")
    assert browser_section(runs, "base").data == whole.data
    limit = len(whole.data) * 2 // 3
    browser = browser_section(runs, "base", size_limit=limit)
    items, about = unpacked(browser)
    assert len(browser.data) <= limit
    assert 0 < len(items) < 46 == about["total"]
    assert f"{len(items)} of 46 documents" in browser.html
    flipped = [any(cell[0] in (1, 2) for cell in item[5]) for item in items]
    assert flipped == sorted(flipped, reverse=True)
    none, _about = unpacked(browser_section(runs, "base", size_limit=100))
    assert none == []


def test_a_question_shared_by_two_tasks_is_embedded_once(tmp_path):
    scores, gold = questions(30)
    rows = choice_rows("letters", scores, gold)
    run = read_run(write_run(tmp_path / "base", {"letters": rows, "letters_cloze": rows}))
    items, _about = unpacked(browser_section([run], "base"))
    assert sum(isinstance(item[4], int) for item in items) == 30
    assert all(items[item[4]][4][0] == f"letters/{item[1]}" for item in items if isinstance(item[4], int))


def test_without_a_base_there_are_no_transitions_and_without_runs_no_browser(tmp_path):
    runs = small_runs(tmp_path)
    _items, about = unpacked(browser_section(runs[1:], None))
    assert (about["base"], about["models"]) == (False, ["same", "worse"])
    assert browser_section([], "base") is None


def test_a_model_with_another_prompt_has_an_empty_cell(tmp_path):
    scores, gold = questions(8)
    base = read_run(write_run(tmp_path / "base", {"letters": choice_rows("letters", scores, gold)}))
    rows = choice_rows("letters", scores, gold)
    rows[3]["prompt_hash"] = digest("another prompt")
    other = read_run(write_run(tmp_path / "other", {"letters": rows[:6]}, model="other"))
    items, _about = unpacked(browser_section([base, other], "base"))
    assert sorted(item[1] for item in items if item[5][1] is None) == [3, 6, 7]


def test_scores_that_are_not_finite_have_their_own_status(tmp_path):
    scores, gold = questions(4)
    scores[1] = np.nan
    run = read_run(write_run(tmp_path / "base", {"letters": choice_rows("letters", scores, gold)}))
    items, about = unpacked(browser_section([run], "base"))
    states = {item[1]: about["statuses"][item[5][0][2]] for item in items}
    assert states == {0: "scored", 1: "not finite", 2: "scored", 3: "scored"}


def test_a_missing_log_is_named(tmp_path):
    runs = small_runs(tmp_path)
    next((tmp_path / "base").glob("samples_letters_*")).unlink()
    with pytest.raises(DatasetError, match=r"samples_letters_.*cannot be read"):
        browser_section(runs, "base")


@pytest.mark.parametrize("span", [None, (0, 4), (500_000, 500_004), (999_990, 1_000_000), (0, 1_000_000), (7, 3), "x"])
def test_a_long_text_is_cut_around_its_span(span):
    text = "".join(chr(97 + i % 26) for i in range(1_000_000))
    parts = pieces(text, span)
    rebuilt = sum(
        part if isinstance(part, int) else len(part if isinstance(part, str) else part["m"]) for part in parts
    )
    assert rebuilt == len(text)
    assert sum(len(str(part)) for part in parts if not isinstance(part, int)) <= LONGEST + 100
    marked = "".join(part["m"] for part in parts if isinstance(part, dict))
    if isinstance(span, tuple) and span[0] < span[1]:
        assert text[span[0] : span[1]].startswith(marked)
        assert marked
    else:
        assert marked == ""


def test_neither_script_nor_style_sheet_contains_a_closing_tag(tmp_path):
    browser = browser_section(small_runs(tmp_path), "base")
    assert "</" not in browser.script
    assert "<!--" not in browser.script
    assert "</" not in browser.css
    assert not any(
        word in browser.script for word in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "Function(")
    )
    assert set(browser.data) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
