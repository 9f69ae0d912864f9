"""Questions that a run answered several times: sampled again, with options in another order, or drawn from a template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.option_order import Order, read_orders
from mcqa_suite.analysis.variance import Drawn, read_drawn
from mcqa_suite.analysis.voting.ballots import Ballots, NoTextsError, read_ballots, read_scores
from mcqa_suite.analysis.voting.strategies import Outcome, outcomes
from mcqa_suite.common.checkpoints import HUB_NAME, verified_content
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.extras import naming_extras
from mcqa_suite.common.files import write_files
from mcqa_suite.logs.files import is_log, log_name, logs_of, task_of
from mcqa_suite.logs.integrity import Fault, fault_lines
from mcqa_suite.logs.log_row import Columns
from mcqa_suite.logs.named_runs import named_path, named_paths
from mcqa_suite.logs.runs import TaskRun, read_log
from mcqa_suite.reporting import votes
from mcqa_suite.reporting.option_orders import order_records, order_table
from mcqa_suite.reporting.tables import csv_text, data_frame
from mcqa_suite.reporting.variance import variance_records, variance_report

if TYPE_CHECKING:
    import pandas as pd

    from mcqa_suite.logs.samples import Floats

SCORED_BY = {"reward": "best of n by reward", "logprob": "best of n by log-probability"}


@dataclass(frozen=True, eq=False)
class VoteResult:
    """The score of each strategy at each number of samples; `runs` are the logs, with the scores of their samples.

    `faults`: what is wrong with the log of a run, by its name.
    """

    outcomes: tuple[Outcome, ...]
    runs: tuple[tuple[Ballots, dict[str, Floats]], ...]
    faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each log whose scores cannot be trusted."""
        return tuple(line for name, faults in self.faults.items() for line in fault_lines(name, faults, invalid=True))

    def to_frame(self) -> pd.DataFrame:
        """A row for each run, strategy and n; accuracies and shares are fractions."""
        return data_frame(votes.outcome_records(self.outcomes, self.faults))

    def text(self, style: str = "md") -> str:
        """The table as Markdown ("md"), with what each run missed, or as CSV ("csv")."""
        if style == "csv":
            return csv_text(votes.outcome_records(self.outcomes, self.faults), digits=None)
        missed = [votes.failure_table(ballots, scores) for ballots, scores in self.runs]
        return "\n".join(
            [votes.outcome_table(self.outcomes, self.faults, [ballots for ballots, _ in self.runs]), *missed]
        )

    def save(self, folder: str | Path, show: int = 20, distinct: tuple[int, int] | None = None) -> None:
        """Write votes.md, votes.csv, votes.svg, distinct.svg and a page for each run with up to `show` missed questions.

        `distinct`: only questions with so many distinct answers, from and to.
        """
        from mcqa_suite.reporting.figures import repeats

        files: dict[str, str | bytes] = {"votes.md": self.text(), "votes.csv": self.text("csv")}
        files["votes.svg"] = repeats.votes(self.outcomes)
        files["distinct.svg"] = repeats.distinct_answers([ballots for ballots, _ in self.runs])
        for ballots, scores in self.runs:
            safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in ballots.name)
            files[f"{safe}.missed.md"] = votes.reading_page(ballots, scores, show, distinct)
        write_files(Path(folder), files.items())


@naming_extras
def vote(
    *samples: str | Path,
    n: Sequence[int] = (1, 2, 4, 8),
    draws: int | None = None,
    reward: str | Path | None = None,
    logprob: str | Path | None = None,
    columns: Columns | None = None,
    seed: int = 0,
    filter: str | None = None,
) -> VoteResult:
    """Vote on the samples of tasks with repeats: `samples_*.jsonl` files, folders of them, or NAME=PATH.

    `n` are the numbers of samples to score; those above a log's own number are left out, unless none remains. `draws` uses
    only the first samples of each question. `reward` and `logprob` name a checkpoint that scores the samples, or a file of
    scores. `columns` names the fields of tasks outside this suite. `seed` draws the subsets. `filter` is the one whose answers
    count, where several filters logged them. Tasks of a folder that generated no text are passed over. Raises McqaError.
    """
    ns = sorted(set(n))
    if not ns or ns[0] < 1:
        raise ConfigError(f"--n {','.join(map(str, n))}: expected numbers from 1 up")
    if draws is not None and draws < 1:
        raise ConfigError(f"--draws {draws}: expected 1 or more")
    sources = {kind: Path(path) for kind, path in (("reward", reward), ("logprob", logprob)) if path is not None}
    logs = [log for text in samples for log in _logs_of(*named_path(str(text)))]
    names = [name for name, _ in logs]
    given = {named_path(str(text))[1] for text in samples}
    done: list[Outcome] = []
    runs: list[tuple[Ballots, dict[str, Floats]]] = []
    faults: dict[str, tuple[Fault, ...]] = {}
    for number, (name, path) in enumerate(logs, 1):
        try:
            ballots = read_ballots(path, str(path) if names.count(name) > 1 else name, columns, draws, filter)
        except NoTextsError:
            if path in given or (number == len(logs) and not runs):
                raise
            continue
        scores = {SCORED_BY[kind]: _scores(kind, source, path, ballots) for kind, source in sources.items()}
        done += outcomes(ballots, [count for count in ns if count <= ballots.samples] or ns, scores, seed)
        runs.append((ballots, scores))
        faults[ballots.name] = tuple(fault for log in _logs_read(path, filter)[:1] for fault in log.faults)
    return VoteResult(tuple(done), tuple(runs), faults)


