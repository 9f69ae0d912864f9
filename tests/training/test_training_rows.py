"""The checks between rows and a trainer, and the split by question."""

from __future__ import annotations

import json

import pytest
from helpers.locations import TOY
from helpers.rendering import CHATML
from helpers.training_scripts import default_warnings, script

from mcqa_suite.common.chat_template import DEFAULT, WITHOUT, ChatTemplate
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
        ("b", "aaaa", 4, "q/1: 5 tokens do not fit max_length 4; raise it, or leave such rows out with max_tokens: 4"),
        ("bbbbb", "a", 4, "q/1: the prompt's 5 tokens fill max_length 4"),
    ],
)
def test_a_row_whose_completion_would_not_be_trained_is_named(
    rows, merging_tokenizer, prompt, completion, limit, message
):
    data = [
        {"id": "q/0", "format": "letter", "prompt": "b", "completion": "a"},
        {"id": "q/1", "format": "letter", "prompt": prompt, "completion": completion},
    ]
    with pytest.raises(DatasetError, match=message):
        rows.check(data, merging_tokenizer, DEFAULT, limit)


def test_rows_that_fit_pass_and_no_rows_are_an_error(rows, merging_tokenizer):
    rows.check([{"id": "q", "format": "letter", "prompt": "b", "completion": "aaa"}], merging_tokenizer, DEFAULT, 4)
    with pytest.raises(DatasetError, match="no rows to train on"):
        rows.check([], merging_tokenizer, DEFAULT, 4)


def test_both_answers_of_a_pair_are_checked_and_must_differ(rows, merging_tokenizer):
    good = {"id": "p/0", "format": "letter", "prompt": "b", "chosen": "a", "rejected": "aa"}
    with pytest.raises(DatasetError, match="p/1: the rejected '' has no tokens"):
        rows.check([good, {**good, "id": "p/1", "rejected": ""}], merging_tokenizer, DEFAULT, None)
    with pytest.raises(DatasetError, match="p/1: chosen and rejected are the same"):
        rows.check([good, {**good, "id": "p/1", "rejected": "a"}], merging_tokenizer, DEFAULT, None)


CLEAN = "{% for m in messages %}{{ m['content'] }}{% if m['role'] == 'user' %}b{% endif %}{% endfor %}"
ADDED = CLEAN + "{% if add_generation_prompt %}a{% endif %}"


def test_the_templated_prompt_must_be_the_start_of_the_conversation(rows, merging_tokenizer):
    data = [{"id": "q/0", "format": "written", "prompt": "a", "completion": " b "}]
    merging_tokenizer.chat_template = CLEAN
    rows.check(data, merging_tokenizer, DEFAULT, None)
    assert rows.encode(data, "completion", merging_tokenizer, DEFAULT) == [([2], [1])]
    merging_tokenizer.chat_template = ADDED  # its generation prompt is no part of the answer's turn
    with pytest.raises(DatasetError, match="q/0: the prompt's tokens are not the start"):
        rows.check(data, merging_tokenizer, DEFAULT, None)


def texts(tokenizer, examples):
    """The trained part of each example, after the part that is not."""
    parts = []
    for example in examples:
        ids, mask = example["input_ids"], example["completion_mask"]
        begun = mask.index(1)
        assert mask == [0] * begun + [1] * (len(ids) - begun)
        parts.append((tokenizer.decode(ids[:begun]), tokenizer.decode(ids[begun:])))
    return parts


MIXED = [
    {"id": "q/0", "format": "written", "prompt": "Think.", "completion": " It is A."},
    {"id": "q/1", "format": "letter", "prompt": "Answer:", "completion": " A"},
    {"id": "q/2", "format": "written", "system": "Be brief.", "prompt": "Why?", "completion": " So."},
    {"id": "q/3", "format": "cloze", "prompt": "The sky is", "completion": " blue"},
]


@pytest.fixture(scope="module")
def begins_and_ends():
    """A tokenizer whose texts begin with a token of their own, as Llama's do, and its template with the same token."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(TOY / "base")
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    bos = tokenizer.bos_token_id
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", bos)])
    tokenizer.chat_template = "{{ bos_token }}" + CHATML.replace("<|im_end|>", "{{ eos_token }}")
    assert tokenizer("a").input_ids[0] == bos
    return tokenizer


def test_each_row_is_written_as_the_task_of_its_format_asks_with_every_special_token_once(rows, begins_and_ends):
    def user(text):
        return f"<|im_start|>user\n{text}<eos>\n<|im_start|>assistant\n"

    plain = [("<s>Answer:", " A<eos>"), ("<s>The sky is", " blue<eos>")]
    turns = [(f"<s>{user('Think.')}", "It is A.<eos>\n")]
    turns += [(f"<s><|im_start|>system\nBe brief.<eos>\n{user('Why?')}", "So.<eos>\n")]
    written = rows.completions(MIXED, begins_and_ends, DEFAULT)
    assert texts(begins_and_ends, written) == [turns[0], plain[0], turns[1], plain[1]]
    for example in written:
        assert example["input_ids"].count(begins_and_ends.bos_token_id) == 1
    everywhere = texts(begins_and_ends, rows.completions(MIXED, begins_and_ends, ChatTemplate.everywhere(True)))
    assert everywhere[1] == (f"<s>{user('Answer:')}", "A<eos>\n")
    nowhere = texts(begins_and_ends, rows.completions(MIXED, begins_and_ends, WITHOUT))
    assert nowhere[0] == ("<s>Think.", " It is A.<eos>")


def test_a_pair_has_the_tokens_of_its_two_answers(rows, begins_and_ends):
    both = [{**row, "chosen": row["completion"], "rejected": " no"} for row in MIXED]
    right = rows.encode(MIXED, "completion", begins_and_ends, DEFAULT)
    pairs = rows.pairs(both, begins_and_ends, DEFAULT)
    assert [(pair["prompt_ids"], pair["chosen_ids"]) for pair in pairs] == right
    ends = [begins_and_ends.decode(pair["rejected_ids"]) for pair in pairs]
    assert ends == ["no<eos>\n", " no<eos>", "no<eos>\n", " no<eos>"]
    for pair, whole in zip(pairs, rows.whole_pairs(both, begins_and_ends, DEFAULT), strict=True):
        assert whole["chosen_ids"] == pair["prompt_ids"] + pair["chosen_ids"]


def examples_for_trl(row, chat):
    """The row as TRL's documentation has it."""
    if not chat:
        return {key: row[key] for key in ("prompt", "completion")}
    system = [{"role": "system", "content": row["system"]}] if "system" in row else []
    answer = [{"role": "assistant", "content": row["completion"].strip()}]
    return {"prompt": [*system, {"role": "user", "content": row["prompt"]}], "completion": answer}


