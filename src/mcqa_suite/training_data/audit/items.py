"""Evaluation items: the documents of tasks, as the harness loads them and as its samples name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcqa_suite.harness.tasks import load_leaves, public_source
from mcqa_suite.logs.packing import document_hash
from mcqa_suite.questions.prompts import options
from mcqa_suite.questions.question import Question
from mcqa_suite.training_data.audit.visible import visible


@dataclass(frozen=True)
class Item:
    """A document: `doc_id` and `doc_hash` are those of the harness's samples, `id` the document's own.

    `shown` is the text of the options, `grids` the text of a whole grid task; `free` means that the task has no options.
    `source` is the public data set of its questions, if it is one.
    """

    task: str
    doc_id: int
    doc_hash: str
    id: str
    stem: str
    options: tuple[str, ...] = ()
    gold: str = ""
    shown: str = ""
    grids: str = ""
    free: bool = False
    source: str = ""


def items_of(names: Sequence[str], metadata: dict[str, Any] | None = None) -> list[Item]:
    """Every document of tasks and groups, each task once; McqaError names a task whose data cannot be loaded.

    `metadata` is the harness's, such as {"epfl_file": "questions.jsonl"}.
    """
    return [item for task in load_leaves(names, metadata) for item in items_of_task(task)]


def items_of_task(task: Any) -> list[Item]:
    """Every document of a task that is loaded."""
    source = public_source(vars(task.config))
    items = (item_of(task.task_name, number, doc, task.doc_to_text) for number, doc in enumerate(task.eval_docs))
    return [replace(item, source=source) for item in items]


def item_of(task: str, number: int, doc: Mapping[str, Any], render: Callable[[Any], Any] = str) -> Item:
    """A document as an item: its question and options without instructions, or the rendered prompt where it has neither."""
    item = Item(task, number, document_hash(doc), str(doc.get("id", number)), "")
    if "stem" in doc and "choices" in doc:
        choices, gold = tuple(doc["choices"]), doc["gold"][0]
        shown = options(Question(item.id, doc["stem"], choices, (gold,)))
        return replace(item, stem=doc["stem"], options=choices, gold=choices[gold], shown=shown)
    if "question" in doc:
        return replace(item, stem=str(doc["question"]), gold=str(doc.get("gold", "")), free=True)
    prompt = str(render(doc))
    if isinstance(grid := doc.get("output"), list):
        return replace(item, grids=f"{prompt}\n" + "\n".join(" ".join(map(str, row)) for row in grid))
    return replace(item, stem=prompt)


def visible_item(item: Item) -> Item:
    """The item as a reader sees it."""
    stem, gold, shown = visible(item.stem), visible(item.gold), visible(item.shown)
    return replace(item, stem=stem, gold=gold, shown=shown, options=tuple(map(visible, item.options)))
