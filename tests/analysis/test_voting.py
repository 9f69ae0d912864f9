"""Votes over samples, against counts by brute force."""

from __future__ import annotations

import json
import time
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcqa_suite.analysis.voting.ballots import Ballots, read_ballots, read_scores
from mcqa_suite.analysis.voting.strategies import best_of, majority, missed, outcomes, pass_at, picks, subsets
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.logs.votes import UNREAD

ANSWERS = st.lists(st.sampled_from(["A", "B", "C", None]), min_size=1, max_size=7)


def ballots_of(*samples):
    """Ballots of questions whose right answer is A; None is an unread sample."""
    answers = np.array([[UNREAD if answer is None else "ABC".index(answer) for answer in row] for row in samples])
    return Ballots("run", (), answers, answers == 0)


def brute_majority(samples, gold, n):
    """The share of subsets whose most frequent answer, the first sampled among equals, is gold."""
    hits = []
    for chosen in combinations(samples, n):
        votes = Counter(answer for answer in chosen if answer is not None)
        best = max(votes.values(), default=0)
        winner = next((answer for answer in chosen if answer is not None and votes[answer] == best), None)
        hits.append(winner == gold)
    return sum(hits) / len(hits)


def brute_best(samples, scores, gold, n):
    """The share of subsets whose highest-scored read sample, the first among equals, is gold."""
    hits = []
    for chosen in combinations(range(len(samples)), n):
        read = [index for index in chosen if samples[index] is not None]
        winner = max(read, key=lambda index: (scores[index], -index), default=None)
        hits.append(winner is not None and samples[winner] == gold)
    return sum(hits) / len(hits)


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.data())
def test_the_majority_vote_equals_a_count_over_every_subset(samples, data):
    n = data.draw(st.integers(1, len(samples)))
    ballots = ballots_of(samples)
    assert majority(ballots.answers, ballots.right, n).accuracy[0] == pytest.approx(brute_majority(samples, "A", n))


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.data())
def test_best_of_n_equals_a_count_over_every_subset(samples, data):
    n = data.draw(st.integers(1, len(samples)))
    scores = data.draw(st.lists(st.sampled_from([0.0, 1.0, 2.5]), min_size=len(samples), max_size=len(samples)))
    ballots = ballots_of(samples)
    accuracy = best_of(ballots.answers, ballots.right, np.array([scores]), n).accuracy[0]
    assert accuracy == pytest.approx(brute_best(samples, scores, "A", n))


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.data())
def test_pass_at_n_is_the_share_of_subsets_with_a_right_sample(samples, data):
    n = data.draw(st.integers(1, len(samples)))
    share = np.mean(["A" in chosen for chosen in combinations(samples, n)])
    assert pass_at(ballots_of(samples).right, n)[0] == pytest.approx(share)


def test_many_subsets_are_drawn_without_bias_and_by_seed():
    rows = subsets(20, 5)
    assert rows.shape == (128, 5)
    assert (np.diff(rows, axis=1) > 0).all()
    assert (rows == subsets(20, 5)).all()
    assert not (rows == subsets(20, 5, seed=1)).all()
    assert set(rows.ravel()) == set(range(20))


def test_smaller_n_is_an_average_over_subsets_not_the_first_samples():
    rng = np.random.default_rng(0)
    ballots = ballots_of(*(rng.permutation(list("AAABBC")) for _ in range(300)))
    # AAA 1/20, AAx 9/20, and of Axx (9/20) the three-way ties (2/3), a third of which A's index decides
    exact = 1 / 20 + 9 / 20 + 9 / 20 * 2 / 3 * 1 / 3
    averaged = majority(ballots.answers, ballots.right, 3).accuracy
    assert averaged.mean() == pytest.approx(exact, abs=0.02)
    assert averaged.std() < 0.15  # of the first three alone it would be 0.49


def test_unread_samples_do_not_vote_and_a_question_without_a_read_sample_is_unread():
    ballots = ballots_of([None, None, "A"], [None, None, None])
    chosen = majority(ballots.answers, ballots.right, 3)
    assert chosen.accuracy.tolist() == [1.0, 0.0]
    assert chosen.unread.tolist() == [0.0, 1.0]


def test_an_unread_sample_is_never_picked_while_a_readable_one_exists():
    ballots = ballots_of([None, "B", None])
    picked = picks(ballots, {"reward": np.array([[9.0, -9.0, 8.0]])})
    assert {name: samples.tolist() for name, samples in picked.items()} == {"majority": [1], "reward": [1]}


def test_ties_are_shown_and_go_to_the_answer_that_came_first():
    ballots = ballots_of(["B", "A"], ["A", "B"], ["A", "A"])
    chosen = majority(ballots.answers, ballots.right, 2)
    assert chosen.accuracy.tolist() == [0.0, 1.0, 1.0]
    assert chosen.ties.tolist() == [1.0, 1.0, 0.0]


def test_a_right_sample_that_was_not_picked_counts_as_missed():
    ballots = ballots_of(["B", "B", "A"], ["A", "A", "B"], ["B", "C", "B"], [None, None, None])
    assert missed(ballots, picks(ballots, {})["majority"]).tolist() == [0]


