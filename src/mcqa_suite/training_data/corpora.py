"""Download the public corpora that are read from files: resumed after an interruption, and checked."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.files import opened

CHUNK = 1 << 20
SILENCE = 60  # seconds in which a server has to send something
MOST_BYTES = 4 << 30


@dataclass(frozen=True)
class Corpus:
    """A corpus in one file: where it is, the checksum that was published or computed of it, and its terms."""

    url: str
    algorithm: str
    checksum: str
    licence: str
    page: str

    @property
    def file(self) -> str:
        return self.url.rpartition("/")[2]


CORPORA = {
    "convokit-cmv": Corpus(
        "https://zissou.infosci.cornell.edu/convokit/datasets/winning-args-corpus/winning-args-corpus.zip",
        "md5",
        "d17056c46f4805a83cd192e56900863f",
        "no licence is named; posts of reddit.com by their authors, collected for research (Tan et al. 2016)",
        "https://convokit.cornell.edu/documentation/winning.html",
    ),
    "persuasionforgood": Corpus(
        "https://gitlab.com/ucdavisnlp/persuasionforgood/-/raw/master/data/FullData/full_dialog.csv",
        "sha256",
        "3ecaa3e9f0577170b91c3306d2439c910150cf010b76e7637ef3bab724075a9f",
        "Apache-2.0 (Wang et al. 2019)",
        "https://gitlab.com/ucdavisnlp/persuasionforgood",
    ),
}


def fetch(name: str, folder: Path, url: str | None = None) -> Path:
    """The file or folder of a corpus in `folder`, downloaded unless it is there and whole.

    `url` is a mirror. A file that came in part stays as NAME.part, and the next call goes on from it. DatasetError where the
    server cannot be reached or sends something else.
    """
    if name not in CORPORA:
        raise ConfigError(f"no corpus {name!r}; expected one of {', '.join(CORPORA)}")
    corpus = CORPORA[name]
    target = folder / corpus.file
    if not (target.is_file() and _digest(target, corpus.algorithm) == corpus.checksum):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose another --output") from error
        _download(url or corpus.url, target, corpus)
    return _unpacked(target) if target.suffix == ".zip" else target


def _download(url: str, target: Path, corpus: Corpus) -> None:
    part = target.with_name(f"{target.name}.part")
    try:
        _append(url, part)
    except (OSError, http.client.HTTPException) as error:  # urllib's errors are OSErrors
        reason = getattr(error, "reason", None) or error
        size = part.stat().st_size if part.is_file() else 0
        raise DatasetError(f"{url}: {reason}; run it again to go on from {size / 1e6:,.1f} MB") from error
    if (digest := _digest(part, corpus.algorithm)) != corpus.checksum:
        part.unlink()
        expected = f"{corpus.algorithm} {corpus.checksum}"
        raise DatasetError(f"{url}: another file than expected ({digest} instead of {expected}); see {corpus.page}")
    os.replace(part, target)


def _append(url: str, part: Path) -> None:
    """Get what `part` lacks of the file at `url`; a server that cannot send a part sends all of it."""
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"--url {url}: expected http:// or https://")
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - http alone
    try:
        response = urllib.request.urlopen(request, timeout=SILENCE)  # noqa: S310 - http alone
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing is missing
            return
        raise
    with response, part.open("ab" if response.status == 206 else "wb") as file:
        before = have if response.status == 206 else 0
        length = response.headers.get("Content-Length")
        total = before + int(length) if length and length.isdigit() else None
        with tqdm(total=total, initial=before, unit="B", unit_scale=True, desc=part.stem) as bar:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
                if bar.n > MOST_BYTES:
                    raise OSError(f"more than {MOST_BYTES / 1e9:.0f} GB")
        if total is not None and bar.n < total:
            raise OSError(f"the connection ended after {bar.n:,} of {total:,} bytes")


def _digest(path: Path, algorithm: str) -> str:
    with opened(path) as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _unpacked(archive: Path) -> Path:
    """The folder of an archive's name, beside it; zipfile keeps every member inside."""
    folder = archive.with_suffix("")
    if not folder.is_dir():
        partial = archive.with_name(f".{folder.name}.partial")
        with zipfile.ZipFile(archive) as files:
            files.extractall(partial)
        inner = partial / folder.name
        os.replace(inner if inner.is_dir() else partial, folder)
        shutil.rmtree(partial, ignore_errors=True)  # what else was in the archive
    return folder
