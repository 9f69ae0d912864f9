"""Generated simple questions: the training data of the toy base, and the two files of questions that tests read.

    cd tests && python -m toy.generated     # writes train.jsonl and test.jsonl anew

Every stem is `What is the X?`, and its rationale `The X is ANSWER.`
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

from mcqa_suite.questions.question import Question

CATEGORIES = {
    "metal": ("iron", "copper", "silver", "zinc", "nickel", "lead", "gold", "tin"),
    "gas": ("helium", "neon", "argon", "oxygen", "methane", "steam", "hydrogen", "ozone"),
    "planet": ("Mars", "Venus", "Saturn", "Jupiter", "Neptune", "Uranus", "Earth"),
    "organ": ("heart", "liver", "lung", "kidney", "brain", "stomach", "skin", "spleen"),
    "bird": ("eagle", "owl", "robin", "penguin", "hawk", "duck", "swan", "crow"),
    "insect": ("ant", "bee", "beetle", "moth", "wasp", "fly", "termite", "cricket"),
    "shape": ("circle", "square", "triangle", "cube", "sphere", "cone", "cylinder", "pyramid"),
    "tree": ("oak", "pine", "birch", "maple", "willow", "cedar", "elm", "spruce"),
    "fish": ("salmon", "tuna", "trout", "shark", "cod", "herring", "carp", "eel"),
    "particle": ("electron", "proton", "neutron", "photon", "quark", "muon", "neutrino", "gluon"),
    "rock": ("granite", "basalt", "marble", "slate", "chalk", "sandstone", "limestone", "obsidian"),
    "mammal": ("whale", "horse", "wolf", "lion", "rabbit", "mouse", "camel", "otter"),
}
UNITS = {
    "force": "newton",
    "energy": "joule",
    "power": "watt",
    "pressure": "pascal",
    "frequency": "hertz",
    "voltage": "volt",
    "current": "ampere",
    "resistance": "ohm",
    "conductance": "siemens",
    "charge": "coulomb",
    "capacitance": "farad",
    "inductance": "henry",
    "temperature": "kelvin",
    "mass": "kilogram",
    "length": "metre",
    "time": "second",
    "angle": "radian",
    "radioactivity": "becquerel",
    "illuminance": "lux",
    "loudness": "decibel",
}
SYMBOLS = {
    "aluminium": "Al",
    "argon": "Ar",
    "arsenic": "As",
    "barium": "Ba",
    "bismuth": "Bi",
    "bromine": "Br",
    "calcium": "Ca",
    "chlorine": "Cl",
    "chromium": "Cr",
    "cobalt": "Co",
    "copper": "Cu",
    "gallium": "Ga",
    "gold": "Au",
    "helium": "He",
    "iron": "Fe",
    "krypton": "Kr",
    "lead": "Pb",
    "lithium": "Li",
    "magnesium": "Mg",
    "manganese": "Mn",
    "mercury": "Hg",
    "neon": "Ne",
    "nickel": "Ni",
    "platinum": "Pt",
    "radium": "Ra",
    "silicon": "Si",
    "silver": "Ag",
    "sodium": "Na",
    "tin": "Sn",
    "titanium": "Ti",
    "xenon": "Xe",
    "zinc": "Zn",
}

# A family draws (stem, answer, three wrong options).
Draft = tuple[str, str, list[str]]


def _category(rng: random.Random) -> Draft:
    right, *wrong = rng.sample(list(CATEGORIES), 4)
    return (
        f"What is the {right} among these?",
        rng.choice(CATEGORIES[right]),
        [rng.choice(CATEGORIES[name]) for name in wrong],
    )


def _unit(rng: random.Random) -> Draft:
    quantity, *others = rng.sample(list(UNITS), 4)
    return f"What is the unit of {quantity}?", UNITS[quantity], [UNITS[other] for other in others]


def _symbol(rng: random.Random) -> Draft:
    element, *others = rng.sample(list(SYMBOLS), 4)
    return f"What is the symbol of {element}?", SYMBOLS[element], [SYMBOLS[other] for other in others]


def _extreme(rng: random.Random) -> Draft:
    numbers = rng.sample(range(10, 100), 4)
    word, best = rng.choice([("largest", max(numbers)), ("smallest", min(numbers))])
    return f"What is the {word} of these numbers?", str(best), [str(n) for n in numbers if n != best]


def _sum(rng: random.Random) -> Draft:
    a, b = rng.randint(1, 9), rng.randint(1, 9)
    return f"What is the sum of {a} and {b}?", str(a + b), _near(a + b, rng)


def _next(rng: random.Random) -> Draft:
    start, step = rng.randint(1, 20), rng.randint(1, 5)
    terms = ", ".join(str(start + i * step) for i in range(3))
    return f"What is the next number in {terms}?", str(start + 3 * step), _near(start + 3 * step, rng)


def _near(number: int, rng: random.Random) -> list[str]:
    """Three other positive numbers at most 8 away."""
    return [str(n) for n in rng.sample([n for n in range(max(1, number - 8), number + 9) if n != number], 3)]


FAMILIES: dict[str, Callable[[random.Random], Draft]] = {
    "category": _category,
    "unit": _unit,
    "symbol": _symbol,
    "extreme": _extreme,
    "sum": _sum,
    "next": _next,
}
SPLITS = ("train", "test")
MAX_REPEATS = 10_000


def generate(split: str, n: int, seed: int = 0) -> list[Question]:
    """`n` different questions of a split, the families in turn, each with four options in a shuffled order.

    A hash of stem and sorted options puts a question into "test" (one in five) or "train", so that the splits share no
    question for any seeds. Raises ValueError for an unknown split, or where a family has fewer than `n / 6` questions.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r}; expected one of {', '.join(SPLITS)}")
    rng = random.Random(seed)
    seen: set[str] = set()
    families = list(FAMILIES)
    return [_draw(families[i % len(families)], split, rng, seen) for i in range(n)]


def _draw(family: str, split: str, rng: random.Random, seen: set[str]) -> Question:
    """A question of this family and split whose key is not in `seen`, to which it is added."""
    for _ in range(MAX_REPEATS):
        stem, answer, wrong = FAMILIES[family](rng)
        key = hashlib.sha256("\n".join([stem, *sorted([answer, *wrong])]).encode()).hexdigest()
        if key in seen or split != ("test" if int(key[:8], 16) % 5 == 0 else "train"):
            continue
        seen.add(key)
        choices = rng.sample([answer, *wrong], 4)
        rationale = f"T{stem.removeprefix('What is t').removesuffix('?')} is {answer}."
        return Question(f"generated/{key[:12]}", stem, tuple(choices), (choices.index(answer),), family, rationale)
    raise ValueError(f"{family}/{split}: no new question in {MAX_REPEATS} draws; ask for fewer than {len(seen)}")


def epfl_lines(questions: list[Question]) -> str:
    """The questions as an EPFL-format file has them."""
    rows = [
        {
            "subject": question.subject,
            "question": question.stem,
            "choices": question.choices,
            "answer": question.answer,
            "explanation": question.rationale,
        }
        for question in questions
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


FOLDER = Path(__file__).parent
BASE, TRAIN, TEST = FOLDER / "base", FOLDER / "train.jsonl", FOLDER / "test.jsonl"
N = {TRAIN: 240, TEST: 300}

if __name__ == "__main__":
    for path, n in N.items():
        path.write_text(epfl_lines(generate(path.stem, n)), encoding="utf-8")
