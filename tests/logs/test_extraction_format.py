"""Extractions are written to a sample log as JSON, and read from it, also in the form of version 0.1.0."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.log_files import by_name
from hypothesis import given
from hypothesis import strategies as st

from mcqa_suite.extract import Extraction
from mcqa_suite.logs.log_row import Columns
from mcqa_suite.logs.rescore import rescore
from mcqa_suite.logs.rows import RowIndex, read_extraction, read_rows, write_extraction
from mcqa_suite.logs.runs import read_run

RUN = Path(__file__).parent / "run_0.1.0"  # made by mcqa-suite 0.1.0, some rows of two tasks
GRIDS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=3), min_size=1, max_size=3)
EXTRACTIONS = st.builds(
    Extraction,
    st.none() | st.sampled_from(["A", "1080.5", "-3"]) | GRIDS,
    st.sampled_from(["answered", "none", "refused"]),
    st.none() | st.text(),
    st.none() | st.tuples(st.integers(0, 99), st.integers(0, 99)),
)


@given(EXTRACTIONS)
def test_an_extraction_survives_writing_and_reading(extraction):
    assert read_extraction(write_extraction(extraction)) == extraction
    assert json.loads(write_extraction(extraction))["answer"] == extraction.answer


@given(EXTRACTIONS)
def test_the_form_of_0_1_0_is_read(extraction):
    assert read_extraction(str(vars(extraction))) == extraction
    assert read_extraction(vars(extraction)) == extraction


@pytest.mark.parametrize("value", ["", "B", "[invalid]", "{x}", 3, None, {"answer": "B"}, ["-1.5", "False"]])
def test_another_filters_value_is_no_extraction(value):
    assert read_extraction(value) is None


def test_a_run_of_0_1_0_is_read():
    run = read_run(RUN)
    assert run.problems == ()
    letters, cot = (by_name(run)[name] for name in ("mcqa_generated", "mcqa_generated_cot"))
    assert letters.samples.chose_gold("acc").tolist() == (letters.samples.scores["acc"] == 1).tolist()
    assert cot.unread == 0.5
    assert cot.samples.letter.tolist() == [0, 0, -1, -1]
    index = RowIndex(cot.log)
    for sample in read_rows(cot.log):
        assert index[sample.filter, sample.doc_id] == sample


def test_a_log_of_0_1_0_rescored_changes_nothing(tmp_path):
    log = rescore(by_name(read_run(RUN))["mcqa_generated_cot"].log, tmp_path / "new.jsonl", Columns(), pytest.fail)
    assert all(before == after for _, before, after in log.outcomes)
    assert log.recorded == log.new
    assert not log.other_answer
