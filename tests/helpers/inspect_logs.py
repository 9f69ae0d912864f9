"""Logs of Inspect, written by Inspect and its mock model (tests/logs/inspect_0.3/make.py)."""

from __future__ import annotations

import pytest

from helpers.locations import REPOSITORY
from mcqa_suite.common import extras
from mcqa_suite.logs.runs import read_run

LOGS = REPOSITORY / "tests" / "logs" / "inspect_0.3"
BASE, VARIANT, SUMS = LOGS / "base.eval", LOGS / "variant.json", LOGS / "sums.eval"
needs_inspect = pytest.mark.skipif(not extras.installed("inspect_ai"), reason="needs the extra inspect")


def only(path, scorer="choice"):
    """The single task of a log, under a scorer."""
    [log] = [log for (_, name), log in read_run(path).tasks.items() if name == scorer]
    return log


def fail(sample):
    from inspect_ai.log import EvalError

    sample.scores, sample.error = None, EvalError(message="out of\nmemory", traceback="", traceback_ansi="")
