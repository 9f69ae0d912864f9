"""Labels by a human at the terminal: one key for each pair; each label is written at once."""

from __future__ import annotations

import random
from pathlib import Path

from mcqa_suite.common.jsonl import Journal, journal
from mcqa_suite.common.terminal import QUIT, require_terminal, section, single_keys
from mcqa_suite.training_data.preferences.pairs import ResponsePair, key_of, label_equal

BY = "human"
KEYS = {"a": "first", "b": "second", "t": "tie", "s": "skip"}
HELP = "a: the first is better   b: the second   t: tie   s: skip   u: undo   q: quit"


def label_by_hand(pairs: list[ResponsePair], output: Path, *, seed: int = 0) -> int:
    """Show the pairs without a label in `output`, until none is left or `q` is pressed; returns how many are left.

    The order of the two responses is random, seeded by the pair's key, and recorded. ConfigError where there is no terminal.
    """
    require_terminal("--by human", "run it in one, or use --by judge")
    with journal(output) as file, single_keys() as read_key:
        queue = label_equal(pairs, BY, file)[::-1]  # the next pair is the last
        while queue:
            pair, first = queue[-1], shown_first(queue[-1], seed)
            print(screen(pair, first, len(queue)), flush=True)
            while (key := read_key().lower()) not in {*KEYS, "u", *QUIT}:
                print(f"\r{HELP}", flush=True)
            if key in QUIT:
                break
            if key == "u":
                queue += _undo(file, {pair.key: pair for pair in pairs})
                continue
            won = KEYS[key]
            label = {"first": first, "second": "ab".replace(first, "")}.get(won, won)
            file.append(pair.labelled(BY, label, verdicts=[{"first": first, "won": won, "raw": key}]))
            queue.pop()
    print(f"\n{len(queue)} left; written to {output}" if queue else f"\nall labelled: {output}", flush=True)
    return len(queue)


def shown_first(pair: ResponsePair, seed: int) -> str:
    """Which of the two responses is shown first, "a" or "b"."""
    return random.Random(f"{seed}:{pair.key}").choice("ab")  # noqa: S311 - not cryptography


def _undo(file: Journal, pairs: dict[str, ResponsePair]) -> list[ResponsePair]:
    """Remove the last label that the human gave, and return its pair; an empty list where there is no such label."""
    undone: list[ResponsePair] = []
    passed = []
    while file.rows and not undone:
        row = file.undo()
        if row["label"] != "equal" and (pair := pairs.get(key_of(row))):
            undone = [pair]
        else:
            passed.append(row)
    for row in reversed(passed):
        file.append(row)
    return undone


def screen(pair: ResponsePair, first: str, left: int) -> str:
    """The text that shows a pair."""
    texts = (pair.a, pair.b) if first == "a" else (pair.b, pair.a)
    parts = [("PROMPT", pair.prompt), *zip(("A", "B"), texts, strict=True)]
    shown = [section(title, text) for title, text in parts]
    return "\n\n".join([f"\n=== {left} left ===", *shown, HELP])
