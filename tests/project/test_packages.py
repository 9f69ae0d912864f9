"""Wheel and sdist are complete, the harness can find what they offer, and type checkers see the types of the wheel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from importlib.metadata import PathDistribution
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from helpers.locations import REPOSITORY

import mcqa_suite
from mcqa_suite.common.paths import tasks_dir

URL = "https://git.example/me/mcqa-suite"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
LICENCES = {"LICENSE", "Apache-2.0.txt", "MIT.txt", "CC-BY-SA-4.0.txt"}
TASKS = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "tasks").rglob("*.yaml")}
DATA = {path.relative_to(REPOSITORY / "src").as_posix() for path in (REPOSITORY / "src").rglob("*.jsonl.gz")}


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    """A folder with the wheel and the sdist, built as on a machine that says where the repository is."""
    pytest.importorskip("hatchling", reason="without the extra dev")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | {"REPOSITORY_URL": URL}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def site_packages(packages, tmp_path_factory) -> Path:
    """The wheel as pip would install it."""
    folder = tmp_path_factory.mktemp("site-packages")
    [wheel] = packages.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.slow
def test_the_wheel_has_tasks_data_types_and_licences(site_packages):
    files = {path.relative_to(site_packages).as_posix() for path in site_packages.rglob("*") if path.is_file()}
    assert {f"mcqa_suite/{name}" for name in TASKS} <= files
    assert len(DATA) > 50
    assert {*DATA, "mcqa_suite/py.typed", "mcqa_suite/_training/sft.py"} <= files
    [info] = site_packages.glob("*.dist-info")
    assert {path.name for path in (info / "licenses").rglob("*") if path.is_file()} == LICENCES
    assert {name.split("/")[0] for name in files} == {"mcqa_suite", info.name}


@pytest.mark.slow
def test_the_sdist_has_what_a_wheel_is_built_from_and_no_logs(packages):
    [sdist] = packages.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    licences = {f"src/mcqa_suite/questions/data/licences/{name}" for name in LICENCES - {"LICENSE"}}
    assert {*TASKS, *(f"src/{name}" for name in DATA), *licences, "LICENSE", "hatch_build.py", "CITATION.cff"} <= files
    assert {name.split("/")[0] for name in files}.isdisjoint({"results", "tests", "docs", "benchmarks"})


@pytest.mark.slow
def test_links_of_the_readme_lead_to_the_repository_and_metadata_names_it(site_packages):
    [info] = site_packages.glob("*.dist-info")
    metadata = message_from_bytes((info / "METADATA").read_bytes())
    readme = metadata.get_payload()
    assert f"]({URL}/blob/HEAD/CHANGELOG.md)" in readme
    assert f"]({URL}/raw/HEAD/docs/pictures/report.png)" in readme
    assert [link for link in re.findall(r"\]\(([^)\s]+)", readme) if not link.startswith(("https://", "#"))] == []
    assert f"Source, {URL}" in metadata.get_all("Project-URL")
    assert {line.split(", ")[1].startswith(URL) for line in metadata.get_all("Project-URL")} == {True}


def folder_of(package: str) -> Path:
    """The folder of a package by the rule of the harness's group `lm_eval.tasks`: the package is looked up, not imported."""
    spec = find_spec(package)
    assert spec is not None
    [folder] = {Path(path).resolve() for path in spec.submodule_search_locations or ()}
    return folder


def test_the_harness_finds_the_tasks_of_a_checkout():
    [package] = PROJECT["entry-points"]["lm_eval.tasks"].values()
    assert folder_of(package) == REPOSITORY / "tasks" == tasks_dir()


LOOK_UP = """
import json, sys
from importlib.util import find_spec
from pathlib import Path
from mcqa_suite.common.paths import tasks_dir
from lm_eval.tasks import TaskManager
[folder] = find_spec("mcqa_suite.tasks").submodule_search_locations
tasks = TaskManager(include_path=folder, include_defaults=False).all_tasks
print(json.dumps([folder, str(tasks_dir()), tasks]))
"""


