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


@pytest.mark.parametrize("place", ["folder-that-is-not/report.html", "."])
def test_where_nothing_can_be_written_one_line_says_so(tmp_path, place, capsys):
    runs = ladder(tmp_path, n=20)
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", str(runs["gptq2"]), "-o", str(tmp_path / place)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written" in line
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_leaves_no_part_of_a_report_and_the_old_one_stays(tmp_path, full_disk, capsys):
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


@pytest.mark.parametrize("there", [False, True], ids=["a new folder", "a folder with files"])
def test_figures_on_a_full_disk_are_not_there_at_all(tmp_path, full_disk, there, capsys):
    runs = ladder(tmp_path, n=20)
    figures = full_disk / "figures"
    if there:
        figures.mkdir()
        (figures / "forest.svg").write_text("an older figure", encoding="utf-8")
    words = ["report", str(runs["gptq2"]), "--base", str(runs["base"]), "-o", str(tmp_path / "report.html")]
    assert main([*words, "--figures", str(figures)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--figures {figures}: cannot be written (No space left on device)" in line
    assert [path.name for path in full_disk.rglob("*")] == (["figures", "forest.svg"] if there else [])
    if there:
        assert (figures / "forest.svg").read_text(encoding="utf-8") == "an older figure"


def test_a_limit_on_the_size_of_files_is_a_full_disk_too(tmp_path):
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


def test_figures_join_what_a_folder_holds_and_a_failure_on_the_way_leaves_it_alone(tmp_path):
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


def test_figures_where_a_file_stands_are_refused_in_one_line(tmp_path, capsys):
    runs = ladder(tmp_path, n=20)
    (tmp_path / "file").write_text("", encoding="utf-8")
    _code, _page, _output = reported(tmp_path, runs, "--figures", str(tmp_path / "file"))
    assert _code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--figures" in line
