"""The top of a report: order and lineage of the models, both ways to compare, sentences, the matrix, and the copy for slides."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from helpers.comparison_runs import compared, first_right, two_runs
from helpers.ladder_runs import ladder
from helpers.log_files import choice_rows, questions, write_run
from helpers.report_runs import ladder as worse_and_equal
from helpers.report_runs import noisy

from mcqa_suite.analysis.compare import compare
from mcqa_suite.common.manifest import Hardware, Manifest, Parent, Size, write_manifest
from mcqa_suite.logs.origin import Origin, read_origin
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting import html
from mcqa_suite.reporting.figures.sizes import against_size, apart, spread
from mcqa_suite.reporting.headlines import headlines
from mcqa_suite.reporting.lineage_tree import recipe_words, tree
from mcqa_suite.reporting.matrix import matrix, samples_link, significance, tip
from mcqa_suite.reporting.page_data import gather
from mcqa_suite.reporting.provenance import checklist, origin
from mcqa_suite.reporting.sentences import overall, sentences
from mcqa_suite.reporting.slides import slides
from mcqa_suite.reporting.task_settings import limits_of


def test_models_stand_in_the_order_of_their_lineage_and_both_comparisons_are_in_the_page(tmp_path):
    runs = ladder(tmp_path)
    page = gather([runs[name] for name in ("gptq4", "sft", "dpo", "base")])
    assert [run.name for run in page.runs] == ["base", "sft", "dpo", "gptq4"]
    assert [comparison.parents["gptq4"] for comparison, _ in page.views] == ["dpo", "base"]
    [parent, base] = [board.rows[0].entries[0].change.parent for _, board in page.views]
    assert {parent, base} == {"sft", "base"}
    chosen = gather([runs[name] for name in ("sft", "gptq4")], base=runs["base"])
    assert [comparison.parents["gptq4"] for comparison, _ in chosen.views] == ["base", "sft"]


def test_without_a_lineage_there_is_one_way_to_compare(tmp_path):
    runs = worse_and_equal(tmp_path, n=40)
    page = gather([str(runs["gptq2"]), str(runs["gptq8"])], base=str(runs["base"]))
    assert len(page.views) == 1
    root = tree(page)
    assert (root.name, [child.name for child in root.children]) == ("base", ["gptq2", "gptq8"])


def test_the_lineage_has_scores_and_sizes(tmp_path):
    root = tree(gather(list(ladder(tmp_path).values())))
    chain = [root]
    while chain[-1].children:
        chain.append(chain[-1].children[0])
    assert [(node.name, node.score) for node in chain] == [
        ("base", "60.0 %"),
        ("sft", "70.0 %"),
        ("dpo", "70.5 %"),
        ("gptq4", "69.0 %"),
    ]
    assert [(node.change, node.tone) for node in chain] == [
        ("", ""),
        ("+10.0", "better"),
        ("+0.5", ""),
        ("-1.5", "worse"),
    ]
    assert root.size == "0.002 MB, 16.0 bits/weight"


def test_an_origin_says_how_a_checkpoint_was_made(tmp_path):
    shared = {"seed": 0, "hardware": Hardware("cpu", 1), "seconds": 1.0}
    size = Size(parameters=10, bits_per_weight=4.5, bytes_on_disk=5_000_000)
    manifest = Manifest("gptq", "gptq4", Parent("sft", "s"), {"bits": 4}, "g", size=size, **shared)
    (tmp_path / "checkpoints/gptq4").mkdir(parents=True)
    write_manifest(tmp_path / "checkpoints/gptq4", manifest)
    origin = read_origin(tmp_path, {"pretrained": str(tmp_path / "checkpoints/gptq4")})
    assert (origin.kind, origin.bits, origin.size_mb) == ("gptq", 4, 5.0)
    runs = [replace(read_run(two_runs(tmp_path)[0]), origin=replace(origin, bits=bits)) for bits in (8, 4)]
    assert recipe_words(runs) == "GPTQ, 8 and 4 bits"


def test_an_arrow_leads_only_to_what_was_made_of_the_stage_before(tmp_path):
    run = read_run(two_runs(tmp_path)[0])
    stages = [("sft", None, "base"), ("dpo", None, "sft"), ("gptq", 8, "sft"), ("bnb", 4, "sft"), ("gptq", 4, "sft")]
    runs = [
        replace(run, origin=Origin(kind, kind, (Parent(of, of),), kind=kind, bits=bits)) for kind, bits, of in stages
    ]
    assert recipe_words(runs) == "SFT → DPO; GPTQ, 8 and 4 bits; bitsandbytes, 4 bits"
    chain = [runs[0], replace(run, origin=Origin("gptq", "gptq", (Parent("sft", "sft"),), kind="gptq", bits=4))]
    assert recipe_words(chain) == "SFT → GPTQ, 4 bits"


def test_many_tasks_that_are_not_valid_take_one_line(tmp_path):
    scores, gold = questions(60)
    always = [0.0, -9.0, -9.0, -9.0]
    tasks = {name: choice_rows(name, scores * 0 + always, gold) for name in ("t", "u", "v")}
    report = compared(*(write_run(tmp_path / name, tasks, model=name) for name in ("base", "sft")))
    runs = [read_run(tmp_path / name, name=name) for name in ("base", "sft")]
    [sentence] = sentences(report, runs, {})
    assert sentence.notes == ("3 tasks are not valid (see the checks): t; u; v",)
    two = replace(report, rows=tuple(row for row in report.rows if row.task != "v"))
    notes = sentences(two, runs, {})[0].notes
    assert [note.split(":")[0] for note in notes] == ["t is not valid", "u is not valid"]


def test_a_badge_counts_the_tasks_that_are_valid():
    assert overall(["better", "better", "not valid", "undecided"]) == ("better on 2 of 3", "better")
    assert overall(["undecided", "not valid", "unchanged"]) == ("undecided on 1 of 2", "unsure")
    assert overall(["not valid", "unchanged"]) == ("not valid on 1 of 2", "bad")


def test_a_limit_is_compared_task_by_task(tmp_path):
    scores, gold = questions(4)
    for name, limit in {"base": 4.0, "alike": 4.0, "other": 2.0}.items():
        config = {"model": "hf", "model_args": "pretrained=x", "limit": limit}
        write_run(tmp_path / name, {"t": choice_rows("t", scores, gold)}, model=name, config=config)
    more = {"model": "hf", "model_args": "pretrained=x", "limit": 9.0}
    rows = {"u": choice_rows("u", scores, gold)}
    write_run(tmp_path / "alike", rows, model="alike", config=more, stamp="2026-02-02T03-04-05.678901")
    about = {"seed": 0, "hardware": Hardware("cpu", 1), "seconds": 1.0}
    write_manifest(tmp_path / "alike", Manifest("evaluation", "alike", None, {}, "0", **about))
    runs = [read_run(tmp_path / name, name=name) for name in ("base", "alike", "other")]
    assert limits_of(runs[1])["t"] == "4"
    cells = checklist(compare(runs[0], runs[1:]), runs[0], runs[1:], {run.name: origin(run) for run in runs})["limit"]
    assert cells == [("", "4"), ("good", "same"), ("bad", "t: 4 (base), 2")]


def test_a_sentence_says_loss_changes_and_size(tmp_path):
    folders = two_runs(tmp_path, lambda scores, gold: noisy(scores, 0.1))
    base, gptq = (read_run(folder, name=folder.name) for folder in folders)
    base = replace(base, origin=Origin("base", size_mb=310.0))
    gptq = replace(gptq, origin=Origin("gptq", size_mb=100.0, bits=4))
    report = compared(*folders)
    [sentence] = sentences(report, [base, gptq], {})
    [row] = report.rows
    share = 100 * row.flips.total / row.n
    assert (sentence.name, sentence.bits, sentence.against) == ("gptq", 4, "base")
    assert sentence.text.endswith(f"on t; {share:.1f} % of answers changed; 3.1 times smaller")
    assert sentence.text.startswith(f"loses at most {-100 * row.bound:.1f} points")


def test_the_matrix_has_a_cell_a_task_and_variant_on_one_scale(tmp_path):
    runs = worse_and_equal(tmp_path)
    page = gather([str(runs["gptq2"]), str(runs["gptq8"])], base=str(runs["base"]), noise_floor=str(runs["again"]))
    table = matrix(page.report, ["base", "gptq2", "gptq8"])
    assert table.variants == ("gptq2", "gptq8", "again (noise floor)")
    assert [line.title for line in table.lines] == ["stem", "words"]
    assert [part.title for part in table.lines[0].parts.lines] == ["biology", "math", "physics"]
    cells = [cell for line in table.lines for cell in line.cells]
    assert [cell.tone for cell in cells] == ["worse", "", ""] * 2
    ends = [end for line in table.lines for cell in (c for c in line.cells) for end in (cell.bar.low, cell.bar.high)]
    assert min(ends) >= 0
    assert max(ends) <= 100
    for cell in cells:
        d = cell.row.change.difference
        share = 100 * d.value / table.reach
        assert cell.bar.value == (pytest.approx(50 + 50 * share, abs=0.06) if abs(share) <= 1 else None)


def test_a_bar_far_longer_than_the_others_is_cut_and_ends_in_an_arrow(tmp_path):
    _, gold = questions(200)
    right = {"base": 150, "a": 148, "b": 149, "c": 151, "d": 152, "broken": 20}
    rows = {name: choice_rows("t", first_right(count, gold), gold) for name, count in right.items()}
    runs = {name: str(write_run(tmp_path / name, {"t": of}, model=name)) for name, of in rows.items()}
    page = gather(list(runs.values())[1:], base=runs["base"])
    table = matrix(page.report, list(right))
    cells = {cell.row.variant: cell for cell in table.lines[0].cells}
    assert table.has_cut_bar
    assert {name for name, cell in cells.items() if cell.bar.cut_low} == {"broken"}
    assert (cells["broken"].bar.low, cells["broken"].bar.value) == (0, None)
    assert max(abs(cells["a"].bar.low - 50), abs(cells["d"].bar.high - 50)) == 50  # the longest of the others fill it
    text = html.render(page, [])
    assert 'class="cut" d="M5 1L1 6L5 11"' in text
    assert "an arrow at its end says that the interval goes on" in text


def test_the_panels_of_sizes_have_one_scale_and_name_the_parent(tmp_path):
    _, gold = questions(200)
    runs = []
    for name, (few, many) in {"base": (150, 150), "gptq8": (149, 148), "gptq2": (140, 60)}.items():
        tasks = {task: choice_rows(task, first_right(right, gold), gold) for task, right in (("t", few), ("u", many))}
        runs.append(read_run(write_run(tmp_path / name, tasks, model=name), name=name))
    sizes = dict(zip(("base", "gptq8", "gptq2"), (300.0, 160.0, 90.0), strict=True))
    runs = [replace(run, origin=Origin(run.name, run.name, size_mb=sizes[run.name])) for run in runs]
    comparison = compare(runs[0], runs[1:])
    plot = against_size(comparison, headlines(comparison), runs)
    first, second = plot.figure.axes
    assert first.get_ylim() == second.get_ylim()
    assert first.get_ylabel() == "difference to base (points)"
    assert "Made from" not in plot.caption


def test_a_figure_of_sizes_with_several_parents_names_them_all(tmp_path):
    page = gather(list(ladder(tmp_path).values()))
    runs = [replace(run, origin=replace(run.origin, size_mb=100.0 + i)) for i, run in enumerate(page.runs)]
    plot = against_size(page.report, headlines(page.report), runs)
    assert "Made from base: sft. Made from sft: dpo. Made from dpo: gptq4." in plot.caption


def test_a_cell_links_to_its_samples_and_says_how_significant_it_is(tmp_path):
    runs = ladder(tmp_path)
    page = gather(list(runs.values()))
    rows = {row.variant: row for row in page.report.rows}
    assert samples_link(rows["gptq4"]) == "task=t&model=gptq4&change=1,2,3"
    assert significance(rows["gptq4"]) == "significant, also after correction"
    assert significance(replace(rows["gptq4"], p_holm=0.06)) == "significant alone, not after correction"
    assert (
        significance(replace(rows["gptq4"], p_holm=0.06, change=replace(rows["gptq4"].change, p=0.05)))
        == "not significant"
    )
    assert "right to wrong 15, wrong to right 0" in tip(rows["gptq4"])


def test_slides_have_one_number_and_interval_a_cell(tmp_path):
    lines = slides(gather(list(ladder(tmp_path).values())).board).splitlines()
    assert lines[0].split("\t")[:2] == ["model", "t"]
    assert lines[1].split("\t")[:2] == ["dpo", "70.5 (67.6 to 73.2)"]


def test_numbers_of_an_axis_do_not_collide_and_the_largest_stays():
    assert apart([91, 105, 118, 120, 172, 273], 1.2) == [91, 120, 172, 273]
    assert apart([5], 1.2) == [5]


@pytest.mark.parametrize("values", [[3, 2.9, 2.8], [0, 0, 0, 0], [9, 1, 0.9], [5]])
def test_labels_do_not_collide_and_stay_inside(values):
    heights = spread(values, 1, 0.5, 9.5)
    assert all(above - below >= 1 - 1e-9 for above, below in pairwise(heights))
    assert min(heights) >= 0.5
    assert max(heights) <= 9.5
