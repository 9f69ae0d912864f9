"""Labelling at the terminal: single keys, and text that cannot repaint the screen."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.foreign_text import one_line

QUIT = ("q", "\x03", "\x04")  # also Ctrl-C and the end of the input
WIDTH = 100  # of the text on the screen


def require_terminal(what: str, remedy: str) -> None:
    """ConfigError where the input or the output is not a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(f"{what} needs a terminal; {remedy}")


@contextmanager
def single_keys() -> Iterator[Callable[[], str]]:
    """A function that reads the next key without waiting for Enter; keys pressed before the call are read too."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor, termios.TCSADRAIN)
        yield lambda: sys.stdin.read(1) or QUIT[-1]
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def typed_text(first: str, read_key: Callable[[], str]) -> str:
    """The text that is typed up to Enter, shown as it grows; `first` is its first character.

    Backspace removes a character; the end of the input gives "".
    """
    text = first
    while True:
        for shown in (f"\r> {text} ", f"\r> {text}"):  # the space covers what Backspace removed
            print(shown, end="", flush=True)
        key = read_key()
        if key in ("\r", "\n", *QUIT[1:]):
            print(flush=True)
            return "" if key in QUIT else text
        text = text[:-1] if key in ("\x7f", "\b") else text + key


def section(title: str, text: str) -> str:
    """A text under its title, wrapped, with a sign for each control character."""
    lines = [part for line in text.strip().splitlines() for part in textwrap.wrap(line, WIDTH) or [""]]
    return f"--- {title} ---\n" + "\n".join(map(one_line, lines))
