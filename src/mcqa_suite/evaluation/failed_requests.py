"""Items that a model server gave no answer to: in no mean, marked in the sample log, counted in the results.

The harness knows answers alone, so this stands around its `evaluate`: a document with a `Failed` among its responses passes by
filters and metrics, of any task, ours or not. Its row in the log has no metric, and `failed` says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Failed:
    """What stands in the place of a response that never came."""

    reason: str

    def __str__(self) -> str:
        return f"[failed] {self.reason}"


@dataclass
class Lost:
    """By task: how many documents were asked, and the reasons of those that failed, one a document."""

    asked: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """One for each task that lost something."""
        found = []
        for task, reasons in self.reasons.items():
            (most, _), n = reasons.most_common(1)[0], reasons.total()
            more = f", and {len(reasons) - 1} other reasons" if len(reasons) > 1 else ""
            found.append(
                f"{task}: {n} of {self.asked[task]} items got no answer and are in no score, marked `failed` in the log "
                f"({most}{more}); with --use_cache FILE the same command asks for what is missing alone"
            )
        return found


@contextmanager
def failed_left_out() -> Iterator[Lost]:
    """For as long as it is open, the harness leaves failed documents out; yields what was lost."""
    from lm_eval import evaluator

    original, lost = evaluator.evaluate, Lost()

    def evaluate(*args: Any, **known: Any) -> Any:
        tasks = known["task_dict"]["tasks"]
        if hasattr(known["lm"], "dbdict"):  # --use_cache
            known["lm"].dbdict = _AnswersAlone(known["lm"].dbdict)
        for task in tasks.values():
            _pass_by(task)
        results = original(*args, **known)
        if results is not None:  # of the first process
            _mark(results, tasks, lost)
        return results

    evaluator.evaluate = evaluate
    try:
        yield lost
    finally:
        evaluator.evaluate = original


class _AnswersAlone:
    """The harness's cache, which would keep a failure as if it were the answer."""

    def __init__(self, kept: Any) -> None:
        self._kept = kept

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    def __getitem__(self, key: str) -> Any:
        return self._kept[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(value, Failed):
            self._kept[key] = value

    def commit(self) -> None:
        self._kept.commit()


def _pass_by(task: Any) -> None:
    """Makes a task's filters and metrics see answers only."""
    apply, score = task.apply_filters, task.process_results

    def apply_filters() -> None:
        every = task._instances
        failed = [instance for instance in every if _reason(instance.resps)]
        task._instances = [instance for instance in every if not _reason(instance.resps)]
        try:
            if task._instances:
                apply()
        finally:
            task._instances = every
        for instance in failed:
            instance.filtered_resps |= {one.name: instance.resps for one in task._filters}

    task.apply_filters = apply_filters
    task.process_results = lambda doc, results: {} if _reason(results) else score(doc, results)


def _reason(responses: Iterable[Any]) -> str | None:
    """Why the first failed one among them failed, at any depth; None where none did."""
    for response in responses:
        if isinstance(response, Failed):
            return response.reason
        if isinstance(response, list) and (found := _reason(response)):
            return found
    return None


def _mark(results: dict[str, Any], tasks: dict[str, Any], lost: Lost) -> None:
    """`failed` in the rows of the log, and by task in the results: how many, and why."""
    for name, task in tasks.items():
        reasons: dict[int, str] = {}
        for instance in task.instances:
            if reason := _reason(instance.resps):
                reasons.setdefault(instance.doc_id, reason)
        if reasons:
            lost.asked[name] = len({instance.doc_id for instance in task.instances})
            lost.reasons[name] = Counter(reasons.values())
            told = {"items": len(reasons), "of": lost.asked[name], "reasons": dict(lost.reasons[name])}
            results.setdefault("failed", {})[name] = told
        for row in results.get("samples", {}).get(name, ()):
            if reason := _reason(row["resps"]):
                row["failed"] = reason
