"""A ladder on a Ray cluster: each step is a task with CPUs and GPUs, which is restarted elsewhere when its worker is lost.

Only this file imports Ray, and only for --ray. A task runs what a step runs on this machine, a process with a log in the run
folder, so every node needs that folder (or a --store) and the base at the same path.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from mcqa_suite import __version__
from mcqa_suite.backend.gguf_file import is_gguf
from mcqa_suite.common.errors import ConfigError, McqaError, StageError
from mcqa_suite.ladder.recipe import Recipe
from mcqa_suite.ladder.stages import base_checkpoint
from mcqa_suite.ladder.steps import Call, Step, StepResult

START = "start one with `ray start --head`, or use --ray local"
# Ray reads these when it is imported and when it starts a node. With process groups, a node ends what a killed worker started;
# on a cluster that was started without that variable, the next attempt waits until the old process releases its lock.
VARIABLES = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_COLOR_PREFIX": "0", "RAY_process_group_cleanup_enabled": "1"}
RESTARTS = 3  # of a step whose worker is lost
SECONDS_TO_CONNECT, SECONDS_TO_CHECK, SECONDS_TO_STOP, SECONDS_BETWEEN_CHECKS = 5.0, 120.0, 20.0, 15.0
LOST = ("WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError", "OutOfMemoryError", "ObjectLostError")


@dataclass(frozen=True)
class Task:
    """A submitted step, and how many workers it has lost."""

    step: Step
    call: Call
    losses: int = 0


@contextmanager
def connected(address: str, recipe: Recipe, steps: Sequence[Step], shared: Path | None) -> Iterator[RayExecutor]:
    """The cluster at `address` ("auto": the one on this machine; "local": this machine's cores, for this run).

    ConfigError where it cannot be reached, a step needs more than any node has, or a node does not see `shared`, the run folder.
    """
    os.environ.update(VARIABLES | os.environ)
    import ray

    _connect(ray, address)
    try:
        executor = RayExecutor(ray, recipe)
        for step in steps:
            executor.check(step)
        with _marker(shared) if shared else nullcontext() as marker:
            # A converted base is in the run folder or in the store.
            _check_nodes(ray, None if is_gguf(recipe.base) else base_checkpoint(recipe), marker)
        yield executor
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    address = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    if address.startswith("ray://"):
        raise ConfigError(f"--ray {address}: run mcqa on a node of the cluster, with --ray auto")
    host, _, port = address.rpartition(":")
    try:
        if host:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), SECONDS_TO_CONNECT).close()
        local = {"include_dashboard": False} if address == "local" else {}
        ray.init(address, logging_level=logging.ERROR, log_to_driver=True, **local)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigError(f"--ray {address}: no Ray cluster can be reached ({reason}); {START}") from error


def _nodes(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


@contextmanager
def _marker(folder: Path) -> Iterator[Path]:
    """A temporary file in the run folder: a node that sees the folder sees the file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker = NamedTemporaryFile(prefix=".ray-", dir=folder)  # noqa: SIM115 - closed below
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose another --output") from error
    with marker:
        yield Path(marker.name)


def _check_nodes(ray: Any, base: Path | None, marker: Path | None) -> None:
    """ConfigError for a node that does not see the base or the marker, or has another version of this package."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task, paths = ray.remote(_missing), [path for path in (marker, base) if path]
    answers = []  # ask all nodes at once: each needs seconds to start a worker
    for node in _nodes(ray):
        strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        on_node = task.options(num_cpus=0, max_retries=0, scheduling_strategy=strategy)
        name = f"{node['NodeManagerHostname']}:{node['NodeID'][:6]}"  # a host may have several nodes
        answers.append((f"--ray: node {name}", on_node.remote(paths)))
    for where, answer in answers:
        try:
            missing, version = ray.get(answer, timeout=SECONDS_TO_CHECK)
        except ray.exceptions.RayError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise ConfigError(f"{where} cannot run a task: {reason}; look at its logs") from error
        if marker and marker in missing:
            remedy = "choose an --output that all nodes share, or give a --store"
            raise ConfigError(f"{where} does not see {marker.parent}; {remedy}")
        if missing:
            raise ConfigError(f"{where} does not see the base {base}; put it on a path that all nodes share")
        if version != __version__:
            raise ConfigError(f"{where} has mcqa-suite {version}, not {__version__}; install the same")


def _missing(paths: Sequence[Path]) -> tuple[list[Path], str]:
    """Runs on a node: the paths that do not exist there, and its version of mcqa-suite."""
    return [path for path in paths if not path.exists()], __version__


class RayExecutor:
    """Each step is a task that waits in the cluster for its resources; see `steps.Executor`."""

    def __init__(self, ray: Any, recipe: Recipe) -> None:
        self._ray, self._recipe = ray, recipe
        # One remote function: Ray starts the tasks of one function, but not of two, in the order of their submission.
        self._work = ray.remote(_work)
        self._lost = tuple(getattr(ray.exceptions, name) for name in LOST)
        # A step without num_gpus takes a GPU where there is one, as it does without Ray.
        self._gpus = float(any(node["Resources"].get("GPU") for node in _nodes(ray)))
        self._tasks: dict[Any, Task] = {}

    def _needs(self, step: Step) -> dict[str, float]:
        gpus = self._gpus * step.processes if step.gpus is None else step.gpus
        return {"num_cpus": step.cpus, "num_gpus": gpus}

    def check(self, step: Step) -> None:
        """ConfigError for a step that fits on no node."""
        needs = self._needs(step)
        nodes = [[node["Resources"].get(name, 0.0) for name in ("CPU", "GPU")] for node in _nodes(self._ray)]
        if not any(all(has >= need for has, need in zip(node, needs.values(), strict=True)) for node in nodes):
            need = ", ".join(f"{key}: {value:g}" for key, value in needs.items())
            have = "; ".join(f"{cpus:g} and {gpus:g}" for cpus, gpus in nodes)
            raise ConfigError(
                f"{self._recipe.path}: stage {step.name}: {need}, and the nodes of the Ray cluster have {have}; ask for less, or "
                "add a node"
            )

    def submit(self, step: Step, call: Call) -> None:
        self._start(Task(step, call))

    def _start(self, task: Task) -> None:
        work = self._work.options(name=task.step.name, max_retries=0, **self._needs(task.step))
        self._tasks[work.remote(task.call, os.getcwd(), _environment())] = task

    def next(self) -> tuple[Step, StepResult]:
        while True:
            ready, _ = self._ray.wait(list(self._tasks), timeout=SECONDS_BETWEEN_CHECKS)
            if not ready:
                for task in self._tasks.values():
                    self.check(task.step)  # the only node that it fits on may be gone
                continue
            task = self._tasks.pop(ready[0])
            try:
                result, node = self._ray.get(ready[0])
            except self._lost as error:
                self._restart(task, type(error).__name__)
                continue
            if isinstance(result, Exception):
                raise result
            return task.step, replace(result, status=f"{result.status}  on {node}")

    def _restart(self, task: Task, reason: str) -> None:
        if task.losses == RESTARTS:
            raise StageError(f"stage {task.step.name!r} failed: it lost {1 + RESTARTS} workers, the last by {reason}")
        n = task.losses + 1
        print(f"    {task.step.name}: its worker was lost ({reason}); restart {n} of {RESTARTS}", flush=True)
        self._start(replace(task, losses=n))

    def close(self) -> None:
        """Cancel the running tasks and wait for their processes to end."""
        for reference in self._tasks:
            self._ray.cancel(reference)
        if self._tasks:
            self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=SECONDS_TO_STOP)
        self._tasks.clear()


def _environment() -> dict[str, str]:
    """The variables to set in a worker; each node sets its own secrets, such as HF_TOKEN."""
    return {key: value for key, value in os.environ.items() if key.startswith("MCQA_") or key.endswith("_OFFLINE")}


def _work(call: Call, directory: str, environment: Mapping[str, str]) -> tuple[StepResult | Exception, str]:
    """Runs on a node: the result of a step, or its error if a user can fix it (Ray adds a traceback to a raised one)."""
    import ray

    os.environ.update(environment)
    with suppress(OSError):
        os.chdir(directory)
    node = f"{socket.gethostname()}:{ray.get_runtime_context().get_node_id()[:6]}"
    try:
        return call(), node
    except (McqaError, OSError) as error:
        return error, node
