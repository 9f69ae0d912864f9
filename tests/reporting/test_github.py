"""`mcqa compare --format github`: the summary and annotations of a workflow, into which no name can write commands."""

from __future__ import annotations

import re

import pytest
from helpers.comparison_runs import noisy, two_runs
from helpers.log_files import choice_rows, questions, write_run, written_row

from mcqa_suite.cli.main import main
from mcqa_suite.common.foreign_text import github_markdown, without_commands, workflow_command
from mcqa_suite.reporting import github
from mcqa_suite.reporting.gate_cases import Case
from mcqa_suite.reporting.github import MOST_ANNOTATIONS, annotation_commands

COMMANDS = ("::error::x", "  ::add-mask::x", "##[error]x", "a ##[add-mask]x", "##vso[task.setvariable variable=a]b")
HOSTILE = "\n".join(
    ["t", *COMMANDS, "| made | up |", "![x](http://x/y.png) [a](http://b) @everyone <img src=x> &#64;you"]
)


@pytest.fixture
def summary(tmp_path, monkeypatch):
    path = tmp_path / "summary.md"
    path.write_text("Of another step.\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    return path


def worse(folder):
    return map(str, two_runs(folder, lambda scores, gold: noisy(scores, 3.0), 1000))


def of_a_runner(line):
    """Whether GitHub's runner would obey a line: ActionCommand.TryParse and TryParseV2 of actions/runner."""
    return line.lstrip().startswith("::") or re.search(r"##\w*\[", line)


def test_the_summary_is_added_to_that_of_the_step_and_the_reason_is_an_annotation(tmp_path, summary, capsys):
    assert main(["compare", *worse(tmp_path), "--max-drop", "1", "--format", "github"]) == 1
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("Of another step.\n## Gate: failed\n\n- gptq against base, t: fails: worse by ")
    assert "| t | gptq | 1000 |" in text
    out, err = capsys.readouterr()
    assert out.startswith("::error title=gptq%3A --max-drop 1%2C t::fails: worse by ")
    assert (out.count("\n"), err) == (1, "")


def test_outside_a_workflow_the_summary_is_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert main(["compare", *worse(tmp_path), "--format", "github"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("### base and what was made from it\n")
    assert "::notice title=gptq%3A t [acc]::1000 questions: base " in out


@pytest.mark.parametrize("flags", [[], ["--fail-if", "worse"], ["--max-drop", "1"]])
def test_a_name_writes_no_command_and_no_markup(tmp_path, summary, capsys, flags):
    folders = []
    for name in ("base", "variant"):
        rows = [written_row("t", number, "B", 1) | {"filter": HOSTILE} for number in range(4)]
        folders.append(str(write_run(tmp_path / name, {"t": rows})))
    main(["compare", *folders, *flags, "--format", "github"])
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines
    assert all(re.match(r"::(error|warning|notice) title=[^:,]+::", line) for line in lines)
    assert not [line for line in lines if of_a_runner(line.split("::", 2)[2])]
    assert not [line for line in err.splitlines() if of_a_runner(line)]
    text = summary.read_text(encoding="utf-8")
    assert not re.search(r"\]\(|@\w|<img|&#64|^\| made", text, re.MULTILINE)


def test_a_task_whose_name_is_a_command_is_no_command_in_an_error(tmp_path, summary, capsys):
    scores, gold = questions(20)
    base = write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)})
    name = "::add-mask::t"
    variant = write_run(tmp_path / "gptq", {name: choice_rows(name, scores, gold)}, model="gptq")
    assert main(["compare", str(base), str(variant), "--tasks", "##[error]t"]) == 2
    assert main(["compare", str(base), str(variant)]) == 2
    out, err = capsys.readouterr()
    assert "add-mask" in err
    assert not [line for line in (out + err).splitlines() if of_a_runner(line)]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_runner_obeys_no_line_of_a_text(command):
    assert of_a_runner(command)
    assert not [line for line in without_commands(f"{command}\n{command}").splitlines() if of_a_runner(line)]


def test_a_text_without_commands_stays_as_it_is():
    text = "a::b, # [x], ## Heading\n### [x] 50%|##   |"
    assert without_commands(text) == text


def test_a_command_holds_its_title_and_message():
    command = workflow_command("error", "a:b,c\n::d", "50 %\n::error::x")
    assert command == "::error title=a%3Ab%2Cc\ufffd%3A%3Ad::50 %25%0A\ufffd::error::x"


def test_markdown_of_a_name_is_text():
    assert github_markdown("\\\\[a\\](b)") == "\\&#91;a&#93;(b)"
    assert github_markdown("a & b < 3 @ 4") == "a & b < 3 @ 4"


def test_a_workflow_shows_ten_annotations_of_a_level_and_the_last_counts_the_rest():
    lines = annotation_commands([Case("m", "base", f"t{i}", "failed", "worse") for i in range(25)])
    assert len(lines) == MOST_ANNOTATIONS
    assert lines[-1] == "::error title=mcqa compare::16 more in the summary"


def test_a_summary_fits_into_a_comment(tmp_path, summary, monkeypatch):
    monkeypatch.setattr(github, "MOST_CHARACTERS", 3000)
    scores, gold = questions(4)
    rows = {f"task_{i:04d}_{'x' * 90}": choice_rows("t", scores, gold) for i in range(20)}
    folders = [str(write_run(tmp_path / name, rows, model=name)) for name in ("base", "gptq")]
    main(["compare", *folders, "--force", "--format", "github"])
    text = summary.read_text(encoding="utf-8")
    assert len(text) < 3200
    assert "more lines do not fit." in text
