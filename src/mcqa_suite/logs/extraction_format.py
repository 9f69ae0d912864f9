"""How an extraction is written to a sample log, and read from one.

A log holds one line of JSON for each response: `{"answer": "B", "status": "answered", "rule": "answer_is", "span": [14, 15]}`.
Version 0.1.0 logged the `repr` of such a dict, which is read too.
"""

from __future__ import annotations

import ast
import json
from typing import Any

from mcqa_suite.extract import Extraction

FIELDS = ("answer", "status", "rule", "span")


def write(extraction: Extraction) -> str:
    """The extraction as a line of JSON."""
    return json.dumps({name: getattr(extraction, name) for name in FIELDS}, ensure_ascii=False)


def read(value: Any) -> Extraction | None:
    """The extraction that a logged value holds; None where another filter made the value. ValueError for a broken one."""
    if isinstance(value, str):
        try:
            if value.startswith('{"answer"'):
                value = json.loads(value)
            elif value.startswith("{'answer'"):
                value = ast.literal_eval(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError(f"broken extraction {value[:40]!r} ({type(error).__name__})") from error
    if not (isinstance(value, dict) and {"answer", "status"} <= value.keys()):
        return None
    span = value.get("span")
    return Extraction(value["answer"], value["status"], value.get("rule"), tuple(span) if span else None)
