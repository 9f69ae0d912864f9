"""Parse every public GSM-Symbolic template and every template of ours, draw 50 instances of each, check each gold in two ways.

python benchmarks/accuracy/symbolic_templates.py [--instances 50] [--seed 1]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.paths import hub_mirror, tasks_dir
from mcqa_suite.extract import gold_number
from mcqa_suite.symbolic import Template, calculations


@dataclass
class FolderResult:
    """The results of a folder of templates."""

    templates: int = 0
    good: int = 0
    instances: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    marked: int = 0
    off: dict[str, list[str]] = field(default_factory=dict)
    original: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    seconds: float = 0.0


def measure(folder: Path, instances: int, seed: int) -> FolderResult:
    """Draw instances of every template of the folder."""
    result = FolderResult()
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.txt")]):
        start = time.process_time()
        result.templates += 1
        try:
            template = Template.load(path)
            drawn, back = template.sample_counted(instances, seed=seed)
            assert len({instance.question for instance in drawn}) == instances
            result.good += 1
            result.instances += len(drawn)
            result.rejected += back
            for instance in drawn:
                count, off = calculations(instance.answer)
                result.marked += count
                if off:
                    result.off.setdefault(path.name, []).extend(off)
            result.original[compared(template)] += 1
        except McqaError as error:
            result.broken.append(str(error).replace(f"{folder.parent}{os.sep}", ""))
        seconds = time.process_time() - start
        result.slowest = max(result.slowest, (seconds, path.name))
        result.seconds += seconds
    return result


def compared(template: Template) -> str:
    """Compare the answer with default values with that of the original question of the template."""
    if template.parsed.answer is None or template.id.startswith(("p1/", "p2/")):  # these change the question
        return "no original"
    return "same" if template.default().gold == gold_number(template.parsed.answer) else "other"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    mirror = hub_mirror()
    public = mirror.parent / "data" / "gsm_symbolic_templates" if mirror else None
    folders = [public / name for name in ("symbolic", "p1", "p2")] if public and public.is_dir() else []
    if not folders:
        print("The public templates are not available; only ours are measured.\n")
    ours = tasks_dir() / "symbolic_local" / "templates"
    folders += [ours / name for name in ("main", "p1", "p2", "noop", "dev")]
    print(
        "| folder | templates | complete | instances | rejected draws | calculations | wrong | same as original | s | slowest |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    every: list[tuple[str, FolderResult]] = []
    for folder in folders:
        result = measure(folder, args.instances, args.seed)
        where = "public" if public and folder.parent == public else "ours"
        every.append((f"{where} {folder.name}", result))
        off = sum(map(len, result.off.values()))
        originals = (
            f"{result.original['same']} of {result.original['same'] + result.original['other']}"
            if result.original["same"]
            else ""
        )
        slow = f"{result.slowest[1]} {result.slowest[0]:.1f} s"
        print(
            f"| {where} {folder.name} | {result.templates} | {result.good} | {result.instances} | {result.rejected.total()} | "
            f"{result.marked} | {off} | {originals} | {result.seconds:.1f} | {slow} |"
        )
    print_details(every)
    return 0


def print_details(every: list[tuple[str, FolderResult]]) -> None:
    """Print the templates without instances, the reasons of rejected draws, and wrong calculations."""
    total = sum(result.seconds for _name, result in every)
    print(f"\nAll in {total:.0f} s of one core. Draws that break a condition of the template are rejected:")
    reasons = sum((result.rejected for _name, result in every), Counter[str]())
    print("".join(f"\n- {count} {reason}" for reason, count in reasons.most_common()))
    print("\nTemplates without instances, with the reason:\n")
    for name, result in every:
        for line in result.broken:
            print(f"- {name}: {line}")
    print("\nMarked calculations of the worked answers whose result is wrong, the first of each template:\n")
    for name, result in every:
        for file, off in result.off.items():
            print(f"- {name}, {file}: {len(off)}, as in `<<{off[0]}>>`")


if __name__ == "__main__":
    sys.exit(main())
