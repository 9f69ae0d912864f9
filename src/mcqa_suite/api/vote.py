"""Several samples a question: majority, best-of-n, pass@n, and the right answers that were missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.voting import Ballots, Outcome, outcomes, read_ballots, read_scores
from mcqa_suite.api.saving import writing
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.logs.log_row import Columns
from mcqa_suite.logs.named_runs import named_path
from mcqa_suite.reporting import votes
from mcqa_suite.reporting.tables import csv_text, data_frame

if TYPE_CHECKING:
    import pandas as pd

    from mcqa_suite.analysis.voting.strategies import Floats

SCORED_BY = {"reward": "best of n by reward", "logprob": "best of n by log-probability"}


@dataclass(frozen=True, eq=False)
class VoteResult:
    """What each strategy scores at each number of samples; `runs` are the logs, with the scores of their samples."""

    outcomes: tuple[Outcome, ...]
    runs: tuple[tuple[Ballots, dict[str, Floats]], ...]

    def to_frame(self) -> pd.DataFrame:
        """A row for each run, strategy and n; accuracies and shares are fractions."""
        return data_frame(votes.outcome_records(self.outcomes))

    def text(self, style: str = "md") -> str:
        """The table as Markdown ("md"), with what each run missed, or as CSV ("csv")."""
        if style == "csv":
            return csv_text(votes.outcome_records(self.outcomes), digits=None)
        missed = [votes.failure_table(ballots, scores) for ballots, scores in self.runs]
        return "\n".join([votes.outcome_table(self.outcomes), *missed])

    def save(self, folder: str | Path, show: int = 20) -> None:
        """Write votes.md, votes.csv, votes.svg and a page a run that shows up to `show` missed questions."""
        folder = Path(folder)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for style in ("md", "csv"):
                (folder / f"votes.{style}").write_text(self.text(style), encoding="utf-8")
            votes.figure(self.outcomes, folder / "votes.svg")
            for ballots, scores in self.runs:
                safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in ballots.name)
                page = votes.reading_page(ballots, scores, show)
                (folder / f"{safe}.missed.md").write_text(page, encoding="utf-8", errors="backslashreplace")


def vote(
    *samples: str | Path,
    n: Sequence[int] = (1, 2, 4, 8),
    draws: int | None = None,
    reward: str | Path | None = None,
    logprob: str | Path | None = None,
    columns: Columns | None = None,
    seed: int = 0,
) -> VoteResult:
    """Vote on the samples of tasks with repeats: `samples_*.jsonl` files, folders of them, or NAME=PATH.

    `n` are the numbers of samples to score; those above a log's own number are left out, unless none remains. `draws` takes
    the first so many of each question's samples. `reward` and `logprob` name a checkpoint that scores the samples, or a file of
    scores. `columns` names the fields of other people's tasks. `seed` draws the subsets. Raises McqaError.
    """
    ns = sorted(set(n))
    if not ns or ns[0] < 1:
        raise ConfigError(f"--n {','.join(map(str, n))}: expected numbers from 1 up")
    if draws is not None and draws < 1:
        raise ConfigError(f"--draws {draws}: expected 1 or more")
    sources = {kind: Path(path) for kind, path in (("reward", reward), ("logprob", logprob)) if path is not None}
    done, runs = [], []
    for name, path in _logs(samples):
        ballots = read_ballots(path, name, columns, draws)
        scores = {SCORED_BY[kind]: _scores(kind, source, path, ballots) for kind, source in sources.items()}
        done += outcomes(ballots, [count for count in ns if count <= ballots.samples] or ns, scores, seed)
        runs.append((ballots, scores))
    return VoteResult(tuple(done), tuple(runs))


def _logs(samples: Sequence[str | Path]) -> list[tuple[str, Path]]:
    """(name, file) of every log: a folder stands for the sample logs below it."""
    logs = [log for text in samples for log in _logs_of(*named_path(str(text)))]
    names = [name for name, _ in logs]
    return [(str(file) if names.count(name) > 1 else name, file) for name, file in logs]


def _logs_of(name: str | None, path: Path) -> Iterator[tuple[str, Path]]:
    files = sorted(path.rglob("samples_*.jsonl")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise ConfigError(f"{path}: no samples there; give a samples_*.jsonl of lm_eval --log_samples, or its folder")
    for file in files:
        yield (name if name and len(files) == 1 else f"{name or ''} {_task(file)}".strip()), file


def _task(file: Path) -> str:
    """The task in `samples_<task>_<time>.jsonl`, else the file's own name."""
    stem = file.stem.removeprefix("samples_")
    return stem.rpartition("_")[0] if file.name.startswith("samples_") and "_" in stem else file.stem


def _scores(kind: str, source: Path, log: Path, ballots: Ballots) -> Floats:
    """The scores in a file, or those that a checkpoint gives, which are kept beside the log."""
    if source.is_dir():
        from mcqa_suite.backend import sample_scores
        from mcqa_suite.common.manifest import content_hash

        score = {"reward": sample_scores.score_with_reward, "logprob": sample_scores.score_with_logprob}[kind]
        source = score(source, ballots, log.with_name(f"{kind}-{content_hash(source)[:8]}.{log.stem}.jsonl"))
    elif not source.is_file():
        raise ConfigError(f"--{kind} {source}: no checkpoint folder and no file of scores there")
    return read_scores(source, ballots)
