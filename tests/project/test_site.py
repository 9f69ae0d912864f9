"""The site of the documentation is built without a network and without a warning, and loads nothing from other hosts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from helpers.locations import REPOSITORY

import mcqa_suite

# An attribute that a browser follows by itself, unlike the href of <a>
LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|object|embed|link(?![^>]*rel=\"?canonical))\b[^>]*?"
    r"\b(?:src|href|data|srcset)=[\"']?((?:https?:)?//[^\"'\s>]+)"
)
STYLE = re.compile(r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')\s]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    if find_spec("material") is None or find_spec("mkdocstrings") is None:
        pytest.skip("without the extra docs")
    folder = tmp_path_factory.mktemp("site")
    # a proxy that refuses: whatever asks for another host fails
    offline = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | offline, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_site_loads_nothing_from_other_hosts(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    loads = {(page.name, url) for page in pages for url in LOADED.findall(page.read_text(encoding="utf-8"))}
    styles = [*site.rglob("*.css"), *pages]
    loads |= {(file.name, url) for file in styles for url in STYLE.findall(file.read_text(encoding="utf-8"))}
    assert loads == set()


@pytest.mark.slow
def test_the_site_has_the_report_the_tasks_and_the_docstrings(site):
    def text(name: str) -> str:
        return (site / name).read_text(encoding="utf-8")

    assert "gptq4" in text("demo-report.html")
    assert "mcqa_arc_easy_cloze" in text("tasks/index.html")
    assert "Compare runs question by question" in text("api.html")


def test_every_page_is_in_the_navigation():
    navigation = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    pages = {path.relative_to(REPOSITORY / "docs").as_posix() for path in (REPOSITORY / "docs").rglob("*.md")}
    assert {page for page in pages if not page.startswith("demo/")} - set(
        re.findall(r": (\S+\.md)$", navigation, re.M)
    ) == set()


def test_the_workflow_starts_by_hand_alone_and_builds_strictly():
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "docs.yml").read_text(encoding="utf-8"))
    assert workflow[True] == "workflow_dispatch"  # YAML 1.1 reads `on` as a boolean
    assert "mkdocs build --strict" in [step.get("run") for step in workflow["jobs"]["publish"]["steps"]]


def test_the_api_page_has_every_function():
    page = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^::: [\w.]+\.(\w+)$", page, re.M)) >= set(mcqa_suite.__all__)


@pytest.mark.parametrize(
    ("html", "followed"),
    [
        ('<script src="https://a.example/x.js"></script>', True),
        ('<link rel="stylesheet" href="//a.example/x.css">', True),
        ('<a href="https://a.example/">', False),
        ('<img src="assets/x.png">', False),
    ],
)
def test_what_counts_as_loaded(html, followed):
    assert bool(LOADED.search(html)) is followed
