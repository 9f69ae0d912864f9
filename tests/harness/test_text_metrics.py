"""BLEU, ROUGE and BERTScore: of the completion alone, equal to the published implementations, beside `acc`."""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path

import pytest
from helpers.foreign_checkpoints import edit, with_code
from helpers.locations import TOY
from helpers.log_files import by_name

from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.harness import filters, scoring
from mcqa_suite.harness.tasks import manager
from mcqa_suite.harness.text_metrics import bertscore, corpus_bleu, rouge, text_scores
from mcqa_suite.logs.runs import read_run
from mcqa_suite.questions.gsm8k import without_calculations

TEXT = ["bleu", "rouge1", "rouge2", "rougeL"]
SOLUTION = "Janet sells 16 - 3 - 4 = <<16-3-4=9>>9 duck eggs a day.\nShe makes 9 * 2 = $<<9*2=18>>18 every day."
DOC = {"id": "gsm8k/1", "question": "How much?", "solution": SOLUTION, "gold": "18"}


def scored(doc: dict, response: str) -> dict:
    """A response through the filter and `process_results` of the math tasks, as the harness calls them."""
    return scoring.math_results(doc, filters.numbers([[response]], [doc]))


def words(rng: random.Random, most: int) -> str:
    return " ".join(
        rng.choice(["the", "Cat", "sat.", "on", "9", "mat", "l'été", "-"]) for _ in range(rng.randrange(most))
    )


def test_a_response_equal_to_the_reference_scores_full_marks():
    scores = scored(DOC, without_calculations(SOLUTION))
    assert [scores["rouge1"], scores["rouge2"], scores["rougeL"], scores["acc"]] == [1, 1, 1, 1]
    assert corpus_bleu([scores["bleu"]]) == pytest.approx(100)
    assert "<<" not in without_calculations(SOLUTION)


@pytest.mark.slow
def test_a_prompt_in_front_of_the_completion_changes_nothing_because_it_is_never_seen():
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM

    class Writes(LM):
        def generate_until(self, requests):
            return ["Work it out: 3. The answer is A."] * len(requests)

        def loglikelihood(self, requests):
            raise AssertionError

        loglikelihood_rolling = loglikelihood

    def columns(**kwargs):
        results = simple_evaluate(
            Writes(), tasks=["mcqa_aqua_rat_cot"], task_manager=manager(), bootstrap_iters=0, limit=8, **kwargs
        )
        values = results["results"]["mcqa_aqua_rat_cot"]
        return [values[f"{name},extracted"] for name in TEXT]

    assert columns() == columns(num_fewshot=2) == columns(system_instruction="Work it out: 0. Work it out: 1.")
    assert columns()[0] > 0
    with_prompt = scored(DOC, DOC["question"] * 9 + without_calculations(SOLUTION))
    assert with_prompt["rougeL"] < 1, "a prompt within the completion would be seen"


@pytest.fixture(autouse=True)
def _in_made_up_hub(made_up_hub, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))


def test_bleu_over_documents_is_sacrebleus_corpus_bleu():
    import sacrebleu

    rng = random.Random(1)
    pairs = [(words(rng, 30), words(rng, 30) or "x") for _ in range(200)]
    ours = corpus_bleu([text_scores(*pair)["bleu"] for pair in pairs])
    assert ours == sacrebleu.corpus_bleu([first for first, _ in pairs], [[second for _, second in pairs]]).score
    assert 0 < ours < 100


def test_rouge_is_that_of_rouge_score():
    from rouge_score.rouge_scorer import RougeScorer

    scorer, rng = RougeScorer(["rouge1", "rouge2", "rougeL"]), random.Random(2)
    for _ in range(500):
        ours, theirs = words(rng, 25), words(rng, 25)
        expected = {name: score.fmeasure for name, score in scorer.score(theirs, ours).items()}
        assert rouge(ours, theirs) == pytest.approx(expected), (ours, theirs)


def test_reasoning_between_tags_is_left_out():
    plain = text_scores("She makes 18.", "She makes 18.")
    assert text_scores("<think>Hm, 9 eggs, so 18.</think>She makes 18.", "She makes 18.") == plain


def test_a_question_without_a_reference_has_no_text_score_at_all():
    doc = {"choices": ["a", "b"], "gold": [0], "rationale": " "}
    scores = scoring.rationale_results(doc, filters.letters([["The answer is A."]], [doc]))
    assert scores["acc"] == 1
    assert not set(TEXT) & set(scores)


