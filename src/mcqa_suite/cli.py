"""The command line: `mcqa tasks | check | eval | extract | compare | table | report | run`.

Thin: every command is one call into the package.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcqa_suite import __version__
from mcqa_suite.errors import ConfigError, McqaError

EPILOG = """\
The tasks work without this command too:
  lm_eval --model hf --model_args pretrained=MODEL --tasks mcqa_epfl --include_path "$(mcqa tasks --path)"
"""


def build_parser() -> argparse.ArgumentParser:
    """Every command and flag."""
    parser = argparse.ArgumentParser(
        prog="mcqa",
        description="Evaluate a base model and everything made from it, and say honestly what changed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mcqa-suite {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    tasks = commands.add_parser("tasks", help="list the tasks, or print their folder")
    tasks.add_argument("--path", action="store_true", help="print the folder for lm_eval --include_path")
    tasks.set_defaults(run=_tasks)

    check = commands.add_parser("check", help="load tasks and render every document, without a model")
    check.add_argument("names", nargs="+", metavar="TASK")
    check.add_argument("--metadata", type=_json_object, default={}, help="JSON, as for lm_eval")
    check.set_defaults(run=_check)

    commands.add_parser(
        "eval", help="lm_eval with this suite's tasks on its path; every flag is the harness's own", add_help=False
    )

    extract = commands.add_parser("extract", help="read the answers of existing sample logs again, without the model")
    extract.add_argument("samples", nargs="+", type=Path, metavar="SAMPLES.jsonl", help="of lm_eval --log_samples")
    extract.add_argument("--output", type=Path, help="a file or folder (default: <name>.reread.jsonl beside each log)")
    extract.add_argument(
        "--kind", choices=["letters", "numbers", "grids"], help="for documents of other people's tasks"
    )
    extract.add_argument("--choices-key", help="their options: a column, several (A,B,C,D), or how many there are")
    extract.add_argument("--gold-key", help="the column of their right answer")
    extract.set_defaults(run=_extract)

    compare = commands.add_parser("compare", help="what changed between a base and its variants, and what it is worth")
    compare.add_argument(
        "base", metavar="BASE", help="what lm_eval --log_samples wrote: a folder, FOLDER@STAMP or NAME=FOLDER"
    )
    compare.add_argument("variants", nargs="+", metavar="VARIANT")
    compare.add_argument(
        "--tasks", default="*", metavar="GLOB", help="tasks and groups to compare, with commas between"
    )
    compare.add_argument("--metric", help="default: acc, else exact_match")
    compare.add_argument(
        "--cluster", metavar="FIELD", help="documents with one value of this field are not independent"
    )
    compare.add_argument("--margin", type=float, default=1.0, help="equivalence margin in points (default: 1)")
    compare.add_argument("--noise-floor", metavar="RUN", help="the base again under other conditions, e.g. batch size")
    compare.add_argument("--format", choices=["md", "csv", "latex", "json"], default="md")
    compare.add_argument(
        "--fail-if", choices=["worse"], help="exit 1 if a corrected difference is worse, 2 if one cannot be judged"
    )
    compare.add_argument("--force", action="store_true", help="compare although settings differ, and list them")
    compare.set_defaults(run=_compare)

    table = commands.add_parser("table", help="a leaderboard of runs: tasks, macro mean, size and speed")
    table.add_argument("runs", nargs="+", metavar="RUN")
    table.add_argument("--metric", help="default: acc, else exact_match")
    table.add_argument("--format", choices=["md", "csv", "latex"], default="md")
    table.set_defaults(run=_table)

    report = commands.add_parser("report", help="one HTML file that opens from disk: verdicts, leaderboard, figures")
    report.add_argument("runs", nargs="+", metavar="RUN")
    report.add_argument(
        "--base", metavar="RUN", help="what the others are compared with; without it a leaderboard alone"
    )
    report.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="default: report.html")
    report.add_argument("--noise-floor", metavar="RUN", help="the base again under other conditions, e.g. batch size")
    report.add_argument("--figures", type=Path, metavar="DIR", help="write the figures as SVG and PNG too")
    report.add_argument("--tasks", default="*", metavar="GLOB", help="tasks and groups to show, with commas between")
    report.set_defaults(run=_report)

    run = commands.add_parser("run", help="climb a ladder: train, quantise, evaluate, compare")
    run.add_argument("recipe", type=Path, help="YAML, e.g. training/configs/demo.yaml")
    run.add_argument("--output", type=Path, help="run folder (default: the recipe's)")
    run.set_defaults(run=_run)
    return parser


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, found {type(value).__name__}")
    return value


def _tasks(args: argparse.Namespace) -> None:
    from mcqa_suite.paths import tasks_dir

    if args.path:
        print(tasks_dir())
        return
    from mcqa_suite.harness.tasks import describe

    print("\n".join(describe()))


def _check(args: argparse.Namespace) -> None:
    from mcqa_suite.harness.check import check

    for line in check(args.names, args.metadata):
        print(line)


def _extract(args: argparse.Namespace) -> int:
    from mcqa_suite.recorded import Columns
    from mcqa_suite.reread import reread_all, table

    columns = Columns(args.kind, args.choices_key, args.gold_key)
    logs = reread_all(args.samples, args.output, columns, report=lambda line: print(f"mcqa: {line}", file=sys.stderr))
    print(table(logs))
    return int(any(log.broken for log in logs))


def _compare(args: argparse.Namespace) -> int:
    from mcqa_suite.compare import Options
    from mcqa_suite.report.commands import compare_runs

    if not 0 < args.margin < 100:
        raise ConfigError(f"--margin {args.margin:g}: expected points between 0 and 100")
    options = Options(args.tasks, args.metric, args.margin / 100, args.cluster, args.force)
    return compare_runs(
        args.base, args.variants, options, noise_floor=args.noise_floor, style=args.format, fail_if=args.fail_if
    )


def _table(args: argparse.Namespace) -> None:
    from mcqa_suite.report.commands import table_of

    table_of(args.runs, metric=args.metric, style=args.format)


def _report(args: argparse.Namespace) -> int:
    from mcqa_suite.report.html import report_command

    return report_command(
        args.runs,
        args.output,
        base=args.base,
        noise_floor=args.noise_floor,
        figures=args.figures,
        tasks=args.tasks,
    )


def _run(args: argparse.Namespace) -> None:
    from mcqa_suite.ladder import run
    from mcqa_suite.outcome import save_leaderboard, save_report

    result = run(args.recipe, output=args.output)
    print(f"\n{save_leaderboard(result)}\n{result.seconds:.0f} s; tables in {result.output}/leaderboard.md and .csv")
    print(save_report(result))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr for what a user can mend."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words[:1] or bool(os.environ.get("MCQA_DEBUG"))
    try:
        if "eval" in words[: 1 + debug]:
            from mcqa_suite.harness.launch import launch

            launch(words[words.index("eval") + 1 :])
        else:
            args = build_parser().parse_args(words)
            return int(args.run(args) or 0)
    except McqaError as error:
        if debug:
            raise
        print(f"mcqa: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mcqa: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
