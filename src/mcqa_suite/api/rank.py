"""Models ranked by a judge's verdicts on their responses to the same prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.analysis.ranking import Ranking
from mcqa_suite.analysis.ranking import rank as rank_verdicts
from mcqa_suite.api.saving import writing
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.reporting.ranking import csv_table, figure, markdown
from mcqa_suite.training_data.preferences.ranking import Entry, judged, read_entries


@dataclass(frozen=True, eq=False)
class RankResult:
    """A ranking; `alone` are the prompts that not every model answered, which are left out."""

    ranking: Ranking
    alone: tuple[str, ...]

    def text(self) -> str:
        """The table as Markdown."""
        return markdown(self.ranking)

    def save(self, folder: str | Path) -> None:
        """Write ranking.md, ranking.csv and ranking.svg."""
        folder = Path(folder)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "ranking.md").write_text(self.text() + "\n", encoding="utf-8")
            (folder / "ranking.csv").write_text(csv_table(self.ranking), encoding="utf-8")
            figure(self.ranking, folder / "ranking.svg")


def rank(
    *responses: str | Path,
    judge: str,
    verdicts: str | Path,
    judge_model: str | None = None,
    listwise: bool = False,
    embedding: str | None = None,
    parallel: int = 8,
    seed: int = 0,
) -> RankResult:
    """Ask the server at `judge` which response is better, and rank the models by its verdicts.

    `responses` are files of `mcqa preferences sample`, or NAME=FILE. The verdicts are appended to the file `verdicts`, from
    which the same call resumes. `listwise` shows all responses at once instead of two; `embedding` names an encoder for
    the similarity to the references; `seed` draws the order in which responses are shown. Raises McqaError.
    """
    from mcqa_suite.backend.endpoint import Endpoint

    entries, alone = read_entries([str(file) for file in responses])
    similarity = _similarity(entries, embedding) if embedding else None
    server = Endpoint(judge, judge_model)
    rows = judged(entries, server, Path(verdicts), listwise=listwise, seed=seed, parallel=parallel)
    return RankResult(rank_verdicts(rows, similarity, seed), alone)


def _similarity(entries: Sequence[Entry], embedding: str) -> dict[str, list[float]]:
    """Of each model's responses to the references, prompt by prompt."""
    referenced = [entry for entry in entries if entry.reference]
    if not referenced:
        raise ConfigError(
            "--embedding: no row has a reference to compare with; add a column 'reference' to the prompts"
        )
    from mcqa_suite.backend.embedding import Encoder

    encoder, references = Encoder(embedding), [entry.reference for entry in referenced]
    return {
        name: encoder.similarity([entry.responses[name] for entry in referenced], references)
        for name in entries[0].responses
    }
