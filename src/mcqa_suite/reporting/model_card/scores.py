"""The scores of a model card: this model on each benchmark, and its parent where that was evaluated too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mcqa_suite.analysis.compare import bound_words, family_text, verdict_words
from mcqa_suite.analysis.leaderboard import Entry, Leaderboard, rung_leaderboard
from mcqa_suite.common.checkpoints import HUB_NAME
from mcqa_suite.logs.metrics import is_accuracy, is_share
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.same_run import run_files
from mcqa_suite.reporting.comparison_data import above_chance, difference_text
from mcqa_suite.reporting.tables import Table, interval_in_unit, percent
from mcqa_suite.reporting.task_names import readable
from mcqa_suite.stats import recovery

# The hub's names of metrics, where it has one
METRIC_TYPES = {"acc": "accuracy"}
METRIC_NAMES = {"acc": "accuracy", "acc_norm": "accuracy, normalised by length", "exact_match": "exact match"}
# As Inspect names the task of a hub's benchmark; with several tasks in its eval.yaml it adds the task's name once more
HUB_TASK = re.compile(rf"hf/({HUB_NAME.pattern})(?:@[\w.-]+)?((?:/[\w.-]+)+)")
SHARED = (
    "dataset_path",
    "dataset_name",
    "test_split",
    "generation_kwargs",
)  # settings of a task; of a group, where alike
HEADER = (
    *("benchmark", "questions", "parent %", "this model %", "difference (points)"),
    *("recovery %", "above chance %", "verdict"),
)
HARNESSES = {"lm_eval_version": "lm_eval", "inspect_ai_version": "inspect_ai"}


@dataclass(frozen=True)
class Scored:
    """A task or group with the scores of this model and its parent, and what the results file says of its questions.

    `config` is the task's; `whole` is the number of its questions where only some were asked (0: not recorded), None where all
    were. `date` is that of the evaluation.
    """

    own: Entry
    parent: Entry | None
    config: Mapping[str, Any]
    whole: int | None
    date: float | None
    harness: str

    @property
    def reason(self) -> str:
        """Why the score is not valid, this model's or its parent's; "" where both are."""
        return self.own.failed_check or (self.parent.failed_check if self.parent else "")

    @property
    def data_set(self) -> str | None:
        """The hub's name of the questions; None for a file, and for tasks of several data sets."""
        if match := HUB_TASK.fullmatch(self.own.column.name):
            return match[1]
        path = self.config.get("dataset_path")
        return path if isinstance(path, str) and HUB_NAME.fullmatch(path) else None


@dataclass(frozen=True)
class Scores:
    """The scores of a model; `parent` is the run that it is compared with, `families` what Holm's correction covers."""

    scored: tuple[Scored, ...]
    parent: str | None
    families: str


def scores_of(run: Run, parent: Run | None) -> Scores:
    """This model's scores on each group and each task outside them, by the metric that the task is judged by."""
    runs = [parent, run] if parent else [run]
    board = rung_leaderboard(runs, {run.name: parent.name if parent else None})
    files = run_files(run.path).files
    of_model, of_parent = board.rows[-1].entries, board.rows[0].entries
    scored = [
        _scored(own, other if parent else None, files)
        for own, other in zip(of_model, of_parent, strict=True)
        if own and own.column.main and not own.column.in_group
    ]
    return Scores(tuple(scored), parent.name if parent else None, _families(board))


def _families(board: Leaderboard) -> str:
    return family_text(board.families) if board.families else ""


def _scored(own: Entry, parent: Entry | None, files: Sequence[tuple[Any, Mapping[str, Any]]]) -> Scored:
    results = next((content for _, content in files if own.column.tasks[0] in content["configs"]), {})
    configs = [results.get("configs", {}).get(task, {}) for task in own.column.tasks]
    shared = {key: configs[0].get(key) for key in SHARED if len({str(config.get(key)) for config in configs}) == 1}
    counts = [results.get("n-samples", {}).get(task, {}) for task in own.column.tasks]
    whole, own_n = (sum(count.get(key) or 0 for count in counts) for key in ("original", "effective"))
    limited = whole > own_n or (results.get("config") or {}).get("limit") is not None
    harness = next((f"{name} {results[key]}" for key, name in HARNESSES.items() if results.get(key)), "")
    return Scored(own, parent, shared, whole if limited else None, results.get("date"), harness)


def score_table(scores: Scores) -> Table:
    """benchmark / parent / this model / recovery, with intervals and verdict; without a parent, the scores alone."""
    rows = [_cells(scored) for scored in scores.scored]
    return Table("", HEADER, rows, _notes(scores), left=1).without_empty_columns()


