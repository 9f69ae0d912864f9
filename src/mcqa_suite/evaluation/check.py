"""`mcqa check TASK...`: render every document of a task, to find errors in its YAML before a model is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.harness.tasks import load_leaves, public_source
from mcqa_suite.questions.question import option_label


@dataclass(frozen=True)
class TaskCheck:
    """Facts about a task's documents. `options`: fewest and most; `golds`: counts of right options by position, empty for
    generated answers; `longest_prompt`: characters; `source`: the public data set; `file`: what was read, corrected
    and skipped in the user's file."""

    task: str
    n: int
    options: tuple[int, int]
    golds: dict[int, int]
    longest_prompt: int
    source: str = ""
    file: str = ""

    def __str__(self) -> str:
        low, high = self.options
        options = f"{low}-{high} options" if low != high else f"{low} options"
        shares = " ".join(f"{option_label(k)} {100 * v / self.n:.0f}%" for k, v in sorted(self.golds.items()))
        answers = f"{options}, gold {shares}" if self.golds else "generated answer"
        source = f", questions of {self.source}" if self.source else ""
        return f"{self.task}: {self.n} documents, {answers}, longest prompt {self.longest_prompt} characters{source}"


def check(names: Sequence[str], metadata: dict[str, Any] | None = None) -> list[TaskCheck]:
    """Render every document of every task. Raises DatasetError that names the first document that fails."""
    leaves = load_leaves(names, metadata)
    return [_check_task(task) for task in tqdm(leaves, desc="checking", disable=len(leaves) < 3)]


def _check_task(task: Any) -> TaskCheck:
    golds: Counter[int] = Counter()
    sizes, longest = [], 0
    for number, doc in enumerate(task.eval_docs):
        where = f"{task.task_name}: document {number}"
        try:
            text, target = task.doc_to_text(doc), task.doc_to_target(doc)
            choices = task.doc_to_choice(doc) if task.config.doc_to_choice else doc.get("choices", [])
        except Exception as error:
            raise DatasetError(f"{where}: {error}") from error
        if not isinstance(text, str) or not text.strip() or target in (None, "", []):
            raise DatasetError(f"{where}: the prompt or the target is empty")
        sizes.append(len(choices))
        longest = max(longest, len(text))
        if doc.get("gold") and isinstance(doc["gold"], list):
            golds[doc["gold"][0]] += 1
    file = getattr(task.dataset.get(task.config.test_split), "info", None)
    options, text = (min(sizes), max(sizes)), file.description if file else ""
    return TaskCheck(task.task_name, len(sizes), options, dict(golds), longest, public_source(vars(task.config)), text)
