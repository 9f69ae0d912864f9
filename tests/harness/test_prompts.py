"""What the tasks ask, letter by letter: the paper's prompt of math tasks, and the seams between the parts of every prompt."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from helpers.locations import REPOSITORY
from helpers.rendering import chatml, requests

from mcqa_suite.harness import formats
from mcqa_suite.harness.tasks import listed, load, manager
from mcqa_suite.questions import prompts
from mcqa_suite.training_data.audit.text import question_of

# README of apple/ml-gsm-symbolic, "Prompts": the instruction, a blank line, eight examples, the question.
INSTRUCTION = "As an expert problem solver, solve step by step the following mathematical questions."
EXAMPLE = "Q: {question}\nA: Let's think step by step. {solution} The final answer is {gold}."
QUESTION = "Q: {question}\nA: Let's think step by step."
COT_HEAD = r"(?:Answer the following multiple-choice question[^\n]+\n\n)?"
HEADS = rf"(?:{COT_HEAD}Question: |Q: |Find the rule that turns|Solve the following math problem)"
# One task of each form.
FORMS = [
    *("mcqa_epfl", "mcqa_sciq_cloze", "mcqa_gpqa_main_cot", "mcqa_aqua_rat_cot_n8", "mcqa_arc_easy_perm"),
    *("mcqa_mmlu_stem_anatomy_cot", "mcqa_gsm8k", "mcqa_gsm_symbolic_p2_n8", "mcqa_symbolic_local_noop"),
    *("mcqa_gsm8k_final_answer", "mcqa_symbolic_local_p1_final_answer_n8"),
    *("mcqa_arc_grid_1_evaluation", "mcqa_arc_grid_2_evaluation_describe"),
]


@pytest.fixture(scope="module")
def tasks(made_up_hub) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCQA_SHARED", str(made_up_hub))
        patch.delenv("MCQA_EPFL_FILE", raising=False)
        return dict(zip(FORMS, load(FORMS, manager({"data": "hub"})), strict=True))


def document(task: Any) -> dict[str, Any]:
    return dict(task.eval_docs[1])


def test_the_math_prompt_is_the_papers(tasks):
    task = tasks["mcqa_gsm8k"]
    doc = document(task)
    examples = [EXAMPLE.format_map(example) for example in formats.math_fewshot()]
    [(prompt, settings)] = requests(task, doc, 8)
    assert prompt == "\n\n".join([INSTRUCTION, *examples, QUESTION.format_map(doc)])
    assert task.config.num_fewshot == 8
    assert settings["do_sample"] is False
    assert requests(task, doc, 0)[0][0] == f"{INSTRUCTION}\n\n{QUESTION.format_map(doc)}"
    assert f"{INSTRUCTION}\n\n" == prompts.MATH_INSTRUCTION


def test_all_math_tasks_ask_alike(tasks):
    for name in ("mcqa_gsm_symbolic_p2_n8", "mcqa_symbolic_local_noop"):
        task = tasks[name]
        [(prompt, _settings)] = requests(task, document(task), task.config.num_fewshot)
        instruction, *examples, question = prompt.split("\n\n")
        assert instruction == INSTRUCTION
        assert len(examples) == 8
        assert all(
            re.fullmatch(r"Q: .*\nA: Let's think step by step\. (?s:.*)\. The final answer is \d+\.", e)
            for e in examples
        )
        assert question == QUESTION.format_map(document(task))


def test_under_a_chat_template_the_instruction_is_the_system_message(tasks):
    task = tasks["mcqa_gsm8k"]
    prompt = requests(task, document(task), 8, chatml)[0][0]
    system, user = prompt.split("<|im_end|>\n")[:2]
    assert system == f"<|im_start|>system\n{INSTRUCTION}\n\n"
    assert user.startswith("<|im_start|>user\nQ: There are 15 trees in the grove.")
    assert user.endswith(QUESTION.format_map(document(task)))


def test_math_examples_are_the_published_eight():
    docs = formats.math_fewshot()
    assert [doc["gold"] for doc in docs] == ["6", "5", "39", "8", "9", "29", "33", "8"]


def test_the_prompt_of_final_answer_is_the_instruction_and_the_question(tasks):
    task = tasks["mcqa_gsm8k_final_answer"]
    doc = document(task)
    text = f"{prompts.FINAL_ANSWER_INSTRUCTION}\n\n{doc['question']}\n\nSolution:"
    assert requests(task, doc, 0)[0][0] == text
    assert f"<|im_start|>user\n{text}<|im_end|>" in requests(task, doc, 0, chatml)[0][0]
    assert task.config.num_fewshot == 0
    assert not task.config.description
    sampled = tasks["mcqa_symbolic_local_p1_final_answer_n8"].config
    assert sampled.repeats == 8
    assert {"temperature": 0.7, "top_p": 0.95, "do_sample": True}.items() <= sampled.generation_kwargs.items()


@pytest.mark.parametrize("shots", [0, 1, 5])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("template", [None, chatml])
def test_the_parts_of_a_prompt_are_not_glued_together(tasks, name, shots, template):
    task = tasks[name]
    shots = shots if task.config.num_fewshot != 0 else 0
    prompt = requests(task, document(task), shots, template)[0][0]
    heads = list(re.finditer(HEADS, prompt))
    assert len(heads) == shots + 1
    first, *others = [prompt[: head.start()] for head in heads]
    assert first in ("", f"{INSTRUCTION}\n\n") or first.endswith("<|im_start|>user\n")
    assert all(before.endswith("\n\n") for before in others)
    assert not re.search(r"[ \t]{2}|[ \t]\n|\n{3}", prompt.replace(document(task).get("text", ""), ""))


def test_a_description_ends_with_a_blank_line():
    described = {name: text for name, config in listed().items() if (text := config.get("description"))}
    ours = {text for name, text in described.items() if not name.endswith("_harness")}
    assert ours == {prompts.MATH_INSTRUCTION, prompts.EPFL_2025_INSTRUCTION}
    assert all(text.endswith("\n\n") for text in described.values())


def test_changed_prompts_are_shown_as_diffs_a_family_each():
    sys.path.insert(0, str(REPOSITORY / "benchmarks" / "parity"))
    import prompt_changes

    families = {prompt_changes.MEMBER.sub("", name) for name in listed() if "_grid" not in name}
    assert {"mcqa_mmlu_stem_cot", "mcqa_arc_perm", "mcqa_gsm_symbolic_final_answer_n8", "mcqa_gpqa"} <= families
    assert not any(part in name for name in families for part in ("anatomy", "_easy", "_p2", "diamond"))
    old = {"task": "mcqa_x", "version": "1.0", "texts": {"0 examples": "An exam.Q: 1?\nA:"}}
    new = {"task": "mcqa_x", "version": "1.1", "texts": {"0 examples": "An exam.\n\nQ: 1?\nA:"}}
    text = prompt_changes.report({"mcqa_x": old, "mcqa_y": old}, {"mcqa_x": new, "mcqa_y": old, "mcqa_z": new})
    assert "| mcqa_x | mcqa_x | 1.0 | 1.1 | changed |" in text
    assert "| mcqa_y | mcqa_x | 1.0 | 1.0 | the same |" in text
    assert "| mcqa_z | mcqa_x |  | 1.1 | new |" in text
    assert "-An exam.Q: 1?\n+An exam.\n+\n+Q: 1?\n A:" in text


def test_tasks_whose_examples_would_be_tested_documents_take_none():
    configs = listed()
    grids = [
        name
        for name in configs
        if "arc_grid" in name and "task" in configs[name] and isinstance(configs[name]["task"], str)
    ]
    assert len(grids) > 8
    assert {configs[name]["num_fewshot"] for name in grids} == {0}


def test_a_solution_and_its_ending_are_two_sentences():
    assert prompts.math_solution("It is $12000 + $5000 = $17000", "17000").endswith(
        "$17000. The final answer is 17000."
    )
    assert prompts.math_solution("It is 9.", "9") == "It is 9. The final answer is 9."
    assert prompts.final_answer_solution("", "9") == "Final answer: 9."
    target = formats.math_target({"solution": "2 + 3 = <<2+3=5>>5", "gold": "5"})
    assert target == "2 + 3 = 5. The final answer is 5."


def test_a_grid_example_is_in_the_form_of_its_prompt():
    assert formats.grid_target({"output": [[1, 2]], "encoder": "plain+rows"}) == "1 12"


def test_the_question_of_a_math_prompt_is_found_again():
    question = "Ann has 3 apples.\n\nShe buys 4. How many has she?"
    for prompt in (prompts.MATH_INSTRUCTION + prompts.math(question), prompts.final_answer(question)):
        assert question_of(prompt) == (question, ())
