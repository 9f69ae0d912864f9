"""Labelled pairs: what is counted, what goes on to training, what is refused."""

from __future__ import annotations

import pytest
from helpers.preference_rows import responses, write

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.training_data.preferences.check import check, write_pairs
from mcqa_suite.training_data.sources import PairSource, read

# --- check


def labelled(i: int, label: str, a: str = "long answer", b: str = "short", **more) -> dict:
    return {"id": f"q{i}", "pair": [0, 1], "prompt": f"p{i}", "a": a, "b": b, "by": "human", "label": label, **more}


def test_a_check_counts_missing_repeated_tied_and_biased_labels():
    rows = [labelled(i, label) for i, label in enumerate("aaab")] + [labelled(4, "tie"), labelled(5, "unread")]
    rows += [labelled(6, "a", b=" "), labelled(0, "b"), {**labelled(8, "a"), "prompt": "p0"}]
    validation = check(rows, ["q0", "q7"])
    assert validation.missing == ("q6#0-1", "q7")
    assert validation.repeated == ("q0#0-1",)
    assert validation.repeated_texts == 1
    assert validation.labels == {"a": 5, "b": 1, "tie": 1, "unread": 1, "skip": 0, "equal": 0}
    assert (validation.a_share.value, validation.a_share.n) == (pytest.approx(5 / 6), 6)
    assert validation.longer_share.value == pytest.approx(5 / 6)
    assert validation.first_share is None
    assert not validation.fit


def test_pairs_are_written_from_decided_rows_only_and_training_reads_them(tmp_path):
    rows = [labelled(0, "a"), labelled(1, "b"), labelled(2, "tie"), labelled(0, "b")]
    assert write_pairs(rows, tmp_path / "pairs.jsonl") == 2
    pairs, (data,) = read([PairSource("evaluator", path=str(tmp_path / "pairs.jsonl"))])
    assert data.n == 2
    assert [(row["chosen"], row["rejected"]) for row in pairs] == [
        (" long answer", " short"),
        (" short", " long answer"),
    ]


def test_contradicting_labels_and_undecided_labels_are_errors(tmp_path):
    with pytest.raises(DatasetError, match="q1#0-1: the same two responses were decided the other way"):
        write_pairs([labelled(0, "a"), {**labelled(1, "b"), "prompt": "p0"}], tmp_path / "p.jsonl")
    with pytest.raises(DatasetError, match="no row is decided"):
        write_pairs([labelled(0, "tie")], tmp_path / "p.jsonl")


def test_labels_of_another_method_are_not_appended_to(tmp_path, capsys):
    path, out = responses(tmp_path, [["The answer is 1.", "2"]], gold="1"), tmp_path / "l.jsonl"
    write(out, [labelled(0, "a")])
    assert main(["preferences", "label", str(path), "--by", "correctness", "-o", str(out)]) == 2
    assert "labelled by 'human', not 'correctness'; choose another --output" in capsys.readouterr().err
