"""Counting problems in three levels, a small curriculum: things in a list, letters in a word, multiples in a range."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from mcqa_suite.questions.gsm8k import WordProblem
from mcqa_suite.questions.question import text_id
from mcqa_suite.training_data.sources.source import Identity, Source, check_choice, required

THINGS = ("apple", "book", "cup", "door", "egg", "flag", "key", "lamp")
LETTERS = "abcdefgh"
TRIES = 100  # for a problem that was not drawn before


def load(source: Source) -> Iterator[tuple[Identity, WordProblem]]:
    """`n` different problems of a level, drawn with the seed of the source."""
    n = required(source, "n", "say how many problems to draw")
    level = source.config or next(iter(LEVELS))
    check_choice("config of source 'counting'", level, LEVELS)
    draw = random.Random(f"{source.seed}:counting:{level}")  # noqa: S311 - not cryptography
    seen: set[str] = set()
    for _ in range(TRIES * n):
        question, solution, count = LEVELS[level](draw)
        if question in seen:
            continue
        seen.add(question)
        name = f"counting/{level}/{text_id(question)}"
        yield Identity(name, name, level), WordProblem(name, question, solution, str(count))
        if len(seen) == n:
            return


def _things(draw: random.Random) -> tuple[str, str, int]:
    listed = [draw.choice(THINGS[:4]) for _ in range(draw.randint(3, 10))]
    thing = draw.choice(listed)
    steps = [f"{position}. {name}" for position, name in enumerate(listed, 1) if name == thing]
    return (
        f"How often does {thing!r} stand in this list: {', '.join(listed)}?",
        f"Found: {', '.join(steps)}.",
        len(steps),
    )


def _letters(draw: random.Random) -> tuple[str, str, int]:
    word = "".join(draw.choice(LETTERS) for _ in range(draw.randint(4, 12)))
    letter = draw.choice(word)
    spelled = "-".join(char.upper() if char == letter else char for char in word)
    return f"How many times does the letter {letter!r} occur in {word!r}?", f"Spelled: {spelled}.", word.count(letter)


def _multiples(draw: random.Random) -> tuple[str, str, int]:
    step, first = draw.randint(2, 12), draw.randint(1, 60)
    last = first + draw.randint(5, 60)
    multiples = range(-(-first // step) * step, last + 1, step)
    solution = f"They are {', '.join(map(str, multiples))}." if multiples else "There are none."
    return f"How many multiples of {step} are there from {first} to {last}?", solution, len(multiples)


LEVELS: dict[str, Callable[[random.Random], tuple[str, str, int]]] = {
    "things": _things,
    "letters": _letters,
    "multiples": _multiples,
}
