"""`mcqa ask` without a browser: its numbers are those of `mcqa eval`, its errors one line, its Space runs."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from helpers.asked_runs import LIMIT, TASK, TOKENS, asked
from helpers.locations import TEST, TOY

from mcqa_suite.cli.main import main
from mcqa_suite.common import extras
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.evaluation.ask import page, question
from mcqa_suite.harness.docs import as_question
from mcqa_suite.logs.rows import read_extraction
from mcqa_suite.questions.question import Question

HOSTILE = "<img src=x onerror=alert(1)> ${1+1} {{2}}"


def rows(run, task):
    [path] = Path(run).glob(f"samples_{task}_2*.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("answers", [False, True], ids=["random", "toy"])
def test_scores_and_written_answers_are_those_that_eval_logs(tiny_checkpoint, tmp_path, answers):
    from mcqa_suite.evaluation.ask.model import load

    checkpoint, task, file = (TOY / "base", "mcqa_epfl", TEST) if answers else (tiny_checkpoint, TASK, None)
    run, model = asked(checkpoint, tmp_path, task, file), load(str(checkpoint))
    logs = {
        "letter": rows(run.run, task),
        "cloze": rows(run.run, f"{task}_cloze"),
        "written": rows(run.written, f"{task}_cot"),
    }
    statuses = set()
    for number in range(LIMIT):
        logged_question = as_question(logs["letter"][number]["doc"])
        right, lines = logged_question.answer, question.as_lines(logged_question)
        again = question.typed(logged_question.stem, lines, right)  # as the browser sends it
        for format in ("letter", "cloze"):
            logged = logs[format][number]
            scores = question.scored(model, task, again, format)
            assert scores.context == logged["arguments"]["gen_args_0"]["arg_0"]
            assert scores.loglikelihoods == pytest.approx(
                [float(pair[0]) for pair in logged["filtered_resps"]], abs=1e-5
            )
            assert float(scores.chosen in again.gold) == logged["acc"]
        written, logged = question.written(model, task, again, TOKENS), logs["written"][number]
        assert written.text == logged["resps"][0][0]
        assert written.extraction == read_extraction(logged["filtered_resps"][0][0])
        statuses.add(written.extraction.status)
    assert ("answered" in statuses) is answers


@pytest.mark.slow
def test_the_chat_template_is_applied_as_the_manifest_says(tiny_checkpoint, tmp_path):
    from helpers.checkpoints import as_stage

    from mcqa_suite.common.chat_template import ChatTemplate
    from mcqa_suite.evaluation.ask.model import load

    ways = ChatTemplate(letter=True, cloze=False, written=True)
    folder = as_stage(tiny_checkpoint, tmp_path / "chat", chat_template=ways)
    template = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    template += "{% if add_generation_prompt %}<assistant>{% endif %}"
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    model = load(str(folder))
    asked_question = question.drawn(TASK, 0)
    letter, cloze = (question.scored(model, TASK, asked_question, format) for format in ("letter", "cloze"))
    assert letter.context.startswith("<user>Question:")
    assert letter.context.endswith("<assistant>")
    assert letter.continuations[0] == "A"
    assert cloze.context.startswith("Question:")


def test_every_task_that_is_offered_can_be_drawn_from_offline():
    names = question.benchmarks()
    assert {"mcqa_arc_easy", "mcqa_openbookqa", "mcqa_epfl"} <= set(names)
    for name in ("mcqa_epfl", "mcqa_openbookqa"):
        assert question.drawn(name).choices
    with pytest.raises(ConfigError, match="no document 9999; give a number from 0 to 499"):
        question.drawn("mcqa_openbookqa", 9999)


def test_a_shuffled_question_keeps_its_right_option():
    first = Question("x", "s", ("a", "b", "c\nd"), (1,))
    for _ in range(20):
        other = question.shuffled(first)
        assert other.choices != first.choices
        assert sorted(other.choices) == sorted(first.choices)
        assert other.choices[other.gold[0]] == "b"
        assert question.typed("s", question.as_lines(other), other.answer).choices == other.choices


@pytest.mark.parametrize(
    ("stem", "options", "right", "line"),
    [
        ("", "a\nb", "", "the question or an option is blank"),
        ("s", "a", "", "1 options, expected 2 to 26"),
        ("s", "a\nb", "C", "right option 'C': give a letter of the options"),
    ],
)
def test_what_is_missing_is_said(stem, options, right, line):
    with pytest.raises(ConfigError, match=line):
        question.typed(stem, options, right)


def test_no_text_becomes_markup():
    scores = question.Scores("c", (" A", " B"), (-1.0, -2.0))
    asked_question = Question("x", HOSTILE, (HOSTILE, "b"), (0,))
    written = question.Written(f"The answer is {HOSTILE}", question.Extraction(HOSTILE, "answered", HOSTILE, (4, 40)))
    texts = [
        page.scores_html(asked_question, True, [(HOSTILE, {"letter": scores, "cloze": scores})]),
        page.written_html([(HOSTILE, written)]),
        page.problem_html(HOSTILE),
    ]
    for text in texts:
        assert "<img" not in text
        assert "&lt;img src=x" in text
    assert "<mark>" in texts[1]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere"], "nowhere: no checkpoint; give a folder with weights, or OWNER/NAME on the hub"),
        (["FOLDER"], "folder: not a checkpoint; give a folder with config.json and"),
        (["TINY", "--compare", "FOLDER"], "folder: not a checkpoint"),
        (["TINY", "--task", "mcqa_openbokqa"], "unknown task 'mcqa_openbokqa': did you mean mcqa_openbookqa"),
        (["TINY", "--task", "mcqa_gsm8k"], "task 'mcqa_gsm8k': not asked as letter, cloze and cot"),
        (["TINY", "--port", "0"], "--port 0: expected a number from 1 to 65535"),
        (["TINY", "--port", "TAKEN"], r"--port \d+: cannot be used \(Address already in use\); give another"),
        (["TINY", "--space", "HERE"], "exists and is not empty; give a new folder"),
    ],
)
def test_a_mistake_is_one_line_before_a_model_is_loaded(tiny_checkpoint, folder, capsys, monkeypatch, words, line):
    monkeypatch.setattr(extras, "installed", lambda name: True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        names = {"FOLDER": folder / "folder", "TINY": tiny_checkpoint, "TAKEN": taken.getsockname()[1], "HERE": folder}
        assert main(["ask", *(str(names.get(word, word)) for word in words)]) == 2
    [printed] = capsys.readouterr().err.splitlines()
    assert re.search(line, printed)


def test_without_gradio_the_extra_is_named(tiny_checkpoint, capsys, monkeypatch):
    monkeypatch.setattr(extras, "installed", lambda name: name != "gradio")
    assert main(["ask", str(tiny_checkpoint)]) == 2
    assert re.fullmatch(r"mcqa: mcqa ask: gradio is not installed: pip install .*\[ask\]'\n", capsys.readouterr().err)


@pytest.mark.slow
def test_a_space_has_the_files_that_the_hub_takes(tiny_checkpoint, tmp_path, capsys):
    pytest.importorskip("gradio", reason="gradio is not installed: pip install '.[ask]'", exc_type=ImportError)
    from huggingface_hub import SpaceCard

    target = tmp_path / "space"
    assert main(["ask", str(tiny_checkpoint), "--compare", "OWNER/NAME", "--task", TASK, "--space", str(target)]) == 0
    assert "app.py, requirements.txt, README.md" in capsys.readouterr().out
    text = (target / "README.md").read_text(encoding="utf-8")
    card = SpaceCard(text)
    assert card.data.sdk == "gradio"
    assert card.data.app_file == "app.py"
    assert card.data.models == ["OWNER/NAME"]
    assert len(yaml.safe_load(text.split("---")[1])["short_description"]) <= 60
    copied = {path.name for path in (target / "model-1" / tiny_checkpoint.name).iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= copied
    assert not (target / "model-2").exists()
    program = (target / "app.py").read_text(encoding="utf-8")
    compile(program, "app.py", "exec")
    assert f'"model-1/{tiny_checkpoint.name}"' in program
    assert 'compare="OWNER/NAME"' in program
    assert (target / "requirements.txt").read_text(encoding="utf-8").startswith("mcqa-suite[ask,explain]==")


@pytest.mark.slow
def test_the_program_of_a_space_serves_the_app(tiny_checkpoint, tmp_path):
    pytest.importorskip("gradio", reason="gradio is not installed: pip install '.[ask]'", exc_type=ImportError)
    assert (
        main(["ask", str(tiny_checkpoint), "--compare", str(tiny_checkpoint), "--space", str(tmp_path / "space")]) == 0
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(tmp_path / "space" / "app.py")]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            line = process.stdout.readline()
            assert line == f"mcqa ask: http://127.0.0.1:{port}/ (Ctrl-C ends it)\n"
            with urlopen(f"http://127.0.0.1:{port}/config", timeout=60) as answer:
                config = json.load(answer)
        finally:
            process.terminate()
    labels = {component["props"].get("value") for component in config["components"] if component["type"] == "button"}
    assert {"Draw a question", "Ask", "Shuffle the options"} <= labels
