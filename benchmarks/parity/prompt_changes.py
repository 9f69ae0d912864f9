"""The prompts of each family of tasks before and after, as unified diffs, on made-up rows in the data sets' columns.

    python benchmarks/parity/prompt_changes.py --before v0.1.0

`--before` is a git revision; after is this checkout. Of each family the first task is shown, as the harness asks one document:
by default, with two examples where the task takes examples, and both once more with a chat template (ChatML). ARC grids are the
public ones, and no data set is needed.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

# Parts of a task's name that make no other prompt: subjects, levels, subsets.
MEMBER = re.compile(
    r"(?<=mcqa_mmlu_stem)_\w+?(?=_(?:cloze|cot|cot_n8|perm|harness)$|$)|_(?:easy|challenge|main|diamond|extended|p1|p2|noop)(?=_|$)"
    r"|(?<=arc_grid)_[12]_(?:training|evaluation)"
)
EXAMPLES = 2
END = "◂"  # shows where a prompt ends
LONGEST = 70  # lines of a diff
FACTS = ("until", "do_sample", "temperature", "top_p", "max_gen_toks")

Rendering = dict[str, Any]  # version, and label -> text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, metavar="REV", help="git revision to compare with")
    parser.add_argument("--render", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)  # how this script calls itself
    args = parser.parse_args()
    if args.render:
        print(json.dumps(rendered(args.render)))
        return
    with tempfile.TemporaryDirectory() as folder:
        shared, old = Path(folder) / "shared", Path(folder) / "before"
        write_data(shared)
        archive = subprocess.run(["git", "archive", args.before], cwd=REPOSITORY, capture_output=True, check=False)
        if archive.returncode:
            sys.exit(f"prompt_changes: --before {args.before}: {archive.stderr.decode().strip()}")
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(old, filter="data")
        print(report(*(prompts_of(checkout, shared) for checkout in (old, REPOSITORY))))


def write_data(shared: Path) -> None:
    """Made-up rows of every data set, and the log of a described rule."""
    from helpers.dataset_rows import write_hub

    write_hub(shared / "hub")
    rules = [
        {"doc_id": 0, "doc": {"id": f"arc_agi_{release}/{task}", "task_id": task}, "target": "", "filter": "none"}
        | {"arguments": {}, "resps": [["Mirror the grid."]], "filtered_resps": ["Mirror the grid."], "metrics": []}
        for release, task in ((1, "00576224"), (2, "0934a4d8"))
    ]
    (shared / "rules.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rules), encoding="utf-8")


def prompts_of(checkout: Path, shared: Path) -> dict[str, Rendering]:
    """The renderings of a checkout's tasks, made in a process that imports that checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "MCQA_SHARED": str(shared), "HF_HUB_OFFLINE": "1"}
    environment.pop("MCQA_EPFL_FILE", None)
    command = [sys.executable, __file__, "--before", "-", "--render", str(shared)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def rendered(shared: Path) -> dict[str, Rendering]:
    """The first task of every family, by the family's name."""
    from mcqa_suite.harness.tasks import load, manager

    tasks = manager({"rules": str(shared / "rules.jsonl")})
    first: dict[str, str] = {}
    for name in sorted(tasks.all_subtasks):
        first.setdefault(MEMBER.sub("", name), name)
    return {family: {"task": name} | rendering(load([name], tasks)[0]) for family, name in first.items()}


def rendering(task: Any) -> Rendering:
    """How a task asks its second document (the first may be an example)."""
    from helpers.rendering import chatml, requests

    doc = dict(task.eval_docs[min(1, len(task.eval_docs) - 1)])
    shots = [task.config.num_fewshot or 0]
    if task.config.num_fewshot is None and not is_grid(task):
        shots.append(EXAMPLES)
    texts = {}
    for number in shots:
        for label, template in (("", None), (", with a chat template", chatml)):
            arguments = requests(task, doc, number, template)
            texts[f"{number} examples{label}"] = f"{arguments[0][0]}{END}\n{answers(arguments)}"
    return {"version": str((task.config.metadata or {}).get("version")), "texts": texts}


def is_grid(task: Any) -> bool:
    return "arc_grid" in task.config.task


def answers(arguments: Sequence[tuple[Any, ...]]) -> str:
    """What is scored: the options, or the settings of a generated answer."""
    if isinstance(arguments[0][1], dict):
        return "generated: " + ", ".join(f"{key} {arguments[0][1][key]!r}" for key in FACTS if key in arguments[0][1])
    return "scored: " + " | ".join(repr(continuation) for _, continuation in arguments)


def report(before: dict[str, Rendering], after: dict[str, Rendering]) -> str:
    """A table of the families, then a diff of each that changed."""
    lines = ["| family | task shown | version before | after | prompt |", "|---|---|---|---|---|"]
    diffs: list[str] = []
    shown: dict[tuple[str, ...], str] = {}
    for family in sorted({*before, *after}):
        old, new = before.get(family), after.get(family)
        changed = diff(old, new)
        state = "removed" if new is None else "new" if old is None else "changed" if changed else "the same"
        versions = [side["version"] if side else "" for side in (old, new)]
        task = (new or old or {})["task"]
        lines.append(f"| {family} | {task} | {versions[0]} | {versions[1]} | {state} |")
        if changed:
            same = shown.setdefault(tuple(changed), task)
            body = f"As {same}." if same != task else "\n".join(["```diff", *changed, "```"])
            diffs.append(f"\n### {task}\n\n{body}")
    return "\n".join([*lines, *diffs])


def diff(old: Rendering | None, new: Rendering | None) -> list[str]:
    """The lines of a unified diff, a hunk's head for each way of asking; [] for equal prompts."""
    lines: list[str] = []
    for label in dict.fromkeys(label for side in (old, new) if side for label in side["texts"]):
        texts = [side["texts"].get(label, "") if side else "" for side in (old, new)]
        body = list(difflib.unified_diff(*(text.splitlines() for text in texts), n=3, lineterm=""))[2:]
        hidden = len(body) - LONGEST
        body = [*body[:LONGEST], f"  [{hidden} more lines]"] if hidden > 0 else body
        lines += [f"# {label}", *body] if body else []
    return lines


if __name__ == "__main__":
    main()
