"""`mcqa eval`: the words after it are lm_eval's own and go to it unread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def add(commands: Any) -> None:
    commands.add_parser(
        "eval", help="run lm_eval with this suite's tasks on its path; every flag is the harness's own", add_help=False
    )


def launch(words: Sequence[str]) -> int:
    from mcqa_suite.evaluation.launch import launch

    return launch(words)
