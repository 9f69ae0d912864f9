"""What a report leaves where it cannot be written: nothing that is half."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest
from helpers.report_runs import ladder, reported

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.files import write_files

SMALL = 16 * 1024  # bytes, less than any report


@pytest.fixture
def full_disk(tmp_path):
    """A disk with room for a fragment of a report."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("output", ["folder-that-is-not/report.html", "."])
def test_an_output_that_cannot_be_written_is_one_error_line(tmp_path, output, capsys):
    runs = ladder(tmp_path, n=20)
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", str(runs["gptq2"]), "-o", str(tmp_path / output)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written" in line
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_leaves_no_partial_report_and_keeps_the_old_one(tmp_path, full_disk, capsys):
    runs = ladder(tmp_path, n=20)
    old = full_disk / "old.html"
    old.write_text("an older report", encoding="utf-8")
    for output in (full_disk / "new.html", old):
        assert main(["report", str(runs["gptq2"]), "-o", str(output)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(output) in line
        assert "No space left on device" in line
    assert [path.name for path in full_disk.iterdir()] == ["old.html"]
    assert old.read_text(encoding="utf-8") == "an older report"


@pytest.mark.parametrize("exists", [False, True], ids=["a new folder", "a folder with files"])
@pytest.mark.slow
def test_a_full_disk_leaves_no_figure(tmp_path, full_disk, exists, capsys):
    runs = ladder(tmp_path, n=20)
    figures = full_disk / "figures"
    if exists:
        figures.mkdir()
        (figures / "forest.svg").write_text("an older figure", encoding="utf-8")
    words = ["report", str(runs["gptq2"]), "--base", str(runs["base"]), "-o", str(tmp_path / "report.html")]
    assert main([*words, "--figures", str(figures)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--figures {figures}: cannot be written (No space left on device)" in line
    assert [path.name for path in full_disk.rglob("*")] == (["figures", "forest.svg"] if exists else [])
    if exists:
        assert (figures / "forest.svg").read_text(encoding="utf-8") == "an older figure"


@pytest.mark.slow
def test_a_file_size_limit_is_reported_like_a_full_disk(tmp_path):
    runs = ladder(tmp_path, n=20)
    output = tmp_path / "out"
    output.mkdir()
    words = [sys.executable, "-c", "import sys; from mcqa_suite.cli.main import main; sys.exit(main())", "report"]
    done = subprocess.run(
        [*words, str(runs["gptq2"]), "-o", str(output / "report.html")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "report.html: cannot be written (File too large)" in line
    assert list(output.iterdir()) == []


def test_figures_are_added_to_a_folder_and_a_failure_changes_nothing_in_it(tmp_path):
    folder = tmp_path / "figures"
    write_files(folder, [("a.svg", b"1"), ("b.svg", b"1")])
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    write_files(folder, [("a.svg", b"2")])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "a.svg": b"2",
        "b.svg": b"1",
        "notes.txt": b"mine",
    }

    def failing():
        yield "a.svg", b"3"
        raise OSError(28, "No space left on device")

    with pytest.raises(ConfigError, match="No space left"):
        write_files(folder, failing())
    assert (folder / "a.svg").read_bytes() == b"2"
    assert len(list(folder.iterdir())) == 3


@pytest.mark.slow
def test_a_file_in_place_of_the_figures_folder_is_one_error_line(tmp_path, capsys):
    runs = ladder(tmp_path, n=20)
    (tmp_path / "file").write_text("", encoding="utf-8")
    _code, _page, _output = reported(tmp_path, runs, "--figures", str(tmp_path / "file"))
    assert _code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--figures" in line
