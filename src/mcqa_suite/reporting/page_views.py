"""What the templates show of a comparison, once for each way to compare; the title and the line below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.analysis.compare import Comparison, ComparisonRow
from mcqa_suite.analysis.leaderboard import BoardRow, Entry, Leaderboard
from mcqa_suite.reporting import comparison_text, lineage_tree, provenance
from mcqa_suite.reporting.headlines import headlines, parts_of
from mcqa_suite.reporting.matrix import Matrix, matrix
from mcqa_suite.reporting.page_data import Page
from mcqa_suite.reporting.sentences import Sentence, noise_words, sentences

Rows = Sequence[ComparisonRow]


@dataclass(frozen=True)
class ShownView:
    """One way to compare, for the templates. `tables`: the rows of each headline, and of the tasks in it."""

    against: str
    board: Leaderboard
    sentences: Sequence[Sentence]
    noise: str
    matrix: Matrix
    margin: str
    tables: Sequence[tuple[Rows, Sequence[Rows]]]
    remarks: Sequence[tuple[str, list[str]]]

    @property
    def doubts(self) -> bool:
        return any(row.warnings or row.forced for rows, parts in self.tables for of in (rows, *parts) for row in of)


def shown_view(page: Page, comparison: Comparison, board: Leaderboard) -> ShownView:
    runs = [run for run in page.runs if run is not page.floor]
    tops = headlines(comparison)
    return ShownView(
        comparison.against,
        board,
        sentences(comparison, runs, provenance.mismatched(page.runs, comparison.parents)),
        noise_words(comparison),
        matrix(comparison, [run.name for run in runs]),
        f"{100 * comparison.margin:g} point{'s' * (comparison.margin != 0.01)}",
        [(rows, parts_of(comparison, rows)) for rows in tops],
        comparison_text.remarks(comparison),
    )


def changes_of(views: Sequence[ShownView], row: BoardRow, column: int) -> list[ComparisonRow | None]:
    """The difference of a model on a column of the leaderboard in each view."""
    rows = [next((other for other in view.board.rows if other.run is row.run), None) for view in views]
    entries = [other.entries[column] if other else None for other in rows]
    return [entry.change if entry else None for entry in entries]


def other_entries(page: Page, row: BoardRow) -> Sequence[Entry | None]:
    """The scores of a model under the metrics by which tasks are not judged."""
    if page.more is None:
        return ()
    return next(
        (other.entries for other in page.more.rows if other.run.name == row.run.name), (None,) * len(page.more.columns)
    )


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def titles(page: Page) -> tuple[str, str]:
    """The name of the base model, and the title of the page."""
    if page.report is None or page.base is None:
        return "", f"Leaderboard of {len(page.runs)} runs"
    model = Path(page.base.origin.source).name or page.base.name
    return model, f"{model} and what was made from it"


def subtitle(page: Page, dates: Iterable[str]) -> list[str]:
    """The recipe, what was done, and the days of the evaluations."""
    days = sorted({date[:10] for date in dates if date})
    parts = [f"Recipe {page.recipe}" if page.recipe else "", lineage_tree.recipe_words(page.runs)]
    if page.board:
        counts = sorted({entry.accuracy.n for row in page.board.rows for entry in row.entries if entry})
        numbers = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
        parts.append(f"{_number(len(page.board.columns), 'task')} of {numbers} questions")
    if days:
        parts.append(f"evaluated {days[0] if len(days) == 1 else f'{days[0]} to {days[-1]}'}")
    return [part for part in parts if part]
