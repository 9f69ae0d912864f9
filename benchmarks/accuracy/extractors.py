"""Compare our extractors with those of other libraries on the same labelled outputs.

    python benchmarks/accuracy/extractors.py [FOLDER ...]    # default: $MCQA_SHARED/corpora and its folder second

FOLDER holds *.jsonl or *.jsonl.gz with rows {id, kind: mcq | numeric | grid, choices, text, label}; label null means that the
output has no single answer. Prints two Markdown tables to stdout and progress to stderr: every tool on every set, and the
precision of each rule of ours over all sets. A set is counted again without the rows that labels_against_policy.txt lists; there
its name ends in "*".

Columns: ok (the labelled answer), wrong (another answer) and none (no answer) are percentages of the outputs with a label; fp
(an answer) is a percentage of the outputs without one. A result that is neither a label of the choices nor a number counts as
none. MB/s is processor time on one thread, for extraction alone. Each tool has --seconds for a set; if they run out, the
percentages are of the rows that were processed.

`pip install -e '.[bench]'` installs the other libraries; the table's foot names those that cannot be imported and why. lighteval
0.13 pins math-verify 0.5.2, nltk 3.9.1 and latex2sympy2_extended 1.0.6, so the extra changes the version of nltk: use a separate
environment. math-verify alone installs up to 0.9.

Each tool runs with its own configuration: lm-eval's filters are built from its own task YAMLs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import string
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from importlib.resources import files
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from precision_by_rule import precision_table
from tqdm import tqdm

from mcqa_suite.extract import extract_choice, extract_grid, extract_number

SHARED = Path(os.environ.get("MCQA_SHARED") or Path(__file__).resolve().parents[3] / "shared")
AGAINST_POLICY = Path(__file__).with_name("labels_against_policy.txt")
BATCH = 512  # rows in a timed call; lm-eval's multi_choice_regex spends 0.3 s on each call, however few the rows
Row = dict[str, Any]


def same_answer(row: Row, answer: Any) -> bool:
    """Whether an answer is the label; numbers by value."""
    if row["kind"] != "numeric":
        return bool(answer == row["label"])
    try:
        label = Fraction(str(row["label"]).replace(",", ""))
    except ValueError:  # a label in LaTeX: only a tool that judges by itself can match it
        return False
    return abs(Fraction(answer) - label) <= Fraction(1, 10**6)


@dataclass(frozen=True)
class Extractor:
    """`read` gives what a tool returns for each row, None for nothing; `meant` turns that into an answer, or None."""

    name: str
    kind: str
    read: Callable[[Sequence[Row]], Sequence[Any]]
    meant: Callable[[Row, Any], Any] = lambda row, value: value
    same: Callable[[Row, Any], bool] = same_answer


def labels(row: Row) -> str:
    return string.ascii_uppercase[: len(row["choices"] or "ABCD")]


def letter(row: Row, value: Any) -> str | None:
    """ "(B)." as B; None for what is no label."""
    bare = str(value).strip(string.punctuation + string.whitespace).upper()
    return bare if len(bare) == 1 and bare in labels(row) else None


def number(row: Row, value: Any) -> Fraction | None:
    """Text as a number; None for "..", "[invalid]"."""
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None


def each(read: Callable[[Row], Any]) -> Callable[[Sequence[Row]], Sequence[Any]]:
    return lambda rows: [read(row) for row in rows]


def ours() -> list[Extractor]:
    return [
        Extractor("ours", "mcq", each(lambda row: extract_choice(row["text"], row["choices"] or [""] * 4).answer)),
        Extractor("ours", "numeric", each(lambda row: extract_number(row["text"]).answer)),
        Extractor("ours", "grid", each(lambda row: extract_grid(row["text"]).answer)),
    ]


def lm_eval_filters() -> list[Extractor]:
    """Filters of the installed harness, as its own task YAMLs configure them."""
    flan = "mmlu/flan_cot_zeroshot/_mmlu_flan_cot_zeroshot_template_yaml"
    return [
        _task_filter("lm-eval mmlu_pro", "mcq", "mmlu_pro/_default_template_yaml", "custom-extract"),
        _task_filter("lm-eval flan strict", "mcq", flan, "strict-match"),
        _task_filter("lm-eval multi_choice_regex", "mcq", flan, "flexible-extract"),
        _task_filter("lm-eval gsm8k strict", "numeric", "gsm8k/gsm8k.yaml", "strict-match"),
        _task_filter("lm-eval gsm8k flexible", "numeric", "gsm8k/gsm8k.yaml", "flexible-extract"),
    ]


def _task_filter(name: str, kind: str, path: str, filter_name: str) -> Extractor:
    import re

    from lm_eval.api.registry import get_filter
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(Path(str(files("lm_eval") / "tasks" / path)), resolve_func=False)
    steps = next(item["filter"] for item in config["filter_list"] if item["name"] == filter_name)
    chain = [get_filter(step["function"])(**{k: v for k, v in step.items() if k != "function"}) for step in steps]
    ignored = config["metric_list"][0].get("regexes_to_ignore", [])

    def read(rows: Sequence[Row]) -> Sequence[Any]:
        values: Any = [[row["text"]] for row in rows]
        for step in chain:
            values = step.apply(values, [{"choices": row["choices"] or [""] * 4} for row in rows])
        return list(values)

    def meant(row: Row, value: Any) -> Any:
        for pattern in ignored:  # what the task's exact_match strips before it compares
            value = re.sub(pattern, "", value)
        return letter(row, value) if kind == "mcq" else number(row, value)

    return Extractor(name, kind, read, meant)


def math_verify() -> list[Extractor]:
    import math_verify as mv

    def strings(row: Row) -> Any:
        config = mv.StringExtractionConfig(strings=tuple(labels(row)))
        return next(iter(mv.parse(row["text"], [config], fallback_mode="no_fallback")), None)

    configs = [mv.LatexExtractionConfig(), mv.ExprExtractionConfig()]

    def expression(row: Row) -> Any:
        return mv.parse(row["text"], configs, fallback_mode="no_fallback") or None

    return [
        Extractor("math-verify strings", "mcq", each(strings), letter),
        Extractor(
            "math-verify latex + expr",
            "numeric",
            each(expression),
            same=lambda row, value: mv.verify(mv.parse(f"${row['label']}$", configs), value),
        ),
    ]


def lighteval() -> list[Extractor]:
    from lighteval.metrics.utils.extractive_match_utils import (
        IndicesExtractionConfig,
        extract_target_from_pred,
        lazy_indices_regex,
    )
    from lighteval.utils.language import Language

    def indices(anchored: bool) -> Callable[[Row], Any]:
        config = IndicesExtractionConfig("NativeLetters", try_extract_without_anchor=not anchored)

        def read(row: Row) -> Any:
            patterns = lazy_indices_regex(config, len(labels(row)), Language.ENGLISH)
            return next(iter(extract_target_from_pred(row["text"], [(patterns, config)])), None)

        return read

    return [
        Extractor("lighteval indices, anchored", "mcq", each(indices(True)), letter),
        Extractor("lighteval indices, unanchored", "mcq", each(indices(False)), letter),
    ]


TOOLS: dict[str, Callable[[], list[Extractor]]] = {
    "mcqa-suite": ours,
    "lm_eval": lm_eval_filters,
    "math-verify": math_verify,
    "lighteval": lighteval,
}


def load_tools() -> tuple[list[Extractor], list[str]]:
    """The extractors that can be imported, and a line for each tool."""
    extractors, lines = [], []
    for name, load in TOOLS.items():
        try:
            extractors += load()
        except ImportError as error:
            lines.append(f"{name} left out: {error}")
        else:
            lines.append(f"{name} {version(name)}")
    return extractors, lines


@dataclass(frozen=True)
class Count:
    """The results of a tool on a set, over the rows that it processed."""

    done: int
    ok: int
    wrong: int
    none: int
    fp: int
    without: int
    megabytes: float
    seconds: float
    failure: str = ""


def _work(extractor: Extractor, rows: Sequence[Row], pipe: Connection) -> None:
    """In a separate process: send (seconds, a verdict a row) for each batch, or an error message."""
    remaining = iter(rows)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # math-verify prints its failures
        try:
            while batch := list(islice(remaining, BATCH)):
                start = time.process_time()
                values = extractor.read(batch)
                seconds = time.process_time() - start
                pipe.send((seconds, [_verdict(extractor, *pair) for pair in zip(batch, values, strict=True)]))
            pipe.send(None)
        except Exception as error:
            pipe.send(f"stopped by {type(error).__name__}: {error}")


def _verdict(extractor: Extractor, row: Row, value: Any) -> str:
    answer = None if value is None else extractor.meant(row, value)
    if row["label"] is None:
        return "silent" if answer is None else "fp"
    return "none" if answer is None else "ok" if extractor.same(row, answer) else "wrong"


def count(extractor: Extractor, rows: Sequence[Row], limit: float) -> Count:
    """Runs a tool over a set until `limit` seconds have passed."""
    context = multiprocessing.get_context("fork")
    ours_end, their_end = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(extractor, rows, their_end), daemon=True)
    process.start()
    their_end.close()
    verdicts: list[str] = []
    seconds, failure, deadline = 0.0, "", time.perf_counter() + limit
    while ours_end.poll(max(0.0, deadline - time.perf_counter())):
        try:
            message = ours_end.recv()
        except EOFError:
            message = "its process died"
        if message is None or isinstance(message, str):
            failure = message or ""
            break
        seconds += message[0]
        verdicts += message[1]
    process.kill()
    process.join()
    tally = {key: verdicts.count(key) for key in ("ok", "wrong", "none", "fp", "silent")}
    return Count(
        done=len(verdicts),
        ok=tally["ok"],
        wrong=tally["wrong"],
        none=tally["none"],
        fp=tally["fp"],
        without=tally["fp"] + tally["silent"],
        megabytes=sum(len(row["text"]) for row in rows[: len(verdicts)]) / 1e6,
        seconds=seconds,
        failure=failure,
    )


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else "-"


def line(name: str, extractor: Extractor, rows: Sequence[Row], counted: Count) -> str:
    labelled = counted.ok + counted.wrong + counted.none
    cells = [
        name,
        extractor.name,
        str(len(rows)) if counted.done == len(rows) else f"{counted.done} of {len(rows)}",
        *(share(part, labelled) for part in (counted.ok, counted.wrong, counted.none)),
        share(counted.fp, counted.without),
        f"{counted.megabytes / counted.seconds:.2f}" if counted.seconds else "-",
    ]
    return f"| {' | '.join(cells)} |" + (f" {counted.failure}" if counted.failure else "")


def against_policy() -> set[str]:
    """The ids of the rows whose labels contradict the policy."""
    return {line for line in AGAINST_POLICY.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}


def read_sets(folders: Sequence[Path], against: set[str]) -> dict[str, list[Row]]:
    """The rows of each set, by its name; a set with rows that contradict the policy again without them, as "NAME *"."""
    sets: dict[str, list[Row]] = {}
    for path in sorted(path for folder in folders for path in (*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz"))):
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            name, rows = path.name.split(".")[0], [json.loads(line) for line in lines]
        sets[name] = rows
        agreeing = [row for row in rows if row["id"] not in against]
        if len(agreeing) < len(rows):
            sets[f"{name} *"] = agreeing
    return sets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[SHARED / "corpora", SHARED / "corpora" / "second"])
    parser.add_argument("--seconds", type=float, default=60, help="time limit of a tool on a set")
    args = parser.parse_args()
    against = against_policy()
    sets = read_sets(args.folders, against)
    if not sets:
        sys.exit(f"extractors: no *.jsonl in {', '.join(map(str, args.folders))}; give the folder of labelled outputs")
    extractors, tools = load_tools()
    pairs = [(name, e) for name, rows in sets.items() for e in extractors if e.kind == rows[0]["kind"]]
    lines = [
        "| set | extractor | rows | ok % | wrong % | none % | fp % | MB/s |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, extractor in (bar := tqdm(pairs)):
        bar.set_postfix_str(f"{name}, {extractor.name}")
        lines.append(line(name, extractor, sets[name], count(extractor, sets[name], args.seconds)))
    rows = [row for name, rows in sets.items() if not name.endswith(" *") for row in rows]
    print("\n".join([*lines, "", *tools, "", *precision_table(rows, against, same_answer)]))


if __name__ == "__main__":
    main()
