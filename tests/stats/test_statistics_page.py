"""docs/statistics.md names every statistic of `mcqa_suite.stats`, each in the file where it is defined."""

from __future__ import annotations

import re

from helpers.locations import REPOSITORY

from mcqa_suite import stats

PAGE = (REPOSITORY / "docs" / "statistics.md").read_text(encoding="utf-8")
CODE = re.compile(r"\| ((?:`\w+`(?:, )?)+) in \[[\w.]+\]\(\.\./(src/[\w/]+\.py)\) \|$", re.MULTILINE)


def test_every_statistic_is_on_the_page():
    offered = {name for name, value in vars(stats).items() if callable(value)}
    assert len(offered) > 30
    assert offered - set(re.findall(r"`(\w+)`", PAGE)) == set()


def test_each_is_defined_where_the_page_says():
    cells = CODE.findall(PAGE)
    assert len(cells) > 35
    for names, path in cells:
        source = (REPOSITORY / path).read_text(encoding="utf-8")
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^(?:def|class) {name}\b", source, re.MULTILINE), f"{name} is not in {path}"
