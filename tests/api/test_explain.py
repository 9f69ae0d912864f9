"""`mcqa explain`: the words that moved an option, only for the document, prompt and model of the run; shown in the report."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from helpers.asked_runs import TASK, asked, other_model
from helpers.chromium import Opened

pytest.importorskip("captum", reason="captum is not installed: pip install '.[explain]'", exc_type=ImportError)

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.reporting.explanation import LIMITS, read_explanation

pytestmark = pytest.mark.slow
CLOZE = f"{TASK}_cloze"


@pytest.fixture(scope="module")
def models(tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    first = asked(tiny_checkpoint, folder / "first")
    return first, asked(other_model(tiny_checkpoint, folder / "model"), folder / "second")


def rows(run, task):
    [path] = Path(run).glob(f"samples_{task}_2*.jsonl")
    return path, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def words(first, second=None, *, task=CLOZE, doc="1"):
    both = ["--compare", str(second.run), "--compare-checkpoint", str(second.checkpoint)] if second else []
    return ["explain", str(first.run), "--checkpoint", str(first.checkpoint), "--task", task, "--doc", doc, *both]


def test_the_chosen_option_is_explained_for_base_and_variant(models, tmp_path, capsys):
    output = tmp_path / "explanation.html"
    assert main([*words(*models), "-o", str(output)]) == 0
    printed = capsys.readouterr().out
    assert LIMITS in printed
    explanation = read_explanation(output)
    _, logged = rows(models[0].run, CLOZE)
    values = [pair[0] for pair in logged[1]["filtered_resps"]]
    lengths = [len(text) for text in logged[1]["doc"]["choices"]]
    best = {max(range(4), key=lambda i: float(values[i])), max(range(4), key=lambda i: float(values[i]) / lengths[i])}
    assert explanation.option in best
    assert [model.prompt for model in explanation.models] == [logged[1]["arguments"]["gen_args_0"]["arg_0"]] * 2
    assert explanation.models[0].content != explanation.models[1].content
    assert explanation.models[0].words != explanation.models[1].words
    text = output.read_text(encoding="ascii")
    assert text.count("<article>") == 2
    for word in logged[1]["doc"]["stem"].split():
        assert re.search(rf"<span class=\"[\w-]+\" title=\"[-+][\d.]+\">{re.escape(word)}</span>", text), word


def test_a_document_has_its_own_id_too(models):
    first = models[0]
    by_number = mcqa_suite.explain(first.run, checkpoint=first.checkpoint, doc=2, task=CLOZE)
    by_id = mcqa_suite.explain(
        first.run, checkpoint=first.checkpoint, doc=rows(first.run, CLOZE)[1][2]["doc"]["id"], task=CLOZE
    )
    assert by_number == by_id
    other = mcqa_suite.explain(first.run, checkpoint=first.checkpoint, doc=2, task=TASK, option="b", method="gradient")
    assert other.label == "B"
    assert other.models[0].prompt.startswith("Question:")


def changed(models, folder, change):
    """A copy of the first run with its row of document 1 changed."""
    shutil.copytree(models[0].run, folder)
    path, logged = rows(folder, CLOZE)
    change(logged[1])
    path.write_text("".join(json.dumps(row) + "\n" for row in logged), encoding="utf-8")
    return models[0]._replace(run=folder)


CHANGES = {
    "the document is not the one": lambda row: row["doc"].update(stem="Another question?"),
    "the prompt is not the one": lambda row: row["arguments"]["gen_args_0"].update(arg_0="Question: x?\n\nAnswer:"),
    "have prompts of their own": lambda row: row["arguments"]["gen_args_2"].update(arg_0="Question: x?\n\nAnswer:"),
    "the log has no prompts": lambda row: row.update(arguments={"sha256": "0", "continuations": "0"}),
    "has a log-likelihood of|gives option C a log-likelihood": lambda row: row["filtered_resps"][2].__setitem__(
        0, "-1.0"
    ),
}


@pytest.mark.parametrize("line", CHANGES)
def test_a_log_that_does_not_fit_is_refused_in_one_line(models, tmp_path, capsys, line):
    first = changed(models, tmp_path / "run", CHANGES[line])
    assert main([*words(first), "-o", str(tmp_path / "e.html")]) == 2
    assert re.match(f"mcqa: .*({line})", capsys.readouterr().err.splitlines()[-1])
    assert not (tmp_path / "e.html").exists()


def with_another_prompt(row):
    """A row that was asked otherwise, with the hash that fits."""
    prompt = "Question: x?\n\nAnswer:"
    for request in row["arguments"].values():
        request["arg_0"] = prompt
    row["prompt_hash"] = sha256(prompt.encode()).hexdigest()


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--doc", "99"], "has no document 99; give a number from 0 to 2"),
        (["--doc", "no such id"], "has no document no such id"),
        (["--task", "mcqa_sciq"], f"--task mcqa_sciq: no task of .* give one of {TASK}, {CLOZE}"),
        (["--option", "Z"], "--option Z: .* has the options A to D"),
        (["--compare", "RUN"], "--compare and --compare-checkpoint: give both"),
        (["--checkpoint", "OTHER"], "not the model of .* the run's is"),
        (["--checkpoint", "nowhere"], "nowhere: no checkpoint"),
        (["--compare", "CHANGED", "--compare-checkpoint", "SAME"], "another prompt than in"),
    ],
)
def test_what_cannot_be_explained_is_one_line(models, tmp_path, capsys, more, line):
    first, second = models
    names = {"RUN": str(second.run), "OTHER": str(second.checkpoint), "SAME": str(first.checkpoint)}
    if "CHANGED" in more:
        names["CHANGED"] = str(changed(models, tmp_path / "run", with_another_prompt).run)
    assert main([*words(first), *(names.get(word, word) for word in more), "-o", str(tmp_path / "e.html")]) == 2
    assert re.search(line, capsys.readouterr().err.splitlines()[-1])


def test_without_a_task_the_run_must_have_one(models, capsys):
    first = models[0]
    assert main(["explain", str(first.run), "--checkpoint", str(first.checkpoint), "--doc", "1"]) == 2
    assert f"give --task, one of {TASK}, {CLOZE}" in capsys.readouterr().err
    assert main(["explain", str(first.written), "--checkpoint", str(first.checkpoint), "--doc", "1"]) == 2
    assert "no options are scored in it" in capsys.readouterr().err


def test_without_captum_the_extra_is_named(models, capsys, monkeypatch):
    from mcqa_suite.common import extras

    monkeypatch.setattr(extras, "installed", lambda name: name != "captum")
    assert main(words(models[0])) == 2
    assert re.search(r"mcqa explain: captum is not installed: pip install .*\[explain\]'", capsys.readouterr().err)


@pytest.fixture(scope="module")
def explained(models, tmp_path_factory):
    output = tmp_path_factory.mktemp("explained") / "e.html"
    assert main([*words(*models), "-o", str(output)]) == 0
    return output


def test_the_report_shows_an_explanation_with_its_question(models, explained, chromium, tmp_path):
    first, second = models
    output = tmp_path / "report.html"
    command = ["report", str(second.run), "--base", str(first.run), "--explain", str(explained), "-o", str(output)]
    assert main(command) == 0
    page = Opened(chromium, output, f"#item={CLOZE}:1")
    shown = page.run("return [...document.querySelectorAll('#browser-item .explanation')].map((e) => e.innerText)")
    assert len(shown) == 1
    assert "What moved option" in shown[0]
    colour = (
        "return getComputedStyle(document.querySelector('#browser-item .explanation [class$=\"-4\"]')).backgroundColor"
    )
    assert page.run(colour) not in ("rgba(0, 0, 0, 0)", "transparent")
    page.press("k")
    page.wait("!document.querySelector('#browser-item .explanation')")
    assert (
        page.run("return document.querySelectorAll('#explanations .explanation').length") == 1
    )  # also without scripts
    page.quiet()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"doc_id": 99}, "the runs have no such document"),
        ({"prompt_hash": "00"}, "the runs have another document or prompt"),
        ({"task": "mcqa_sciq"}, "the runs have no such document"),
        ({"option": 9}, "there are 4 options"),
        ({"method": "guess"}, "method: 'guess'; expected one of"),
        ({"colour": "red"}, "unknown key 'colour'"),
        (None, "holds no explanation"),
    ],
    ids=["document", "prompt", "task", "option", "method", "key", "no data"],
)
def test_a_report_refuses_an_explanation_of_something_else(models, explained, tmp_path, capsys, change, line):
    text = explained.read_text(encoding="ascii")
    data = re.search(r"data-explanation>(.*?)</script>", text)[1]
    new = json.dumps({**json.loads(data), **change}) if change else None
    path = tmp_path / "e.html"
    path.write_text(text.replace(data, new) if new else "<p>none</p>", encoding="ascii")
    command = [
        "report",
        str(models[1].run),
        "--base",
        str(models[0].run),
        "--explain",
        str(path),
        "-o",
        str(tmp_path / "r.html"),
    ]
    assert main(command) == 2
    assert re.fullmatch(
        f"mcqa: --explain .*{re.escape(line)}.*\n", capsys.readouterr().err.splitlines(keepends=True)[-1]
    )
    assert not (tmp_path / "r.html").exists()


def test_a_report_refuses_an_explanation_of_another_model(models, explained, tmp_path, capsys):
    command = ["report", str(models[0].run), "--explain", str(explained), "-o", str(tmp_path / "r.html")]
    assert main(command) == 2
    assert "not the model of any of these runs" in capsys.readouterr().err