@default_warnings
@pytest.mark.slow
@pytest.mark.parametrize("chat", [WITHOUT, ChatTemplate.everywhere(True)], ids=["plain", "chat"])
def test_the_tokens_are_those_that_trl_makes_of_such_rows(rows, begins_and_ends, tmp_path, chat):
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    data = [row for row in MIXED if "system" not in row]
    size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(begins_and_ends), **size))
    config = SFTConfig(str(tmp_path), use_cpu=True, bf16=False, report_to="none", completion_only_loss=True)
    prepared = [
        list(
            SFTTrainer(
                model=model, args=config, train_dataset=Dataset.from_list(part), processing_class=begins_and_ends
            ).train_dataset
        )
        for part in (
            rows.completions(data, begins_and_ends, chat),
            [examples_for_trl(row, chat["letter"]) for row in data],
        )
    ]
    ours, theirs = ([(row["input_ids"], row["labels"]) for row in part] for part in prepared)
    assert ours == theirs


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


def limited(completion, too_long="drop", most=4):
    row = {"format": "letter", "prompt": "b", "completion": completion}
    return {"id": f"q/{completion}", **row, "max_tokens": str(most), "too_long": too_long}


def test_rows_longer_than_max_tokens_are_left_out_or_cut_and_counted(rows, merging_tokenizer, capsys):
    long_prompt = {**limited("a", "cut"), "prompt": "bbbbb"}
    data = [
        limited("aaa"),
        limited("aaaa"),
        limited("aaaaa", "cut"),
        long_prompt,
        {**limited("a" * 9), "max_tokens": "99"},
    ]
    fitting = rows.TrainingRows(data, [], ()).fitted(merging_tokenizer, DEFAULT)
    assert [row["id"] for row in fitting.train] == ["q/aaa", "q/aaaaa", "q/aaaaaaaaa"]
    assert fitting.metrics == {"rows_too_long": 2, "rows_cut": 1}
    assert capsys.readouterr().out.splitlines() == [
        "5 rows: 2 longer than max_tokens left out, 1 cut",
        "3 rows to train on; tokens (median, 95 %, longest): 4, 10, 10",
    ]
    tokens = [len(example["input_ids"]) for example in rows.completions(fitting.train, merging_tokenizer, DEFAULT)]
    assert tokens == [4, 4, 10]


def test_a_pair_is_left_out_where_either_answer_is_too_long(rows, merging_tokenizer):
    pair = {
        "id": "p",
        "format": "letter",
        "prompt": "b",
        "chosen": "aaaa",
        "rejected": "a",
        "max_tokens": "4",
        "too_long": "drop",
    }
    pairs = [pair, {**pair, "id": "q", "chosen": "a", "rejected": "aa"}]
    assert [row["id"] for row in rows.TrainingRows(pairs, [], ()).fitted(merging_tokenizer, DEFAULT).train] == ["q"]


def test_no_row_that_fits_is_an_error(rows, merging_tokenizer):
    with pytest.raises(DatasetError, match="no rows to train on"):
        rows.TrainingRows([limited("aaaa")], [], ()).fitted(merging_tokenizer, DEFAULT)


def test_earlier_messages_are_turns_of_their_own_in_a_chat_and_text_without_one(rows, merging_tokenizer):
    turns = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "a"},
    ]
    row = {"id": "m", "format": "written", "prompt": "b", "completion": "a", "earlier": json.dumps(turns)}
    merging_tokenizer.chat_template = "{% for m in messages %}{{ m['content'] * 2 }}{% endfor %}"
    ((chat, _),) = rows.encode([row], "completion", merging_tokenizer, ChatTemplate(True, True, True))
    ((plain, _),) = rows.encode([row], "completion", merging_tokenizer, WITHOUT)
    assert merging_tokenizer.decode(chat).replace(" ", "") == "aabbaabb"
    assert merging_tokenizer.decode(plain).replace(" ", "") == "abab"
