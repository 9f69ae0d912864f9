"""Answers to `_final_answer` tasks are read, scored, voted on and read again like those of the other math tasks."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest
from lm_eval.api.model import LM

from mcqa_suite.cli.main import main
from mcqa_suite.evaluation.evaluate_checkpoint import save
from mcqa_suite.harness.tasks import manager
from mcqa_suite.training_data.sources.pairs import PAIRS
from mcqa_suite.training_data.sources.source import PairSource

SOLUTION = "{0} + 1 is {0} + 1, so take 1 more.\n\n**Final answer:** {1}."
GREEDY, SAMPLED = "mcqa_gsm8k_final_answer", "mcqa_gsm8k_final_answer_n8"


class Solver(LM):
    """Of eight answers to a question five are right, two wrong, and one has no number; the first is right."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: Counter[tuple[str, str]] = Counter()

    def generate_until(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request) -> str:
        key = (request.task_name, request.doc["id"])
        number, self.answered[key] = self.answered[key], self.answered[key] + 1
        gold = int(request.doc["gold"])
        return ["I do not know.", SOLUTION.format(gold - 1, gold), SOLUTION.format(gold - 1, 7001)][
            (1, 1, 2, 1, 0, 1, 2, 1)[number]
        ]

    def loglikelihood(self, requests):
        raise AssertionError

    loglikelihood_rolling = loglikelihood


@pytest.fixture(scope="module")
def run(made_up_hub, tmp_path_factory):
    """The results, and the sample logs by task."""
    from lm_eval import simple_evaluate

    folder = tmp_path_factory.mktemp("math")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCQA_SHARED", str(made_up_hub))
        results = simple_evaluate(
            model=Solver(), tasks=[GREEDY, SAMPLED], task_manager=manager(), bootstrap_iters=0, limit=6
        )
        scores = results["results"]
        save(results, folder, "solver", None)
    logs = {task: next(folder.rglob(f"samples_{task}_2*.jsonl")) for task in (GREEDY, SAMPLED)}
    return scores, logs


def test_the_scores_of_one_and_of_eight_answers(run):
    scores, _logs = run
    assert scores[GREEDY]["acc,extracted"] == scores[GREEDY]["parsed,extracted"] == 1
    assert 0 < scores[GREEDY]["rougeL,extracted"] < 1
    assert scores[GREEDY]["bleu,extracted"] > 0
    sampled = {name.partition(",")[0]: value for name, value in scores[SAMPLED].items()}
    assert (sampled["acc"], sampled["parsed"], sampled["majority"], sampled["any_right"]) == (5 / 8, 7 / 8, 1, 1)


def test_the_logs_are_read_again_and_voted_on(run, tmp_path, capsys):
    _scores, logs = run
    assert main(["extract", str(logs[GREEDY]), "--output", str(tmp_path / "again.jsonl")]) == 0
    lines = [(tmp_path / "again.jsonl").read_text(), logs[GREEDY].read_text()]
    new, old = ([json.loads(line) for line in text.splitlines()] for text in lines)
    assert [row["filtered_resps"] for row in new] == [row["filtered_resps"] for row in old]
    capsys.readouterr()
    assert main(["vote", str(logs[SAMPLED]), "--n", "1,8", "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    accuracy = {(row["strategy"], row["n"]): float(row["accuracy"]) for row in rows}
    assert accuracy["one sample", "1"] == 5 / 8
    assert accuracy["majority", "8"] == accuracy["oracle (pass@n)", "8"] == 1


def test_the_log_makes_preference_pairs_with_the_prompt_of_the_task(run):
    _scores, logs = run
    pairs = PAIRS["solutions"].rows(PairSource("solutions", path=str(logs[SAMPLED])))
    assert len(pairs) == 2 * 6
    assert pairs[0]["prompt"].startswith("Solve the following math problem step by step, and")
    assert pairs[0]["prompt"].endswith("\n\nSolution:")
