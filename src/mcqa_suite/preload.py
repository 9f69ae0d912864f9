"""What a server of `mcqa_suite.warm` imports: the modules named in `MCQA_PRELOAD`, without a word."""

import importlib
import os
import threading
from contextlib import suppress

VARIABLE = "MCQA_PRELOAD"


def _import_all() -> None:
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(silence, descriptor)
    os.close(silence)
    for name in os.environ.get(VARIABLE, "").split():
        with suppress(Exception):  # the stage that needs it says what is missing
            importlib.import_module(name)
    if threading.active_count() > 1:  # a fork would wait for ever for a thread that it does not have
        os._exit(1)


if os.environ.get(VARIABLE):
    _import_all()
