"""A ladder on a Ray cluster: every step a task with its CPUs and GPUs, begun again elsewhere when its worker is lost.

Ray is imported in this file alone, and only where a cluster was asked for. A task runs what a step runs on this machine, a
process with a log in the run's folder, so every node has to see that folder, and the base, at the same path.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcqa_suite import __version__
from mcqa_suite.common.errors import ConfigError, McqaError, StageError
from mcqa_suite.ladder.checkpoints import base_checkpoint
from mcqa_suite.ladder.context import Done
from mcqa_suite.ladder.executors import Call
from mcqa_suite.ladder.graph import Step
from mcqa_suite.ladder.recipe import Recipe

INSTALL = "pip install 'mcqa-suite[ray]'"
START = "start one with `ray start --head`, or take --ray local"
LOSSES = 3  # of workers, that a step outlives
SECONDS_TO_REACH, SECONDS_TO_LOOK, SECONDS_TO_STOP = 5.0, 120.0, 20.0
LOST = ("WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError", "OutOfMemoryError", "ObjectLostError")


@dataclass(frozen=True)
class Task:
    """A step under way, and how many workers it has lost."""

    step: Step
    call: Call
    losses: int = 0


@contextmanager
def connected(address: str, recipe: Recipe, steps: Sequence[Step], shared: Path | None) -> Iterator[OnRay]:
    """The cluster at `address` ("auto": the one that runs here; "local": one of this machine's cores, for this run).

    ConfigError where it cannot be reached, a step asks for more than a node has, or a node does not see the run's folder, where
    that has to be `shared`.
    """
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_COLOR_PREFIX": "0"} | os.environ)  # read on import
    try:
        import ray
    except ImportError as error:
        raise ConfigError(f"--ray needs Ray: {INSTALL}") from error
    _connect(ray, address)
    try:
        way = OnRay(ray, recipe)
        for step in steps:
            way.check(step)
        with _mark(shared) if shared else nullcontext() as mark:
            _check_nodes(ray, base_checkpoint(recipe), mark)
        yield way
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    given = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    if given.startswith("ray://"):
        raise ConfigError(f"--ray {given}: run mcqa on a node of the cluster, with --ray auto")
    host, _, port = given.rpartition(":")
    try:
        if host:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), SECONDS_TO_REACH).close()
        local = {"include_dashboard": False} if given == "local" else {}
        ray.init(given, logging_level=logging.ERROR, log_to_driver=True, **local)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigError(f"--ray {given}: no Ray cluster can be reached ({reason}); {START}") from error


def _nodes(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _called(node: Mapping[str, Any]) -> str:
    """Host, and the beginning of the node's id, since a host may have several."""
    return f"{node['NodeManagerHostname']}:{node['NodeID'][:6]}"


@contextmanager
def _mark(folder: Path) -> Iterator[Path]:
    """A file in the run's folder that whoever sees the folder sees."""
    mark = folder / f".ray-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose another --output") from error
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


