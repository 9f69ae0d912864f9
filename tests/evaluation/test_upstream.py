"""The patches of docs/upstream: they apply to the installed harness, their tests pass, and ours then leave the work to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lm_eval
import pytest
from helpers.locations import REPOSITORY

# The plug-in of hypothesis imports the whole library when such a run ends, and once did not get through that.
WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
PATCHES = sorted((REPOSITORY / "docs" / "upstream").glob("*/change.patch"))
OURS = [
    "tests/evaluation/test_server_failures.py::test_an_item_that_fails_for_good_is_missing_and_never_wrong",
    "tests/evaluation/test_servers.py::test_a_question_with_an_option_that_failed_is_left_out_whole",
    "tests/evaluation/test_chat_template_flag.py::test_the_harness_asks_each_task_in_its_way_and_loads_the_model_once",
    "tests/evaluation/test_chat_template_flag.py::test_after_calls_that_shared_a_model_each_class_makes_its_own",
    "tests/evaluation/test_group_settings.py",
]
PARTS_OF_THE_HARNESS = """
from lm_eval import evaluator
from lm_eval.api.model import LM
from mcqa_suite.evaluation import upstream
from mcqa_suite.evaluation.chat_template import one_model
from mcqa_suite.evaluation.group_settings import with_group_settings
from mcqa_suite.evaluation.messages import without_git_errors

def parts():
    return [evaluator.evaluate, vars(LM)["create_from_arg_obj"], evaluator.get_git_commit_hash]

before = parts()
with with_group_settings(), one_model(), without_git_errors():
    print([part is not original for part, original in zip(parts(), before, strict=True)])
assert parts() == before
switches = upstream.leaves_failed_out, upstream.reuses_models, upstream.reports_groups, upstream.silences_git
print([switch() for switch in switches])
"""


@pytest.fixture(scope="module")
def patched(tmp_path_factory) -> Path:
    """A folder with a copy of the installed harness that has every patch; its tasks, which none of them changes, are a link."""
    folder, source = tmp_path_factory.mktemp("harness"), Path(lm_eval.__file__).parent
    shutil.copytree(source, folder / "lm_eval", ignore=shutil.ignore_patterns("tasks", "__pycache__"))
    (folder / "lm_eval" / "tasks").symlink_to(source / "tasks")
    done = subprocess.run(["git", "apply", *PATCHES], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def run(words: list[str], folder: Path, cwd: Path) -> str:
    """The output of a program of Python for which the harness is that of the folder."""
    path = os.pathsep.join(map(str, (folder, REPOSITORY / "src", REPOSITORY / "training")))
    environment = os.environ | {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_tests_of_the_patches_pass(patched):
    assert len(PATCHES) == 4
    files = sorted((patched / "tests").glob("test_*.py"))
    assert len(files) == len(PATCHES)
    text = run(["-m", "pytest", "-q", *WITHOUT, "tests"], patched, patched)
    assert " passed" in text
    assert "skipped" not in text


@pytest.mark.slow
def test_ours_are_left_out_where_the_harness_has_the_patches(patched, tmp_path):
    replaced, switches = run(["-c", PARTS_OF_THE_HARNESS], patched, tmp_path).splitlines()
    assert (replaced, switches) == (str([False] * 3), str([True] * 4))


@pytest.mark.slow
def test_our_own_tests_pass_on_the_patched_harness(patched):
    text = run(["-m", "pytest", "-q", *WITHOUT, *OURS], patched, REPOSITORY)
    assert " passed" in text
