"""`mcqa vote | orders`: several samples a question, and several orders of its options."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcqa_suite.common.errors import ConfigError

if TYPE_CHECKING:
    from mcqa_suite.analysis.voting import Ballots


def add(commands: Any) -> None:
    vote = commands.add_parser("vote", help="several samples a question: majority, best-of-n, pass@n, what was missed")
    vote.add_argument(
        "samples", nargs="+", metavar="SAMPLES", help="samples_*.jsonl of a task with repeats, its folder, or NAME=PATH"
    )
    vote.add_argument("--n", default="1,2,4,8", metavar="N,N,...", help="numbers of samples (default: 1,2,4,8)")
    vote.add_argument("--samples", dest="take", type=int, help="take so many of every question's samples")
    vote.add_argument(
        "--reward", metavar="CHECKPOINT|FILE", type=Path, help="best-of-n by a reward model, or its scores"
    )
    vote.add_argument("--logprob", metavar="CHECKPOINT|FILE", type=Path, help="best-of-n by sequence log-probability")
    vote.add_argument("--kind", choices=["letters", "numbers", "grids"], help="for documents of other people's tasks")
    vote.add_argument("--choices-key", help="their options: a column, several (A,B,C,D), or how many there are")
    vote.add_argument("--gold-key", help="the column of their right answer")
    vote.add_argument("--seed", type=int, default=0, help="of the subsets that are drawn (default: 0)")
    vote.add_argument("--show", type=int, default=20, help="questions a run on the reading page (default: 20)")
    vote.add_argument("--format", choices=["md", "csv"], default="md")
    vote.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write votes.md, .csv, .svg and a reading page a run"
    )
    vote.set_defaults(run=_vote)

    orders = commands.add_parser(
        "orders", help="what the order of options does: runs of mcqa_*_perm tasks side by side"
    )
    orders.add_argument("runs", nargs="+", metavar="RUN", help="the first is what the others are compared with")
    orders.add_argument("--format", choices=["md", "csv"], default="md")
    orders.set_defaults(run=_orders)


def _vote(args: argparse.Namespace) -> None:
    from mcqa_suite.analysis.voting import outcomes, read_ballots
    from mcqa_suite.logs.log_row import Columns
    from mcqa_suite.reporting import votes

    columns = Columns(args.kind, args.choices_key, args.gold_key)
    ns = _numbers(args.n)
    done, tables, pages = [], [], {}
    for name, path in _logs(args.samples):
        ballots = read_ballots(path, name, columns, args.take)
        scores = _scores(args, path, ballots)
        done += outcomes(ballots, [n for n in ns if n <= ballots.samples] or ns, scores, args.seed)
        tables.append(votes.failure_table(ballots, scores))
        pages[name] = votes.reading_page(ballots, scores, args.show)
    table = votes.outcome_csv(done) if args.format == "csv" else "\n".join([votes.outcome_table(done), *tables])
    print(table, end="")
    if args.output:
        _write(args.output, done, tables, pages)


def _orders(args: argparse.Namespace) -> None:
    from mcqa_suite.logs.named_runs import named_path
    from mcqa_suite.reporting.option_orders import order_csv, order_table, read_orders

    given = [named_path(text) for text in args.runs]
    found = [order for name, path in given for order in read_orders(name or path.absolute().name, path)]
    print(order_csv(found) if args.format == "csv" else order_table(found), end="")


def _write(folder: Path, done: Any, tables: list[str], pages: Mapping[str, str]) -> None:
    from mcqa_suite.reporting import votes

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "votes.md").write_text("\n".join([votes.outcome_table(done), *tables]), encoding="utf-8")
        (folder / "votes.csv").write_text(votes.outcome_csv(done), encoding="utf-8")
        votes.figure(done, folder / "votes.svg")
        for name, page in pages.items():
            safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
            (folder / f"{safe}.missed.md").write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose another --output") from error


def _numbers(text: str) -> list[int]:
    try:
        ns = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise ConfigError(f"--n {text}: expected whole numbers with commas between, e.g. 1,2,4,8") from error
    if not ns or ns[0] < 1:
        raise ConfigError(f"--n {text}: expected numbers from 1 up")
    return ns


def _logs(given: list[str]) -> list[tuple[str, Path]]:
    """(name, file) of every log: a folder stands for the sample logs below it."""
    from mcqa_suite.logs.named_runs import named_path

    found = []
    for text in given:
        name, path = named_path(text)
        files = sorted(path.rglob("samples_*.jsonl")) if path.is_dir() else [path]
        if not files or not files[0].is_file():
            raise ConfigError(
                f"{path}: no samples there; give a samples_*.jsonl of lm_eval --log_samples, or its folder"
            )
        found += [
            (name if name and len(files) == 1 else (f"{name} " if name else "") + _task(file), file) for file in files
        ]
    names = [name for name, _ in found]
    return [(str(file) if names.count(name) > 1 else name, file) for name, file in found]


def _task(file: Path) -> str:
    """The task in `samples_<task>_<time>.jsonl`, else the file's own name."""
    stem = file.stem.removeprefix("samples_")
    return stem.rpartition("_")[0] if file.name.startswith("samples_") and "_" in stem else file.stem


def _scores(args: argparse.Namespace, path: Path, ballots: Ballots) -> dict[str, Any]:
    from mcqa_suite.analysis.voting import read_scores

    found = {}
    for flag, strategy in (("reward", "best of n by reward"), ("logprob", "best of n by log-probability")):
        source: Path | None = getattr(args, flag)
        if source is None:
            continue
        if source.is_dir():
            from mcqa_suite.backend import sample_scores
            from mcqa_suite.common.manifest import content_hash

            cache = path.with_name(f"{flag}-{content_hash(source)[:8]}.{path.stem}.jsonl")
            score = sample_scores.score_with_reward if flag == "reward" else sample_scores.score_with_logprob
            source = score(source, ballots, cache)
        elif not source.is_file():
            raise ConfigError(f"--{flag} {source}: no checkpoint folder and no file of scores there")
        found[strategy] = read_scores(source, ballots)
    return found