def _cells(scored: Scored) -> list[str]:
    own, row = scored.own, scored.own.change
    column = own.column
    name = column.title if column.metric == "acc" else f"{column.title} ({column.metric})"
    n = _questions(scored)
    score = interval_in_unit(row.change.variant if row else own.accuracy, column.metric)
    if scored.parent is None:
        return [name, n, "", score, "", "", "", f"**not valid**: {scored.reason}" if scored.reason else ""]
    above = interval_in_unit(row.change.base if row else scored.parent.accuracy, column.metric)
    if row is None or scored.reason:
        differs = f"not compared: {own.differs}" if own.differs else ""
        return [name, n, above, score, "", "", "", f"**not valid**: {scored.reason}" if scored.reason else differs]
    above_guessing = row.change.base.low > (row.chance or 0)  # else the share above chance is one of nearly nothing
    share = recovery(row.change.base.value, row.change.variant.value) if is_accuracy(row.metric) else None
    words = ": ".join(filter(None, [f"**{verdict_words(row)}**", bound_words(row)]))
    return [
        name,
        n,
        above,
        score,
        difference_text(row),
        percent(share),
        percent(above_chance(row)) * above_guessing,
        words,
    ]


def _questions(scored: Scored) -> str:
    """200 of 2,376; and of a group in which tasks are not valid, the tasks that are compared."""
    row, n = scored.own.change, scored.own.accuracy.n
    if row and row.left_out:
        return f"{row.n:,}, {len(row.members)} of {len(row.members) + len(row.left_out)} tasks"
    return f"{n:,}" + (f" of {scored.whole:,}" if scored.whole else " (a part)" if scored.whole == 0 else "")


def _notes(scores: Scores) -> list[str]:
    lines = ["Scores in % with 95 % intervals (Wilson)."]
    if scores.parent:
        lines = [
            f"In %, with 95 % intervals; the parent is {scores.parent}. Differences are question by question; after the verdict "
            f"stands the one-sided 95 % bound. *: p under .05 after Holm's correction over {scores.families}. Recovery is this "
            "model's score divided by the parent's; above chance, only what each scores above guessing counts."
        ]
    if any(scored.own.change and scored.own.change.change.fragile for scored in scores.scored):
        lines.append("†: so few answers changed that the interval is rough.")
    return lines


def model_index(name: str, scores: Scores) -> list[dict[str, Any]]:
    """The hub's `model-index`: valid scores on all questions of public data sets, as a percentage.

    The form is that of `huggingface_hub.repocard_data.eval_results_to_model_index`: one entry for each task and split.
    """
    results: dict[tuple[Any, ...], dict[str, Any]] = {}
    for scored in scores.scored:
        if scored.data_set is None or scored.whole is not None or scored.own.failed_check:
            continue
        config, split = scored.config.get("dataset_name"), scored.config.get("test_split")
        title = readable(scored.own.column.title).partition(",")[0]
        data = {"name": title, "type": scored.data_set, "config": config, "split": split}
        data = {key: value for key, value in data.items() if value is not None}
        task = {"type": "text-generation", "name": "Text Generation"}
        entry = results.setdefault((scored.data_set, config, split), {"task": task, "dataset": data, "metrics": []})
        entry["metrics"].append(_metric(scored))
    return [{"name": name, "results": list(results.values())}] if results else []


def _metric(scored: Scored) -> dict[str, Any]:
    column, estimate = scored.own.column, scored.own.accuracy
    scale = 100 if is_share(column.metric) else 1
    value, low, high = (round(scale * number, 2) for number in (estimate.value, estimate.low, estimate.high))
    counts = list(dict.fromkeys(column.shots))
    shots = counts[0] if len(counts) == 1 else "/".join(map(str, counts))
    names = [readable(column.title), METRIC_NAMES.get(column.metric, column.metric), f"{shots}-shot"]
    details = {"task": column.name, "num_fewshot": shots, "n": estimate.n, "low": low, "high": high, "level": 0.95}
    details |= {"harness": scored.harness} if scored.harness else {}
    kind = METRIC_TYPES.get(column.metric, column.metric)
    return {"type": kind, "value": value, "name": "; ".join(names), "args": details}


def hub_results(scores: Scores) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the content of each file of `.eval_results`, in the hub's form.

    Only runs of a benchmark's own protocol count: those that Inspect ran from the benchmark's eval.yaml, whole and valid. Their
    task is called hf/OWNER/NAME/TASK.
    """
    for scored in scores.scored:
        match = HUB_TASK.fullmatch(scored.own.column.name)
        if match is None or scored.whole is not None or scored.own.failed_check:
            continue
        data_set, task = match[1], match[2].rpartition("/")[2]
        value = round(100 * scored.own.accuracy.value, 2)
        entry: dict[str, Any] = {"dataset": {"id": data_set, "task_id": task}, "value": value}
        if scored.date is not None:
            entry["date"] = datetime.fromtimestamp(scored.date, UTC).date().isoformat()
        yield f"{data_set.replace('/', '--')}--{task}.yaml", entry
