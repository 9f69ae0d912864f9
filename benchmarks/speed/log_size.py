"""Bytes of a sample log's row, plain and compressed, by task family; docs/scale.md uses these figures.

python benchmarks/speed/log_size.py runs/real_tests/evaluations/base runs/cot
"""

from __future__ import annotations

import gzip
import re
import sys
from collections import defaultdict
from pathlib import Path

SUBJECTS = re.compile(r"(mcqa_mmlu_stem)_[a-z_]+?(_cloze|_cot)?$")


def main() -> None:
    files: dict[str, list[Path]] = defaultdict(list)
    for folder in sys.argv[1:]:
        for path in sorted(Path(folder).rglob("samples_*.jsonl")):
            task = path.stem.removeprefix("samples_").rpartition("_")[0]
            files[SUBJECTS.sub(r"\1\2", task)].append(path)
    if not files:
        sys.exit(__doc__)
    print("| tasks | rows | bytes a row | gzip, bytes a row |\n|---|---:|---:|---:|")
    totals = [0, 0, 0]
    for task, paths in sorted(files.items()):
        contents = [path.read_bytes() for path in paths]
        counts = [
            sum(c.count(b"\n") for c in contents),
            sum(map(len, contents)),
            sum(len(gzip.compress(c)) for c in contents),
        ]
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        print(row(task, counts))
    print(row("all", totals))


def row(name: str, counts: list[int]) -> str:
    n, plain, packed = counts
    return f"| {name} | {n:,} | {plain / n:,.0f} | {packed / n:,.0f} |"


if __name__ == "__main__":
    main()
