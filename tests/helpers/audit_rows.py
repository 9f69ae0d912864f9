"""Training rows and evaluation items to audit."""

from __future__ import annotations

from mcqa_suite.questions import prompts
from mcqa_suite.questions.question import Question
from mcqa_suite.training_data.audit import Audit
from mcqa_suite.training_data.audit.items import item_of

EGGS = "Mary Ann had 1,080 eggs and sold 17 of them to her neighbour at the market. How many eggs has she left?"
EGGS_TOO = "Bob had 12 eggs and sold 3.5 of them to his neighbour at the market. How many eggs has he left?"
SEA = "Which layer of the sea lies below two hundred metres, where light is too weak for any plant to grow?"
DEPTHS = ("twilight zone", "sunlight zone", "sea bed", "tidal zone")


def row(prompt: str, completion: str = " A", **more: str) -> dict[str, str]:
    return {"id": "r", "group": prompt, "source": "s", "topic": "", "prompt": prompt, "completion": completion} | more


def pair(prompt: str, chosen: str, rejected: str, name: str = "p") -> dict[str, str]:
    return {"id": name, "group": prompt, "prompt": prompt, "chosen": chosen, "rejected": rejected}


def choice(stem: str = SEA, choices: tuple[str, ...] = DEPTHS, gold: int = 0, number: int = 0) -> object:
    return item_of("made_up", number, {"id": f"q{number}", "stem": stem, "choices": list(choices), "gold": [gold]})


def problem(text: str = EGGS, number: int = 0) -> object:
    return item_of("made_up_math", number, {"id": f"m{number}", "question": text, "gold": "1063"})


def mcq_prompt(stem: str = SEA, choices: tuple[str, ...] = DEPTHS) -> str:
    return prompts.letter(Question("x", stem, choices, (0,)))


def kinds(result: Audit) -> set[str]:
    return {overlap.kind for overlap in result.overlaps}
