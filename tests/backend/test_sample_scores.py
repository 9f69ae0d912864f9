"""What a reward model reads of a sampled response is what its training rows have."""

from __future__ import annotations

import pytest
from helpers.rendering import CHATML
from helpers.training_scripts import default_warnings, script

from mcqa_suite.analysis.voting.ballots import Question
from mcqa_suite.backend.random_model import CONTEXT
from mcqa_suite.backend.sample_scores import reward_context
from mcqa_suite.common.chat_template import ChatTemplate

pytestmark = default_warnings
SHOWN = "Question: Which of these is a metal?\n\nOptions:\nA. copper\nB. wool\n\nAnswer:"
TURNS = [{"role": "user", "content": SHOWN}]


@pytest.fixture(scope="module")
def tokenizer(tiny_checkpoint):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = CHATML
    return tokenizer


def question(context):
    return Question("q", "Which of these is a metal?", context, "A", ("The answer is (A).",))


def test_in_a_chat_it_reads_the_tokens_that_it_was_trained_on(tokenizer):
    shown = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    context = reward_context(tokenizer, True, question(shown))
    assert context == shown
    read = tokenizer(f"{context}The answer is (A).<|im_end|>\n", add_special_tokens=False).input_ids
    row = {"id": "q", "format": "written", "prompt": SHOWN, "completion": " The answer is (A)."}
    ((prompt, answer),) = script("mcqa_training.rows").encode(
        [row], "completion", tokenizer, ChatTemplate(True, True, True)
    )
    assert read == prompt + answer
    assert len(read) < CONTEXT


@pytest.mark.parametrize("chat", [True, False])
def test_a_prompt_in_the_other_form_is_replaced_by_the_bare_question_in_this_one(tokenizer, chat):
    shown = SHOWN if chat else tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    context = reward_context(tokenizer, chat, question(shown))
    bare = "Which of these is a metal?"
    assert context == (f"<|im_start|>user\n{bare}<|im_end|>\n<|im_start|>assistant\n" if chat else bare)


def test_plain_text_stays_as_it_was_shown(tokenizer):
    assert reward_context(tokenizer, False, question(SHOWN)) == SHOWN
