"""action.yml: its steps run on real logs, its inputs are never text of a script, and what it uses is pinned."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.comparison_runs import noisy, two_runs
from helpers.composite_action import run_action
from helpers.locations import REPOSITORY

PATH = REPOSITORY / "action.yml"
ACTION = yaml.safe_load(PATH.read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
SCRIPTS = [step["run"] for step in STEPS if "run" in step]
DEMO = REPOSITORY / "docs" / "demo" / "evaluations"
PULL_REQUEST = {"event.pull_request.number": "7", "repository": "owner/name", "token": "t"}
# What the step of the comment asks of GitHub's API, with comments in a file; a real jq runs the queries.
GH = """#!{python}
import json, subprocess, sys
words = sys.argv[1:]
comments = json.load(open("{comments}"))
def value(flag): return words[words.index(flag) + 1]
assert words[0] == "api"
if "{refused}": sys.exit("gh: Resource not accessible by integration (HTTP 403)")
if "--jq" in words:
    assert "repos/owner/name/issues/7/comments" in words
    sys.exit(subprocess.run(["jq", "-r", value("--jq")], input=json.dumps(comments), text=True).returncode)
name, _, file = value("--field").partition("=@")
body = {{name: open(file).read()}}
if value("--method") == "PATCH":
    [comment] = [c for c in comments if words[3] == f"repos/owner/name/issues/comments/{{c['id']}}"]
    comment |= body
else:
    assert words[3] == "repos/owner/name/issues/7/comments"
    comments.append({{"id": 100 + len(comments), "user": {{"type": "Bot"}}}} | body)
json.dump(comments, open("{comments}", "w"))
"""


@pytest.fixture
def mcqa(tmp_path, monkeypatch):
    """A folder on the PATH with the command of this installation."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program(
        folder / "mcqa", f"#!{sys.executable}\nimport sys\nfrom mcqa_suite.cli.main import main\nsys.exit(main())\n"
    )
    monkeypatch.setenv("PATH", f"{folder}:{Path(shutil.which('bash')).parent}:/usr/bin:/bin")
    return folder


