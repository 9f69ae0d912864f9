"""Write every table, figure and the report of this folder from the logs in runs/: `make results`, about two minutes.

The logs were made by the commands in README.md and packed by `mcqa pack`; no model is run here.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

import matplotlib as mpl

import mcqa_suite
from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.common.files import write_file, write_files
from mcqa_suite.common.manifest import MANIFEST, TRAINING_LOG, read_manifest
from mcqa_suite.ladder import outputs
from mcqa_suite.ladder.recipe import BASE, read_recipe
from mcqa_suite.ladder.steps import LadderResult, RungResult
from mcqa_suite.logs.files import results_files
from mcqa_suite.logs.results import load_results
from mcqa_suite.logs.same_run import sample_logs
from mcqa_suite.reporting.figures import files
from mcqa_suite.reporting.figures.sizes import against_size
from mcqa_suite.reporting.figures.style import SETTINGS
from mcqa_suite.reporting.headlines import headlines
from mcqa_suite.reporting.html import write_report
from mcqa_suite.reporting.rung_table import chosen_columns
from mcqa_suite.reporting.tables import Table, markdown, percent

HERE = Path(__file__).parent
LADDER, NOISE = HERE / "runs" / "smollm2", HERE / "runs" / "base-again"
SPEED = HERE / "runs" / "speed.json"
VOTED = "mcqa_arc_easy_cot_n8"
RECIPE = "training/configs/smollm2.yaml"
NOISE_COMMAND = "mcqa eval --model_args pretrained=BASE --batch_size 8 ..., as README.md has it"
QUANTISED = ("gptq", "bnb")
CLOZE = ("mcqa_arc_easy_cloze", "mcqa_arc_challenge_cloze", "mcqa_openbookqa_cloze")  # which every rung answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=HERE, metavar="DIR")
    parser.add_argument("--tables", action="store_true", help="the tables alone, without figure and report")
    args = parser.parse_args()
    output: Path = args.output
    result = ladder(output)
    evaluated = {rung.name: rung.evaluation for rung in result.rungs if rung.evaluation}
    head = made_by(f"mcqa run {RECIPE}", evaluated.values())

    board = outputs.board_of(result)
    outputs.save_leaderboard(result, board)
    outputs.save_training(result)
    for name in ("leaderboard.md", "training.md"):
        write_file(output / name, head + (output / name).read_text(encoding="utf-8"))
    write_file(output / "quantisation.md", head + quantisation(result, board))

    runs = [f"{name}={folder}" for name, folder in evaluated.items()]
    floor = f"base-again={NOISE}"
    if not args.tables:
        draw(runs, floor, result, board, output)
    noise = mcqa_suite.compare(runs[0], floor, tasks=",".join(CLOZE)).text(full=True)
    write_file(output / "noise.md", made_by(NOISE_COMMAND, [NOISE]) + noise)

    evaluations = "runs/smollm2/evaluations"
    with_orders = [f"{name}={evaluated[name]}" for name in (BASE, "sft")]
    head = made_by(f"mcqa orders {evaluations}/base {evaluations}/sft", (evaluated[BASE], evaluated["sft"]))
    write_file(output / "option_order.md", head + mcqa_suite.orders(*with_orders).text())
    log = sample_logs(evaluated["sft"])[VOTED]
    votes = mcqa_suite.vote(f"sft={log}", reward=next(log.parent.glob("reward-*.jsonl")))
    head = made_by(f"mcqa vote {evaluations}/sft/4 --reward runs/smollm2/checkpoints/reward", [evaluated["sft"]])
    write_file(output / "votes.md", head + votes.text())


def draw(runs: list[str], floor: str, result: LadderResult, board: Leaderboard, output: Path) -> None:
    """What the quantised rungs lost against their size, as a figure; and the report."""
    comparison = mcqa_suite.compare(*runs, tasks=",".join(CLOZE)).comparison
    groups = [[row for row in rows if row.parent == "sft" and row.variant != "dpo"] for rows in headlines(comparison)]
    with mpl.rc_context(SETTINGS):
        plot = against_size(comparison, groups, [row.run for row in board.rows])
    if plot:
        write_files(output, files([plot]))
    logs = {rung.name: rung.checkpoint / TRAINING_LOG for rung in result.rungs}
    write_report(runs, output / "report.html", noise_floor=floor, logs=logs)


def ladder(output: Path) -> LadderResult:
    """The rungs of the recipe that have been made, in its order."""
    recipe = read_recipe(HERE.parent / RECIPE)
    names = [BASE, *(stage.name for stage in recipe.stages)]
    made = [name for name in names if (LADDER / "checkpoints" / name / MANIFEST).is_file()]
    return LadderResult(recipe, output, tuple(rung(name) for name in made), seconds=0.0)


def rung(name: str) -> RungResult:
    checkpoint, evaluation = LADDER / "checkpoints" / name, LADDER / "evaluations" / name
    record = evaluation / "rung.json"
    if not record.is_file():
        return RungResult(name, checkpoint, read_manifest(checkpoint), None, None)
    content = json.loads(record.read_text(encoding="utf-8"))
    return RungResult(name, checkpoint, read_manifest(checkpoint), evaluation, content)


def made_by(command: str, folders: Iterable[Path]) -> str:
    """The head of a file: the command, and the dates, commits, machines and versions of the evaluations in `folders`."""
    folders = list(folders)
    results = [load_results(path) for folder in folders for path in results_files(folder)]
    dates = sorted({f"{datetime.fromtimestamp(each['date'], UTC):%Y-%m-%d}" for each in results})
    commits = sorted({each["git_hash"] for each in results})
    about = [each["pretty_env_info"] for each in results]
    machines = sorted({f"{field_of('CPU(s)', text)} cores of {field_of('Model name', text)}" for text in about})
    manifests = [read_manifest(folder) for folder in folders if (folder / MANIFEST).is_file()]
    versions = sorted({f"{name} {number}" for each in manifests for name, number in each.versions.items()})
    facts = (" to ".join(dict.fromkeys((dates[0], dates[-1]))), f"commit {', '.join(commits)}", *machines, *versions)
    return f"    {command}\n\n{', '.join(facts)}\n\n"


def field_of(field: str, about: str) -> str:
    """A field of what the harness records about the machine."""
    return re.findall(rf"^{re.escape(field)}: +(.+)$", about, re.MULTILINE)[0]


def quantisation(result: LadderResult, board: Leaderboard) -> str:
    """The quantised rungs and what they were made from: accuracy, size and speed."""
    measured = json.loads(SPEED.read_text(encoding="utf-8"))
    columns = [index for index in chosen_columns(board) if board.columns[index].name in CLOZE]
    manifests = {rung.name: rung.manifest for rung in result.rungs}
    quantised = {name for name, manifest in manifests.items() if manifest.kind in QUANTISED}
    parents = {row.parent for row in board.rows if row.run.name in quantised}
    rows = []
    for row in board.rows:
        name, speed = row.run.name, measured["rungs"].get(row.run.name)
        if name in quantised | parents and speed:
            scores = [entry.accuracy.value for index in columns if (entry := row.entries[index])]
            size = manifests[name].size or manifests[BASE].size
            cells = [
                percent(fmean(scores)),
                size.stored,
                f"{size.bits_per_weight:.2f}",
                f"{size.bytes_on_disk / 1e6:.0f}",
            ]
            cells += [f"{speed['seconds']:.3f}", f"{speed['tokens_per_second']:.0f}", speed["kernel"]]
            rows.append([name, row.parent or "", *cells])
    versions = ", ".join(f"{name} {number}" for name, number in measured["versions"].items())
    notes = (
        f"Mean accuracy over {', '.join(board.columns[index].title for index in columns)}, in %. Seconds and tokens/s: "
        f"`{measured['command']}`, {measured['machine']}; kernels of {versions}. Models of one kernel and size differ by chance "
        "alone. A CPU computes in float32 whatever the bits: there fewer bits save disk, not time.",
    )
    header = ("model", "parent", "accuracy %", "stored as", "bits/weight", "MB", "s/question", "tokens/s", "kernel")
    return markdown(Table("", header, rows, notes, left=2))


if __name__ == "__main__":
    main()
