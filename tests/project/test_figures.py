"""Figures that a document takes from a results file are those of the file."""

from __future__ import annotations

import json
import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY, TOY

from mcqa_suite.common.manifest import read_manifest

RESULTS = REPOSITORY / "benchmarks" / "results"
DOCUMENTS = [REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/**/*.md")), *sorted(REPOSITORY.glob("t*/**/*.md"))]
# Linked in sentences without one of their figures
WITHOUT_FIGURES = {
    "cot_wordings.md",
    "harness_releases.md",
    "processes.md",
    "smoke_recipes.md",
}


def text_of(name: str) -> str:
    """A document in one line, because a sentence may be broken anywhere."""
    return " ".join((REPOSITORY / name).read_text(encoding="utf-8").split())


def rows(path: Path, *first: str) -> list[list[str]]:
    """The cells of the table rows of a file that begin with these cells."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in table if row[: len(first)] == list(first)]


def only(path: Path, *first: str) -> list[str]:
    [row] = rows(path, *first)
    return row


def same(written: str, measured: str) -> bool:
    """Whether a figure is the measured one, rounded to the places that it is written with."""
    unit = Decimal(1).scaleb(-len(written.partition(".")[2]))
    value = Decimal(measured.replace(",", "").strip("%* "))
    rounded = {value.quantize(unit, rounding=way) for way in (ROUND_HALF_EVEN, ROUND_HALF_UP)}
    return Decimal(written.replace(",", "")) in rounded


def check(sentence: str, document: str, *measured: str) -> None:
    """The figures in the groups of `sentence`, a pattern, are the measured ones."""
    match = re.search(sentence, text_of(document))
    assert match, f"{document}: no sentence {sentence}"
    assert len(match.groups()) == len(measured)
    assert all(map(same, match.groups(), measured)), (match.groups(), measured)


def test_a_figure_is_compared_at_its_own_precision():
    assert same("7.3", "7.29")
    assert same("5", "4.5")
    assert same("3,153", "**3153**")
    assert not same("6.6", "7.29")
    assert not same("7.2", "7.29")


EXTRACTORS = {  # row of the document -> (tool for letters, for chain of thought, for numbers)
    "ours": ("ours", "ours", "ours"),
    "lm-eval, best of its filters": ("lm-eval multi_choice_regex", "lm-eval mmlu_pro", "lm-eval gsm8k flexible"),
    "math-verify": ("math-verify strings", "math-verify strings", "math-verify latex + expr"),
    "lighteval, anchored": ("lighteval indices, anchored",) * 2,
    "lighteval, unanchored": ("lighteval indices, unanchored",) * 2,
}


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_table_of_extractors_is_the_files(name):
    written = [cell for cell in only(REPOSITORY / "docs" / "measurements.md", name)[1:] if cell]
    tools = EXTRACTORS[name]
    sets = ("mcq_human", "mcq_cot", "numeric_hard")[: len(tools)]
    expected: list[str] = []
    for kind, tool in zip(sets, tools, strict=True):
        _, _, _, ok, wrong, _, fp, *_ = only(RESULTS / "extractors.md", kind, tool)
        expected += [ok, wrong] if kind == "mcq_cot" else [ok, wrong, fp]
    figures = [figure for cell in written for figure in cell.split(" / ")]
    assert len(figures) == len(expected)
    assert all(map(same, figures, expected)), (figures, expected)


def test_the_sets_of_recent_models_and_the_precision_by_rule():
    text = text_of("docs/measurements.md")
    ours = {row[0]: row for row in rows(RESULTS / "extractors.md") if row[1] == "ours"}
    recent = [
        row
        for name, row in ours.items()
        if re.search(r"reread|gaokao|vision|mmlupro|mmmupro|self|thought|aime|_gsm_|mgsm|theorem", name)
    ]
    check(r"(\d+) sets of outputs of models", "docs/measurements.md", str(len(recent)))
    bound = re.search(r"at least ([\d.]+) % of the answers are read and none", text)
    assert bound
    assert min(float(row[3]) for row in recent) >= float(bound[1])
    assert {row[4] for row in recent} == {"0.00"}
    by_rule = [
        row for row in rows(RESULTS / "extractors.md") if row[0] in ("mcq", "numeric", "grid") and row[2].isdigit()
    ]
    lowest = re.search(r"\[at least ([\d.]+) % of them\]", text)
    assert lowest
    assert min(float(row[4]) for row in by_rule if int(row[2]) >= 50) >= float(lowest[1])
    assert all(row[6] for row in by_rule if int(row[2]) < 50)


def test_the_time_on_hostile_text():
    lines = [row for row in rows(RESULTS / "extract_hostile.md") if row[1] in ("choice", "number", "grid")]
    check(r"on (\d+) hostile patterns", "docs/measurements.md", str(len({row[0] for row in lines})))
    bound = re.search(r"at most ([\d.]+) s per MB", text_of("docs/measurements.md"))
    assert bound
    assert max(float(row[4]) for row in lines) <= float(bound[1])


def test_parity_coverage_and_audit():
    text = (RESULTS / "builtin_parity.md").read_text(encoding="utf-8")
    documents = re.search(r"In all: (\d+) documents, 0 differ", text)
    assert documents
    check(r": on ([\d,]+) documents", "docs/measurements.md", documents[1])
    independent = (RESULTS / "coverage.md").read_text(encoding="utf-8").split("## ")[1]
    assert {
        line.split("|")[-2].strip() for line in independent.splitlines() if line.startswith("| ") and "%" in line
    } == {"met"}
    leaks = [row[3] for row in rows(RESULTS / "audit_real.md") if row[3].startswith("**")][:2]
    check(r"all ([\d,]+) and all ([\d,]+) test questions", "docs/measurements.md", *leaks)
    grids = re.search(r"in ARC-AGI-2 training: (\d+) of (\d+)", (RESULTS / "audit_real.md").read_text(encoding="utf-8"))
    assert grids
    check(r"and (\d+) of (\d+) ARC tasks", "docs/measurements.md", *grids.groups())


def test_the_numbers_that_were_computed_again_agree():
    numbers = [row for row in rows(RESULTS / "recompute.md") if row[2].isdigit()]
    assert {row[4] for row in numbers} == {"agrees"}
    check(r"computes ([\d,]+) numbers", "docs/measurements.md", str(sum(int(row[2]) for row in numbers)))


def test_seconds_and_memory_of_reading():
    [compared], [read] = (
        [row for row in rows(RESULTS / "compare_speed.md") if row[0].startswith(start)]
        for start in ("compare 8 variants x 14042 documents", "read 1000000 sample rows")
    )
    for document in ("docs/measurements.md", "docs/scale.md"):
        figures = r"compared in \[(\d+) s with (\d+) MB\]" if "meas" in document else r"; (\d+) s and (\d+) MB for 8"
        check(figures, document, compared[1], compared[3])
    check(r"\[(\d+) s and (\d+) MB for 1,000,000 rows", "docs/scale.md", read[1], read[3])
    check(r"10\^8 rows x (\d+) s a million", "docs/scale.md", read[1])
    report = {row[0]: row for row in rows(RESULTS / "report_scale.md")}
    both = next(row for name, row in report.items() if name.startswith("1,000,000 rows compared, then reported"))
    runs = next(row for name, row in report.items() if name.startswith("report of 200 runs"))
    check(r"\[(\d+) s and (\d+) MB\]\([^)]*report_scale", "docs/scale.md", both[1], both[3])
    check(r"a report of 200 runs, (\d+) s and (\d+) MB", "docs/scale.md", runs[1], runs[3])
    size = only(RESULTS / "log_size.md", "all")
    check(r"10\^8 rows x ([\d,]+) bytes \(\[", "docs/scale.md", size[2])
    check(r"packed \((\d+) bytes a row\)", "docs/scale.md", size[3])
    check(
        r"capped at \[(\d+) MB\]\([^)]*report_size",
        "docs/scale.md",
        re.search(r"MB\) \(bar (\d+)", " ".join(cell for row in rows(RESULTS / "report_size.md") for cell in row))[1],
    )


def test_rates_of_verdicts():
    path = RESULTS / "verdict_rates.md"
    parts = path.read_text(encoding="utf-8").split("\n## ")[1:]
    tables = {part.splitlines()[0]: [line.split("|")[1:-1] for line in part.splitlines()[4:] if line] for part in parts}
    assert not any("MISSED" in part for part in parts)

    def largest(title: str, column: int) -> str:
        [lines] = [table for name, table in tables.items() if name.startswith(title)]
        return str(max(100 * float(row[column]) for row in lines))

    document = "docs/measurements.md"
    check(r'any row "worse" in at most ([\d.]+) %', document, largest("Equal models: any row worse", 4))
    check(r'"better" in at most ([\d.]+) %', document, largest("Equal models: any row worse", 5))
    check(r"from the best in at most ([\d.]+) %", document, largest("Equal models: any marked", 4))
    check(r"margin is called equivalent in at most ([\d.]+) %", document, largest("A true loss", 4))
    harmless = [
        row
        for name, table in tables.items()
        if name.startswith("--max-drop, a variant that loses nothing")
        for row in table
    ]
    least = min(100 * float(row[5]) for row in harmless if row[0].strip() == "2000" and row[2].strip() == "1")
    check(r"verdict_rates.md\): ([\d.]+) %\)", "docs/verdicts.md", str(least))


def test_coverage_of_votes():
    settings = [row for row in rows(RESULTS / "vote_coverage.md") if row[0].isdigit()]
    assert all(row[-1] == "met" for row in settings)
    check(r"in all (\d+) \[simulated settings\]", "docs/measurements.md", str(len(settings)))
    check(r"of (\d+) to ([\d,]+) questions\.", "docs/measurements.md", settings[0][0], settings[-1][0])


def test_speed_and_robustness():
    speed = RESULTS / "eval_speed.md"
    ratios = [only(speed, work, "135M")[5] for work in ("5-shot letter", "5-shot cloze")]
    check(r"questions ([\d.]+) times and 5-shot cloze questions ([\d.]+) times", "docs/measurements.md", *ratios)
    exact = speed.read_text(encoding="utf-8").split("bf16, 30M")[0]
    largest = max(float(value) for value in re.findall(r"\d\.\de-\d\d", exact))
    assert f"{largest:.0e}" == "7e-05"
    assert "same log-likelihoods to 7e-5" in text_of("docs/measurements.md")
    kills = re.search(r"(\d+) of (\d+) killed ladders ended", (RESULTS / "endurance.md").read_text(encoding="utf-8"))
    assert kills
    check(r"\[(\d+) of (\d+) ladders that were killed", "docs/measurements.md", *kills.groups())
    check(
        r"the same table, ([\d.]+) times as fast", "docs/scale.md", only(RESULTS / "ray_ladder.md", "two Ray nodes")[2]
    )
    seconds = [str(read_manifest(REPOSITORY / "docs/demo/checkpoints" / name).seconds) for name in ("sft", "gptq4")]
    check(r"25 steps of SFT (\d+) s, GPTQ to 4 bits (\d+) s", "docs/scale.md", *seconds)


def test_servers():
    for name, questions, same_answers in (("server_parity.md", 1, 2), ("vllm_parity.md", 2, 3)):
        compared = [row for row in rows(RESULTS / name) if row[0].startswith("mcqa_")]
        assert compared
        assert all(row[questions] == row[same_answers] for row in compared), name


def test_the_figures_of_the_toy_are_its_logs():
    readme = TOY / "README.md"
    last = json.loads((TOY / "base" / "training_log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    names = only(readme, "")[1:]
    for kind in ("letter", "cloze"):
        figures = only(readme, kind)[1:]
        assert [float(figure) for figure in figures] == [last[f"test_{kind}"][name] for name in names]
    check(r"the folder: (\d+) steps", "tests/toy/README.md", str(last["step"]))
    percent = [str(100 * last["test_cot"][name]) for name in ("read", "right")]
    check(r"it ends ([\d.]+) % of its responses with .*?; ([\d.]+) % of all are right", "tests/toy/README.md", *percent)


def test_the_ranking_of_the_persuasion_flow_is_its_files():
    models = ("dpo_ai_human", "dpo_ai", "dpo_human", "sft")
    table = [row for row in rows(REPOSITORY / "docs" / "persuasion.md") if row[1] in models and "[" in row[2]]
    assert len(table) == len(models)
    assert table == [row for row in rows(RESULTS / "persuasion_flow.md") if row[1] in models and "[" in row[2]]


def test_every_linked_results_file_has_a_check():
    """A new link with figures needs a check above."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert DOCUMENTS
    for document in DOCUMENTS:
        for name in re.findall(r"\]\([^)\s]*results/([\w.]+)\)", document.read_text(encoding="utf-8")):
            assert name in WITHOUT_FIGURES or f'"{name}"' in source, f"{document.relative_to(REPOSITORY)} links {name}"
