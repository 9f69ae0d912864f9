"""The checks between rows and a trainer, and the split by question."""

from __future__ import annotations

import pytest
from helpers.training_scripts import script

from mcqa_suite.common.errors import DatasetError


@pytest.fixture(scope="module")
def rows():
    return script("mcqa_training.rows")


@pytest.fixture(scope="module")
def merging_tokenizer():
    """Two letters, and a merge of the two; what is neither has no token."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")]))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@pytest.mark.parametrize(
    ("prompt", "completion", "limit", "message"),
    [
        ("a", "b", None, "q/1: the prompt's tokens are not the start of prompt and completion's tokens"),
        ("a", "", None, "q/1: the completion '' has no tokens"),
        ("a", "??", None, r"q/1: the completion '\?\?' has no tokens"),
        ("b", "aaaa", 4, "q/1: 5 tokens do not fit max_length 4; raise it or take the row out"),
        ("bbbbb", "a", 4, "q/1: the prompt's 5 tokens fill max_length 4"),
    ],
)
def test_a_row_whose_completion_would_not_be_trained_is_named(
    rows, merging_tokenizer, prompt, completion, limit, message
):
    data = [
        {"id": "q/0", "prompt": "b", "completion": "a"},
        {"id": "q/1", "prompt": prompt, "completion": completion},
    ]
    with pytest.raises(DatasetError, match=message):
        rows.check(data, merging_tokenizer, False, limit)


def test_rows_that_fit_pass_and_no_rows_are_an_error(rows, merging_tokenizer):
    rows.check([{"id": "q", "prompt": "b", "completion": "aaa"}], merging_tokenizer, False, 4)
    with pytest.raises(DatasetError, match="no rows to train on"):
        rows.check([], merging_tokenizer, False, 4)


def test_both_answers_of_a_pair_are_checked_and_must_differ(rows, merging_tokenizer):
    good = {"id": "p/0", "prompt": "b", "chosen": "a", "rejected": "aa"}
    with pytest.raises(DatasetError, match="p/1: the rejected '' has no tokens"):
        rows.check([good, {**good, "id": "p/1", "rejected": ""}], merging_tokenizer, False, None)
    with pytest.raises(DatasetError, match="p/1: chosen and rejected are the same"):
        rows.check([good, {**good, "id": "p/1", "rejected": "a"}], merging_tokenizer, False, None)


CLEAN = "{% for m in messages %}{{ m['content'] }}{% if m['role'] == 'user' %}b{% endif %}{% endfor %}"
ADDED = CLEAN + "{% if add_generation_prompt %}a{% endif %}"


def test_the_templated_prompt_must_be_the_start_of_the_conversation(rows, merging_tokenizer):
    data = [{"id": "q/0", "prompt": "a", "completion": " b "}]
    merging_tokenizer.chat_template = CLEAN
    rows.check(data, merging_tokenizer, True, None)
    assert rows.encode(data, "completion", merging_tokenizer, True) == [([2], [1])]
    merging_tokenizer.chat_template = ADDED  # its generation prompt is no part of the answer's turn
    with pytest.raises(DatasetError, match="q/0: the prompt's tokens are not the start"):
        rows.check(data, merging_tokenizer, True, None)


def test_the_split_keeps_all_pairs_of_a_question_on_one_side(rows):
    data = [{"id": str(i), "group": f"g{i // 3}"} for i in range(60)]
    train, held_out = rows.split(data, 0.25, 0)
    assert len(train) + len(held_out) == 60
    assert not {row["group"] for row in train} & {row["group"] for row in held_out}
    assert len({row["group"] for row in held_out}) == 5
    assert rows.split(data, 0.25, 0) == (train, held_out)
    assert rows.split(data, 0.25, 1)[1] != held_out
    assert rows.split(data, 0.0, 0) == (data, [])
    with pytest.raises(DatasetError, match=r"held_out: 0\.25 of 1 questions leaves one side empty"):
        rows.split(data[:3], 0.25, 0)


def test_the_limit_is_the_shorter_of_max_length_and_context(rows):
    from types import SimpleNamespace

    from transformers import LlamaConfig

    model = SimpleNamespace(config=LlamaConfig(max_position_embeddings=128))
    assert rows.limit_of(SimpleNamespace(max_length=64), model) == (64, "max_length")
    assert rows.limit_of(SimpleNamespace(max_length=1024), model) == (128, "the model's context")
    assert rows.limit_of(SimpleNamespace(max_length=None), model) == (128, "the model's context")
