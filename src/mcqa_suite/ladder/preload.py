"""What a server of `mcqa_suite.ladder.warm` imports: the modules named in `MCQA_PRELOAD`, without a word."""

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

VARIABLE = "MCQA_PRELOAD"


def _import_all() -> None:
    with _silence():
        for name in os.environ.get(VARIABLE, "").split():
            with suppress(Exception):  # the stage that needs it says what is missing
                importlib.import_module(name)
    if threading.active_count() > 1:  # a fork would wait for ever for a thread that it does not have
        os._exit(1)


@contextmanager
def _silence() -> Iterator[None]:
    """Sends to nowhere what libraries say on being imported, from whatever language."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    before = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    try:
        for descriptor, _ in before:
            os.dup2(nowhere, descriptor)
        yield
    finally:
        for descriptor, kept in before:
            os.dup2(kept, descriptor)
            os.close(kept)
        os.close(nowhere)


if os.environ.get(VARIABLE):
    _import_all()
