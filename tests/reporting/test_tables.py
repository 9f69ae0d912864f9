"""The table writer: Markdown, LaTeX, CSV and data frames of one table."""

from __future__ import annotations

from mcqa_suite.reporting.tables import Table, csv_text, data_frame, latex, markdown, percent_interval, points_interval
from mcqa_suite.stats import Estimate

TABLE = Table(
    "Scores", ("model", "kind", "acc %", "unread %"), [("a|b_1", "sft", "50.0", ""), ("c", "", "1.0", "")], left=2
)


def test_markdown_aligns_text_to_the_left_and_escapes_pipes():
    assert markdown(TABLE).splitlines()[2:5] == [
        "| model | kind | acc % | unread % |",
        "|---|---|---:|---:|",
        "| a\\|b_1 | sft | 50.0 |  |",
    ]


def test_a_column_without_text_can_be_dropped():
    table = TABLE.without_empty_columns()
    assert (list(table.header), table.left) == (["model", "kind", "acc %"], 2)


def test_latex_escapes_every_command_character():
    text = latex(Table("50 % of {x}", ("a_b",), [("1 & 2 ± 3 →",)]))
    assert r"a\_b \\" in text
    assert r"1 \& 2 $\pm$ 3 $\rightarrow$ \\" in text
    assert r"\caption{50 \% of \{x\}.}" in text


def test_csv_keeps_counts_whole_and_leaves_missing_values_empty():
    records = [
        {"model": "a", "n": 1234567, "value": 1 / 3, "p": None},
        {"model": "=b", "n": None, "value": 0.5, "p": None},
    ]
    assert csv_text(records) == "model,n,value,p\na,1234567,0.333333,\n'=b,,0.5,\n"
    assert csv_text(records[:1], digits=None).splitlines()[1] == "a,1234567,0.3333333333333333,"
    assert csv_text([], ["model", "n"]) == "model,n\n"
    assert str(data_frame(records).dtypes["n"]) == "Int64"


def test_an_interval_stands_in_brackets():
    estimate = Estimate(-0.0004, -0.05, 0.1, 10)
    assert percent_interval(estimate) == "-0.0 (-5.0 to 10.0)"
    assert points_interval(estimate) == "0.0 (-5.0 to +10.0)"
