"""Logs of Inspect with a change."""

from __future__ import annotations

import pytest
from helpers.inspect_logs import BASE


@pytest.fixture
def changed(tmp_path):
    """Write a log again after a change, with Inspect itself; returns its path."""
    from inspect_ai.log import read_eval_log, write_eval_log

    def write(change, source=BASE, name="changed.eval"):
        log = read_eval_log(str(source))
        change(log)
        write_eval_log(log, str(tmp_path / name))
        return tmp_path / name

    return write
