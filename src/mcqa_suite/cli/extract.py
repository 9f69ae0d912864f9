"""`mcqa extract`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import add_columns, add_judge
from mcqa_suite.cli.terminal import print_markdown
from mcqa_suite.common.errors import ConfigError

DISAGREEMENTS = Path("disagreements")
EXAMPLES = (
    "mcqa extract runs/base/samples_mcqa_epfl_cot_2026-01-01T10-00-00.jsonl -o reread/",
    "mcqa extract runs/base --disagree lm-eval --disagree judge --judge http://localhost:8000/v1",
    "mcqa extract --label disagreements/disagreements.jsonl",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "samples",
        nargs="*",
        type=Path,
        metavar="SAMPLES.jsonl",
        help="sample log written by lm_eval --log_samples; with --disagree also a folder of them",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="a file or folder (default: <name>.reread.jsonl beside each log; with --disagree the folder disagreements)",
    )
    parser.add_argument(
        "--disagree",
        action="append",
        metavar="lm-eval|math-verify|judge",
        help="list the responses in which another reader reads something else: filters of lm-eval's own tasks, math-verify "
        "(extra: math) or a judge (extra: server); may be repeated",
    )
    parser.add_argument(
        "--label",
        type=Path,
        metavar="FILE.jsonl",
        help="label the responses that --disagree wrote, at the terminal, and print how often each reader is right; "
        "rerun to resume (default output: FILE.labels.jsonl)",
    )
    add_judge(parser)
    add_columns(parser)
    parser.set_defaults(run=run)


def run(samples: list[Path], disagree: list[str] | None, label: Path | None, **options: Any) -> int:
    if label:
        return run_label(label, options["output"], samples or disagree)
    if not samples:
        raise ConfigError("no sample log; give samples_*.jsonl as lm_eval --log_samples writes them")
    if disagree or options["judge"]:
        return run_disagree(samples, disagree or [], **options)
    return run_again(samples, **options)


def run_again(samples: list[Path], output: Path | None, **options: Any) -> int:
    from mcqa_suite.logs.rescore import rescore_all
    from mcqa_suite.reporting.rescored import rescored_tables

    logs = rescore_all(samples, output, _columns(options), report=_report)
    print_markdown(rescored_tables(logs))
    return int(any(log.broken for log in logs))


def run_disagree(samples: list[Path], readers: list[str], output: Path | None, **options: Any) -> int:
    from mcqa_suite.api.disagreements import disagreements

    folder = output or DISAGREEMENTS
    judge = {name: options[name] for name in ("judge", "judge_model", "parallel")}
    verdicts = folder / "verdicts.jsonl"
    columns = _columns(options)
    result = disagreements(*samples, readers=readers, verdicts=verdicts, columns=columns, report=_report, **judge)
    result.save(folder)
    print(f"{result.text()}\n{folder}: disagreements.html, disagreements.jsonl")
    return 0


def run_label(file: Path, output: Path | None, others: object) -> int:
    from mcqa_suite.api.answer_labels import label_answers

    if others:
        raise ConfigError(
            "--label: takes no sample logs and no --disagree; give the disagreements.jsonl that they wrote"
        )
    result = label_answers(file, output)
    print(f"\n{result.text()}\n{result.output}: {len(result.labelled)} labelled, {result.left} left")
    return 0


def _columns(options: dict[str, Any]) -> Any:
    from mcqa_suite.logs.log_row import Columns

    return Columns(options["kind"], options["choices"], options["gold"])


def _report(line: str) -> None:
    print(f"mcqa: {line}", file=sys.stderr)
