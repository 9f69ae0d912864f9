"""JSONL files: what is read, what is named with file and line, and how a killed writer's file is continued."""

from __future__ import annotations

import json

import pytest

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import journal, numbered_items, numbered_rows, parse_json

ROWS = [(1, {"a": 1}), (3, {"b": "é\u2028"})]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("tail", [b"", b"\n", b"\n\n  \n"], ids=["no newline", "newline", "blank lines"])
def test_objects_come_with_their_line_numbers(tmp_path, start, end, tail):
    path = tmp_path / "x.jsonl"
    path.write_bytes(start + end.join([b'{"a": 1}', b" ", '{"b": "é\u2028"}'.encode()]) + tail)
    assert list(numbered_rows(path)) == list(numbered_items(path)) == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"x\.jsonl: no rows; expected one JSON object a line"),
        (b"\n \n", r"x\.jsonl: no rows"),
        (b'{"a": 1}\n\n{"a', r"x\.jsonl:3: not valid JSON \(Unterminated string"),
        (b'{"a": 1}\n[1]\n', r"x\.jsonl:2: expected a JSON object, found list"),
        (b'{"a": 1}\n{"a": "\xff"}\n', r"x\.jsonl:2: not UTF-8; save the file as UTF-8"),
        (b"{}\n" + b'{"a":' * 100_000, r"x\.jsonl:2: not valid JSON"),
    ],
    ids=["empty", "blank", "cut", "list", "latin-1", "deep"],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path, content, message):
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        list(numbered_rows(tmp_path / "x.jsonl"))


def test_a_file_that_is_missing_says_what_to_give(tmp_path):
    with pytest.raises(DatasetError, match=r"x\.jsonl: No such file or directory; give a file of labels"):
        list(numbered_rows(tmp_path / "x.jsonl", "a file of labels"))


@pytest.mark.parametrize("cut", [b'{"a', b'{"a": "\xc3', b"7"])
def test_the_last_line_of_a_growing_file_may_be_cut_off(tmp_path, cut):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n' + cut)
    assert list(numbered_rows(path, growing=True)) == [(1, {"a": 1})]
    path.write_bytes(b'{"a": 1}\n' + cut + b"\n")
    with pytest.raises(DatasetError, match=r"x\.jsonl:2: "):
        list(numbered_rows(path, growing=True))


@pytest.mark.parametrize("content", [b'{"a', b"[1, 2]"])
def test_a_growing_file_whose_only_line_is_no_row_is_not_empty(tmp_path, content):
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(DatasetError, match=r"x\.jsonl:1: "):
        list(numbered_rows(tmp_path / "x.jsonl", growing=True))


def test_a_file_may_hold_one_list_of_objects(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf[{"a": 1},\n {"b": 2}]')
    assert list(numbered_items(path)) == [(1, {"a": 1}), (2, {"b": 2})]
    path.write_bytes(b'[{"a": 1}, 2]')
    with pytest.raises(DatasetError, match=r"x\.json:2: expected a JSON object, found int"):
        list(numbered_items(path))
    path.write_bytes(b"[]")
    with pytest.raises(DatasetError, match=r"x\.json: no rows; expected a list of JSON objects"):
        list(numbered_items(path))


def test_a_journal_drops_a_row_that_was_cut_off_and_appends_after_it(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a"')
    with journal(path) as file:
        assert file.rows == [{"a": 1}]
        file.append({"a": "\ud800"})
        file.append({"a": 3})
        assert file.undo() == {"a": 3}
    assert path.read_bytes() == b'{"a": 1}\n{"a": "\\ud800"}\n'


@pytest.mark.parametrize("content", [None, b""])
def test_a_journal_without_a_row_leaves_no_new_file(tmp_path, content):
    path = tmp_path / "x.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ZeroDivisionError), journal(path):
        raise ZeroDivisionError
    assert path.exists() == (content is not None)


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": ["a"], "index": 0}, {"id": "a", "index": "0"}])
def test_a_journal_of_something_else_is_not_continued(tmp_path, row):
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="row 1 has no"), journal(path, id=str, index=int):
        pass
    assert json.loads(path.read_text(encoding="utf-8")) == row


@pytest.mark.parametrize("text", ["[" * 5000, "[" * 101 + "]" * 101, '{"a":' * 200 + "1" + "}" * 200])
def test_deep_nesting_is_refused(text):
    with pytest.raises(DatasetError, match=r"f:1: .*(nested more than 100 deep)"):
        parse_json(text.encode(), "f:1")


def test_a_huge_integer_is_infinite_and_brackets_in_a_text_are_no_nesting():
    assert parse_json(b'["' + b"[" * 5000 + b'", 1' + b"0" * 400 + b"]", "f:1")[1] == float("inf")
