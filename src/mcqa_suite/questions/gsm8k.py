"""GSM8K and GSM-Symbolic: word problems with a worked solution that ends in `#### 1,080`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcqa_suite.extract import gold_number
from mcqa_suite.questions.question import Row, text_id

CALCULATION = re.compile(r"<<([^<>]*)>>")  # a calculator annotation: "16 - 7 = <<16-7=9>>9"


@dataclass(frozen=True)
class WordProblem:
    """`solution` is the worked solution without its last line; `gold` is the number in canonical form, "1080"."""

    id: str
    question: str
    solution: str
    gold: str

    @property
    def plain_solution(self) -> str:
        """The solution without its calculator annotations."""
        return without_calculations(self.solution)


def without_calculations(solution: str) -> str:
    """A worked solution without its calculator annotations, which no model is asked to write."""
    return CALCULATION.sub("", solution).strip()


def from_gsm8k(row: Row) -> WordProblem:
    """openai/gsm8k: question, answer. ValueError where the answer does not end in one number."""
    return _problem(row, gsm8k_id(row["question"]))


def from_gsm_symbolic(row: Row, benchmark: str = "gsm_symbolic") -> WordProblem:
    """apple/GSM-Symbolic: id (of the template), instance, question, answer. ValueError as in `from_gsm8k`."""
    return _problem(row, f"{benchmark}/{row['id']}/{row['instance']}")


def gsm8k_id(question: str) -> str:
    """The id of a GSM8K problem, whose rows have none."""
    return f"gsm8k/{text_id(question)}"


def _problem(row: Row, row_id: str) -> WordProblem:
    solution = row["answer"].rpartition("####")[0].strip()
    try:
        gold = gold_number(row["answer"])
    except ValueError as error:
        raise ValueError(f"{row_id}: {error}") from error
    return WordProblem(row_id, row["question"].strip(), solution, gold)
