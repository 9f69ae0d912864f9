"""Extract the answer from a response; predictions and gold answers are read by the same code."""

from mcqa_suite.extract.gold import gold_index, gold_letter, gold_number, same_number
from mcqa_suite.extract.grids import extract_grid
from mcqa_suite.extract.letters import extract_choice
from mcqa_suite.extract.numbers import extract_number
from mcqa_suite.extract.reasoning import strip_reasoning
from mcqa_suite.extract.result import Extraction, Status

__all__ = [
    "Extraction",
    "Status",
    "extract_choice",
    "extract_grid",
    "extract_number",
    "gold_index",
    "gold_letter",
    "gold_number",
    "same_number",
    "strip_reasoning",
]
