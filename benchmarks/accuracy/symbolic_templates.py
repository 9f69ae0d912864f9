"""Every public GSM-Symbolic template and every one of ours: parsed, 50 instances each, the gold checked two ways.

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
class Found:
    """What one folder of templates gave."""

    templates: int = 0
    good: int = 0
    instances: int = 0
    put_back: Counter[str] = field(default_factory=Counter)
    marked: int = 0
    off: dict[str, list[str]] = field(default_factory=dict)
    original: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    seconds: float = 0.0


def measure(folder: Path, instances: int, seed: int) -> Found:
    """Every template of the folder in turn."""
    found = Found()
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.txt")]):
        start = time.process_time()
        found.templates += 1
        try:
            template = Template.load(path)
            drawn, back = template.sample_counted(instances, seed=seed)
            assert len({one.question for one in drawn}) == instances
            found.good += 1
            found.instances += len(drawn)
            found.put_back += back
            for one in drawn:
                count, off = calculations(one.answer)
                found.marked += count
                if off:
                    found.off.setdefault(path.name, []).extend(off)
            found.original[compared(template)] += 1
        except McqaError as error:
            found.broken.append(str(error).replace(f"{folder.parent}{os.sep}", ""))
        seconds = time.process_time() - start
        found.slowest = max(found.slowest, (seconds, path.name))
        found.seconds += seconds
    return found


def compared(template: Template) -> str:
    """The answer of the slots' defaults against that of the question which the template was made from."""
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
        print("The public templates are not here; ours alone.\n")
    ours = tasks_dir() / "symbolic_local" / "templates"
    folders += [ours / name for name in ("main", "p1", "p2", "noop", "dev")]
    print(
        "| folder | templates | with all instances | instances | put back | marked calculations | off | original | s | slowest |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    every: list[tuple[str, Found]] = []
    for folder in folders:
        found = measure(folder, args.instances, args.seed)
        where = "public" if public and folder.parent == public else "ours"
        every.append((f"{where} {folder.name}", found))
        off = sum(map(len, found.off.values()))
        told = (
            f"{found.original['same']} of {found.original['same'] + found.original['other']}"
            if found.original["same"]
            else ""
        )
        slow = f"{found.slowest[1]} {found.slowest[0]:.1f} s"
        print(
            f"| {where} {folder.name} | {found.templates} | {found.good} | {found.instances} | {found.put_back.total()} | "
            f"{found.marked} | {off} | {told} | {found.seconds:.1f} | {slow} |"
        )
    print_details(every)
    return 0


def print_details(every: list[tuple[str, Found]]) -> None:
    """The templates that gave no instance, the reasons of draws put back, and calculations that do not come out."""
    total = sum(found.seconds for _name, found in every)
    print(f"\nAll in {total:.0f} s of one core. Put back: draws under the conditions that make no question:")
    reasons = sum((found.put_back for _name, found in every), Counter[str]())
    print("".join(f"\n- {count} {reason}" for reason, count in reasons.most_common()))
    print("\nTemplates without instances, with the reason:\n")
    for name, found in every:
        for line in found.broken:
            print(f"- {name}: {line}")
    print("\nCalculations marked in the worked answers that do not come out as written, the first of each template:\n")
    for name, found in every:
        for file, off in found.off.items():
            print(f"- {name}, {file}: {len(off)}, as in `<<{off[0]}>>`")


if __name__ == "__main__":
    sys.exit(main())
