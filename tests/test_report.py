"""The report: what is on the page, that it asks nothing of a network, and that nothing a model wrote can run."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import REPOSITORY
from made_up_logs import STAMP, choice_rows, questions, write_run, written_row
from test_browser import chromium  # noqa: F401  (a fixture)

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from mcqa_suite.cli import main
from mcqa_suite.outcome import LadderResult, RungResult, save_report
from mcqa_suite.report import html, views
from mcqa_suite.report.figures.style import PALETTE

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


def test_a_report_says_in_words_what_changed(tmp_path, capsys):
    runs = ladder(tmp_path)
    code, page, output = reported(tmp_path, runs, "--noise-floor", str(runs["again"]))
    assert code == 0
    assert "4 runs" in capsys.readouterr().out
    assert {"verdicts", "checks", "leaderboard", "figures", "comparisons", "methods"} <= set(page.ids())
    for words in (
        "base and what was made from it",
        "gptq2 worse on 2 of 2",
        "gptq8 equivalent",
        "Worse on stem",
        "no answer could be read in 62.5 % of responses (base: 0.0 %)",
        "again (noise floor)",
        "Tango, Statistics in Medicine 17, 1998, 891-908",
        "Dutta et al., arXiv 2407.09141",
        "mcqa eval --model hf --model_args pretrained=gptq2 --tasks stem,words --num_fewshot 0",
    ):
        assert words in page.text, words
    assert output.stat().st_size < 1_500_000
    assert len(page.ids()) == len(set(page.ids()))


def test_every_figure_is_there_without_a_script_and_has_words(tmp_path):
    runs = ladder(tmp_path)
    _code, page, _output = reported(
        tmp_path, runs, "--noise-floor", str(runs["again"]), "--figures", str(tmp_path / "f")
    )
    figures = {"forest", "flips", "choice-kl", "reliability", "letters", "confusion", "tasks-stem-none", "reads"}
    assert {name.removeprefix("figure-") for name in page.ids() if name.startswith("figure-")} == figures
    assert {path.name for path in (tmp_path / "f").iterdir()} == {
        f"{n}.{kind}" for n in figures for kind in ("svg", "png")
    }
    drawings = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(drawings) == len(figures)
    for attrs in drawings:
        assert attrs["role"] == "img"
        assert set(attrs["aria-labelledby"].split()) <= set(page.ids())
    assert "gptq2 on stem: -" in page.text
    assert not [attrs for _, attrs in page.tags if "style" in attrs or any(name.startswith("on") for name in attrs)]
    links = {attrs["href"][1:] for tag, attrs in page.tags if tag in ("a", "use")}
    assert links <= set(page.ids())


def test_the_page_loads_nothing_and_its_policy_names_its_own_code_alone(tmp_path):
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


def test_what_a_model_wrote_is_text(tmp_path):
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
    given = [f"{HOSTILE.replace('/', '|').replace('=', '-')}{name}={path}" for name, path in runs.items()]
    assert main(["report", *given[1:], "--base", given[0], "-o", str(output)]) == 0
    page = Read(output.read_text(encoding="utf-8"))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert "alert(1)" not in "".join(text for _, attrs, text in page.code if "type" not in attrs)
    assert "<img src=x onerror=alert(1)>{{7*7}}" in page.text
    assert "\u202e" not in output.read_text(encoding="utf-8")
    assert "\x00" not in output.read_text(encoding="utf-8")


def test_runs_under_other_settings_are_shown_in_red(tmp_path):
    code, page, _output = reported(tmp_path, ladder(tmp_path, lm_eval_version="0.4.9"))
    assert code == 0
    assert "gptq2 not comparable" in page.text
    assert "gptq8 equivalent" in page.text
    bad = [attrs for tag, attrs in page.tags if tag == "td" and attrs.get("class") == "bad"]
    assert bad
    assert "0.4.13 (base), 0.4.9" in page.text


def test_without_a_base_there_is_the_leaderboard_alone(tmp_path, capsys):
    code, page, _output = reported(tmp_path, ladder(tmp_path), base=None)
    assert code == 0
    assert "--base" in capsys.readouterr().out
    assert {"leaderboard", "methods"} <= set(page.ids())
    assert not {"verdicts", "checks", "comparisons"} & set(page.ids())
    assert "Leaderboard of 2 runs" in page.text


def test_a_run_without_samples_is_said_and_shown_by_the_harness_s_values(tmp_path, capsys):
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
    assert "gptq8 equivalent" in page.text
    output = tmp_path / "bare.html"
    assert main(["report", str(bare), "-o", str(output)]) == 2
    assert "No sample browser" in Read(output.read_text(encoding="utf-8")).text


def test_tasks_are_chosen_by_glob(tmp_path, capsys):
    runs = ladder(tmp_path)
    _code, page, _output = reported(tmp_path, runs, "--tasks", "word*")
    assert "Worse on words" in page.text
    assert "stem" not in page.text
    assert main(["report", str(runs["gptq2"]), "-o", str(tmp_path / "x.html"), "--tasks", "nothing"]) == 2
    assert "--tasks nothing: no task or group is called so" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["folder-that-is-not/report.html", "."])
def test_where_nothing_can_be_written_one_line_says_so(tmp_path, place, capsys):
    runs = ladder(tmp_path, n=20)
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", str(runs["gptq2"]), "-o", str(tmp_path / place)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written" in line
    assert sorted(tmp_path.rglob("*")) == before


def test_a_report_is_the_same_every_time(tmp_path):
    runs = ladder(tmp_path, n=40)
    texts = [reported(tmp_path, runs)[2].read_text(encoding="utf-8") for _ in range(2)]
    assert texts[0] == texts[1]


def test_a_ladder_ends_with_a_report_where_it_can_be_drawn(tmp_path, monkeypatch):
    runs = ladder(tmp_path, n=40)
    rungs = [RungResult(name, tmp_path, None, runs[name], None) for name in ("base", "gptq8", "gptq2")]
    result = LadderResult(None, tmp_path, tuple(rungs), 0.0)
    assert save_report(result) == f"report in {tmp_path / 'report.html'}"
    assert "gptq2 worse" in Read((tmp_path / "report.html").read_text(encoding="utf-8")).text
    monkeypatch.setattr(html, "NEEDS", ("a_library_that_is_not_there",))
    assert save_report(result) == "no report.html: pip install 'mcqa-suite[report]'"
    assert main(["report", str(runs["base"])]) == 2


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
    assert "name the base with --base" in capsys.readouterr().err


def test_groups_hide_their_tasks_from_the_headlines(tmp_path):
    runs = ladder(tmp_path)
    page = html.gather([str(runs["gptq2"])], base=str(runs["base"]))
    tops = views.headlines(page.report)
    assert [rows[0].task for rows in tops] == ["stem", "words"]
    assert [rows[0].task for rows in views.parts_of(page.report, tops[0])] == ["biology", "math", "physics"]


def test_copies_hold_the_leaderboard_as_markdown_latex_and_csv(tmp_path):
    _code, page, _output = reported(tmp_path, ladder(tmp_path))
    copies = json.loads(next(text for tag, attrs, text in page.code if attrs.get("id") == "copies"))
    assert copies["Markdown"].startswith("### Leaderboard")
    assert r"\begin{tabular}" in copies["LaTeX"]
    assert copies["CSV"].splitlines()[0].startswith("model,rank,task,metric,n,value")
    assert re.search(r"\| gptq2 \| .*; -\d+\.\d \(.*\)\* \|", copies["Markdown"])


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_can_be_read(theme):
    colours = {name: pair[theme] for name, pair in PALETTE.items()}
    for name in ("ink", "muted", "same", "better", "worse", "floor", "link"):
        for ground in ("paper", "raised"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["focus"], colours["paper"]) >= 3


# Viénot, Brettel and Mollon, Color Research & Application 24, 1999: linear RGB as a protanope and a deuteranope see it.
BLIND = {
    "protanope": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranope": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_better_and_worse_stay_apart_for_the_colour_blind(kind, theme):
    seen = []
    for name in ("better", "worse"):
        colour = PALETTE[name][theme]
        linear = np.array([(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)])
        seen.append(np.clip(np.array(BLIND[kind]) @ linear, 0, 1) ** (1 / 2.2))
    assert np.abs(seen[0] - seen[1]).max() > 0.3


def test_the_templates_name_no_place_to_load_from():
    found = sorted((REPOSITORY / "src/mcqa_suite/report/templates").iterdir())
    assert found
    for path in found:
        assert not re.search(r"https?:|//cdn|@import|url\(", path.read_text(encoding="utf-8")), path


def test_in_a_real_browser_it_is_quiet_sorts_copies_and_fits(tmp_path, chromium):  # noqa: F811
    runs = ladder(tmp_path)
    _code, _page, output = reported(tmp_path, runs, "--noise-floor", str(runs["again"]))
    run = chromium.execute_script
    for kind in ("browser", "performance"):
        chromium.get_log(kind)
    chromium.get(output.as_uri())
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert {one["request"]["url"] for one in sent if one["documentURL"] == output.as_uri()} == {output.as_uri()}
    names = "return [...document.querySelectorAll('.sortable tbody th')].map((cell) => cell.textContent.split(' ')[0])"
    click = "document.querySelectorAll('.sortable thead button')[2].click()"
    tail = ["chance", "commonest", "again"]
    run(click)
    down = run(names)
    run(click)
    assert down[-3:] == run(names)[-3:] == tail
    assert down[0] != "gptq2" == down[2]
    assert run(names)[0] == "gptq2"
    chromium.find_element("css selector", "button[data-copy=CSV]").click()  # a browser lets a reader copy, not a script
    for _ in range(100):
        if run("return document.getElementById('copied').textContent"):
            break
        time.sleep(0.02)
    assert run("return document.getElementById('copied').textContent") == "CSV copied"
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert run("return document.documentElement.scrollWidth") == 390
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert chromium.get_log("browser") == []
