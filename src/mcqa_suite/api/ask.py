"""Questions put to one model or two in a browser: the app of `mcqa ask`, and the folder for a Space."""

from __future__ import annotations

import socket
from pathlib import Path

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.extras import require

TASK, PORT, ADDRESS = "mcqa_arc_easy", 7860, "127.0.0.1"


def ask(
    checkpoint: str | Path,
    *,
    compare: str | Path | None = None,
    task: str = TASK,
    port: int = PORT,
    address: str = ADDRESS,
) -> None:
    """Serve the app at a port of this machine until it is interrupted.

    Questions are drawn from `task` to begin with. `compare` is a second checkpoint, which gets the same questions. Raises
    McqaError where a checkpoint cannot be loaded, the task is unknown, or another program uses the port.
    """
    names = _checked(checkpoint, compare, task)
    _check_port(address, port)
    from mcqa_suite.evaluation.ask.app import build, launch
    from mcqa_suite.evaluation.ask.model import load

    launch(build([load(name) for name in names], task), port, address)


def ask_space(
    folder: str | Path, checkpoint: str | Path, *, compare: str | Path | None = None, task: str = TASK
) -> None:
    """Write the folder of a Space with the app; checkpoints that are folders are copied into it. McqaError as `ask`."""
    names = _checked(checkpoint, compare, task)
    from mcqa_suite.evaluation.ask.space import write_space

    write_space(Path(folder), names, task)


def _checked(checkpoint: str | Path, compare: str | Path | None, task: str) -> list[str]:
    """The checkpoints, checked with the task before anything is loaded."""
    require("mcqa ask", "eval", "ask")
    from mcqa_suite.evaluation.ask.model import check_name
    from mcqa_suite.evaluation.ask.question import check_benchmark

    check_benchmark(task)
    names = [str(name) for name in (checkpoint, compare) if name is not None]
    for name in names:
        check_name(name)
    return names


def _check_port(address: str, port: int) -> None:
    if not 0 < port < 65536:
        raise ConfigError(f"--port {port}: expected a number from 1 to 65535")
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise ConfigError(f"--port {port}: cannot be used ({error.strerror}); give another") from error
