"""Public data sets that come with this package, row for row as the hub has them: see data/README.md."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from mcqa_suite.common.errors import DatasetError

Row = dict[str, Any]
Origin = Literal["bundled", "hub"]  # where the rows of a public data set are read
DATA = Path(__file__).parent / "data"
INDEX = "index.json"  # <owner>/<name>/<config>/<split> -> number of rows, and SHA-256 of the unpacked file
REMEDY = "reinstall it: pip install --force-reinstall mcqa-suite"


def splits(repository: str, config: str) -> list[str]:
    """The names of the bundled splits of a data set's config; empty where none is."""
    return [name.rpartition("/")[2] for name in _index(DATA) if name.rpartition("/")[0] == f"{repository}/{config}"]


def sha256(repository: str, config: str, split: str) -> str | None:
    """The recorded SHA-256 of a split as JSONL; None where it is not bundled."""
    entry = _index(DATA).get(f"{repository}/{config}/{split}")
    return str(entry["sha256"]) if entry else None


def rows(repository: str, config: str, split: str) -> list[Row] | None:
    """The rows of a split; None where it is not bundled. DatasetError for a file that is missing, cut off or changed."""
    recorded = sha256(repository, config, split)
    if recorded is None:
        return None
    path = DATA / repository / config / f"{split}.jsonl.gz"
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "cut off or not gzip"
        raise DatasetError(
            f"{path}: {reason}; this file of the package's bundled questions is damaged: {REMEDY}"
        ) from error
    if (digest := hashlib.sha256(content).hexdigest()) != recorded:
        raise DatasetError(
            f"{path}: SHA-256 {digest[:12]}, expected {recorded[:12]}; the package's bundled questions were changed: {REMEDY}"
        )
    return [json.loads(line) for line in content.splitlines()]


@cache
def _index(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / INDEX
    try:
        index: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not valid JSON"
        raise DatasetError(f"{path}: {reason}; the package's bundled questions are damaged: {REMEDY}") from error
    return index
