"""The bundled questions: row for row those of the hub, described beside them, and never read when they are damaged."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest
from helpers.locations import MMLU_SUBJECTS, SHARED, needs_hub

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.harness import public_data
from mcqa_suite.questions import bundle
from mcqa_suite.questions.data import generate

FILES = json.loads((bundle.DATA / bundle.INDEX).read_text(encoding="utf-8"))
AQUA = ("deepmind/aqua_rat", "raw", "test")


def parts(name: str) -> tuple[str, str, str]:
    owner, repository, config, split = name.split("/")
    return f"{owner}/{repository}", config, split


@pytest.fixture
def copied(tmp_path, monkeypatch) -> Path:
    """A copy of the bundled AQuA-RAT and of the index, which is read in place of the package's; the path of its test split."""
    monkeypatch.setattr(bundle, "DATA", tmp_path)
    shutil.copy(generate.HERE / bundle.INDEX, tmp_path)
    shutil.copytree(generate.HERE / "deepmind", tmp_path / "deepmind")
    public_data._dataset.cache_clear()
    yield tmp_path / "deepmind" / "aqua_rat" / "raw" / "test.jsonl.gz"
    public_data._dataset.cache_clear()


def test_whole_splits_are_bundled():
    counts = {name: entry["rows"] for name, entry in FILES.items()}
    assert counts["allenai/ai2_arc/ARC-Easy/test"] == 2376
    assert counts["allenai/ai2_arc/ARC-Challenge/train"] == 1119
    assert counts["allenai/openbookqa/main/train"] == 4957
    assert counts["openai/gsm8k/main/test"] == 1319
    assert counts["deepmind/aqua_rat/raw/validation"] == 254
    subjects = [name for name in counts if name.startswith("cais/mmlu/") and name.endswith("/test")]
    assert sorted(parts(name)[1] for name in subjects) == MMLU_SUBJECTS
    assert sum(counts[name] for name in subjects) == 3153


@pytest.mark.parametrize("repository", generate.SPLITS)
def test_every_file_has_the_rows_that_the_index_says(repository):
    names = [name for name in FILES if name.startswith(f"{repository}/")]
    assert names
    for name in names:
        rows = bundle.rows(*parts(name))
        assert rows is not None
        assert len(rows) == FILES[name]["rows"]


@needs_hub
@pytest.mark.parametrize("repository", generate.SPLITS)
def test_every_row_is_the_hubs(repository):
    for name in (name for name in FILES if name.startswith(f"{repository}/")):
        lines = (SHARED / "hub" / f"{name}.jsonl").read_bytes().splitlines()
        assert bundle.rows(*parts(name)) == [json.loads(line) for line in lines]


@needs_hub
def test_the_script_makes_the_same_index_and_tables(tmp_path, monkeypatch):
    shutil.copy(generate.HERE / "README.md", tmp_path)
    monkeypatch.setattr(generate, "HERE", tmp_path)
    monkeypatch.setattr(generate, "SPLITS", {"deepmind/aqua_rat": ("validation", "test")})
    generate.write(SHARED / "hub")
    index = json.loads((tmp_path / bundle.INDEX).read_text(encoding="utf-8"))
    assert index == {name: entry for name, entry in FILES.items() if name.startswith("deepmind/")}
    first, second = (generate.packed(b"row\n") for _ in range(2))
    assert first == second


def test_the_readme_lists_every_file():
    text = (bundle.DATA / "README.md").read_text(encoding="utf-8")
    assert text.endswith(generate.table())
    assert set(re.findall(r"huggingface\.co/datasets/([\w-]+/[\w-]+)", text)) == set(generate.SPLITS)
    for licence in re.findall(r"\]\((licences/[^)]+)\)", text):
        assert (bundle.DATA / licence).is_file()


def test_what_is_not_bundled_is_none():
    assert bundle.rows("deepmind/aqua_rat", "raw", "train") is None
    assert bundle.rows("allenai/sciq", "default", "test") is None
    assert bundle.splits("Idavidrein/gpqa", "gpqa_main") == []
    assert bundle.splits("deepmind/aqua_rat", "raw") == ["validation", "test"]


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def changed(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b'"correct": "A"', b'"correct": "B"', 1)))


def overwritten(path: Path) -> None:
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut_off, "cut off or not gzip"),
        (overwritten, "cut off or not gzip"),
        (changed, "SHA-256 .* expected 9bca3344ed39"),
        (Path.unlink, "No such file"),
    ],
)
def test_a_damaged_file_is_one_line_that_says_to_reinstall(copied, capsys, damage, reason):
    damage(copied)
    with pytest.raises(DatasetError, match=f"^{copied}: {reason}.*reinstall it: pip install"):
        bundle.rows(*AQUA)
    assert main(["check", "mcqa_aqua_rat"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mcqa: mcqa_aqua_rat: {copied}: ")


def test_a_package_without_the_index_is_an_error_too(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "DATA", tmp_path)
    with pytest.raises(DatasetError, match=r"index\.json: No such file.*reinstall"):
        bundle.rows(*AQUA)
