"""The harness's tokenisation rule with tokenizers that merge across the boundary, add a first token, or do neither."""

from __future__ import annotations

import pytest
from helpers.prefix_models import random_model, tokenizer
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from mcqa_suite.backend.prefix.encode import encode_pairs
from mcqa_suite.common.errors import LoglikelihoodError

PAIRS = [
    ("Answer:", " A"),
    ("Answer: ", "A"),
    ("Answer:  \n", "A and B"),
    ("Answer", ":A"),  # merged into one token with what is before it
    ("cab", "abc"),
    ("<bos>Answer:", " A"),
    ("<bos>", " A"),
    ("", " A"),
    ("", "<bos>A"),
    ("Fünf: ", "né"),
    ("Answer:", " A"),
]


def merging(first_token: bool) -> PreTrainedTokenizerFast:
    """Merges `r:` and `: A` and `bab` over the boundary between a context and its option."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("r", ":"), (":", "Ġ"), (":Ġ", "A"), (":", "A"), ("b", "a"), ("ba", "b"), ("Ġ", "A")]
    tokens = ["<bos>", *alphabet, *("".join(pair) for pair in merges)]
    merging_tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    merging_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    merging_tokenizer.decoder = decoders.ByteLevel()
    if first_token:
        merging_tokenizer.post_processor = processors.TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", 0)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=merging_tokenizer, bos_token="<bos>", eos_token="<bos>", pad_token="<bos>"
    )


class TokensOnly(HFLM):
    """The stock backend, except that it returns the tokens that it would score."""

    def _loglikelihood_tokens(self, requests, disable_tqdm=False, override_bs=None):
        return [(before, after) for _, before, after in requests]


@pytest.mark.parametrize("add_bos_token", [None, True, False])
@pytest.mark.parametrize(
    "tokens", [tokenizer(), merging(False), merging(True)], ids=["bytes", "merging", "merging, bos"]
)
def test_tokens_are_those_of_the_harness(tokens, add_bos_token):
    stock = TokensOnly(random_model("llama"), tokenizer=tokens, add_bos_token=add_bos_token)
    pairs = PAIRS + [(f"{i}.", " A") for i in range(1100)]
    instances = [Instance("loglikelihood", {}, pair, 0, ("task", 0, 1)) for pair in pairs]
    expected = stock.loglikelihood(instances, disable_tqdm=True)
    ours = encode_pairs(stock, pairs, [str(pair) for pair in pairs])
    assert [(before.tolist(), after.tolist()) for before, after in ours] == expected


def test_the_merging_tokenizer_does_merge_over_the_boundary():
    tokens = merging(False)
    assert tokens("Answer")["input_ids"][-1] != tokens("Answer:A")["input_ids"][5]


def test_an_option_that_is_merged_into_its_context_altogether_is_named():
    stock = TokensOnly(random_model("llama"), tokenizer=merging(False))
    with pytest.raises(LoglikelihoodError, match="task 7: the option 'ab' tokenises to nothing"):
        encode_pairs(stock, [("b", "ab")], ["task 7"])
