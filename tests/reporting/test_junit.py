"""`mcqa compare --format junit`: a test case a row, that fails as the gate says, in XML that CI servers read."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from helpers.comparison_runs import always_c, groups_of, noisy, two_runs
from helpers.log_files import choice_rows, questions, write_run, written_row

from mcqa_suite.cli.main import main

GATES = {"none": [], "pooled": ["--max-drop", "1"], "each": ["--max-drop", "1", "--per-task"]}
GATES |= {"worse": ["--fail-if", "worse"], "strict": ["--fail-if", "worse", "--strict"]}
RUNS = {
    "worse": lambda folder: two_runs(folder, lambda scores, gold: noisy(scores, 3.0), 300),
    "undecided": lambda folder: two_runs(folder, lambda scores, gold: noisy(scores, 0.3), 100),
    "unchanged": lambda folder: two_runs(folder, lambda scores, gold: noisy(scores, 0.001), 300),
    "not valid": lambda folder: two_runs(folder, always_c, 300),
    "missing": lambda folder: one_task_more(folder),
}
# What the schema of Jenkins' plug-in xunit (junit-10.xsd) allows.
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testcase": {"classname", "name", "time"},
}


def one_task_more(folder):
    _, variant = two_runs(folder)
    scores, gold = questions(200)
    rows = {name: choice_rows(name, scores, gold) for name in ("t", "u")}
    return write_run(folder / "more", rows), variant


def junit(runs, *flags, capsys):
    code = main(["compare", *map(str, runs), *flags, "--format", "junit"])
    return code, ElementTree.fromstring(capsys.readouterr().out)


@pytest.mark.parametrize("flags", GATES.values(), ids=GATES)
@pytest.mark.parametrize("name", RUNS)
def test_errors_and_failures_are_those_of_the_exit_code(tmp_path, capsys, name, flags):
    code, root = junit(RUNS[name](tmp_path), *flags, capsys=capsys)
    assert bool(root.findall(".//error")) == (code == 2)
    assert code not in (1, 3) or root.findall(".//failure")
    assert code != 0 or not root.findall(".//failure")
    types = {failure.get("type") for failure in root.findall(".//failure")}
    assert types == {1: {"failed"}, 3: {"undecided"}}.get(code, types)


@pytest.mark.parametrize("flags", GATES.values(), ids=GATES)
def test_the_counts_are_those_of_the_cases_and_the_form_is_the_schema_s(tmp_path, capsys, flags):
    _, root = junit(groups_of(tmp_path)[0], *flags, capsys=capsys)
    assert root.tag == "testsuites"
    for element in (root, *root):
        for key, tag in {"tests": "testcase", "failures": "failure", "errors": "error"}.items():
            assert int(element.get(key)) == len(element.findall(f".//{tag}"))
    for element in root.iter():
        assert element.tag not in ATTRIBUTES or set(element.keys()) == ATTRIBUTES[element.tag]
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names)


def test_each_task_and_group_of_each_variant_is_a_case(tmp_path, capsys):
    _, root = junit(groups_of(tmp_path)[0], capsys=capsys)
    [suite] = root
    assert suite.get("name") == "gptq against base"
    assert {case.get("name") for case in suite} == {
        f"{task} [acc]" for task in ("stem", "math", "physics", "chemistry")
    }
    assert "questions: base" in suite.find(".//system-out").text


def test_a_pooled_gate_is_a_case_of_its_own_and_fails_no_row(tmp_path, capsys):
    code, root = junit(RUNS["worse"](tmp_path), "--max-drop", "1", capsys=capsys)
    gate, row = root.iter("testcase")
    assert (code, gate.get("name"), row.get("name")) == (1, "--max-drop 1, t", "t [acc]")
    assert gate.find("failure").get("message").startswith("fails: worse by")
    assert row.find("failure") is None


def test_a_reason_is_in_the_message_and_beside_the_scores(tmp_path, capsys):
    _, root = junit(RUNS["worse"](tmp_path), "--fail-if", "worse", capsys=capsys)
    failure = root.find(".//failure")
    assert failure.get("message").startswith("worse (p Holm")
    assert failure.text.startswith(f"{failure.get('message')}\n300 questions: base ")


def test_names_of_strangers_end_no_element_and_control_characters_are_gone(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "s3cret-s3cret")
    hostile = 'f"><error/>\x00\x1b]0;x\x07\ufffe\uffff\ud800&lt; s3cret-s3cret\n::error::x ü'
    folders = []
    for name in ("base", "variant"):
        rows = [written_row("t", number, "B", 1) | {"filter": hostile} for number in range(4)]
        folders.append(write_run(tmp_path / name, {"t": rows}))
    main(["compare", *map(str, folders), "--format", "junit"])
    text = capsys.readouterr().out
    assert text.isascii()
    assert "s3cret" not in text
    [case] = ElementTree.fromstring(text).iter("testcase")
    assert case.get("name").startswith('t [exact_match, f"><error/>\ufffd') or case.get("name").startswith("t [acc, f")
    assert case.find("error") is None


def test_a_reader_of_junit_files_reads_it(tmp_path, capsys):
    junitparser = pytest.importorskip("junitparser")
    main(["compare", *map(str, RUNS["worse"](tmp_path)), "--fail-if", "worse", "--format", "junit"])
    suites = junitparser.JUnitXml.fromstring(capsys.readouterr().out.encode())
    assert (suites.tests, suites.failures, suites.errors) == (1, 1, 0)
    [[case]] = suites
    assert isinstance(case.result[0], junitparser.Failure)