@pytest.mark.slow
def test_text_columns_stand_beside_acc_and_are_never_chosen_unasked(tmp_path):
    from mcqa_suite.evaluation import evaluate_checkpoint as rung

    plan = [
        {"tasks": ["mcqa_sciq_cot", "mcqa_aqua_rat_cot", "mcqa_gsm8k"], "limit": 4, "gen_kwargs": {"max_gen_toks": 9}}
    ]
    rung.evaluate(str(TOY / "base"), plan, tmp_path, dtype="float32", batch_size=4)
    results = json.loads(next((tmp_path / "0").glob("results_*.json")).read_text(encoding="utf-8"))
    for name, run in by_name(read_run(tmp_path)).items():
        assert {f"{metric},extracted" for metric in ["acc", *TEXT]} < set(results["results"][name]), name
        assert results["versions"][name] == 1.2
        assert run.metrics[0] == "acc"
        assert {"rouge1", "rouge2", "rougeL"} < set(run.samples.scores)
    rows = [json.loads(line) for line in next(tmp_path.rglob("samples_mcqa_gsm8k_*.jsonl")).read_text().splitlines()]
    assert [set(json.loads(value)) for value in rows[0]["filtered_resps"][0]] == [{"answer", "status", "rule", "span"}]
    assert len(rows[0]["bleu"]) == 10


def test_bertscore_is_one_for_equal_texts_and_comes_only_with_a_model(tiny_encoder, monkeypatch):
    assert "bertscore" not in scored(DOC, "9")
    monkeypatch.setenv("MCQA_BERTSCORE_MODEL", f"{tiny_encoder}@2")
    items = [scored({**DOC, "solution": text}, text)["bertscore"] for text in ("the cat sat", "the dog")]
    assert scoring.mean_bertscore(items) == pytest.approx(1)
    assert scoring.mean_bertscore([("the dog .", "the cat"), ("", "the cat")]) < 0.5


def test_bertscore_equals_the_formula_by_hand(tiny_encoder):
    """Greedy matching of token vectors by cosine, special tokens left out of the means (arXiv 1904.09675, section 3)."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(tiny_encoder), AutoModel.from_pretrained(tiny_encoder).eval()

    def vectors(text):
        with torch.no_grad():
            hidden = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[1][0]
        return torch.nn.functional.normalize(hidden, dim=-1)

    cosines = vectors("the cat sat on the mat") @ vectors("the dog sat").T
    precision, recall = cosines.max(1).values[1:-1].mean(), cosines.max(0).values[1:-1].mean()
    expected = float(2 * precision * recall / (precision + recall))
    pairs = [("dog .", "the mat"), ("the cat sat on the mat", "the dog sat"), ("the", "cat cat cat cat")]
    assert bertscore(pairs, f"{tiny_encoder}@1")[1] == pytest.approx(expected, abs=1e-6)
    assert bertscore(pairs[1:2], f"{tiny_encoder}@1") == pytest.approx([expected], abs=1e-6)
    assert bertscore([("", "cat"), *pairs], f"{tiny_encoder}@1")[0] == 0


@pytest.mark.parametrize("native", [True, False])
def test_an_encoder_with_code_of_its_own_runs_none_and_asks_nothing(tiny_encoder, tmp_path, monkeypatch, native):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\ny\n"))
    folder, marker = with_code(Path(tiny_encoder), tmp_path / "encoder", native=native)
    edit(folder / "config.json", {"auto_map": {"AutoConfig": "own_code.Config", "AutoModel": "own_code.Model"}})
    if native:
        assert bertscore([("the cat", "the cat")], f"{folder}@1") == pytest.approx([1])
    else:
        with pytest.raises(CheckpointError, match="needs code of its own"):
            bertscore([("the cat", "the cat")], f"{folder}@1")
    assert not marker.exists()
    assert sys.stdin.read() == "y\ny\n"


def test_an_encoder_that_cannot_be_used_is_named(tiny_encoder):
    with pytest.raises(CheckpointError, match="nowhere"):
        bertscore([("a", "b")], "./nowhere@1")
    with pytest.raises(ConfigError, match="between 0 and 2"):
        bertscore([("a", "b")], f"{tiny_encoder}@9")
    with pytest.raises(ConfigError, match="@LAYER"):
        bertscore([("a", "b")], tiny_encoder)
