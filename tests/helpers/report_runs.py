"""Runs for a report, and the report as a parser sees it."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from helpers.log_files import choice_rows, questions, write_run, written_row
from mcqa_suite.cli.main import main

HOSTILE = "<script>alert(1)</script></title></style><img src=x onerror=alert(1)>{{7*7}}{% x %}\u202e$\\frac{a}$"
VOID = {"meta", "br", "img", "input", "hr", "link", "path", "use", "rect", "circle"}


class Read(HTMLParser):
    """A page's elements with their attributes, the text of each script and style, and what is visible."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.code, self.words, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.open and self.open[-1][0] == tag:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1][0] in ("script", "style"):
            self.code.append((*self.open[-1], data))
        else:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def ids(self):
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]


def noisy(scores, amount, seed=1):
    return scores + amount * np.random.default_rng(seed).normal(size=scores.shape)


def ladder(tmp_path, n=300, **overrides):
    """A base, a variant that is worse, one that hardly differs, and the base again; with a group, and a written task."""
    parts = {name: questions(n, seed=seed) for seed, name in enumerate(("math", "physics", "biology"))}
    written = [written_row("words", i, "ABCD"[i % 4], i % 4) for i in range(600)]
    blank = [written_row("words", i, None if i < 375 else "ABCD"[i % 4], i % 4) for i in range(600)]

    def run(name, amount, rows, **more):
        tasks = {task: choice_rows(task, noisy(scores, amount, 3), gold) for task, (scores, gold) in parts.items()}
        folder = tmp_path / "runs" / name
        model = "base" if name == "again" else name
        return write_run(folder, {**tasks, "words": rows}, groups={"stem": list(parts)}, model=model, **more)

    return {
        "base": run("base", 0.0, written),
        "gptq2": run("gptq2", 3.0, blank, **overrides),
        "gptq8": run("gptq8", 0.001, written),
        "again": run("again", 0.0001, written),
    }


def reported(tmp_path, runs, *more, base="base"):
    output = tmp_path / "report.html"
    words = ["report", *(str(runs[name]) for name in ("gptq2", "gptq8")), "-o", str(output), *more]
    code = main([*words, *(["--base", str(runs[base])] if base else [])])
    return code, Read(output.read_text(encoding="utf-8")), output
