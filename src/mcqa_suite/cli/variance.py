"""`mcqa variance`: tasks whose documents are drawn from templates."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError


def add(commands: Any) -> None:
    variance = commands.add_parser(
        "variance", help="GSM-Symbolic and symbolic_local: spread over draws, harder variants, single templates"
    )
    variance.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="what lm_eval --log_samples wrote; the first is what others are compared with",
    )
    variance.add_argument("--metric", default="acc", help="0 or 1 a document (default: acc)")
    variance.add_argument("--worst", type=int, default=20, metavar="N", help="templates to list a task (default: 20)")
    variance.add_argument("--format", choices=["md", "csv"], default="md")
    variance.add_argument("-o", "--output", type=Path, metavar="DIR", help="write variance.md, .csv and .svg")
    variance.set_defaults(run=_variance)


def _variance(args: argparse.Namespace) -> None:
    from collections import Counter

    from mcqa_suite.analysis.variance import read_drawn
    from mcqa_suite.logs.named_runs import named_path
    from mcqa_suite.reporting.variance import variance_csv, variance_report

    if args.worst < 0:
        raise ConfigError(f"--worst {args.worst}: expected 0 or more")
    given = [named_path(text) for text in args.runs]
    names = [name or path.absolute().name for name, path in given]
    counts = Counter(names)
    names = [name if counts[name] == 1 else str(path) for name, (_, path) in zip(names, given, strict=True)]
    runs = [read_drawn(name, path, args.metric) for name, (_, path) in zip(names, given, strict=True)]
    texts = {"md": variance_report(runs, args.worst), "csv": variance_csv(runs)}
    print(texts[args.format], end="")
    if args.output:
        _write(args.output, runs, texts)


def _write(folder: Path, runs: Any, texts: dict[str, str]) -> None:
    import matplotlib as mpl

    from mcqa_suite.reporting.figures import draws, style

    with mpl.rc_context(style.SETTINGS):
        plot = draws.draws(runs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, text in texts.items():
            (folder / f"variance.{kind}").write_text(text, encoding="utf-8")
        (folder / "variance.svg").write_bytes(style.svg(plot.figure, plot.name))
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose another --output") from error
