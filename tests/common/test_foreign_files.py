"""Files that are no regular files, and names from files that lead elsewhere: neither opened nor waited for."""

from __future__ import annotations

import ast
import os
import socket
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY
from helpers.log_files import STAMP, write_run, written_row

from mcqa_suite.cli.main import main
from mcqa_suite.common.files import inside, opened, read_text

WAYS = ("fifo", "device", "folder", "socket", "dangling", "long")


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """A function that makes a path which is no file of the given kind; nothing of it may be opened."""
    monkeypatch.chdir(tmp_path)  # the name of a socket may have 100 characters

    def make(kind: str, name: str = "odd") -> Path:
        path = Path(name)
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "folder":
            path.mkdir()
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        elif kind == "dangling":
            path.symlink_to("nothing")
        else:
            path = path.with_name("n" * 300 + path.suffix)
        return path

    return make


@pytest.mark.parametrize("kind", WAYS)
def test_what_is_no_regular_file_is_not_opened(odd, kind):
    with pytest.raises(OSError, match=r"odd|nnn") as refused:
        opened(odd(kind))
    assert refused.value.strerror
    with pytest.raises(OSError, match="Not the name"):
        opened(Path("a\0b"))


def test_a_link_to_a_file_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"a\r\nb")
    (tmp_path / "link").symlink_to("file")
    assert read_text(tmp_path / "link") == "a\nb"


COMMANDS = {
    "table {}": "run.json",
    "table ok --subset {}": "clean.json",
    "compare ok {}": "run.json",
    "extract {} --output new.jsonl": "samples.jsonl",
    "vote {}": "samples.jsonl",
    "orders {}": "run",
    "grids vote {}": "samples.jsonl",
    "preferences check {}": "pairs.jsonl",
    "preferences label {} --by correctness --output new.jsonl": "responses.jsonl",
    "preferences contrast {} --output new.jsonl": "responses.jsonl",
    "data {}": "stage.yaml",
    "audit {}": "rows.jsonl",
    "run {}": "recipe.yaml",
}


@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_it_in_one_line(odd, capsys, command, kind):
    if kind == "folder" and COMMANDS[command] == "run":
        pytest.skip("a folder is what this command reads")
    write_run(Path("ok"), {"t": [written_row("t", 0, "B", 1)]})
    name = odd(kind, COMMANDS[command])
    assert main(command.format(name).split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("mcqa: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("kind", WAYS[:4])
def test_a_sample_log_that_is_no_file_is_named(odd, capsys, kind):
    folder = write_run(Path("run"), {"t": [written_row("t", 0, "B", 1)]})
    log = folder / f"samples_t_{STAMP}.jsonl"
    log.unlink()
    odd(kind, str(log))
    assert main(["table", "run"]) == 2
    assert log.name in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../elsewhere", "..", "/elsewhere", "a/../..", "", ".", "a\0b", "x/y"])
def test_a_name_of_a_file_leads_to_no_other_folder(tmp_path, name):
    assert inside(tmp_path, name).resolve().parent == tmp_path


# Files of the package itself, and output that was just written.
OWN = {"templating.py", "formats.py", "memory.py", "paths.py", "extras.py", "bundle.py", "generate.py", "annotation.py"}
OWN |= {"files.py", "judge.py", "readers.py", "process.py", "main.py", "corpora.py", "manifest.py"}
OWN |= {"system_errors.py"}  # a limit of the container, from the system
OPENING = {"open", "read_text", "read_bytes"}


def test_files_are_opened_in_one_place():
    offences = []
    for path in (REPOSITORY / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or path.name in OWN or ast.unparse(node.func) == "os.open":
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            mode = [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
            is_method = isinstance(node.func, ast.Attribute)
            if name in OPENING and (is_method or name == "open") and not {"w", "wb", "ab", "r+b"}.intersection(mode):
                offences.append(f"{path.name}:{node.lineno}")
    assert not offences
