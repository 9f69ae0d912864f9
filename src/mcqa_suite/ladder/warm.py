"""Stages that start from a process which has imported their libraries already.

Importing torch, transformers, TRL and the harness takes ten seconds a stage, more than many a stage of a small model. A server
imports them once, and forks for each stage. On Linux without a GPU alone: what has looked at a GPU cannot be forked.
"""

from __future__ import annotations

import glob
import multiprocessing
import os
import runpy
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

from mcqa_suite.common.offline import obey
from mcqa_suite.ladder import preload, tether
from mcqa_suite.ladder.process import copy, environment_of, raise_for, run_process

VARIABLE = "MCQA_WARM"  # "off" starts every stage from nothing
GPUS = ("/dev/nvidia[0-9]*", "/dev/kfd", "/dev/dxg")
LIBRARIES = (
    "lm_eval.models.huggingface",
    "transformers.models.llama.modeling_llama",
    "mcqa_suite.evaluation.evaluate_checkpoint",
    "mcqa_suite.backend.prefix.model",
)
OF_KIND = {
    "sft": ("peft", "trl.trainer.sft_trainer"),
    "dpo": ("peft", "trl.trainer.dpo_trainer"),
    "reward": ("peft", "trl.trainer.reward_trainer"),
}  # GPTQModel starts threads when it is imported, and a fork has none of them
_STARTING = threading.Lock()


def possible() -> bool:
    """Whether this machine's stages can be forked."""
    told = os.environ.get(VARIABLE, "").lower() != "off"
    return told and sys.platform == "linux" and not any(glob.glob(pattern) for pattern in GPUS)


def start(kinds: Collection[str], environment: Mapping[str, str]) -> None:
    """Has a server import what stages of `kinds` need while this process goes on; nothing where it is not possible."""
    if possible():
        _serve(kinds, environment_of(environment))


def run_warm(
    command: Sequence[str],
    log: Path,
    name: str,
    label: str,
    environment: Mapping[str, str],
    keep: Sequence[int] = (),
    kinds: Collection[str] = (),
    tied: bool = False,
) -> None:
    """`process.run_process` of a script, or `-m` and a module: where possible in a fork of a server for stages of `kinds`.

    A `tied` one ends when this process does, however it ends.
    """
    if not possible():
        before = [tether.__file__, str(os.getpid())] if tied else []
        run_process([sys.executable, *before, *command], log, name, label, environment, keep)
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    settings = environment_of(environment)
    ours, theirs = os.pipe()
    held = [Connection(descriptor) for descriptor in (theirs, *map(os.dup, keep))]  # that can be sent to a process
    child = multiprocessing.get_context("forkserver").Process(target=_stage, args=(list(command), held, settings, tied))
    with log.open("wb", buffering=0) as stream, os.fdopen(ours, "rb") as source:
        try:
            _serve(kinds, settings)
            child.start()
        except (EOFError, ConnectionError):  # the server found that it cannot be forked
            os.environ[VARIABLE] = "off"
            return run_warm(command, log, name, label, environment, keep, tied=tied)
        finally:
            for each in held:
                each.close()
        try:
            end = copy(source, stream, label).decode(errors="replace")
            child.join()
        except BaseException:
            child.terminate()
            raise
    raise_for(child.exitcode or 0, end, name, log)


def _serve(kinds: Collection[str], settings: Mapping[str, str]) -> None:
    """Starts this process's server, if it has none, in the environment of its first stage, which the libraries read."""
    modules = [*LIBRARIES, *(module for kind in sorted(kinds) for module in OF_KIND.get(kind, ()))]
    with _STARTING:
        before = dict(os.environ)
        os.environ.update({**settings, preload.VARIABLE: " ".join(modules)})
        try:
            multiprocessing.get_context("forkserver").set_forkserver_preload([preload.__name__])
            forkserver.ensure_running()
        finally:
            os.environ.clear()
            os.environ.update(before)


def _stage(command: Sequence[str], held: Sequence[Connection], settings: Mapping[str, str], tied: bool) -> None:
    if tied:  # to the server, which ends with the process that started it
        tether.tie()
        if not (parent := multiprocessing.parent_process()) or not parent.is_alive():
            return
    for descriptor in (1, 2):
        os.dup2(held[0].fileno(), descriptor)
    held[0].close()  # the others stay open as long as this process lives
    os.environ.clear()
    os.environ.update(settings)
    obey()
    if (torch := sys.modules.get("torch")) and (threads := settings.get("OMP_NUM_THREADS", "")).isdigit():
        torch.set_num_threads(int(threads))  # it read the variable when it was imported
    if command[0] == "-m":
        sys.argv = list(command[1:])
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(command)
        sys.path.insert(0, str(Path(command[0]).parent))
        runpy.run_path(command[0], run_name="__main__")