def program(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def run(tmp_path, *, comments=None, refused="", **inputs):
    temp = tmp_path / "temp"
    temp.mkdir(exist_ok=True)
    inputs = {name.replace("_", "-"): text for name, text in inputs.items()}
    github = None
    if comments is not None:
        file = tmp_path / "comments.json"
        file.write_text(json.dumps(comments), encoding="utf-8")
        github = PULL_REQUEST
        program(tmp_path / "bin" / "gh", GH.format(python=sys.executable, comments=file, refused=refused))
    uploaded = {"upload": {"artifact-url": "https://example.org/report"}}
    return run_action(PATH, temp, {"install": "false"} | inputs, github=github, used_outputs=uploaded)


def worse(tmp_path):
    return "\n".join(map(str, two_runs(tmp_path, lambda scores, gold: noisy(scores, 3.0), 1000)))


def comments_of(tmp_path):
    return json.loads((tmp_path / "comments.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_gate_that_fails_ends_with_its_code_a_summary_and_a_report(tmp_path, mcqa):
    result = run(tmp_path, runs=worse(tmp_path), max_drop="1")
    assert (result.code, result.outputs["compare"]["exit-code"]) == (1, "1")
    assert result.summary.startswith("## Gate: failed\n\n- gptq against base, t: fails: worse by ")
    assert "::error title=gptq%3A --max-drop 1%2C t::fails: worse by" in result.printed
    [upload] = result.used
    assert upload["path"] == result.outputs["report"]["report"]
    assert "<html" in Path(upload["path"]).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "code", "words"),
    [
        ({"max_drop": "12", "tasks": "mcqa_arc_easy_cloze"}, 0, "## Gate: passed"),
        (
            {"runs": f"{DEMO}/sft\n{DEMO}/gptq2", "max_drop": "1", "per_task": "true", "tasks": "*_easy_cloze"},
            1,
            "## Gate: failed",
        ),
        ({"fail_if_worse": "true", "strict": "true", "tasks": "mcqa_arc_easy_cloze"}, 3, "## Gate: undecided"),
        ({"max_drop": "1"}, 2, "## Gate: cannot be judged"),
        ({}, 0, "### base and what was made from it"),
        ({"per_task": "true"}, 2, "    mcqa: --per-task needs --max-drop POINTS"),
        ({"runs": "gone\nlost", "max_drop": "1"}, 2, "    mcqa: gone: no such file or folder"),
        ({"runs": f"{DEMO}/sft", "against": "mcqa_arc_easy_cloze=50:100", "max_drop": "20"}, 0, "## Gate: passed"),
    ],
)
def test_each_kind_of_gate_sets_the_code_and_the_summary(tmp_path, mcqa, inputs, code, words):
    result = run(tmp_path, report="false", **({"runs": f"{DEMO}/base\n{DEMO}/sft\n"} | inputs))
    assert result.code == code
    assert result.summary.startswith(words) or words in result.summary


@pytest.mark.slow
def test_the_comment_is_written_once_and_then_renewed(tmp_path, mcqa):
    if not shutil.which("jq"):
        pytest.skip("no jq here")
    forged = {"id": 1, "user": {"type": "User"}, "body": "<!-- mcqa gate: mcqa --> not ours"}
    other = {"id": 2, "user": {"type": "Bot"}, "body": "<!-- mcqa gate: other -->"}
    runs = worse(tmp_path)
    first = run(tmp_path, runs=runs, max_drop="1", comments=[forged, other], report="false")
    assert first.code == 1
    [*before, ours] = comments_of(tmp_path)
    assert before == [forged, other]
    assert ours["body"].startswith("<!-- mcqa gate: mcqa -->\n## Gate: failed\n")
    run(tmp_path, runs=runs, comments=comments_of(tmp_path))
    [*before, renewed] = comments_of(tmp_path)
    assert before == [forged, other]
    assert renewed["id"] == ours["id"]
    assert renewed["body"].startswith("<!-- mcqa gate: mcqa -->\n### base and what was made from it")
    assert renewed["body"].endswith("\n[Report](https://example.org/report)\n")


@pytest.mark.slow
def test_a_refused_comment_is_a_warning_and_changes_no_code(tmp_path, mcqa):
    result = run(tmp_path, runs=worse(tmp_path), comments=[], refused="yes", report="false")
    assert result.code == 0
    assert "::warning title=mcqa gate::no comment; it needs the permission 'pull-requests: write'" in result.printed


@pytest.mark.slow
def test_models_are_evaluated_on_the_tasks_and_compared_with_the_runs_on_these_alone(tmp_path, mcqa):
    program(mcqa / "mcqa", f'#!/bin/bash\nprintf "%s " "$@" >> {tmp_path}/words.txt\necho >> {tmp_path}/words.txt\n')
    result = run(tmp_path, runs="runs/base", models="org/small\n./large\n", tasks="a,b", limit="5", max_drop="1")
    first, second, compared, report = (tmp_path / "words.txt").read_text(encoding="utf-8").splitlines()
    folder = f"{tmp_path}/temp/mcqa-mcqa"
    runs = [f"{folder}/models/1/small", f"{folder}/models/2/large"]
    for words, model, path in ((first, "org/small", runs[0]), (second, "./large", runs[1])):
        assert words == f"eval --model_args=pretrained={model} --tasks=a,b --output_path={path} --limit=5 "
    shown = " ".join(["runs/base", *runs])
    assert compared == f"compare --format github --tasks=a,b --max-drop=1 -- {shown} "
    assert report == f"report --output={folder}/mcqa-report.html --tasks=a,b --base=runs/base -- {shown} "
    assert result.code == 0


# `mcqa run` as if it had made the ladder of the demo again; the other commands are the real ones.
RUN = """#!{python}
import shutil, sys
from mcqa_suite.cli.main import main
if sys.argv[1] == "run":
    flag, output, end, recipe = sys.argv[2:]
    assert (flag, end) == ("--output", "--")
    if recipe != "--mine.yaml": sys.exit("mcqa: no such recipe")
    shutil.copytree("{demo}", output)
    sys.exit(0)
sys.exit(main())
"""


@pytest.mark.slow
def test_a_recipe_is_run_and_each_of_its_models_is_compared_with_its_parent(tmp_path, mcqa):
    program(mcqa / "mcqa", RUN.format(python=sys.executable, demo=DEMO.parent))
    result = run(tmp_path, recipe="--mine.yaml", tasks="mcqa_arc_easy_cloze", fail_if_worse="true")
    assert result.code == 1
    assert result.summary.startswith("## Gate: failed\n\n- gptq2: mcqa_arc_easy_cloze: worse")
    assert "| mcqa_arc_easy_cloze | gptq2 | sft | 100 | 58.0 | 24.0 |" in result.summary
    assert "the report has problems" not in result.printed
    [upload] = result.used
    assert "gptq2" in Path(upload["path"]).read_text(encoding="utf-8")
    assert run(tmp_path, recipe="other.yaml").code == 1  # what the command of the recipe ends with


HOSTILE = ["$(touch owned)", "`touch owned`", '"; touch owned; "', "'; touch owned; '", "x\ny\ntouch owned", "--force"]


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["runs", "against", "tasks", "max-drop", "name", "models", "limit"])
def test_an_input_runs_no_command_and_sets_no_flag(tmp_path, mcqa, name, text):
    runs = {} if name == "runs" else {"runs": f"{DEMO}/base\n{DEMO}/sft"}
    program(mcqa / "mcqa", f'#!/bin/bash\nprintf "%s\\n" "$@" >> {tmp_path}/words.txt\n')
    result = run(tmp_path, report="false", **runs, **{name.replace("-", "_"): text})
    assert not list(tmp_path.rglob("owned"))
    if name == "name":
        assert (result.code, "expected a letter" in result.printed) == (2, True)
        return
    words = (tmp_path / "words.txt").read_text(encoding="utf-8").splitlines()
    flags = words[: words.index("--")]
    assert text != "--force" or "--force" not in flags


