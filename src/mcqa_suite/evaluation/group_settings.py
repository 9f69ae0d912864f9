"""How each group is averaged, as `group_configs` in the results: the harness leaves it out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from mcqa_suite.evaluation import upstream
from mcqa_suite.logs.groups import SETTINGS


@contextmanager
def with_group_settings() -> Iterator[None]:
    """Have the harness's `evaluate` add the settings of its groups to the results, inside the block."""
    from lm_eval import evaluator

    if upstream.reports_groups():
        yield
        return
    original = evaluator.evaluate

    def evaluate(*args: Any, **settings: Any) -> Any:
        results = original(*args, **settings)
        if results is not None and (configs := group_configs(settings["task_dict"]["groups"])):  # in the first process
            results["group_configs"] = configs
        return results

    evaluator.evaluate = evaluate
    try:
        yield
    finally:
        evaluator.evaluate = original


def group_configs(groups: dict[str, Any]) -> dict[str, Any]:
    """The metrics that each group averages, and whether by size, by the group's name."""
    return {
        name: {SETTINGS: [asdict(metric) for metric in group.aggregate_metric_list]}
        for name, group in groups.items()
        if group.has_aggregation
    }
