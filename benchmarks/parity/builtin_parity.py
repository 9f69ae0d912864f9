"""The `mcqa_*_harness` tasks beside the harness's own tasks: every prompt, every score, on whole test sets.

    python benchmarks/parity/builtin_parity.py [--model DIR --limit 200] [--keep FOLDER]

Prompts, options and targets are compared with 0 and 5 examples, scores with a tiny random model. `--model` adds a real model on
`--limit` questions a set, and there our own formats beside the built-in task that is nearest to each. `--keep` stores what each
step gave; the same command goes on from there. Public data sets are read from $MCQA_SHARED/hub; SciQ (not to be
redistributed) and GPQA (gated) are made-up rows in their columns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any
from unittest import mock

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np  # noqa: E402
from helpers.dataset_rows import link_mirror, write_odd_rows  # noqa: E402
from helpers.locations import MMLU_SUBJECTS  # noqa: E402

from mcqa_suite.common.paths import hub_mirror, tasks_dir  # noqa: E402
from mcqa_suite.stats.paired import PairedTable, paired_difference  # noqa: E402

Row = dict[str, Any]
FOLDERS = ("mmlu/default", "mmlu/continuation", "arc", "openbookqa", "sciq", "gpqa/zeroshot")
MMLU = {f"mmlu_{subject}": f"mcqa_mmlu_stem_{subject}_harness" for subject in MMLU_SUBJECTS}
GPQA = {f"gpqa_{part}_zeroshot": f"mcqa_gpqa_{part}_harness" for part in ("main", "diamond", "extended")}
OTHERS = {name: f"mcqa_{name}_harness" for name in ("arc_easy", "arc_challenge", "openbookqa", "sciq")}
PAIRS = {**MMLU, **OTHERS, **GPQA}
# What is evaluated at once, so that each GPQA task has the first random numbers after the seed
RUNS = {"mmlu_stem": "mcqa_mmlu_stem_harness", **OTHERS, **GPQA}
NEAREST = {
    "mmlu_stem": "mcqa_mmlu_stem",
    "mmlu_stem_continuation": "mcqa_mmlu_stem_cloze",
    "arc_easy": "mcqa_arc_easy_cloze",
    "arc_challenge": "mcqa_arc_challenge_cloze",
    "openbookqa": "mcqa_openbookqa_cloze",
}
SHOTS, SEED, FEWSHOT_SEED = 5, 0, 1234  # the seeds are those of `lm_eval run`
MADE_UP, METRICS = 200, ("acc", "acc_norm")


@contextmanager
def data(folder: Path, mirror: Path) -> Iterator[None]:
    """Work in a copy of the mirror with made-up SciQ and GPQA beside it, where `datasets` takes a public name for the folder.

    Its cache is empty, as a cached shuffle of GPQA would be used again; and it is used, as GPQA would be shuffled at each access.
    """
    import datasets

    write_odd_rows(folder / "hub", MADE_UP)
    link_mirror(folder, mirror)
    with (
        mock.patch.dict(os.environ, {"MCQA_SHARED": str(folder)}),
        mock.patch.object(datasets.config, "HF_DATASETS_CACHE", folder / "cache"),
        chdir(folder / "hub"),
    ):
        yield


def both() -> Any:
    """The harness's own task manager, with the built-in tasks and ours."""
    from lm_eval.tasks import TaskManager

    builtin = resources.files("lm_eval") / "tasks"
    folders = [*(str(builtin / name) for name in FOLDERS), str(tasks_dir())]
    metadata = {"data": "hub"}  # so that both sides read the copy
    return TaskManager(include_path=folders, include_defaults=False, metadata=metadata)


def prompts(shots: int, limit: int | None = None, pairs: dict[str, str] = PAIRS) -> list[Row]:
    """Per pair: the number of documents, and in how many a prompt, an option or the target differs."""
    tasks = both()
    return [
        {"task": builtin, "n": len(theirs), "other": sum(a != b for a, b in zip(theirs, mine, strict=True))}
        for builtin, ours in pairs.items()
        for theirs, mine in [(asked(tasks, builtin, shots, limit), asked(tasks, ours, shots, limit))]
    ]


