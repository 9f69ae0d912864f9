"""`hf-prefix` beside the stock backend, in one process: the same scores, or a refusal with its reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.prefix_models import FAMILIES, REFUSED, REFUSED_BY_TEST, pair, random_model, scores, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM, AutoTokenizer

from mcqa_suite.backend.prefix import compatibility as gate
from mcqa_suite.backend.prefix import tree
from mcqa_suite.backend.prefix.forward import Forward
from mcqa_suite.backend.prefix.model import PrefixLM
from mcqa_suite.common.errors import ConfigError, LoglikelihoodError

OPTIONS = [" A", " B", " a longer option", " a longer opinion", " A"]
SHOTS = "Question: one and one? Answer: two. " * 4
CONTEXTS = [SHOTS + f"Question: {i} and {i}? Answer:" for i in range(12)]
CONTEXTS += [CONTEXTS[0], SHOTS, SHOTS[:7], "ends in spaces  ", "", "x" * 400, SHOTS * 3]


def loglikelihoods(contexts, options):
    return [
        Instance("loglikelihood", {}, (context, option), number, ("task", doc_id, 1))
        for doc_id, context in enumerate(contexts)
        for number, option in enumerate(options)
    ]


def assert_same(ours, stock, tolerance=1e-4):
    assert max(abs(mine[0] - theirs[0]) for mine, theirs in zip(ours, stock, strict=True)) <= tolerance
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in stock]


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
def test_scores_are_those_of_the_stock_backend_whatever_a_pass_may_hold(family, attention):
    lm, stock = pair(random_model(family, attention=attention))
    requests = loglikelihoods(CONTEXTS, OPTIONS)
    expected = stock.loglikelihood(requests, disable_tqdm=True)
    for budget in (16, 50, 4096):
        lm.scorer.budget = budget
        assert_same(lm.loglikelihood(requests, disable_tqdm=True), expected)
    assert lm.record.reason is None


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_random_trees_of_tokens_score_as_rows_do(data):
    lm, stock = PAIR
    alphabet = st.lists(st.integers(1, 3), min_size=1, max_size=30)
    stem = data.draw(st.lists(st.integers(1, 3), max_size=40))
    requests = [
        (None, stem * data.draw(st.booleans()) + context, continuation)
        for context, continuation in data.draw(st.lists(st.tuples(alphabet, alphabet), min_size=1, max_size=12))
    ]
    lm.scorer.budget = data.draw(st.sampled_from([16, 33, 1000]))
    arrays = [(None, np.array(context), np.array(continuation)) for _, context, continuation in requests]
    expected = stock._loglikelihood_tokens(requests, disable_tqdm=True)
    assert_same(lm._loglikelihood_tokens(arrays, disable_tqdm=True), expected)


PAIR = pair(random_model("llama"), max_length=48)


@given(
    rows=st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=60), min_size=1, max_size=20),
    budget=st.integers(16, 80),
    seed=st.integers(0, 9),
)
@settings(max_examples=150, deadline=None)
def test_passes_score_every_position_once_and_see_the_path_to_it(rows, budget, seed):
    arrays = [np.array(row) for row in rows]
    first = [int(np.random.default_rng([seed, i]).integers(len(row))) for i, row in enumerate(rows)]
    built, where = tree.build(arrays, first)
    assert [built.rows[index].tolist() for index in where] == rows
    assert built.nodes == len({tuple(row[: n + 1]) for row in rows for n in range(len(row))})
    seen, spans, cached = [], [tree.Span(0, len(built.rows))], []
    while spans:
        span = spans.pop()
        cached = cached[: span.depth]
        assert cached == built.rows[span.lo][: span.depth].tolist()
        if tree.size(built, span) <= budget:
            layout = tree.span_layout(built, span)
        elif stop := tree.prefix_to_cache(built, span, budget):
            layout = tree.path_layout(built, span, stop)
            cached = built.rows[span.lo][:stop].tolist()
            spans.append(tree.Span(span.lo, span.hi, stop))
        else:
            spans += reversed(tree.split(built, span, budget))
            continue
        assert len(layout.tokens) <= budget
        for row, start, nodes in layout.scored:
            for position, node in enumerate(nodes.tolist(), start):
                ancestors = [i for i in range(node + 1) if layout.end[i] > node]
                path = built.rows[row][: span.depth].tolist() + layout.tokens[ancestors].tolist()
                assert path == built.rows[row][: position + 1].tolist()
                assert layout.positions[node] == position
                seen.append((row, position))
    needed = {(i, n) for i, row in enumerate(built.rows) for n in range(built.first[i], len(row))}
    assert sorted(seen) == sorted(needed)


def test_a_shared_token_is_computed_once():
    lm, _ = pair(random_model("llama"))
    before = lm.forward.computed
    lm.scorer.budget = 64
    lm.loglikelihood(loglikelihoods(CONTEXTS[:12], OPTIONS), disable_tqdm=True)
    assert lm.forward.computed - before <= 1.05 * lm.scorer.nodes
    assert len(SHOTS) < lm.scorer.nodes < len(SHOTS) + 12 * 70


@pytest.mark.parametrize("family", FAMILIES)
def test_families_that_are_exact_pass_the_self_test(family):
    lm, stock = pair(random_model(family))
    assert lm.record.reason is None
    requests = loglikelihoods(CONTEXTS[::3], OPTIONS[:4])
    lm.scorer.budget = 60
    assert_same(lm.loglikelihood(requests, disable_tqdm=True), stock.loglikelihood(requests, disable_tqdm=True))


@pytest.mark.parametrize(("family", "reason"), REFUSED.items())
def test_families_that_are_not_exact_are_scored_as_stock_and_say_why(family, reason, caplog, monkeypatch):
    monkeypatch.setattr("mcqa_suite.backend.prefix.model.STOCK_BATCHES", 2)  # several parts
    lm, stock = pair(random_model(family))
    assert reason in lm.record.reason
    assert caplog.text.count(lm.record.reason) == 1
    requests = loglikelihoods(CONTEXTS[::4], OPTIONS)
    assert_same(lm.loglikelihood(requests, disable_tqdm=True), stock.loglikelihood(requests, disable_tqdm=True), 0.0)
    sharing = lm.get_model_info()["prefix_sharing"]
    assert (sharing["backend"], sharing["reason"]) == ("stock hf", lm.record.reason)


@pytest.mark.parametrize("family", REFUSED_BY_TEST)
def test_only_the_self_test_detects_a_model_with_wrong_scores(family):
    model = random_model(family)
    assert "self-test" in gate.self_test(Forward(model, device=model.device), max_length=256)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_differs_no_more_than_stock_does_from_itself(dtype):
    model = random_model("llama").to(dtype)
    lm, stock = pair(model)
    assert lm.record.reason is None
    requests = loglikelihoods(CONTEXTS, OPTIONS[:4])
    exact = scores(HFLM(random_model("llama"), tokenizer=tokenizer(), logits_cache=False), requests)
    ours, theirs = scores(lm, requests), scores(stock, requests)
    assert np.abs(ours - exact).mean() <= 1.2 * np.abs(theirs - exact).mean()


@pytest.mark.parametrize("stored", ["bfloat16", "float16"])
def test_a_cpu_computes_in_float32_unless_told_otherwise(stored, tiny_checkpoint, tmp_path, caplog):
    folder = tmp_path / "stored"
    AutoModelForCausalLM.from_pretrained(tiny_checkpoint, dtype=stored).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_checkpoint).save_pretrained(folder)
    with caplog.at_level("INFO"):
        assert PrefixLM(str(folder), device="cpu").model.dtype == torch.float32
    assert f"dtype={stored}" in caplog.text
    assert PrefixLM(str(folder), device="cpu", dtype=stored).model.dtype == getattr(torch, stored)


def test_a_split_of_the_same_tokens_in_two_places_is_two_requests():
    lm, _ = pair(random_model("llama"))
    split = [
        Instance("loglikelihood", {}, ("a b", " c d"), 0, ("t", 0, 1)),
        Instance("loglikelihood", {}, ("a b c", " d"), 0, ("t", 1, 1)),
    ]
    both = lm.loglikelihood(split, disable_tqdm=True)
    alone = [lm.loglikelihood([each], disable_tqdm=True)[0] for each in split]
    assert_same(both, alone, 1e-5)
    refused, _ = pair(random_model("mpt"), logits_cache=True)
    both = refused.loglikelihood(split, disable_tqdm=True)
    assert_same(both, [refused.loglikelihood([each], disable_tqdm=True)[0] for each in split], 1e-5)


class TooSmall:
    """A device on which no pass of more than `tokens` tokens fits."""

    def __init__(self, monkeypatch, model, tokens):
        forward = model.forward

        def bounded(input_ids, **kwargs):
            if input_ids.shape[1] > tokens:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate more than there is")
            return forward(input_ids=input_ids, **kwargs)

        monkeypatch.setattr(model, "forward", bounded)


def test_the_budget_halves_until_passes_fit_and_the_scores_stay(monkeypatch):
    lm, stock = pair(random_model("llama"))
    requests = loglikelihoods(CONTEXTS, OPTIONS)
    expected = stock.loglikelihood(requests, disable_tqdm=True)
    TooSmall(monkeypatch, lm.model, 40)
    assert_same(lm.loglikelihood(requests, disable_tqdm=True), expected)
    assert 16 <= lm.scorer.budget <= 40


def test_a_request_that_fits_in_no_pass_is_an_error_that_names_it(monkeypatch):
    lm, _ = pair(random_model("llama"))
    TooSmall(monkeypatch, lm.model, 3)
    with pytest.raises(torch.OutOfMemoryError):
        lm.loglikelihood(loglikelihoods(CONTEXTS[:2], OPTIONS), disable_tqdm=True)


@pytest.mark.parametrize(
    ("context", "option", "words"),
    [
        ("Answer:", "", "task document 0: the option '' tokenises to nothing"),
        ("", "", "the option '' tokenises to nothing"),
        ("", "<eos>", "the option '<eos>' tokenises to nothing"),
        ("  ", "A", "the context of 'A' tokenises to nothing"),
        ("Answer:", " very" * 100, "has 500 tokens, the model reads 256"),
    ],
)
def test_a_request_without_a_score_is_named(context, option, words):
    lm, _ = pair(random_model("llama"))
    with pytest.raises(LoglikelihoodError, match=words):
        lm.loglikelihood(loglikelihoods([context], [option]), disable_tqdm=True)


@pytest.mark.parametrize("family", ["llama", "mpt"])
def test_a_score_that_is_not_finite_is_an_error(family):
    model = random_model(family)
    lm, _ = pair(model)
    model.get_output_embeddings().weight.data[7] = float("nan")
    with pytest.raises(
        LoglikelihoodError, match=r"task document 0: the log-likelihood of ' A' is nan in torch.float32"
    ):
        lm.loglikelihood(loglikelihoods(CONTEXTS[:1], OPTIONS), disable_tqdm=True)


def test_the_results_say_how_the_scores_came_about():
    lm, _ = pair(random_model("llama"))
    lm.loglikelihood(loglikelihoods(CONTEXTS[:4], [" A", " A"]) + loglikelihoods(["other"], [" A", " B"]))
    sharing = lm.get_model_info()["prefix_sharing"]
    assert (sharing["backend"], sharing["reason"], sharing["loglikelihood_requests"]) == ("prefix tree", None, 10)


def test_a_pass_of_fewer_tokens_than_make_sense_is_refused():
    with pytest.raises(ConfigError, match="max_pass_tokens=3"):
        PrefixLM(random_model("llama"), tokenizer=tokenizer(), max_pass_tokens=3)


@pytest.mark.slow  # peft imports gptqmodel
def test_adapters_are_scored_with_what_they_add():
    from peft import LoraConfig, PromptTuningConfig, get_peft_model

    torch.manual_seed(1)
    model = get_peft_model(
        random_model("llama"), LoraConfig(target_modules=["q_proj", "lm_head"], init_lora_weights=False)
    )
    lm, stock = pair(model)
    assert lm.record.reason is None
    requests = loglikelihoods(CONTEXTS, OPTIONS)
    ours = lm.loglikelihood(requests, disable_tqdm=True)
    assert_same(ours, stock.loglikelihood(requests, disable_tqdm=True))
    plain = PrefixLM(random_model("llama"), tokenizer=tokenizer())
    assert abs(ours[0][0] - plain.loglikelihood(requests[:1], disable_tqdm=True)[0][0]) > 1e-2
    prompted = get_peft_model(random_model("llama"), PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM"))
    refused, stock = pair(prompted)
    assert "virtual tokens" in refused.record.reason
    some = requests[:10]
    assert_same(refused.loglikelihood(some, disable_tqdm=True), stock.loglikelihood(some, disable_tqdm=True), 0.0)
