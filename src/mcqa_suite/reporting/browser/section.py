"""The sample browser: every document with the answers of each model, embedded in one page.

The data are lines of JSON, compressed with gzip and encoded in base64: one item per line (see items.py), then one line about
all of them. An item whose question appeared before has the number of that earlier item in its place.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mcqa_suite.logs.main_metric import main_metrics
from mcqa_suite.logs.runs import Run, with_filter
from mcqa_suite.questions.question import option_label
from mcqa_suite.reporting.browser.grids import gallery
from mcqa_suite.reporting.browser.items import QUESTION, Reader, Task, task_of
from mcqa_suite.reporting.task_names import readable
from mcqa_suite.reporting.templating import source, template

CHUNK = 32  # items that are added at once, before the size is checked
MOST_BUFFERED = 200_000  # bytes that the compressor has taken and not yet written, at most
# The last script needs the others.
SCRIPTS = ("browser_grids", "browser_address", "browser_texts", "browser_download", "browser_item", "browser")
STYLES = ("browser_grids", "browser")


@dataclass(frozen=True)
class Browser:
    """HTML, embedded data (base64, which needs no escaping), script and style sheet."""

    html: str
    data: str
    script: str
    css: str


def browser_section(
    runs: Sequence[Run],
    base_name: str | None,
    *,
    metric: str | None = None,
    size_limit: int = 4_000_000,
    parents: Sequence[Mapping[str, str]] = (),
) -> Browser | None:
    """Embed the documents of the base with all answers; None where the base has no documents.

    Without a base (`base_name` None) the documents are those of the first run, without transitions. `metric` says which score
    makes an answer right. `size_limit` is in bytes of `data`; documents on which the models differ are embedded first.
    `parents` has the parent of each variant by name, once for each way to compare, of which there are at most two (default: the
    base is everyone's parent).
    DatasetError where a log cannot be read again.
    """
    base = next((run for run in runs if base_name is None or run.name == base_name), None)
    if base is None or not base.tasks:
        return None
    ordered = [base, *(run for run in runs if run is not base)]
    metrics = main_metrics(base)
    ways = [_numbers(way, ordered) for way in parents or ({},)]
    tasks = [task_of(key, ordered, metric or metrics.get(key), ways) for key in base.tasks]
    total = sum(task.base.task.n for task in tasks)
    reader = Reader(tasks)
    about = {
        "models": [run.name for run in ordered],
        "base": base_name is not None,
        "parents": ways,
        "tasks": [[task.label, task.link, readable(task.label)] for task in tasks],
        "groups": _groups(base),
        "labels": [option_label(index) for index in range(max(_widest(task) for task in tasks))],
        "total": total,
    }
    packed, embedded = _packed(reader, about, size_limit * 3 // 4 - 2)
    data = base64.b64encode(packed).decode("ascii")
    script = "".join(source(f"{name}.js") for name in SCRIPTS)
    css = "".join(source(f"{name}.css") for name in STYLES)
    grids = [item for index, item in reader.grid_items if index < embedded]
    tables = gallery([item for item in grids if item], len(grids), about)
    html = template("browser.html.j2").render(embedded=embedded, total=total, models=len(ordered), gallery=tables)
    return Browser(html, data, script, css)


def _numbers(parents: Mapping[str, str], runs: Sequence[Run]) -> list[int]:
    """The number of each run's parent among the runs; -1 for the first, 0 (the base) where it is not among them."""
    names = {run.name: number for number, run in enumerate(runs)}
    return [-1, *(names.get(parents.get(run.name, ""), 0) for run in runs[1:])]


def _groups(base: Run) -> list[list[Any]]:
    """[name for people, name in an address, numbers of its tasks] of each group under each filter of its tasks."""
    keys = list(base.tasks)
    groups = []
    for group in base.groups.values():
        filters = dict.fromkeys(name for task, name in keys if task in group.tasks)
        for name in filters:
            members = [number for number, key in enumerate(keys) if key[0] in group.tasks and key[1] == name]
            title = with_filter(group.name, name, several=len(filters) > 1)
            groups.append([readable(title), group.name if len(filters) < 2 else f"{group.name}:{name}", members])
    return groups


def _widest(task: Task) -> int:
    """The most options of any document."""
    return int(task.base.task.samples.options.max())


def _packed(reader: Reader, about: dict[str, Any], limit: int) -> tuple[bytes, int]:
    """Compress as many items as fit into `limit` bytes, and the line about them; return the bytes and the number of items."""
    stream = zlib.compressobj(9, zlib.DEFLATED, 31)
    data, count = b"", 0

    def add(lines: Sequence[str]) -> bool:
        nonlocal stream, data, count
        trial = stream.copy()
        longer = data + trial.compress("".join(lines).encode("ascii"))
        fits = len(longer) + MOST_BUFFERED + len(_last_line(about, reader)) <= limit
        if not fits and len(longer) + len(_end(trial, about, reader)) > limit:  # which is slow
            return False
        stream, data, count = trial, longer, count + len(lines)
        return True

    lines = _lines(reader)
    while chunk := list(islice(lines, CHUNK)):
        if not add(chunk):
            any(not add([line]) for line in chunk)
            break
    return data + _end(stream, about, reader), count


def _end(stream: zlib._Compress, about: dict[str, Any], reader: Reader) -> bytes:
    last = stream.copy()
    return last.compress(_last_line(about, reader)) + last.flush()


def _last_line(about: dict[str, Any], reader: Reader) -> bytes:
    more = {kind: list(numbers) for kind, numbers in reader.names.items()} | {"grids": reader.grids}
    return json.dumps(about | more).encode("ascii")


def _lines(reader: Reader) -> Iterator[str]:
    """Items as JSON lines; a repeated question is replaced by the number of the first item that has it."""
    seen: dict[str, int] = {}
    for index, (item, question) in enumerate(reader.items()):
        first = seen.setdefault(question, index)
        if first != index:
            item[QUESTION] = first
        yield json.dumps(item, separators=(",", ":")) + "\n"
