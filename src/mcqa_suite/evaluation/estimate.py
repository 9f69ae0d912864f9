"""`mcqa eval --estimate`: what an evaluation will read and write, how long it will take and what memory it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcqa_suite.backend.costs import BYTES, STEP_SECONDS, machine_of, measure_machine, read_shape
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.evaluation.work import Work, answers_at_once, memory_of, seconds_of, work_of
from mcqa_suite.harness.tasks import leaves_of, load
from mcqa_suite.reporting.estimates import ESTIMATED, duration, price_words, spread
from mcqa_suite.reporting.tables import Table

HEADER = ("task", "documents", "requests", "tokens a request", "read", "written at most", "time", "memory GB")


def estimate_table(settings: Mapping[str, Any], tasks: Any, *, rate: float | None, tflops: float | None) -> Table:
    """A row for each task that the harness's `tasks` (a TaskManager) loads, then their sum.

    ConfigError where `settings` name no model of transformers.
    """
    arguments = settings.get("model_args") or {}
    if not (name := arguments.get("pretrained")):
        raise ConfigError("--estimate: needs a model of transformers; give --model_args pretrained=FOLDER_OR_HUB_NAME")
    shape, tokenizer = read_shape(str(name))
    dtype = str(arguments.get("dtype", "float32")).removeprefix("torch.")
    dtype = dtype if dtype in BYTES else "float32"
    batch = str(settings.get("batch_size"))
    sizes = {"size": BYTES[dtype], "batch": answers_at_once(int(batch) if batch.isdecimal() else 1)}
    machine = machine_of(tflops) if tflops else measure_machine(dtype)
    names = tasks.match_tasks(list(settings["tasks"]))
    options = {"limit": settings.get("limit"), "num_fewshot": settings.get("num_fewshot")}
    each = {
        leaf.task_name: work_of([leaf], tokenizer, gen_kwargs=settings.get("gen_kwargs"), **options)
        for leaf in leaves_of(load(names, tasks))
    }
    total = Work()
    for work in each.values():
        total += work
    rows = each | ({"all": total} if len(each) > 1 else {})
    lines = [
        [
            title,
            f"{work.documents:,}",
            f"{work.requests:,}",
            spread(work.lengths),
            f"{work.read:,}",
            f"{work.written:,}" if work.written else "",
            duration(seconds_of(work, shape, machine, **sizes)),
            f"{memory_of(work, shape, **sizes) / 1e9:.2f}",
        ]
        for title, work in rows.items()
    ]
    seconds = STEP_SECONDS + seconds_of(total, shape, machine, **sizes)
    return Table("", HEADER, lines, (f"About {duration(seconds)}{price_words(seconds, rate)}{ESTIMATED}",))
