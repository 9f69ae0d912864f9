"""The report: what is on the page, that it asks nothing of a network, and that nothing a model wrote can run."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from helpers.browser_runs import unpacked
from helpers.comparison_runs import always_c, compared, two_runs
from helpers.ladder_runs import ladder as with_manifests
from helpers.locations import REPOSITORY
from helpers.log_files import STAMP, choice_rows, questions, write_run, written_row
from helpers.report_runs import HOSTILE, Read, ladder, noisy, reported

from mcqa_suite import compare
from mcqa_suite.analysis.leaderboard import leaderboard, rung_leaderboard
from mcqa_suite.cli.main import main
from mcqa_suite.ladder.outputs import save_report
from mcqa_suite.ladder.steps import LadderResult, RungResult
from mcqa_suite.logs.origin import Origin
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting import html
from mcqa_suite.reporting import leaderboard as rendered
from mcqa_suite.reporting.browser.section import Browser
from mcqa_suite.reporting.headlines import headlines, parts_of
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task
from mcqa_suite.reporting.page_data import gather
from mcqa_suite.reporting.sentences import sentences


@pytest.mark.slow
def test_a_report_says_in_words_what_changed(tmp_path, capsys):
    runs = ladder(tmp_path)
    code, page, output = reported(tmp_path, runs, "--noise-floor", str(runs["again"]))
    assert code == 0
    assert "4 runs" in capsys.readouterr().out
    assert {"verdicts", "checks", "leaderboard", "figures", "comparisons", "methods"} <= set(page.ids())
    for words in (
        "base and what was made from it",
        "gptq2 against base: worse on 2 of 2 tasks, most on words: -",
        "of the answers changed when base was evaluated a second time under other conditions (again). This is the noise floor.",
        "gptq8 against base: loses at most ",
        "equivalent",
        "significant, also after correction",
        "No answer could be read in 62.5 % of the responses to words (base: 0.0 %)",
        "again (noise floor)",
        "Tango, Statistics in Medicine 17, 1998, 891-908",
        "Dutta et al., arXiv 2407.09141",
        "mcqa eval --model hf --model_args pretrained=gptq2 --tasks stem,words --num_fewshot 0",
    ):
        assert words in page.text, words
    assert output.stat().st_size < 1_500_000
    assert len(page.ids()) == len(set(page.ids()))


@pytest.mark.slow
def test_every_figure_is_in_the_page_with_a_text_alternative(tmp_path):
    runs = ladder(tmp_path)
    _code, page, _output = reported(
        tmp_path, runs, "--noise-floor", str(runs["again"]), "--figures", str(tmp_path / "f")
    )
    figures = {"forest", "flips", "choice-kl", "reliability", "letters", "confusion", "tasks-stem-none", "reads"}
    assert {name.removeprefix("figure-") for name in page.ids() if name.startswith("figure-")} == figures
    assert {path.name for path in (tmp_path / "f").iterdir()} == {
        f"{n}.{kind}" for n in figures for kind in ("svg", "png")
    }
    drawings = [attrs for tag, attrs in page.tags if tag == "svg" and attrs.get("class") != "bar"]
    assert len(drawings) == len(figures)
    for attrs in drawings:
        assert attrs["role"] == "img"
        assert set(attrs["aria-labelledby"].split()) <= set(page.ids())
    assert "gptq2 on stem: -" in page.text
    assert not [attrs for _, attrs in page.tags if "style" in attrs or any(name.startswith("on") for name in attrs)]
    links = {attrs["href"][1:] for tag, attrs in page.tags if tag in ("a", "use")}
    assert {link for link in links if "=" not in link} <= set(page.ids())  # the others are filters of the samples
    assert "task=stem&model=gptq2&change=1,2,3" in links
    tips = [attrs for tag, attrs in page.tags if tag == "g" and attrs.get("class") == "tip"]
    assert len(tips) > 6


def test_the_page_loads_nothing_and_its_policy_allows_only_its_own_code(tmp_path):
    _code, page, output = reported(tmp_path, ladder(tmp_path))
    text = output.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"'<>]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"} - {"form"}
    assert not [attrs for _, attrs in page.tags if "src" in attrs]
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    runnable = [text for tag, attrs, text in page.code if tag == "style" or "type" not in attrs]
    assert sorted(re.findall(r"'sha256-[^']+'", policy)) == sorted(map(html.digest, runnable))


def test_responses_of_a_model_are_shown_as_text(tmp_path):
    scores, gold = questions(60)
    rows = choice_rows("t", scores, gold)
    for row in rows:
        row["doc"]["stem"] = HOSTILE
    words = [written_row("words", i, "ABCD"[i % 4], i % 4, text=HOSTILE + "\x00\ud800") for i in range(12)]
    runs = {}
    for name, amount in (("base", 0.0), ("gptq2", 1.0), ("gptq8", 0.5)):
        changed = choice_rows("t", noisy(scores, amount), gold)
        tasks = {"t": changed, "words": words}
        folder = tmp_path / "runs" / name
        write_run(folder, tasks, model=f"{HOSTILE}{name}", git_hash=HOSTILE)
        runs[name] = folder
    output = tmp_path / "report.html"
    names = [f"{HOSTILE.replace('/', '|').replace('=', '-')}{name}={path}" for name, path in runs.items()]
    assert main(["report", *names[1:], "--base", names[0], "-o", str(output)]) == 0
    page = Read(output.read_text(encoding="utf-8"))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert "alert(1)" not in "".join(text for _, attrs, text in page.code if "type" not in attrs)
    assert "<img src=x onerror=alert(1)>{{7*7}}" in page.text
    assert "\u202e" not in output.read_text(encoding="utf-8")
    assert "\x00" not in output.read_text(encoding="utf-8")


@pytest.mark.slow
def test_runs_under_other_settings_are_shown_in_red(tmp_path):
    code, page, _output = reported(tmp_path, ladder(tmp_path, lm_eval_version="0.4.9"))
    assert code == 0
    assert re.search(r"gptq2 against base: asked differently: harness version: \w+: 0.4.13 \(base\), 0.4.9", page.text)
    assert "gptq8 against base: loses at most" in page.text
    bad = [attrs for tag, attrs in page.tags if tag == "td" and attrs.get("class") == "bad"]
    assert bad
    assert "0.4.13 (base), 0.4.9" in page.text


def test_without_a_base_only_the_leaderboard_is_shown(tmp_path, capsys):
    code, page, _output = reported(tmp_path, ladder(tmp_path), base=None)
    assert code == 0
    assert "--base" in capsys.readouterr().out
    assert {"leaderboard", "methods"} <= set(page.ids())
    assert not {"verdicts", "checks", "comparisons"} & set(page.ids())
    assert "Leaderboard of 2 runs" in page.text


@pytest.mark.slow
def test_a_run_without_samples_is_named_and_shown_with_the_harness_s_values(tmp_path, capsys):
    runs = ladder(tmp_path)
    results = json.loads((runs["gptq2"] / f"results_{STAMP}.json").read_text(encoding="utf-8"))
    results["results"]["math"] |= {"acc,none": 0.25, "acc_stderr,none": 0.025}
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / f"results_{STAMP}.json").write_text(json.dumps(results), encoding="utf-8")
    code, page, _output = reported(tmp_path, {**runs, "gptq2": bare})
    assert code == 2
    assert "--log_samples" in capsys.readouterr().err
    assert "bare : no samples" in page.text
    assert "0.2500 ± 0.0250" in page.text
    assert "gptq8 against base: loses at most" in page.text
    output = tmp_path / "bare.html"
    assert main(["report", str(bare), "-o", str(output)]) == 2
    assert "No sample browser" in Read(output.read_text(encoding="utf-8")).text


@pytest.mark.slow
def test_tasks_are_chosen_by_glob(tmp_path, capsys):
    runs = ladder(tmp_path)
    _code, page, _output = reported(tmp_path, runs, "--tasks", "word*")
    assert "worse on words: -" in page.text
    assert " stem " not in page.text
    assert main(["report", str(runs["gptq2"]), "-o", str(tmp_path / "x.html"), "--tasks", "nothing"]) == 2
    assert "--tasks nothing: matches no task or group" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_is_the_same_every_time(tmp_path):
    runs = ladder(tmp_path, n=40)
    texts = [reported(tmp_path, runs)[2].read_text(encoding="utf-8") for _ in range(2)]
    assert texts[0] == texts[1]


@pytest.mark.slow
def test_a_ladder_ends_with_a_report(tmp_path):
    runs = with_manifests(tmp_path)
    rungs = [RungResult(name, tmp_path, None, folder, None) for name, folder in runs.items()]
    result = LadderResult(None, tmp_path, tuple(rungs), 0.0)
    assert save_report(result) == f"report: {tmp_path / 'report.html'}"
    text = Read((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "gptq4 against dpo: worse on t: -1.5 points" in text
    assert "gptq4 against base: better on t: +9.0 points" in text  # the reader can switch


def test_the_sample_browser_counts_as_right_what_the_comparison_counts(tmp_path):
    scores, gold = questions(20)
    rows = choice_rows("t", scores, gold)
    paths = []
    for name, score in (("base", 1.0), ("sft", 0.0)):
        marked = [row | {"metrics": ["acc", "exact_match"], "exact_match": score} for row in rows]
        paths.append(write_run(tmp_path / name, {"t": marked}, model=name))
    output = tmp_path / "report.html"
    compare(*paths, metric="exact_match").report(output)
    page = Read(output.read_text(encoding="utf-8"))
    data = next(text for _, attrs, text in page.code if attrs.get("id") == "browser-data")
    items, about = unpacked(Browser("", data, "", ""))
    assert {item[5][about["models"].index("sft")][0] for item in items} == {1}  # from right to wrong


def test_runs_without_a_common_document_still_have_a_leaderboard(tmp_path, capsys):
    runs = ladder(tmp_path, n=40)
    scores, gold = questions(40, seed=9)
    other = write_run(
        tmp_path / "other", {"math": choice_rows("math", scores, gold, prompt="Asked otherwise")}, model="x"
    )
    output = tmp_path / "report.html"
    assert main(["report", str(other), "--base", str(runs["base"]), "-o", str(output), "--tasks", "math"]) == 2
    assert "no document in common" in capsys.readouterr().err
    page = Read(output.read_text(encoding="utf-8"))
    assert "leaderboard" in page.ids()
    assert "verdicts" not in page.ids()


def test_a_noise_floor_needs_its_base(tmp_path, capsys):
    runs = ladder(tmp_path, n=20)
    assert main(["report", str(runs["gptq2"]), "--noise-floor", str(runs["again"])]) == 2
    assert "--noise-floor needs a base" in capsys.readouterr().err


def test_groups_hide_their_tasks_from_the_headlines(tmp_path):
    runs = ladder(tmp_path)
    page = gather([str(runs["gptq2"])], base=str(runs["base"]))
    tops = headlines(page.report)
    assert [rows[0].task for rows in tops] == ["stem", "words"]
    assert [rows[0].task for rows in parts_of(page.report, tops[0])] == ["biology", "math", "physics"]


@pytest.mark.slow
def test_copies_hold_the_leaderboard_as_markdown_latex_and_csv(tmp_path):
    _code, page, _output = reported(tmp_path, ladder(tmp_path))
    copies = json.loads(next(text for tag, attrs, text in page.code if attrs.get("id") == "copies"))
    assert copies["Markdown"].startswith("### Leaderboard")
    assert r"\begin{tabular}" in copies["LaTeX"]
    header = copies["CSV"].splitlines()[0].split(",")
    assert {"model", "rank", "task", "metric", "n", "value", "difference", "p_holm", "verdict"} <= set(header)
    assert re.search(r"\| gptq2 \| .*; -\d+\.\d \(.*\) \* \|", copies["Markdown"])


def test_the_templates_contain_no_address():
    paths = sorted((REPOSITORY / "src/mcqa_suite/reporting/templates").iterdir())
    assert paths
    for path in paths:
        assert not re.search(r"https?:|//cdn|@import|url\(", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    ("megabytes", "unit", "shown"),
    [
        ((2500.0, 700.0, None), "GB", ["2.50", "0.70", ""]),
        ((999.0, 700.0, None), "MB", ["999.00", "700.00", ""]),
        ((2500.0, 4.0, None), "MB", ["2500.00", "4.00", ""]),  # 0.00 GB would say nothing
        ((None, None, None), "MB", ["", "", ""]),
    ],
)
def test_sizes_of_a_column_share_one_suitable_unit(tmp_path, megabytes, unit, shown):
    scores, gold = questions(20)
    runs = []
    for name, size in zip(("base", "sft", "gptq"), megabytes, strict=True):
        path = write_run(tmp_path / name, {"t": choice_rows("t", scores, gold)}, model=name)
        runs.append(replace(read_run(path, name=name), origin=Origin(name, size_mb=size)))
    ranked, by_task = leaderboard(runs), rung_leaderboard(runs, {})
    for text in (rendered.markdown(ranked), markdown_by_task(by_task)):
        header, _rule, *lines = [line for line in text.splitlines() if line.startswith("|")]
        columns = [cell.strip() for cell in header.strip("| ").split(" | ")]
        if any(shown) or unit in columns:
            cells = [line.split("|")[1 + columns.index(unit)].strip() for line in lines[: len(runs)]]
            assert cells == shown
        assert ("GB" in columns) == (unit == "GB")
    assert "size_mb" in rendered.as_csv(ranked)


def test_a_sentence_names_the_check_that_failed(tmp_path):
    folders = two_runs(tmp_path, always_c)
    [sentence] = sentences(compared(*folders), [read_run(folder) for folder in folders], {})
    assert (sentence.word, sentence.tone) == ("not valid", "bad")
    assert sentence.text.startswith("no valid score; ")
    [note] = sentence.notes
    assert re.fullmatch(r"t is not valid: \d+ of \d+ answers are C, which is right in [\d.]+ % \(gptq\)", note)