def _check_nodes(ray: Any, base: Path, mark: Path | None) -> None:
    """ConfigError for a node that does not see what this machine sees, or has another version of us."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    look, paths = ray.remote(_unseen), [mark, base] if mark else [base]
    asked = []  # all at once, for each takes the seconds that a worker needs to start
    for node in _nodes(ray):
        there = look.options(num_cpus=0, max_retries=0, scheduling_strategy=On(node["NodeID"], soft=False))
        asked.append((f"--ray: node {_called(node)}", there.remote(paths)))
    for where, answer in asked:
        try:
            unseen, version = ray.get(answer, timeout=SECONDS_TO_LOOK)
        except ray.exceptions.RayError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise ConfigError(f"{where} runs nothing of ours: {reason}; look at its logs") from error
        if mark in unseen and mark:
            remedy = "choose an --output that all nodes share, or give a --store"
            raise ConfigError(f"{where} does not see {mark.parent}; {remedy}")
        if unseen:
            raise ConfigError(f"{where} does not see the base {base}; put it on a path that all nodes share")
        if version != __version__:
            raise ConfigError(f"{where} has mcqa-suite {version}, not {__version__}; install the same")


def _unseen(paths: Sequence[Path]) -> tuple[list[Path], str]:
    """On a node: which of the paths are not there, and our version."""
    return [path for path in paths if not path.exists()], __version__


class OnRay:
    """Every step a task that waits in the cluster for its resources; see `ways.Way`."""

    holds_lock = False

    def __init__(self, ray: Any, recipe: Recipe) -> None:
        self._ray, self._recipe = ray, recipe
        # Once, for Ray begins the tasks of one function, but not of two, in the order of their submission.
        self._work = ray.remote(_work)
        self._lost = tuple(getattr(ray.exceptions, name) for name in LOST)
        # Where nothing is said, a step takes a GPU wherever there is one, as it does in order.
        self._gpus = float(any(node["Resources"].get("GPU") for node in _nodes(ray)))
        self._tasks: dict[Any, Task] = {}

    def _needs(self, step: Step) -> dict[str, float]:
        gpus = self._gpus * step.processes if step.gpus is None else step.gpus
        return {"num_cpus": step.cpus, "num_gpus": gpus}

    def check(self, step: Step) -> None:
        """ConfigError for a step that fits on no node."""
        needs, nodes = self._needs(step), _nodes(self._ray)
        has = [
            {key: node["Resources"].get(name, 0.0) for key, name in (("num_cpus", "CPU"), ("num_gpus", "GPU"))}
            for node in nodes
        ]
        if any(all(node[key] >= needs[key] for key in needs) for node in has):
            return
        for key, asked in needs.items():
            most = max((node[key] for node in has), default=0)
            if asked > most:
                raise ConfigError(
                    f"{self._recipe.path}: stage {step.name}: {key}: {asked:g}, and no node of the Ray cluster has more than "
                    f"{most:g}; ask for less, or add a node"
                )
        both = ", ".join(f"{key}: {asked:g}" for key, asked in needs.items())
        raise ConfigError(f"{self._recipe.path}: stage {step.name}: {both}: no node of the Ray cluster has both")

    def submit(self, step: Step, call: Call) -> None:
        self._start(Task(step, call))

    def _start(self, task: Task) -> None:
        work = self._work.options(name=task.step.name, max_retries=0, **self._needs(task.step))
        self._tasks[work.remote(task.call, os.getcwd(), _handed_on())] = task

    def next(self) -> tuple[Step, Done]:
        while True:
            ready, _ = self._ray.wait(list(self._tasks), timeout=15.0)
            if not ready:
                for task in self._tasks.values():
                    self.check(task.step)  # a node that went may have been the only one it fits on
                continue
            task = self._tasks.pop(ready[0])
            try:
                outcome, node = self._ray.get(ready[0])
            except self._lost as error:
                self._again(task, error)
                continue
            if isinstance(outcome, Exception):
                raise outcome
            return task.step, replace(outcome, said=f"{outcome.said}  on {node}")

    def _again(self, task: Task, error: Exception) -> None:
        reason = type(error).__name__
        if task.losses == LOSSES:
            raise StageError(f"stage {task.step.name!r} failed: it lost {1 + LOSSES} workers, the last by {reason}")
        print(f"    {task.step.name}: its worker was lost ({reason}); again, {task.losses + 1} of {LOSSES}", flush=True)
        self._start(replace(task, losses=task.losses + 1))

    def close(self) -> None:
        """Ends what is under way, and waits for its processes to be gone."""
        for reference in self._tasks:
            self._ray.cancel(reference)
        if self._tasks:
            self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=SECONDS_TO_STOP)
        self._tasks.clear()


def _handed_on() -> dict[str, str]:
    """What our own variables say here, a worker is told; secrets such as HF_TOKEN are each node's own."""
    return {key: value for key, value in os.environ.items() if key.startswith("MCQA_") or key.endswith("_OFFLINE")}


def _work(call: Call, directory: str, environment: Mapping[str, str]) -> tuple[Done | Exception, str]:
    """On a node: runs a step; what a user can mend is returned, so that Ray puts no traceback around it."""
    import ray

    os.environ.update(environment)
    vars(sys.modules["__main__"]).pop("__file__", None)  # or every process forked for a stage would run Ray's worker
    with suppress(OSError):
        os.chdir(directory)
    here = f"{socket.gethostname()}:{ray.get_runtime_context().get_node_id()[:6]}"
    try:
        return call(), here
    except (McqaError, OSError) as error:
        return error, here
