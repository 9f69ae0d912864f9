"""Generation behind a shared prefix: the text of the stock backend, the prefix computed once."""

from __future__ import annotations

import pytest
from helpers.prefix_models import pair, random_model
from lm_eval.api.instance import Instance

from mcqa_suite.backend.prefix import generate
from mcqa_suite.backend.prefix.decode import by_prefix

SHOTS = "Question: one and one? Answer: let us think. It is two. " * 2
OTHER = "Another task altogether, with examples of its own: yes, no, no, yes. " * 2
PROMPTS = [SHOTS + "Question: " + "why " * (i % 4) + f"{i}? Answer:" for i in range(7)]
PROMPTS += [OTHER + f"Question: {i}? Answer:" for i in range(3)] + ["alone", SHOTS + "cut off " * 20]


def prompts(texts, **settings):
    gen_kwargs = {"until": ["\n\n"], "max_gen_toks": 12, "do_sample": False} | settings
    return [Instance("generate_until", {}, (text, dict(gen_kwargs)), 0, ("task", i, 1)) for i, text in enumerate(texts)]


@pytest.mark.slow
@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "opt", "falcon", "bloom"])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_greedy_text_is_that_of_the_stock_backend(family, batch_size):
    lm, stock = pair(random_model(family), batch_size=batch_size)
    requests = prompts(PROMPTS)
    assert lm.generate_until(requests, disable_tqdm=True) == stock.generate_until(requests, disable_tqdm=True)


@pytest.mark.parametrize("family", ["llama", "bloom"])  # bloom is scored as the stock backend does
@pytest.mark.parametrize("most", [1, 600])
def test_a_batch_with_too_many_tokens_is_generated_in_parts_with_the_same_text(monkeypatch, most, family):
    lm, stock = pair(random_model(family), batch_size=8)
    requests = prompts(["short"] * 4 + [text + "more words " * 10 for text in PROMPTS])
    expected = stock.generate_until(requests, disable_tqdm=True)
    monkeypatch.setattr(generate, "MOST_TOKENS", most)
    shapes, forward = [], lm.model.forward

    def counted(input_ids, **kwargs):
        shapes.append(input_ids.shape)
        return forward(input_ids=input_ids, **kwargs)

    monkeypatch.setattr(lm.model, "forward", counted)
    assert lm.generate_until(requests, disable_tqdm=True) == expected
    assert max(rows for rows, _ in shapes) <= (1 if most == 1 else 7)


def test_stop_sequences_and_length_are_the_harness_s():
    lm, stock = pair(random_model("llama"))
    free = stock.generate_until(prompts(PROMPTS[:5]), disable_tqdm=True)
    stop = free[2][3]
    requests = prompts(PROMPTS[:5], until=[stop], max_gen_toks=9)
    texts = lm.generate_until(requests, disable_tqdm=True)
    assert texts == stock.generate_until(requests, disable_tqdm=True)
    assert texts[2] == free[2][:3].split(stop)[0]


def test_the_prefix_goes_through_the_model_once(monkeypatch):
    lm, _ = pair(random_model("llama"), batch_size=2)
    seen, forward = [], lm.model.forward

    def counted(input_ids, **kwargs):
        seen.append(input_ids.numel())
        return forward(input_ids=input_ids, **kwargs)

    monkeypatch.setattr(lm.model, "forward", counted)
    lm.generate_until(prompts(PROMPTS[:7]), disable_tqdm=True)
    assert sum(seen) < 2 * len(SHOTS) + sum(len(text) - len(SHOTS) for text in PROMPTS[:7]) + 8 * 12 * 2


def test_scoring_after_generating_and_again_gives_the_same():
    lm, _ = pair(random_model("llama"))
    scored = [Instance("loglikelihood", {}, (text, " A"), 0, ("task", i, 1)) for i, text in enumerate(PROMPTS)]
    first = lm.loglikelihood(scored, disable_tqdm=True)
    lm.generate_until(prompts(PROMPTS), disable_tqdm=True)
    assert lm.loglikelihood(scored, disable_tqdm=True) == first


def test_prompts_are_grouped_by_what_they_begin_with():
    import numpy as np

    a, b = list(range(20)), list(range(50, 70))
    rows = [[*a, 1], [*b, 1], [7], [*a, 2, 3], [*b, 4], [9, 9]]
    assert by_prefix([np.array(row) for row in rows]) == [[0, 3], [2], [5], [1, 4]]
