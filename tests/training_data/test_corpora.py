"""Corpora are downloaded, resumed and checked; the server is one on this machine."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mcqa_suite.cli.main import main
from mcqa_suite.training_data import corpora
from mcqa_suite.training_data.corpora import Corpus

CONTENT = bytes(range(256)) * 8000  # 2 MB


class Files:
    """What the server does: its content, how many bytes it sends before it hangs up, and the ranges that were asked for."""

    def __init__(self, content: bytes = CONTENT, cut: int | None = None, ranges: bool = True, status: int = 0) -> None:
        self.content, self.cut, self.ranges, self.status = content, cut, ranges, status
        self.requested: list[str | None] = []


@contextmanager
def serving(files: Files) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.requested.append(range_ := self.headers.get("Range"))
            start = int(range_.removeprefix("bytes=").rstrip("-")) if range_ and files.ranges else 0
            if files.status or start >= len(files.content):
                self.send_error(files.status or 416)
                return
            part = files.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part if files.cut is None else part[: files.cut])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/corpus.bin"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    def corpus(url: str, content: bytes) -> Corpus:
        return Corpus(url, "sha256", hashlib.sha256(content).hexdigest(), "CC0", "https://example.org/about")

    monkeypatch.setitem(corpora.CORPORA, "small", corpus("https://example.org/corpus.bin", CONTENT))
    monkeypatch.setitem(corpora.CORPORA, "zipped", corpus("https://example.org/set.zip", archive("set/a.txt")))


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as files:
        for name in names:
            files.writestr(zipfile.ZipInfo(name), "text")
    return buffer.getvalue()


def get(tmp_path, name, url):
    return main(["fetch", name, "-o", str(tmp_path), "--url", url])


def test_a_corpus_is_downloaded_once_with_its_licence_shown(tmp_path, capsys):
    files = Files()
    with serving(files) as url:
        assert get(tmp_path, "small", url) == 0
        assert get(tmp_path, "small", url) == 0
    assert files.requested == [None]
    assert (tmp_path / "corpus.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.bin"]
    out = capsys.readouterr().out
    assert "small: CC0; https://example.org/about" in out
    assert str(tmp_path / "corpus.bin") in out


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_broke_off_goes_on_or_begins_again(tmp_path, capsys, ranges):
    with serving(Files(cut=1_000_000)) as url:
        assert get(tmp_path, "small", url) == 2
        assert (
            "the connection ended after 1,000,000 of 2,048,000 bytes; run it again to go on from 1.0 MB"
            in capsys.readouterr().err
        )
    assert not (tmp_path / "corpus.bin").exists()
    files = Files(ranges=ranges)
    with serving(files) as url:
        assert get(tmp_path, "small", url) == 0
    assert files.requested == ["bytes=1000000-"]
    assert (tmp_path / "corpus.bin").read_bytes() == CONTENT


def test_a_whole_part_needs_no_byte_more(tmp_path):
    (tmp_path / "corpus.bin.part").write_bytes(CONTENT)
    with serving(Files()) as url:
        assert get(tmp_path, "small", url) == 0


def test_another_file_is_refused_and_not_kept(tmp_path, capsys):
    with serving(Files(b"something else")) as url:
        assert get(tmp_path, "small", url) == 2
    assert "another file than expected" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_changed_file_is_downloaded_again(tmp_path):
    (tmp_path / "corpus.bin").write_bytes(b"damaged")
    with serving(Files()) as url:
        assert get(tmp_path, "small", url) == 0
    assert (tmp_path / "corpus.bin").read_bytes() == CONTENT


def test_an_archive_becomes_a_folder(tmp_path):
    with serving(Files(archive("set/a.txt"))) as url:
        assert get(tmp_path, "zipped", url) == 0
    assert (tmp_path / "set" / "a.txt").read_text() == "text"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "set.zip"]


def test_an_archive_cannot_write_outside_its_folder(tmp_path, monkeypatch):
    content = archive("set/a.txt", "../outside.txt", "/outside.txt")
    corpus = corpora.CORPORA["zipped"]
    monkeypatch.setitem(
        corpora.CORPORA, "zipped", Corpus(corpus.url, "sha256", hashlib.sha256(content).hexdigest(), "CC0", corpus.page)
    )
    (tmp_path / "data").mkdir()
    with serving(Files(content)) as url:
        assert get(tmp_path / "data", "zipped", url) == 0
    assert not (tmp_path / "outside.txt").exists()


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_that_refuses_is_one_line(tmp_path, capsys, status):
    with serving(Files(status=status)) as url:
        assert get(tmp_path, "small", url) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"mcqa: {url}: ")


def test_no_server_another_scheme_and_another_name_are_one_line(tmp_path, capsys):
    assert get(tmp_path, "small", "http://127.0.0.1:9/corpus.bin") == 2
    assert "run it again to go on from 0.0 MB" in capsys.readouterr().err
    assert get(tmp_path, "small", "file:///etc/hostname") == 2
    assert "expected http:// or https://" in capsys.readouterr().err
    assert main(["fetch", "nothing", "-o", str(tmp_path)]) == 2
    assert "no corpus 'nothing'; expected one of convokit-cmv, persuasionforgood" in capsys.readouterr().err


def test_the_checksum_of_persuasionforgood_is_that_of_the_shared_copy():
    from mcqa_suite.common.paths import shared_path

    path = shared_path("data/persuasionforgood/full_dialog.csv")
    if not path.is_file():
        pytest.skip("no shared data")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == corpora.CORPORA["persuasionforgood"].checksum