def _logs_read(path: Path, filter_name: str | None) -> list[TaskRun]:
    return [log for log in read_log(path) if filter_name in (None, log.filter)]


def _logs_of(name: str | None, path: Path) -> Iterator[tuple[str, Path]]:
    """(name, file) of a sample log, or of those below a folder."""
    files = logs_of(path)
    if not files or not is_log(files[0]):
        raise ConfigError(f"{path}: no sample logs; give a samples_*.jsonl of lm_eval --log_samples, or its folder")
    for file in files:
        yield (name if name and len(files) == 1 else f"{name or ''} {task_of(file)}".strip()), file


def _scores(kind: str, source: Path, log: Path, ballots: Ballots) -> Floats:
    """The scores in a file, or those that a checkpoint gives, which are kept beside the log."""
    on_hub = not source.exists() and HUB_NAME.fullmatch(str(source)) is not None
    if source.is_dir() or on_hub:
        from mcqa_suite.backend import sample_scores

        score = {"reward": sample_scores.score_with_reward, "logprob": sample_scores.score_with_logprob}[kind]
        mark = str(source).replace("/", "--") if on_hub else verified_content(source)[:8]
        source = score(source, ballots, log.with_name(f"{kind}-{mark}.{log_name(log)}.jsonl"))
    elif not source.is_file():
        raise ConfigError(f"--{kind} {source}: not a checkpoint folder, a hub name (OWNER/NAME) or a file of scores")
    return read_scores(source, ballots)


@dataclass(frozen=True, eq=False)
class OrdersResult:
    """The effect of the order on each run and task."""

    rows: tuple[Order, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each log that cannot be trusted, and so has no effect."""
        return tuple(line for row in self.rows for line in row.problems)

    def to_frame(self) -> pd.DataFrame:
        """A row for each run and task; accuracies are fractions."""
        return data_frame(order_records(self.rows))

    def text(self, style: str = "md") -> str:
        """The table as Markdown ("md"), with differences to the first run, or as CSV ("csv")."""
        return csv_text(order_records(self.rows), digits=None) if style == "csv" else order_table(self.rows)


def orders(*runs: str | Path) -> OrdersResult:
    """Read runs of `mcqa_*_perm` tasks: folders, or NAME=PATH; the first is what the others are compared with."""
    return OrdersResult(tuple(row for name, path in named_paths(runs) for row in read_orders(name, path)))


@dataclass(frozen=True, eq=False)
class VarianceResult:
    """What each run scores over the draws of its templates."""

    runs: tuple[Drawn, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each log whose scores cannot be trusted."""
        return tuple(line for run in self.runs for line in run.problems)

    def to_frame(self) -> pd.DataFrame:
        """Every figure in a row of its own: what, run, task, name, value, low, high, n."""
        return data_frame(variance_records(self.runs))

    def text(self, style: str = "md", worst: int = 20) -> str:
        """Markdown ("md"), with the `worst` templates of each task, or CSV ("csv"), with all of them."""
        if worst < 0:
            raise ConfigError(f"--worst {worst}: expected 0 or more")
        if style == "csv":
            return csv_text(variance_records(self.runs), digits=None)
        return variance_report(self.runs, worst)

    def save(self, folder: str | Path, worst: int = 20) -> None:
        """Write variance.md, variance.csv and variance.svg."""
        from mcqa_suite.reporting.figures.repeats import draws

        texts = [("variance.md", self.text("md", worst)), ("variance.csv", self.text("csv"))]
        write_files(Path(folder), [*texts, ("variance.svg", draws(self.runs))])


def variance(*runs: str | Path, metric: str = "acc", filter: str | None = None) -> VarianceResult:
    """Read runs of GSM-Symbolic or symbolic_local tasks: folders, or NAME=PATH; the first is the one to compare with.

    `metric` must be 0 or 1 for each document; `filter` is the one whose scores count, where several filters read the answers.
    Raises DatasetError for a run without such a task.
    """
    return VarianceResult(tuple(read_drawn(name, path, metric, filter) for name, path in named_paths(runs)))
