"""Output files are replaced whole, and nothing but a regular file is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.files import remove_file, write_bytes, write_file, write_files, write_lines
from mcqa_suite.common.jsonl import journal


def test_a_pipe_and_a_folder_are_refused_and_stay(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(ConfigError, match=rf"{name}: cannot be written \(Not a regular file\)"):
            write_file(tmp_path / name, "text")
        with pytest.raises(ConfigError, match=rf"{name}: cannot be written \(Not a regular file\)"):
            write_bytes(tmp_path / name, b"text")
        with pytest.raises(ConfigError, match=r"cannot be written \(Not a regular file\)"):
            write_files(tmp_path, [("other", "text"), (name, "text")])
        with (
            pytest.raises(ConfigError, match=rf"{name}: cannot be written: Not a regular file"),
            journal(tmp_path / name),
        ):
            pass
        remove_file(tmp_path / name)
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.html").symlink_to("loop.html")
    for write in (lambda path: write_file(path, "new"), lambda path: write_files(tmp_path, [(path.name, "new")])):
        with pytest.raises(ConfigError, match="Too many levels of symbolic links"):
            write(tmp_path / "loop.html")
    assert (tmp_path / "loop.html").is_symlink()


def test_a_link_stays_and_the_file_that_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to("real.html")
    write_file(tmp_path / "link.html", "new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text() == "new"
    write_files(tmp_path, [("link.html", "newer"), ("other", b"bytes")])
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text() == "newer"
    remove_file(tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert not (tmp_path / "real.html").exists()


def test_a_failure_in_the_middle_keeps_the_old_file(tmp_path: Path) -> None:
    def lines():
        yield "first\n"
        raise ValueError("broken")

    path = tmp_path / "out.jsonl"
    path.write_text("old")
    with pytest.raises(ValueError, match="broken"):
        write_lines(path, lines())
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("exists", [False, True])
def test_names_with_folders_and_files_to_copy_are_written_all_or_none(tmp_path, exists):
    source, folder = tmp_path / "source", tmp_path / "folder"
    source.write_bytes(b"weights")
    if exists:
        folder.mkdir()
        (folder / "own").write_text("stays")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_files(folder, [("a/text", "text"), ("a/b/copy", tmp_path / "missing")])
    assert {path.name for path in tmp_path.rglob("*")} == ({"folder", "source", "own"} if exists else {"source"})
    write_files(folder, [("a/text", "text"), ("a/b/copy", source)])
    assert (folder / "a" / "text").read_text() == "text"
    assert (folder / "a" / "b" / "copy").read_bytes() == b"weights"
    assert (folder / "own").exists() == exists
