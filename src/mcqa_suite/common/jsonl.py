"""JSON and JSONL files as numbered rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError


def json_lines(path: Path, expected: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file, one a line, with their lines' numbers; `expected` says what to give where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, _object(_value(line, where := f"{path}:{number}"), where)
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {getattr(error, 'strerror', None) or error}; give {expected}") from error


def json_rows(path: Path, expected: str) -> list[tuple[int, dict[str, Any]]]:
    """`json_lines` of a file that may also hold one list of objects, which are then counted from 1."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {getattr(error, 'strerror', None) or error}; give {expected}") from error
    if not text.lstrip().startswith("["):
        return list(json_lines(path, expected))
    values = _value(text, str(path))
    return [(number, _object(value, f"{path}:{number}")) for number, value in enumerate(values, start=1)]


def _value(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: not valid JSON ({error}); mend it") from error


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DatasetError(f"{where}: expected an object, found {type(value).__name__}; mend it")
    return value
