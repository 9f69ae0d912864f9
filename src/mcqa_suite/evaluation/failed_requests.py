"""Items without an answer from a model server: left out of means, marked in the sample log, counted in the results.

The harness expects an answer to every request, so this module wraps its `evaluate`: a document with a `Failed` among its
responses skips the task's filters and metrics. Its row in the log has no metric, and `failed` holds the reason. A harness that
does so itself (`upstream.leaves_failed_out`) gets its own marks in place of ours, and is only asked for its counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mcqa_suite.evaluation import upstream


@dataclass(frozen=True)
class Failed:
    """Takes the place of a response that never came."""

    reason: str

    def __str__(self) -> str:
        return f"[failed] {self.reason}"


def marked_for_harness(answers: list[Any]) -> list[Any]:
    """The answers with the harness's own mark in place of `Failed`, where it has one."""
    if not upstream.leaves_failed_out():
        return answers
    from lm_eval.api.failure import FailedResponse

    return [FailedResponse(answer.reason) if isinstance(answer, Failed) else answer for answer in answers]


FailedItems = dict[str, dict[str, Any]]  # by task: how many items failed, of how many, and how often for which reason


def failure_lines(failed: FailedItems) -> list[str]:
    """One line for each task with a failed item."""
    lines = []
    for task, counts in failed.items():
        reason, *others = sorted(counts["reasons"], key=counts["reasons"].get, reverse=True)
        more = f", and {len(others)} other reasons" if others else ""
        lines.append(
            f"{task}: {counts['items']} of {counts['of']} items got no answer ({reason}{more}); they are left out of scores and "
            "marked `failed` in the log; rerun with --use_cache FILE to request only the missing ones"
        )
    return lines


@contextmanager
def without_failed() -> Iterator[FailedItems]:
    """Make the harness leave failed documents out inside the block. The dict that it yields is filled when a run ends."""
    from lm_eval import evaluator

    original, failed = evaluator.evaluate, FailedItems()

    def counted(*args: Any, **settings: Any) -> Any:
        results = original(*args, **settings)
        failed.update((results or {}).get("failed", {}))
        return results

    def evaluate(*args: Any, **settings: Any) -> Any:
        tasks = settings["task_dict"]["tasks"]
        if hasattr(settings["lm"], "dbdict"):  # --use_cache
            settings["lm"].dbdict = _AnswersOnly(settings["lm"].dbdict)
        for task in tasks.values():
            _skip_failed(task)
        results = original(*args, **settings)
        if results is not None and (counts := _mark(results, tasks)):  # in the first process
            failed.update(counts)
            results["failed"] = counts
        return results

    evaluator.evaluate = counted if upstream.leaves_failed_out() else evaluate
    try:
        yield failed
    finally:
        evaluator.evaluate = original


class _AnswersOnly:
    """The harness's cache, but failures are not stored."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.commit = store.commit

    def __contains__(self, key: str) -> bool:
        return key in self._store

    def __getitem__(self, key: str) -> Any:
        return self._store[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(value, Failed):
            self._store[key] = value


def _skip_failed(task: Any) -> None:
    """Give a task's filters and metrics only items that have an answer."""
    apply, score = task.apply_filters, task.process_results

    def apply_filters() -> None:
        instances = task._instances
        failed = [instance for instance in instances if _reason(instance.resps)]
        task._instances = [instance for instance in instances if not _reason(instance.resps)]
        try:
            if task._instances:
                apply()
        finally:
            task._instances = instances
        for instance in failed:
            instance.filtered_resps |= {ensemble.name: instance.resps for ensemble in task._filters}

    task.apply_filters = apply_filters
    task.process_results = lambda doc, results: {} if _reason(results) else score(doc, results)


def _reason(responses: Iterable[Any]) -> str | None:
    """The reason of the first failure among (nested) responses; None if there is none."""
    for response in responses:
        if isinstance(response, Failed):
            return response.reason
        if isinstance(response, list) and (reason := _reason(response)):
            return reason
    return None


def _mark(results: dict[str, Any], tasks: dict[str, Any]) -> FailedItems:
    """Add `failed` to the rows of the log; return counts of failed items and their reasons by task."""
    failed = FailedItems()
    for name, task in tasks.items():
        reasons: dict[int, str] = {}
        for instance in task.instances:
            if reason := _reason(instance.resps):
                reasons.setdefault(instance.doc_id, reason)
        if reasons:
            of = len({instance.doc_id for instance in task.instances})
            failed[name] = {"items": len(reasons), "of": of, "reasons": dict(Counter(reasons.values()))}
        for row in results.get("samples", {}).get(name, ()):
            if reason := _reason(row["resps"]):
                row["failed"] = reason
    return failed