def test_a_thousand_questions_of_sixty_four_samples_vote_quickly():
    rng = np.random.default_rng(1)
    answers = rng.integers(-1, 40, (1000, 64))
    ballots = Ballots("run", (), answers, answers == 0)
    start = time.process_time()
    done = outcomes(ballots, [1, 2, 4, 8, 16, 32, 64], {"reward": rng.normal(size=answers.shape)})
    assert time.process_time() - start < 30  # a bound on hanging; the figure is in results/
    assert len(done) == 1 + 7 * 3
    assert all(0 <= row.accuracy.value <= 1 for row in done)


def log(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def number_row(name, texts, gold="1080", **more):
    return {"id": name, "question": "How many?", "gold": gold, "solution": "", "responses": texts, **more}


def test_numbers_are_one_answer_however_they_are_written(tmp_path):
    texts = ["The final answer is 1,080.", "So it is $1080.00", "#### 1080", "The final answer is 80."]
    ballots = read_ballots(log(tmp_path / "s.jsonl", [number_row("q", texts)]), "run")
    assert ballots.answers.tolist() == [[0, 0, 0, 1]]
    assert ballots.right.tolist() == [[True, True, True, False]]


def test_a_log_votes_with_its_own_extractions(tmp_path):
    reads = [{"answer": "B", "status": "answered"}, {"answer": None, "status": "none"}]
    row = {
        "doc_id": 0,
        "doc": {"id": "q/1", "stem": "Which?", "choices": ["x", "y"], "gold": [1]},
        "resps": [["I say (B).", "no idea"]],
        "filtered_resps": [str(read) for read in reads],
        "filter": "extracted",
        "metrics": ["acc"],
        "acc": 1.0,
    }
    ballots = read_ballots(log(tmp_path / "samples.jsonl", [row]), "run")
    assert [question.id for question in ballots.questions] == ["q/1"]
    assert ballots.answers.tolist() == [[0, UNREAD]]
    assert ballots.right.tolist() == [[True, False]]


def test_mixed_numbers_of_samples_are_named(tmp_path):
    rows = [number_row("long", ["1", "2", "3"]), number_row("short", ["1"])]
    with pytest.raises(DatasetError, match="question short has 1 samples, others up to 3"):
        read_ballots(log(tmp_path / "s.jsonl", rows), "run")
    assert read_ballots(tmp_path / "s.jsonl", "run", n=1).samples == 1


@pytest.mark.parametrize("arguments", [{"gen_args_0": "text"}, {"gen_args_0": {"arg_0": 7}}, [["text"]], "text"])
def test_arguments_in_another_form_are_no_context(tmp_path, arguments):
    row = {
        "doc": {"id": "q", "question": "1+1?", "solution": "2", "gold": "2"},
        "resps": [["2"]],
        "arguments": arguments,
    }
    assert read_ballots(log(tmp_path / "s.jsonl", [row]), "run").questions[0].prompt == "1+1?"


def test_a_question_that_comes_twice_is_named(tmp_path):
    with pytest.raises(DatasetError, match="question q comes 2 times"):
        read_ballots(log(tmp_path / "s.jsonl", [number_row("q", ["1"]), number_row("q", ["2"])]), "run")


def test_a_score_file_with_missing_ids_names_the_first(tmp_path):
    ballots = read_ballots(log(tmp_path / "s.jsonl", [number_row("q", ["1", "2"])]), "run")
    scores = log(tmp_path / "r.jsonl", [{"id": "q", "sample": 0, "score": 1.5}])
    with pytest.raises(DatasetError, match="1 samples of run have no score, the first is sample 1 of question q"):
        read_scores(scores, ballots)
    with pytest.raises(DatasetError, match=r"r.jsonl:1: the score is nan"):
        read_scores(log(tmp_path / "r.jsonl", [{"id": "q", "sample": 0, "score": float("nan")}]), ballots)


def test_more_samples_than_the_log_has_are_an_error():
    with pytest.raises(ConfigError, match="--n 4: run has 2 samples"):
        outcomes(ballots_of(["A", "B"]), [4], {})


@pytest.mark.parametrize(("answer", "low", "high"), [("A", 0.566, 1.0), ("B", 0.0, 0.434)])
def test_a_vote_of_all_right_or_all_wrong_has_wilsons_interval(answer, low, high):
    for outcome in outcomes(ballots_of(*[[answer, answer]] * 5), [1, 2], {}):
        assert (round(outcome.accuracy.low, 3), round(outcome.accuracy.high, 3)) == (low, high)


def test_of_several_filters_the_one_that_logged_every_sample_votes(tmp_path):
    row = {"doc": {"id": "q", "question": "?", "solution": "", "gold": "2"}, "resps": [["2", "3"]], "doc_id": 0}
    first = row | {"filter": "first", "filtered_resps": ["2"]}
    each = row | {"filter": "each", "filtered_resps": ["2", "[invalid]"]}
    path = log(tmp_path / "s.jsonl", [first, each])
    assert read_ballots(path, "run").answers.tolist() == [[0, UNREAD]]
    assert read_ballots(path, "run", filter_name="first").answers.tolist() == [[0, 1]]
    other = row | {"filter": "other", "filtered_resps": ["2", "2"]}
    path = log(tmp_path / "s.jsonl", [first, each, other])
    with pytest.raises(
        DatasetError, match="several filters read the answers; choose with --filter: first, each, other"
    ):
        read_ballots(path, "run")
    with pytest.raises(DatasetError, match="no filter strict; choose with --filter: first"):
        read_ballots(path, "run", filter_name="strict")
