"""The processes of one run, as `accelerate launch` and `torchrun` start them: their numbers, and what they exchange.

The launcher sets each process's number and how many there are in its environment. torch is imported on use.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from mcqa_suite.common.errors import McqaError

VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
PATIENCE = timedelta(weeks=52)  # a process waits for the slowest; the launcher ends all of them where one fails
FAILED = "mcqa-suite: failed"
ONE_PROCESS = (
    "mcqa: accelerate launch --cpu starts one process, whatever --num_processes says; for more use --config_file "
    "training/configs/accelerate/cpu.yaml without --cpu, or torchrun --nproc_per_node N"
)


def world() -> int:
    """How many processes the launcher started."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def index() -> int:
    """The number of this process among them, from 0."""
    return int(os.environ.get("RANK") or 0)


def is_main() -> bool:
    """Whether this is the process that writes files and prints."""
    return index() == 0


def quiet() -> dict[str, str]:
    """The environment without progress bars, for every process but the main one; libraries read it when they are imported."""
    return {} if is_main() else {"TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


def go_on_alone() -> None:
    """For work that cannot be split: the main process goes on alone, the others exit."""
    if not is_main():
        sys.exit(0)
    for name in VARIABLES:
        os.environ.pop(name, None)


@contextmanager
def one_run() -> Iterator[None]:
    """The work of one command: the main process alone prints progress and warnings, and one process alone an error.

    Of several processes that fail, the first raises; the others, which it may have torn down, exit silently. Warns where
    accelerate started one process instead of several.
    """
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true") and "MASTER_PORT" in os.environ
    if on_cpu and world() == 1 and "OMPI_COMM_WORLD_SIZE" not in os.environ and "PMI_SIZE" not in os.environ:
        print(ONE_PROCESS, file=sys.stderr)  # accelerate does not say so itself
    os.environ.update(quiet())
    if not is_main():
        logging.disable(logging.WARNING)
        warnings.simplefilter("ignore")
    try:
        yield
    except Exception:
        if world() > 1 and not _first_to_fail():
            sys.exit(2)
        raise
    if world() > 1:
        import torch

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _first_to_fail() -> bool:
    """Count failures in the store through which the processes found each other; True where it is gone."""
    import torch

    try:
        store = torch.distributed.TCPStore(
            os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False, timeout=timedelta(seconds=5)
        )
        return bool(store.add(FAILED, 1) == 1)
    except (KeyError, ValueError, RuntimeError):
        return True


@cache
def _group() -> Any:
    """The processes as a group whose messages go through the CPU."""
    import torch
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    return torch.distributed.new_group(backend="gloo", timeout=PATIENCE)


def join() -> None:
    """Wait for all processes; called in each of them, before a model asks accelerate for their numbers."""
    if world() > 1:
        _group()


def gathered(value: Any) -> list[Any]:
    """The values of all processes, in their order, in each of them."""
    if world() == 1:
        return [value]
    import torch

    values: list[Any] = [None] * world()
    try:
        torch.distributed.all_gather_object(values, value, group=_group())
    except RuntimeError as error:
        raise McqaError(f"another of the {world()} processes ended: {' '.join(str(error).split())}") from error
    return values
