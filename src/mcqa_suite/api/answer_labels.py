"""Label by hand the responses on which readers disagree, and score each reader by the labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.answer_labels import Labelled, label_by_hand, scores_by_reader
from mcqa_suite.logs.responses import read_file

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class AnswerLabelsResult:
    """The labelled responses of the file `output`, and how many are `left` without a label."""

    output: Path
    labelled: tuple[Labelled, ...]
    left: int

    @property
    def scores(self) -> dict[str, Counter[str]]:
        """By reader, the number of responses that are ok, wrong, none, fp and silent."""
        return scores_by_reader(self.labelled)

    def to_frame(self) -> pd.DataFrame:
        """A row for each reader with these numbers."""
        import pandas as pd

        names = ("ok", "wrong", "none", "fp", "silent")
        return pd.DataFrame(
            [{"reader": reader, **{name: count[name] for name in names}} for reader, count in self.scores.items()]
        )

    def text(self) -> str:
        """The shares of each reader as Markdown."""
        from mcqa_suite.reporting.disagreements import scores_table
        from mcqa_suite.reporting.tables import markdown

        return markdown(scores_table(self.scores))


def label_answers(file: str | Path, output: str | Path | None = None) -> AnswerLabelsResult:
    """Ask at the terminal which answer each response of `file` gives, and append the labels to `output`; call it again to resume.

    `file` is the disagreements.jsonl of `mcqa extract --disagree`; `output` is by default <name>.labels.jsonl beside it.
    Raises McqaError.
    """
    source = Path(file)
    target = Path(output) if output is not None else source.with_name(f"{source.stem}.labels.jsonl")
    labelled, left = label_by_hand(list(read_file(source)), target)
    return AnswerLabelsResult(target, tuple(labelled), left)