@pytest.mark.slow
def test_the_harness_finds_the_tasks_of_the_wheel(site_packages, tmp_path):
    [info] = site_packages.glob("*.dist-info")
    groups = {point.group for point in PathDistribution(info).entry_points}
    assert groups == {*PROJECT["entry-points"], "console_scripts"}
    environment = os.environ | {"PYTHONPATH": str(site_packages)}
    done = subprocess.run(
        [sys.executable, "-c", LOOK_UP], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    folder, suite_folder, tasks = json.loads(done.stdout)
    assert folder == suite_folder == str(site_packages / "mcqa_suite" / "tasks")
    assert {"mcqa_epfl", "mcqa_arc", "mcqa_gsm8k"} <= set(tasks)
    assert all(name.startswith("mcqa_") for name in tasks)


CONSUMER = """
from typing import assert_type

import mcqa_suite
from mcqa_suite import extract_number, load_run
from mcqa_suite.api.comparison import CompareResult
from mcqa_suite.extract import Extraction

assert_type(mcqa_suite.extract_choice("The answer is B.", ["x", "y"]), Extraction)
assert_type(extract_number("It is 7.").span, tuple[int, int] | None)
assert_type(mcqa_suite.compare("runs/base", "runs/gptq4", margin=0.5), CompareResult)
assert_type(mcqa_suite.compare("runs/base", "runs/gptq4").max_drop(1).exit_code, int)
assert_type(mcqa_suite.compare("runs/base", "runs/gptq4").text("csv"), str)
samples: object = load_run("runs/base")
"""
MISTAKES = """
import mcqa_suite

mcqa_suite.extract_choice(7, ["x", "y"])
mcqa_suite.no_such_name("x")
"""


@pytest.mark.slow
def test_a_type_checker_sees_the_types_of_the_wheel(site_packages, tmp_path):
    """`mypy --strict` of a program that uses the package, in an environment where the wheel is installed."""
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    [own] = environment.glob("lib/python*/site-packages")
    (own / "wheel.pth").write_text(f"{site_packages}\n", encoding="utf-8")

    def check(name: str, source: str) -> str:
        (tmp_path / name).write_text(source, encoding="utf-8")
        words = ["--strict", "--python-executable", str(environment / "bin" / "python"), "--cache-dir", "cache", name]
        words = [sys.executable, "-m", "mypy", "--config-file", os.devnull, *words]
        clean = {key: value for key, value in os.environ.items() if key not in ("MYPYPATH", "PYTHONPATH")}
        return subprocess.run(words, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False).stdout

    assert check("consumer.py", CONSUMER).startswith("Success"), check("consumer.py", CONSUMER)
    errors = check("mistakes.py", MISTAKES)
    assert "[arg-type]" in errors
    assert "[attr-defined]" in errors


def test_the_citation_names_this_version():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["title"], citation["version"]) == (PROJECT["name"], mcqa_suite.__version__)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(workflow):
    text = workflow.read_text(encoding="utf-8")
    uses = re.findall(r"uses: (\S+)", text)
    assert uses
    assert [name for name in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}|\./.*", name)] == []


def test_a_release_is_off_until_a_variable_is_set_and_only_its_last_job_has_an_identity():
    text = (REPOSITORY / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert (workflow["permissions"], build["permissions"]) == ({}, {"contents": "read"})
    assert build["if"] == "vars.PUBLISH_RELEASES == 'true'"
    assert (publish["needs"], publish["permissions"]) == ("build", {"id-token": "write"})
    assert "secrets." not in text


def test_the_matrix_and_the_classifiers_name_the_same_pythons():
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    versions = workflow["jobs"]["install"]["strategy"]["matrix"]["python-version"]
    classifiers = [text.rpartition(" :: ")[2] for text in PROJECT["classifiers"] if "Python :: 3." in text]
    assert versions == classifiers == ["3.11", "3.12", "3.13"]
