"""The lineage at the top of a report: each model with what it was made from, its accuracy, its size and its bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcqa_suite.analysis.compare.lineage import lineage
from mcqa_suite.analysis.leaderboard import BoardRow, Entry, Leaderboard
from mcqa_suite.logs.origin import Origin
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.page_data import Page
from mcqa_suite.reporting.tables import change_in_unit, in_unit, number, unit
from mcqa_suite.reporting.task_names import readable

MOST = 24  # models
STAGES = {"sft": "SFT", "dpo": "DPO", "orpo": "ORPO", "gptq": "GPTQ", "bnb": "bitsandbytes", "merge": "merged"}


@dataclass(frozen=True)
class Node:
    """A model: how it was made, its score with the unit, its difference to the parent, and its size in words.

    `tone` is "better" or "worse" where the difference is significant.
    """

    name: str
    stage: str
    score: str
    size: str
    change: str = ""
    tone: str = ""
    children: tuple[Node, ...] = ()


def tree(page: Page) -> Node | None:
    """The base with what was made from it; None without a comparison, and for more than MOST models."""
    runs = [run for run in page.runs if run is not page.floor]
    if not (page.report and page.board and page.base) or not 1 < len(runs) <= MOST:
        return None
    line = lineage([page.base, *(run for run in runs if run is not page.base)])
    rows = {row.run.name: row for row in page.board.rows if row.kind != "noise floor"}
    if line.base is not page.base:
        line = lineage([page.base, *runs], to_first=True)

    def node(run: Run) -> Node:
        children = tuple(node(child) for child, parent in line.parents if parent is run)
        row = rows.get(run.name)
        score, (change, tone) = (_score(row, board), _change(row, board)) if row else ("", ("", ""))
        return Node(run.name, stage_words(run.origin), score, size_words(run.origin), change, tone, children)

    board = page.board
    return node(line.base)


def score_title(board: Leaderboard) -> str:
    """What the scores of the lineage are: "mean of 4 tasks", or the name of one task."""
    if any(row.macro for row in board.rows):
        return (
            f"mean of {len(board.ranked_by)} tasks" if len(board.ranked_by) > 1 else readable(board.ranked_by[0].title)
        )
    return f"{readable(board.ranked_by[0].title)} ({board.ranked_by[0].metric})" if board.ranked_by else ""


def _score(row: BoardRow, board: Leaderboard) -> str:
    if not board.ranked_by:
        return ""
    metric = board.ranked_by[0].metric
    entry = _only_entry(row, board)
    estimate = row.macro or (entry.accuracy if entry else None)
    return f"{in_unit(estimate.value, metric)}{unit(metric, ' %')}" if estimate else "–"


def _change(row: BoardRow, board: Leaderboard) -> tuple[str, str]:
    """The difference to the parent on the only task that models are ranked by, and its tone."""
    entry = _only_entry(row, board)
    if entry is None or entry.change is None or entry.change.verdict == "not valid":
        return "", ""
    difference = change_in_unit(entry.change.change.difference.value, entry.column.metric)
    return difference, entry.change.verdict if entry.change.verdict in ("better", "worse") else ""


def _only_entry(row: BoardRow, board: Leaderboard) -> Entry | None:
    return row.entries[board.columns.index(board.ranked_by[0])] if len(board.ranked_by) == 1 else None


def stage_words(origin: Origin) -> str:
    """SFT on 200 rows, or GPTQ, 4 bits; "" where no manifest says it."""
    name = STAGES.get(origin.kind, origin.kind)
    if origin.bits:
        return f"{name}, {origin.bits} bits"
    return f"{name} on {origin.rows:,} rows" if origin.rows else name


def size_words(origin: Origin) -> str:
    """118 MB, 6.8 bits/weight"""
    size, bits = origin.size_mb, origin.bits_per_weight
    megabytes = "" if size is None else f"{size / 1000:.2f} GB" if size >= 1000 else f"{size:.3g} MB"
    return ", ".join(filter(None, [megabytes, f"{number(bits, 1)} bits/weight" if bits else ""]))


def recipe_words(runs: Sequence[Run]) -> str:
    """SFT on 200 rows → GPTQ, 8, 4 and 2 bits; "" where no manifest says it. `runs` are in the order of the lineage.

    An arrow leads to what was made of the stage before it; a semicolon stands before what was not.
    """
    stages: list[list[Origin]] = []
    for origin in (run.origin for run in runs if run.origin.kind and run.origin.parents):
        nearest = stages[-1:] if not origin.bits else stages
        alike = [stage for stage in nearest if (stage[0].kind, bool(stage[0].bits)) == (origin.kind, bool(origin.bits))]
        if alike:
            alike[-1].append(origin)
        else:
            stages.append([origin])
    words = ""
    for stage, before in zip(stages, [[], *stages], strict=False):
        weights = {origin.checkpoint for origin in before}
        follows = all(origin.parents[0].content in weights for origin in stage)
        words += (" → " if follows else "; ") * bool(words) + _together(stage)
    return words


def _together(origins: Sequence[Origin]) -> str:
    if all(origin.bits for origin in origins):
        name = STAGES.get(origins[0].kind, origins[0].kind)
        return f"{name}, {listed(str(origin.bits) for origin in origins)} bits"
    return ", ".join(map(stage_words, origins))


def listed(words: Iterable[str]) -> str:
    """8, 4 and 2"""
    *first, last = dict.fromkeys(words)
    return f"{', '.join(first)} and {last}" if first else last
