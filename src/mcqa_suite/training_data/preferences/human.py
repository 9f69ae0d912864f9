"""Labels by a human at the terminal: one key a pair, written as it is pressed."""

from __future__ import annotations

import random
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.journal import Journal, journal
from mcqa_suite.training_data.preferences.pairs import Pair, unlabelled

BY = "human"
KEYS = {"a": "first", "b": "second", "t": "tie", "s": "skip"}
HELP = "a: the first is better   b: the second   t: tie   s: skip   u: undo   q: quit"
INTERRUPT, END = "\x03", "\x04"


def label_by_hand(pairs: list[Pair], output: Path, *, seed: int = 0, width: int = 100) -> int:
    """Shows the pairs that `output` lacks until the last or `q`; returns how many are still without a label.

    Which response stands first is drawn by the pair's key and recorded. ConfigError where there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError("--by human needs a terminal; run it in one, or use --by judge")
    with journal(output) as file:
        left = unlabelled(pairs, BY, file)
        for pair in left:
            if pair.equal:
                file.append(pair.labelled(BY, "equal"))
        asked = [pair for pair in left if not pair.equal]
        with single_keys() as key:
            return _session(asked, {pair.key: pair for pair in pairs}, file, seed, width, key)


def shown_first(pair: Pair, seed: int) -> str:
    """Which of the two is shown first."""
    return random.Random(f"{seed}:{pair.key}").choice("ab")  # noqa: S311 - not cryptography


def _session(
    left: list[Pair], known: dict[str, Pair], file: Journal, seed: int, width: int, key: Callable[[], str]
) -> int:
    left = left[::-1]  # the next one last
    while left:
        pair = left[-1]
        first = shown_first(pair, seed)
        print(screen(pair, first, len(left), width), flush=True)
        pressed = key()
        while pressed not in {*KEYS, "u", "q", INTERRUPT, END}:
            print(f"\r{HELP}", flush=True)
            pressed = key()
        if pressed in ("q", INTERRUPT, END):
            break
        if pressed == "u":
            left += _undone(file, known)
            continue
        won = KEYS[pressed]
        label = won if won in ("tie", "skip") else first if won == "first" else "ab".replace(first, "")
        file.append(pair.labelled(BY, label, verdicts=[{"first": first, "won": won, "raw": pressed}]))
        left.pop()
    print(f"\n{len(left)} left; written to {file.path}" if left else f"\nall labelled: {file.path}", flush=True)
    return len(left)


def _undone(file: Journal, known: dict[str, Pair]) -> list[Pair]:
    """The pair whose label, the last that a key gave, was taken away again; none where there is no such label."""
    equal = []
    undone: list[Pair] = []
    while file.rows and not undone:
        row = file.undo()
        pair = known.get(f"{row['id']}#{row['pair'][0]}-{row['pair'][1]}")
        if row["label"] == "equal" or pair is None:
            equal.append(row)
        else:
            undone = [pair]
    for row in reversed(equal):
        file.append(row)
    return undone


def screen(pair: Pair, first: str, left: int, width: int) -> str:
    """What is shown of a pair."""
    texts = (pair.a, pair.b) if first == "a" else (pair.b, pair.a)
    parts = [("PROMPT", pair.prompt), *zip(("A", "B"), texts, strict=True)]
    shown = [f"--- {title} ---\n{_wrapped(text, width)}" for title, text in parts]
    return "\n\n".join([f"\n=== {left} left ===", *shown, HELP])


def _wrapped(text: str, width: int) -> str:
    lines = [part for line in text.strip().splitlines() for part in textwrap.wrap(line, width) or [""]]
    # Control characters of a response could repaint the terminal.
    return "\n".join("".join(c if c.isprintable() else "�" for c in line) for line in lines)


@contextmanager
def single_keys() -> Iterator[Callable[[], str]]:
    """The terminal hands over each key as it is pressed, and none that came early is lost; yields what reads the next one."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor, termios.TCSADRAIN)
        yield lambda: sys.stdin.read(1).lower() or END
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
