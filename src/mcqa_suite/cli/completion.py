"""`mcqa --print-completion SHELL`: commands, flags and tasks, completed by the shell."""

from __future__ import annotations

import argparse

from mcqa_suite.common.extras import require


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script of a parser; the flags of lm_eval are in it where lm_eval is installed."""
    require("--print-completion", "completion")
    import shtab

    (commands,) = [action for action in parser._actions if isinstance(action.choices, dict)]
    for command in commands.choices.values():  # type: ignore[union-attr]
        for action in command._actions:
            if action.metavar in ("TASK", "<task>"):
                action.choices = _tasks()
            elif action.nargs != 0 and not action.choices:
                action.complete = shtab.FILE
    return str(shtab.complete(parser, shell))


def _tasks() -> list[str]:
    from mcqa_suite.harness.tasks import listed

    return sorted(listed())
