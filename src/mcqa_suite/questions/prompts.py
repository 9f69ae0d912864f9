"""Prompts: one function a format, used by evaluation and training alike."""

from __future__ import annotations

from mcqa_suite.questions.question import LETTERS, Question

# Chosen on validation questions by benchmarks/accuracy/cot_wordings.py. Other wordings got the placeholder as an answer, one
# letter for most questions, or no reasoning.
COT_INSTRUCTION = (
    'Answer the following multiple-choice question. Think step by step, then finish with "The answer is (letter)."'
)
# The instruction of the GSM-Symbolic paper, before all examples: the `description` of tasks/_formats/math.yaml. Under a chat
# template it is the system message.
MATH_INSTRUCTION = "As an expert problem solver, solve step by step the following mathematical questions.\n\n"
# Before all examples: the `description` of tasks/epfl/epfl_2025.yaml
EPFL_2025_INSTRUCTION = (
    "The following are multiple choice questions (with answers) about knowledge and skills in advanced master-level STEM"
    " courses.\n\n"
)
FINAL_ANSWER_INSTRUCTION = "Solve the following math problem step by step, and provide the final numeric answer."


def options(question: Question) -> str:
    """The options as lines `A. text`."""
    return "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, question.choices, strict=False))


def letter(question: Question) -> str:
    """The EPFL MCQ format; the continuation is ` A`."""
    return f"Question: {question.stem}\n\nOptions:\n{options(question)}\n\nAnswer:"


def epfl_2025(question: Question) -> str:
    """The form of EPFL's 2025 edition, below `EPFL_2025_INSTRUCTION`; the continuation is ` A` or ` A. text`."""
    return f"{question.stem}\n{options(question)}\nAnswer:"


def cloze(question: Question) -> str:
    """The question alone; the continuation is the option's text."""
    return f"Question: {question.stem}\n\nAnswer:"


def cot(question: Question) -> str:
    """The EPFL MCQ format below `COT_INSTRUCTION`; the answer is a `cot_solution`."""
    return f"{COT_INSTRUCTION}\n\n{letter(question)}"


def cot_solution(question: Question) -> str:
    """The data set's own explanation, where it has one, and `The answer is (A).`"""
    return _concluded(question.rationale, cot_answer(question))


def cot_answer(question: Question) -> str:
    """`The answer is (A).`, the last sentence of a `cot_solution`."""
    return f"The answer is ({question.answer})."


def math(question: str) -> str:
    """A word problem in the form of GSM-Symbolic, below `MATH_INSTRUCTION`; the answer is a `math_solution`."""
    return f"Q: {question}\nA: Let's think step by step."


def math_solution(solution: str, gold: str) -> str:
    """A worked solution that ends in `The final answer is 42.`"""
    return _concluded(solution, f"The final answer is {gold}.")


def final_answer(question: str) -> str:
    """A word problem with its instruction; the answer is a `final_answer_solution`."""
    return f"{FINAL_ANSWER_INSTRUCTION}\n\n{question}\n\nSolution:"


def final_answer_solution(solution: str, gold: str) -> str:
    """A worked solution that ends in `Final answer: 42.`"""
    return _concluded(solution, f"Final answer: {gold}.")


def _concluded(solution: str, ending: str) -> str:
    """A solution and its ending as two sentences; many solutions of GSM8K and AQuA-RAT have no period at their end."""
    if not solution:
        return ending
    return f"{solution}{'' if solution.endswith(('.', '!', '?')) else '.'} {ending}"
