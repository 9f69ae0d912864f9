"""Accessibility of a report by axe-core: light, dark and at 390 pixels, with all sections open.

npm install axe-core
python benchmarks/record.py benchmarks/results/report_axe.md -- \\
    python benchmarks/robustness/report_axe.py node_modules/axe-core/axe.min.js

The exit code is 1 if a violation is serious or critical.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "speed"))
from helpers.chromium import DARK, LIGHT, Opened, missing, seen_as, started
from helpers.grid_logs import KINDS, grid_run
from report_size import make_runs

from mcqa_suite.reporting.html import write_report

VIEWS = {"light": (0, LIGHT), "dark": (0, DARK), "390 px, light": (390, LIGHT), "390 px, dark": (390, DARK)}
RUN = """const done = arguments[0];
for (const item of document.querySelectorAll("details")) item.open = true;
axe.run(document, { resultTypes: ["violations", "incomplete"] }).then(done, (error) => done({ error: String(error) }));"""
IMPACTS = ("critical", "serious", "moderate", "minor")


def check(driver: Any, axe: str, path: Path) -> dict[str, Any]:
    opened = Opened(driver, path)
    opened.run(axe)
    driver.set_script_timeout(300)
    result: dict[str, Any] = driver.execute_async_script(RUN)
    if "error" in result:
        sys.exit(result["error"])
    return result


def made_up(folder: Path) -> Path:
    """A report of nine runs with every section except a noise floor."""
    base, *variants = make_runs(folder, 400)
    log = folder / "checkpoints" / "variant 1" / "training_log.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f'{{"step": {i}, "loss": {3 / i}}}\n' for i in range(1, 50)), encoding="utf-8")
    output = folder / "report.html"
    write_report([str(path) for path in variants], output, base=str(base), logs={"variant 1": log})
    return output


def of_grids(folder: Path) -> Path:
    """A report of ARC grids with every kind of answer."""
    kinds = [[kind, other] for kind in KINDS for other in ("near", "refused")]
    base, variant = grid_run(folder, kinds, "base"), grid_run(folder, kinds[::-1], "variant")
    output = folder / "grids.html"
    write_report([str(variant)], output, base=str(base))
    return output


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("axe", type=Path, help="axe.min.js")
    parser.add_argument(
        "report", type=Path, nargs="?", help="default: one of made-up runs, as report_size.py makes them"
    )
    args = parser.parse_args()
    if problem := missing():
        sys.exit(problem)
    axe = args.axe.read_text(encoding="utf-8")
    notes, worst, version = [], 0, ""
    lines = []
    with tempfile.TemporaryDirectory() as text, started(Path(text) / "profile") as driver:
        folder = Path(text)
        reports = {"": args.report} if args.report else {"": made_up(folder), "grids, ": of_grids(folder / "grids")}
        for what, (name, (width, media)) in product(reports, VIEWS.items()):
            view = f"{what}{name}"
            with seen_as(driver, width, media):
                result = check(driver, axe, reports[what].resolve())
            version = result["testEngine"]["version"]
            counts = [sum(issue["impact"] == impact for issue in result["violations"]) for impact in IMPACTS]
            worst += counts[0] + counts[1]
            lines.append([view, *map(str, counts), str(len(result["passes"])), str(len(result["incomplete"]))])
            for kind in ("violations", "incomplete"):
                for issue in result[kind]:
                    first = " ".join(map(str, issue["nodes"][0]["target"]))
                    note = (
                        f"- {view}, {kind}, {issue['impact']}: {issue['id']} ({issue['help']}), {len(issue['nodes'])} x"
                    )
                    notes.append(f"{note}, first `{first}`")
    print(f"axe-core {version} on {args.report or 'reports of made-up runs'}; incomplete: rules that need a person.\n")
    header = ["view", *IMPACTS, "rules passed", "incomplete"]
    for line in (header, ["---", *["---:"] * 6], *lines):
        print(f"| {' | '.join(line)} |")
    print("\n" + "\n".join(notes) if notes else "")
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