def asked(tasks: Any, name: str, shots: int, limit: int | None) -> list[tuple[Any, list[Any]]]:
    """Of each document: its target, and the prompt and continuation of each request."""
    random.seed(SEED)
    (task,) = tasks.load(name)["tasks"].values()
    if task.config.num_fewshot != 0:  # the harness ignores --num_fewshot where a YAML says 0
        task.set_config("num_fewshot", shots)
    task.set_fewshot_seed(FEWSHOT_SEED)
    task.build_all_requests(limit=limit)
    documents: dict[int, tuple[Any, list[Any]]] = {}
    for request in task.instances:
        documents.setdefault(request.doc_id, (task.doc_to_target(request.doc), []))[1].append(request.args)
    return list(documents.values())


def scores(lm: Any, limit: int | None = None, runs: dict[str, str] = RUNS) -> list[Row]:
    """Per pair of tasks: how many documents differ, and each side's results."""
    rows = []
    for builtin, ours in runs.items():
        rows += compared(evaluate(lm, builtin, limit), evaluate(lm, ours, limit), {**PAIRS, **RUNS})
    return rows


def evaluate(lm: Any, name: str, limit: int | None) -> Row:
    """The results and samples of a task, a group or a tag; of MMLU, as many of each subject as make `limit` together."""
    from lm_eval import simple_evaluate

    if limit and "mmlu" in name:
        limit = -(-limit // len(MMLU_SUBJECTS))
    return simple_evaluate(lm, tasks=[name], task_manager=both(), limit=limit, bootstrap_iters=1)


def compared(theirs: Row, mine: Row, names: dict[str, str]) -> list[Row]:
    """One row a task or group: documents with other log-likelihoods or scores, the largest difference, the results."""
    rows = []
    for task in theirs["results"]:
        first, second = theirs["samples"].get(task, []), mine["samples"].get(names[task], [])
        gaps = [np.abs(values(a) - values(b)).max() for a, b in zip(first, second, strict=True)]
        metrics = [metric for metric in METRICS if first and metric in first[0]]
        others = [any(a[m] != b[m] for m in metrics) for a, b in zip(first, second, strict=True)]
        figures = figures_of(theirs["results"][task]), figures_of(mine["results"][names[task]])
        rows.append(
            {
                "task": task,
                "n": len(first),
                "values": sum(bool(gap > 0) for gap in gaps),
                "scores": sum(others),
                "largest": float(max(gaps, default=0)),
                "theirs": figures[0],
                "same figures": figures[0] == figures[1],
            }
        )
    return rows


def values(sample: Row) -> np.ndarray:
    return np.array([float(value) for value, _ in sample["filtered_resps"]])


def figures_of(results: Row) -> dict[str, float]:
    """The metrics and standard errors of one task."""
    return {key.split(",")[0]: value for key, value in results.items() if isinstance(value, float)}


def nearest(lm: Any, limit: int) -> list[Row]:
    """Our own formats beside the nearest built-in task: the share of right answers, ours minus theirs."""
    rows = []
    for builtin, ours in NEAREST.items():
        right = [evaluate(lm, name, limit)["samples"] for name in (builtin, ours)]
        theirs, mine = ([sample for task in sorted(side) for sample in side[task]] for side in right)
        for metric in METRICS:
            if metric in theirs[0] and metric in mine[0]:
                first, second = (np.array([bool(row[metric]) for row in side]) for side in (theirs, mine))
                difference = paired_difference(PairedTable.of(first, second))
                shares = {"theirs": float(first.mean()), "ours": float(second.mean())}
                interval = [difference.value, difference.low, difference.high]
                rows.append({"task": builtin, "mine": ours, "metric": metric, "n": len(first), **shares, "d": interval})
    return rows


def tiny() -> Any:
    """A random Llama of two layers that reads bytes."""
    from helpers.prefix_models import random_model, tokenizer

    from mcqa_suite.backend.prefix.model import PrefixLM

    settings = {"batch_size": 16, "max_length": 4096, "device": "cpu", "cache": "off"}
    return PrefixLM(random_model("llama"), tokenizer=tokenizer(), **settings)


def real(model: str, dtype: str) -> Any:
    """The model, without a cache, so that each side computes its own log-likelihoods."""
    from mcqa_suite.backend.prefix.model import PrefixLM

    return PrefixLM(model, device="cpu", dtype=dtype, batch_size=16, cache="off")


def print_prompts(zero: Sequence[Row], five: Sequence[Row]) -> None:
    print("Prompts: documents in which a prompt, an option's text or the target differs.\n")
    print(f"| built-in task | ours | documents | differ, 0 shots | differ, {SHOTS} shots |\n|---|---|---:|---:|---:|")
    for row, more in zip(zero, five, strict=True):
        shots = "none allowed" if row["task"] in GPQA else more["other"]
        print(f"| {row['task']} | `{PAIRS[row['task']]}` | {row['n']} | {row['other']} | {shots} |")
    print(f"\nIn all: {sum(row['n'] for row in zero)} documents, {sum(row['other'] for row in (*zero, *five))} differ.")


def print_scores(title: str, rows: Sequence[Row]) -> None:
    print(f"\n{title}\n")
    print(
        "| built-in task | documents | other log-likelihoods | largest difference | other scores | acc %, stderr ",
        end="",
    )
    print("| acc_norm %, stderr | figures of ours |\n|---|---:|---:|---:|---:|---:|---:|---|")
    for row in rows:
        n = f"| {row['n']} | {row['values']} | {row['largest']:.1e} | {row['scores']} |" if row["n"] else "| | | | |"
        cells = [percent(row["theirs"], metric) for metric in METRICS]
        print(f"| {row['task']} {n} {' | '.join(cells)} | {'the same' if row['same figures'] else 'OTHER'} |")
    differ = sum(row["values"] or row["scores"] or not row["same figures"] for row in rows)
    print(f"\nIn all: {sum(row['n'] for row in rows)} documents, {differ} tasks or groups that differ.")


def percent(figures: dict[str, float], metric: str) -> str:
    shown = [f"{100 * figures[key]:.2f}" for key in (metric, f"{metric}_stderr") if key in figures]
    return " ± ".join(shown)


def print_nearest(rows: Sequence[Row]) -> None:
    print("\nOur own formats beside the nearest built-in task, with the same model and questions.\n")
    print("| built-in task | ours | questions | metric | built-in % | ours % | ours - built-in, points (95 %) |")
    print("|---|---|---:|---|---:|---:|---:|")
    for row in rows:
        value, low, high = (f"{100 * x:+.1f}" for x in row["d"])
        shares = f"{100 * row['theirs']:.1f} | {100 * row['ours']:.1f}"
        print(
            f"| {row['task']} | `{row['mine']}` | {row['n']} | {row['metric']} | {shares} | {value} ({low} to {high}) |"
        )


def kept(folder: Path, name: str, compute: Callable[[], list[Row]]) -> list[Row]:
    """The rows of a step, from the folder where it has run before."""
    path = folder / f"{name}.json"
    if not path.exists():
        rows = compute()
        path.write_text(json.dumps(rows), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a checkpoint")
    parser.add_argument("--limit", type=int, default=200, help="questions a set with --model")
    parser.add_argument("--dtype", default="float32", help="of that model")
    parser.add_argument("--keep", type=Path, help="a folder for what each step gave")
    args = parser.parse_args()
    mirror, keep = hub_mirror(), args.keep and args.keep.resolve()
    model = args.model and str(Path(args.model).resolve())
    if mirror is None:
        sys.exit("builtin_parity: no mirror of public data sets; set MCQA_SHARED to the folder that holds hub/")
    with tempfile.TemporaryDirectory() as scratch, data(Path(scratch), mirror):
        steps = keep or Path(scratch)
        steps.mkdir(exist_ok=True)
        earlier = sorted(path.stem for path in steps.glob("*.json"))
        print(f"SciQ and GPQA: {MADE_UP} made-up rows a set, in their columns; all else: whole public test sets.\n")
        print_prompts(*(kept(steps, f"prompts{shots}", lambda n=shots: prompts(n)) for shots in (0, SHOTS)))
        print_scores("Scores: a tiny random model, whole test sets.", kept(steps, "tiny", lambda: scores(tiny())))
        if args.model:
            lm = partial(real, model, args.dtype)
            rows = kept(steps, "real", lambda: scores(lm(), args.limit))
            print_scores(
                f"Scores: {Path(args.model).name} in {args.dtype}, {args.limit} questions a set (of MMLU "
                f"{-(-args.limit // len(MMLU_SUBJECTS))} a subject).",
                rows,
            )
            print_nearest(kept(steps, "nearest", lambda: nearest(lm(), args.limit)))
        if earlier:
            print(f"\nSteps of an earlier start, whose seconds are not counted: {', '.join(earlier)}.")


if __name__ == "__main__":
    main()
