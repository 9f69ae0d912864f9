"""The figures: what a caption owns up to, names that stay apart when cut, and columns of mixed few-shot counts."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json

import pytest
from helpers.log_files import choice_rows, questions, wide_row, write_run, written_row
from helpers.report_runs import noisy

from mcqa_suite.reporting import html, leaderboard
from mcqa_suite.reporting.browser.section import browser_section
from mcqa_suite.reporting.figures import draw
from mcqa_suite.reporting.figures.changes import MOST_PARTS
from mcqa_suite.reporting.figures.layout import capped
from mcqa_suite.reporting.figures.style import short
from mcqa_suite.reporting.page_data import gather

TASKS = 14


def drawn(paths, base=None):
    page = gather([str(path) for path in paths], base=base and str(base))
    plots = draw(page)
    return page, {plot.name: plot for _view, plot in plots}


def sized(folder, n_shot=0, tasks=TASKS, **more):
    """A run of many tasks, half of them answered in writing, whose size is known."""
    parts = {f"letters_{i}": questions(12, seed=i) for i in range(tasks)}
    rows = {name: choice_rows(name, noisy(s, more.get("noise", 0)), gold) for name, (s, gold) in parts.items()}
    rows |= {f"words_{i}": [written_row(f"words_{i}", d, "A", d % 4) for d in range(8)] for i in range(tasks)}
    return write_run(folder, rows, model=folder.name, **{"n-shot": dict.fromkeys(rows, n_shot)})


@pytest.mark.slow
def test_every_caption_says_what_its_figure_leaves_out(tmp_path):
    base, *variants = (sized(tmp_path / name, noise=i) for i, name in enumerate(["base", *map(str, range(9))]))
    _page, plots = drawn(variants, base)
    lines, panels = f"of {2 * TASKS} tasks and groups are shown.", f"of {TASKS} tasks and groups are shown."
    captions = {
        "forest": f"The first 12 {lines}",
        "flips": f"The first 12 {lines}",
        "choice-kl": f"The first 12 {panels}",
        "reliability": f"The first 4 {panels}",
        "letters": f"The first 4 {lines}",
        "confusion": f"The first 3 {lines}",
        "reads": f"The first 12 {panels}",
    }
    assert plots.keys() == captions.keys()
    for name, words in captions.items():
        assert words in plots[name].caption, (name, plots[name].caption)
    for name in ("reliability", "letters", "confusion"):
        assert "The first 7 of 9 variants are shown." in plots[name].caption, name


def test_a_caption_mentions_no_limit_where_everything_is_shown(tmp_path):
    _page, plots = drawn([sized(tmp_path / "a", tasks=1)], sized(tmp_path / "base", tasks=1))
    assert plots
    assert not [name for name, plot in plots.items() if "The first" in plot.caption]
    assert capped(3, 3, "tasks") == ""


def test_a_large_group_shows_the_tasks_that_changed_most(tmp_path):
    names = [f"part_{i:02}" for i in range(MOST_PARTS + 2)]
    for name, lost in (("base", ()), ("variant", ("part_61", "part_07"))):
        rows = {}
        for i, part in enumerate(names):
            scores, gold = questions(6, seed=i)
            rows[part] = choice_rows(part, -scores if part in lost else scores, gold)
        write_run(tmp_path / name, rows, groups={"all": names}, model=name)
    _page, plots = drawn([tmp_path / "variant"], tmp_path / "base")
    plot = plots["tasks-all-none"]
    assert plot.title == "The 62 tasks of all"
    assert "The 60 of 62 tasks that changed most are shown." in plot.caption
    assert plot.alt.count("variant, ") == MOST_PARTS
    assert "variant, part_61: " in plot.alt
    assert "variant, part_07: " in plot.alt


def test_options_behind_the_last_letter_are_drawn_with_their_numbers(tmp_path):
    rows = {name: [wide_row(i, pick, {29}, 30) for i in range(12)] for name, pick in (("base", 29), ("variant", 3))}
    base, variant = (write_run(tmp_path / name, {"t": rows[name]}, model=name) for name in rows)
    page, plots = drawn([variant], base)
    assert "base on t: largest share right #30, chosen #30: 100" in plots["confusion"].alt
    browser = browser_section(page.runs, "base")
    data = gzip.decompress(base64.b64decode(browser.data)).decode().splitlines()
    assert json.loads(data[-1])["labels"][25:] == ["Z", "#27", "#28", "#29", "#30"]


def test_similar_names_differ_after_cutting():
    cut = [short(f"a_variant_with_a_very_long_name_{i}", 12) for i in range(10)]
    assert len(set(cut)) == 10
    assert {len(name) for name in cut} == {12}


@pytest.mark.parametrize("most", range(8, 40))
def test_a_cut_name_has_the_allowed_length(most):
    assert len(short("x" * 40, most)) == most


def test_columns_with_different_few_shot_counts_show_the_count(tmp_path):
    scores, gold = questions(60)
    rows = choice_rows("letters", scores, gold)
    runs = []
    for shots in (0, 5):
        for name in "ab":
            folder = tmp_path / f"{name}{shots}"
            runs.append(write_run(folder, {"letters": rows}, model=folder.name, **{"n-shot": {"letters": shots}}))
    page, _plots = drawn(runs)
    titles = ["letters, 0-shot", "letters, 5-shot"]
    assert [column.title for column in page.board.columns] == titles
    header = leaderboard.models_by_tasks(page.board).header
    assert [title.partition(" (")[0] for title in header[2:4]] == titles
    assert {row["task"] for row in csv.DictReader(io.StringIO(leaderboard.as_csv(page.board)))} == set(titles)
    text = html.render(page, [])
    assert all(f">{title}<small>" in text for title in titles)