def test_no_expression_is_text_of_a_script():
    assert len(SCRIPTS) > 4
    assert not [script for script in SCRIPTS if "${{" in script]


def test_actions_of_others_are_pinned_to_a_commit():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", name) for name in used)


def test_every_input_has_a_description_and_is_used_and_the_guide_lists_it():
    text = PATH.read_text(encoding="utf-8")
    guide = (REPOSITORY / "docs" / "howto" / "gate.md").read_text(encoding="utf-8")
    for name, details in ACTION["inputs"].items():
        assert len(details["description"]) > 20
        assert re.search(rf"inputs\.{name}\b(?!-)", text)
        assert f"`{name}`" in guide


def test_each_step_says_its_shell():
    assert all(step.get("shell") == "bash" for step in STEPS if "run" in step)


GUIDE = (REPOSITORY / "docs" / "howto" / "gate.md").read_text(encoding="utf-8")


def block(title, language):
    return re.search(rf"^## {re.escape(title)}\n.*?```{language}\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE)[1]


def test_the_workflow_of_the_guide_has_inputs_of_the_action():
    [*_, step] = yaml.safe_load(block("On GitHub", "yaml"))["jobs"]["gate"]["steps"]
    assert step["with"].keys() <= ACTION["inputs"].keys()


def test_the_recipe_for_gitlab_reads_the_file_that_it_writes():
    job = yaml.safe_load(block("GitLab CI", "yaml"))["gate"]
    assert job["script"].endswith(f"--format junit > {job['artifacts']['reports']['junit']}")
    assert job["artifacts"]["when"] == "always"


def test_the_recipe_for_make_runs_the_gate(tmp_path, mcqa):
    program(mcqa / "mcqa", '#!/bin/bash\necho "$@"\nexit 1\n')
    (tmp_path / "Makefile").write_text(block("Make", "make"), encoding="utf-8")
    done = subprocess.run(["make", "gate"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "compare runs/base runs/gptq4 --max-drop 1" in done.stdout


def test_pre_commit_takes_the_recipe(tmp_path):
    clientlib = pytest.importorskip("pre_commit.clientlib")
    config = tmp_path / ".pre-commit-config.yaml"
    config.write_text(f"repos:\n{block('pre-commit', 'yaml')}", encoding="utf-8")
    [repository] = clientlib.load_config(str(config))["repos"]
    assert repository["hooks"][0]["entry"].startswith("mcqa compare ")
