"""Labelled pairs: what is counted, what goes on to training, what is refused."""

from __future__ import annotations

import pytest
from helpers.model_server import serving
from helpers.persuasion_flow import longer_wins
from helpers.preference_rows import lines, responses, write

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.training_data.preferences.check import check, write_pairs
from mcqa_suite.training_data.sources import PairSource, read

# --- what a row carries

ORIGIN = {"group": "d1", "source": "persuasionforgood", "topic": "charity", "pool": "ai"}


# The documented flow stopped at its second step: the pairs had no group.
def test_labels_and_pairs_keep_the_group_source_topic_and_pool_of_their_prompt(tmp_path, capsys):
    origin = ORIGIN | {"completion": "no part of a pair"}
    path = responses(tmp_path, [["long", "no"], ["yes", "longer"], ["same", "same "], ["tie", "eit"]], **origin)
    labels, pairs = tmp_path / "labels.jsonl", tmp_path / "pairs.jsonl"
    with serving(longer_wins) as served:
        words = ["preferences", "label", str(path), "--by", "judge", "--judge", served.url, "-o", str(labels)]
        assert main(words) == 0
    assert all(row.items() >= ORIGIN.items() and "completion" not in row for row in lines(labels))
    capsys.readouterr()
    assert main(["preferences", "check", str(labels), "--responses", str(path), "--pairs", str(pairs)]) == 0
    assert f"{pairs}: 2 pairs; left out: 1 equal, 1 tie\n" in capsys.readouterr().out
    assert sorted(lines(pairs), key=lambda row: row["id"]) == [
        {"id": "q0#0-1", **ORIGIN, "prompt": "p0", "chosen": "long", "rejected": "no"},
        {"id": "q1#0-1", **ORIGIN, "prompt": "p1", "chosen": "longer", "rejected": "yes"},
    ]
    for file in (pairs, labels):  # both are training data
        trained, _ = read([PairSource("persuasion", path=str(file), pool="ai")])
        assert [(row["id"], row["group"], row["pool"]) for row in sorted(trained, key=lambda row: row["id"])] == [
            ("q0#0-1", "d1", "ai"),
            ("q1#0-1", "d1", "ai"),
        ]
        with pytest.raises(DatasetError, match="no row left"):
            read([PairSource("persuasion", path=str(file), pool="human")])


def test_the_pool_that_a_pair_names_counts_and_not_the_hash_of_its_group(tmp_path):
    path = write(
        tmp_path / "p.jsonl",
        [{"prompt": f"p{i}", "chosen": "a", "rejected": "b", "group": f"g{i}", "pool": "human"} for i in range(30)],
    )
    counts = {"ai": 300, "human": 50, "sft": None}
    assert len(read([PairSource("persuasion", path=str(path), pool="human")])[0]) == 30
    assert len(read([PairSource("persuasion", path=str(path), pool="human", pool_counts=counts)])[0]) == 30


def test_pairs_with_half_a_surrogate_and_a_folder_that_is_missing(tmp_path, capsys):
    write_pairs([labelled(0, "a", a="x \udc80")], tmp_path / "p.jsonl")
    assert lines(tmp_path / "p.jsonl")[0]["chosen"] == "x \udc80"
    labels = write(tmp_path / "l.jsonl", [labelled(0, "a")])
    assert main(["preferences", "check", str(labels), "--pairs", str(tmp_path / "no" / "p.jsonl")]) == 2
    assert "choose another --pairs" in capsys.readouterr().err


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
    written = write_pairs(rows, tmp_path / "pairs.jsonl")
    assert (len(written.rows), written.left_out) == (2, {"repeated": 1, "tie": 1})
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
