"""Our readers in tasks of the harness: the YAMLs of docs/checking_answers.md, on made-up rows in their data sets' columns."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from helpers.dataset_rows import gpqa_rows, write_dataset
from helpers.locations import REPOSITORY
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.api.registry import get_filter
from lm_eval.tasks import TaskManager

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.harness.filters import letter_text, number_text
from mcqa_suite.harness.tasks import with_local_data

PAGE = (REPOSITORY / "docs" / "checking_answers.md").read_text(encoding="utf-8")
YAMLS = {re.search(r"group: (\w+)", text)[1]: text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)}
SUBJECTS = [
    *("biology", "business", "chemistry", "computer science", "economics", "engineering", "health", "history", "law"),
    *("math", "other", "philosophy", "physics", "psychology"),
]
SUMS = [{"question": f"{i} and 1000?", "answer": f"It is 1,00{i}.\n#### 1,00{i}"} for i in range(6)]
SPLITS = {
    "gsm8k_mcqa": (
        "openai/gsm8k",
        "main",
        {"train": SUMS, "test": SUMS},
    ),
    "mmlu_pro_mcqa": (
        "TIGER-Lab/MMLU-Pro",
        "default",
        {
            split: [
                {
                    **{"question_id": 100 * k + i, "question": f"{subject} {i}?", "category": subject, "src": "-"},
                    **{
                        "options": [f"option {k}" for k in range(10)],
                        "answer": "CJ"[i % 2],
                        "answer_index": [2, 9][i % 2],
                    },
                    "cot_content": "A: Let's think step by step. The answer is (C).",
                }
                for k, subject in enumerate(SUBJECTS)
                for i in range(n)
            ]
            for split, n in (("validation", 5), ("test", 2))
        },
    ),
    "gpqa_mcqa": ("Idavidrein/gpqa", "gpqa_main", {"train": gpqa_rows(6)}),
}
FOLDERS = {"gsm8k_mcqa": "gsm8k", "mmlu_pro_mcqa": "mmlu_pro", "gpqa_mcqa": "gpqa/cot_zeroshot"}


class Hesitant(LM):
    """Names the right answer in words that the tasks' own patterns misread; says nothing about every sixth question."""

    def generate_until(self, requests):
        return [self.answer(number, request.doc) for number, request in enumerate(requests)]

    def answer(self, number: int, doc: dict) -> str:
        gold = doc["answer"].rpartition("#### ")[2]
        if number % 6 == 5:
            return "I cannot say which answer is right."
        return f"At first I thought the answer is (A).\n\n**Final answer: {gold}**\n\nThis took me 3 tries."

    def loglikelihood(self, requests):
        raise AssertionError

    loglikelihood_rolling = loglikelihood


def evaluate(task, tmp_path, monkeypatch):
    hub = tmp_path / "shared" / "hub"
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path / "shared"))
    repository, config, splits = SPLITS[task]
    write_dataset(hub, repository, config, splits)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / f"{task}.yaml").write_text(YAMLS[task], encoding="utf-8")
    builtin = str(files("lm_eval") / "tasks" / FOLDERS[task])
    tasks = with_local_data(TaskManager(include_path=[str(tmp_path / "own"), builtin], include_defaults=False))
    return simple_evaluate(model=Hesitant(), tasks=[task], task_manager=tasks, bootstrap_iters=0)


def test_the_page_has_a_yaml_for_each_task():
    assert list(YAMLS) == list(SPLITS)
    assert {len(text.splitlines()) for text in YAMLS.values()} == {5}


@pytest.mark.parametrize("task", SPLITS)
@pytest.mark.slow
def test_a_task_of_the_harness_is_scored_by_our_reader(task, tmp_path, monkeypatch):
    results = evaluate(task, tmp_path, monkeypatch)
    (first, *_), rows = results["samples"], [row for rows in results["samples"].values() for row in rows]
    assert {row["filter"] for row in rows} == {"custom-extract" if task == "mmlu_pro_mcqa" else "mcqa"}
    unread = sum(row["filtered_resps"] == ["[invalid]"] for row in rows)
    assert unread == len(rows) // 6 > 0
    right = sum(row["exact_match"] for row in rows)
    assert right == len(rows) - unread
    top = "mmlu_pro" if task == "mmlu_pro_mcqa" else first
    scores = [value for name, value in results["results"][top].items() if name.startswith("exact_match,")]
    assert scores == [pytest.approx(right / len(rows))]


def test_answers_are_text_and_unread_ones_are_invalid():
    docs = [{"options": ["x", "y"]}]
    assert letter_text([["Answer: B", "A or B"]], docs) == [["B", "[invalid]"]]
    assert number_text([["#### 1,080.50", "who knows"]], [{}]) == [["1080.5", "[invalid]"]]


def test_registered_filters_read_other_columns():
    by_columns = get_filter("mcqa_letter_text")(choices="a,b")
    assert by_columns.apply([["Answer: Paris"]], [{"a": "Paris", "b": "London"}]) == [["A"]]
    assert get_filter("mcqa_letter_text")(choices=3).apply([["Answer: C"]], [{}]) == [["C"]]
    assert get_filter("mcqa_number_text")().apply([["Answer: 7"]], [{}]) == [["7"]]
    with pytest.raises(
        ConfigError, match=r"filter mcqa_letter_text: no choices among the columns a; give choices: COLUMN"
    ):
        letter_text([["B"]], [{"a": 1}])
