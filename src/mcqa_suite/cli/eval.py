"""`mcqa eval`: its arguments are passed to lm_eval unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def add(commands: Any) -> None:
    commands.add_parser(
        "eval", help="run lm_eval with the tasks of this suite; all flags are those of lm_eval", add_help=False
    )


def launch(words: Sequence[str]) -> int:
    from mcqa_suite.evaluation.launch import launch

    return launch(words)
