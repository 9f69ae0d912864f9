"""Made-up runs to compare, as logs and as comparisons."""

from __future__ import annotations

import json

import numpy as np

from helpers.log_files import choice_rows, questions, write_run, written_row
from mcqa_suite.analysis.compare import Options, compare
from mcqa_suite.logs.runs import read_run


def noisy(scores, amount, seed=1):
    return scores + amount * np.random.default_rng(seed).normal(size=scores.shape)


def two_runs(tmp_path, change=lambda scores, gold: noisy(scores, 0.5), n=200):
    """A base, and a variant whose scores `change` makes."""
    scores, gold = questions(n)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    variant = write_run(tmp_path / "gptq", {"t": choice_rows("t", change(scores, gold), gold)}, model="gptq")
    return base, variant


def compared(base, *variants, noise_floor=None, cluster=None, **options):
    runs = [read_run(path, cluster=cluster) for path in (base, *variants)]
    floor = read_run(noise_floor, cluster=cluster) if noise_floor else None
    return compare(runs[0], runs[1:], Options(cluster=cluster, **options), noise_floor=floor)


def groups_of(tmp_path, sizes=(120, 40, 80), amount=0.8, **more):
    names = ["math", "physics", "chemistry"]
    base, variant = {}, {}
    for seed, (name, n) in enumerate(zip(names, sizes, strict=True)):
        scores, gold = questions(n, seed=seed)
        base[name] = choice_rows(name, scores, gold, subject=name)
        variant[name] = choice_rows(name, noisy(scores, amount, seed), gold, subject=name)
    groups = {"stem": names}
    folders = tmp_path / "base", tmp_path / "gptq"
    write_run(folders[0], base, groups=groups, **more)
    write_run(folders[1], variant, groups=groups, model="gptq", **more)
    return folders, base, variant


def always_c(scores, gold):
    changed = noisy(scores, 0.1)
    changed[:, 2] += 50
    return changed


def scored_run(folder, scores, *, higher=None, filters=("extracted",), **more):
    """A run of one generative task `t` with these values of each metric, and the directions that its results file has."""
    n = len(next(iter(scores.values())))
    rows = []
    for name in filters:
        for i in range(n):
            values = {metric: float(column[i]) for metric, column in scores.items()}
            answer = "ABCD"[(i + (values.get("acc") == 0)) % 4]
            rows.append(written_row("t", i, answer, i % 4) | {"filter": name, "metrics": list(values)} | values)
            rows[-1] |= {key: None for key in ("acc", "parsed") if key not in values}
    return write_run(folder, {"t": rows}, model=folder.name, higher_is_better={"t": higher or {}}, **more)


def in_every_row(folder, change):
    path = next(folder.glob("samples_t_*"))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        change(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def first_right(n, gold):
    """Scores with which the first `n` questions are answered right and no other."""
    answers = np.where(np.arange(len(gold)) < n, gold, (gold + 1) % 4)
    return np.eye(4)[answers]
