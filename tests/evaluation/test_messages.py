"""What `mcqa eval` says: flags with true defaults, and each warning once."""

from __future__ import annotations

import io
import logging
import re

import pytest

from mcqa_suite.cli.main import main
from mcqa_suite.evaluation.messages import said_once


def test_a_warning_is_said_once_and_again_in_the_next_run(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(logging.getLogger("lm_eval"), "handlers", [logging.StreamHandler(stream)])
    for _ in range(2):
        with said_once():
            for number in (1, 1, 2):
                logging.getLogger("lm_eval.evaluator").warning("truncated %d", number)
    assert stream.getvalue().split("\n") == ["truncated 1", "truncated 2"] * 2 + [""]


def test_the_help_has_our_flags_first_and_then_those_of_the_harness_with_their_defaults(capsys):
    from lm_eval._cli import HarnessCLI

    with pytest.raises(SystemExit):
        main(["eval", "--help"])
    shown = capsys.readouterr().out
    ours, harness = shown.split("lm_eval: options:")
    for words in ("hf-prefix", "default: runs/<model name>", "always on", "'false': do not"):
        assert words in " ".join(ours.split())
    assert "(default: cuda:0, else the CPU)" in " ".join(harness.split())
    (commands,) = [action for action in HarnessCLI()._parser._actions if isinstance(action.choices, dict)]
    flags = {flag for action in commands.choices["run"]._actions for flag in action.option_strings}
    assert flags <= set(re.findall(r"--?\w+", shown))
