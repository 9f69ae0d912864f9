"""The lineage at the top of a report: each model with what it was made from, its accuracy, its size and its bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from mcqa_suite.analysis.compare.lineage import lineage
from mcqa_suite.analysis.leaderboard import BoardRow, Leaderboard
from mcqa_suite.logs.origin import Origin
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.page_data import Page
from mcqa_suite.reporting.tables import in_unit, number, unit
from mcqa_suite.reporting.task_names import readable

MOST = 24  # models
STAGES = {"sft": "SFT", "dpo": "DPO", "orpo": "ORPO", "gptq": "GPTQ", "bnb": "bitsandbytes", "merge": "merged"}


@dataclass(frozen=True)
class Node:
    """A model: how it was made, its score with the unit, and its size in words."""

    name: str
    stage: str
    score: str
    size: str
    children: tuple[Node, ...] = ()


def tree(page: Page) -> Node | None:
    """The base with what was made from it; None without a comparison, and for more than MOST models."""
    runs = [run for run in page.runs if run is not page.floor]
    if not (page.report and page.board and page.base) or not 1 < len(runs) <= MOST:
        return None
    line, scores = lineage([page.base, *(run for run in runs if run is not page.base)]), _scores(page.board)
    if line.base is not page.base:
        line = lineage([page.base, *runs], to_first=True)

    def node(run: Run) -> Node:
        children = tuple(node(child) for child, parent in line.parents if parent is run)
        return Node(run.name, stage_words(run.origin), scores.get(run.name, ""), size_words(run.origin), children)

    return node(line.base)


def score_title(board: Leaderboard) -> str:
    """What the scores of the lineage are: "mean of 4 tasks", or the name of one task."""
    if any(row.macro for row in board.rows):
        return (
            f"mean of {len(board.ranked_by)} tasks" if len(board.ranked_by) > 1 else readable(board.ranked_by[0].title)
        )
    return f"{readable(board.ranked_by[0].title)} ({board.ranked_by[0].metric})" if board.ranked_by else ""


def _scores(board: Leaderboard) -> dict[str, str]:
    return {row.run.name: _score(row, board) for row in board.rows if row.kind != "noise floor"}


def _score(row: BoardRow, board: Leaderboard) -> str:
    if not board.ranked_by:
        return ""
    column = board.ranked_by[0]
    entry = row.entries[board.columns.index(column)]
    estimate = row.macro or (entry.accuracy if entry and len(board.ranked_by) == 1 else None)
    return f"{in_unit(estimate.value, column.metric)}{unit(column.metric, ' %')}" if estimate else "–"


def stage_words(origin: Origin) -> str:
    """SFT on 200 rows, or GPTQ, 4 bits; "" where no manifest says it."""
    name = STAGES.get(origin.kind, origin.kind)
    if origin.bits:
        return f"{name}, {origin.bits} bits"
    return f"{name} on {origin.rows:,} rows" if origin.rows else name


def size_words(origin: Origin) -> str:
    """118 MB, 6.8 bits"""
    size, bits = origin.size_mb, origin.bits_per_weight
    megabytes = "" if size is None else f"{size / 1000:.2f} GB" if size >= 1000 else f"{size:.3g} MB"
    return ", ".join(filter(None, [megabytes, f"{number(bits, 1)} bits" if bits else ""]))


def recipe_words(runs: Sequence[Run]) -> str:
    """SFT on 200 rows → GPTQ, 8, 4 and 2 bits; "" where no manifest says it. `runs` are in the order of the lineage."""
    origins = [run.origin for run in runs if run.origin.kind and run.origin.parents]
    return " → ".join(
        _together(list(same)) for _, same in groupby(origins, key=lambda origin: (origin.kind, not origin.bits))
    )


def _together(origins: Sequence[Origin]) -> str:
    if all(origin.bits for origin in origins):
        name = STAGES.get(origins[0].kind, origins[0].kind)
        return f"{name}, {listed(str(origin.bits) for origin in origins)} bits"
    return ", ".join(map(stage_words, origins))


def listed(words: Iterable[str]) -> str:
    """8, 4 and 2"""
    *first, last = dict.fromkeys(words)
    return f"{', '.join(first)} and {last}" if first else last
