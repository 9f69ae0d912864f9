"""Jinja templates: values are cleaned of invisible characters; in the HTML page escaped too, and a number stays with its %."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.compare import bound_words, verdict_words
from mcqa_suite.reporting.tables import change_in_unit, in_unit, number, p_value, percent, unit
from mcqa_suite.reporting.task_names import code, readable

if TYPE_CHECKING:
    import jinja2

FOLDER = Path(__file__).parent / "templates"
# Control characters, lone surrogates, and marks that change the text direction
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """Replace each invisible or direction-changing character by U+FFFD."""
    return INVISIBLE.sub("\ufffd", str(text))


def source(name: str) -> str:
    """The text of a style sheet or script."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def template(name: str) -> jinja2.Template:
    import jinja2
    from markupsafe import Markup

    html = name.endswith(".html.j2")
    environment = jinja2.Environment(
        autoescape=html,  # noqa: S701 - Markdown has no escapes of HTML
        finalize=lambda value: (_displayed if html else clean)(value) if type(value) is str else value,
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "in_unit": in_unit,
        "change_in_unit": change_in_unit,
        "unit": unit,
        "percent": percent,
        "number": number,
        "p": p_value,
        "verdict_words": verdict_words,
        "bound_words": bound_words,
        "readable": readable,
        "code": code,
        "breakable": lambda text: Markup("_<wbr>").join(_displayed(text).split("_")),
    }
    return environment.get_template(name)


def _displayed(text: str) -> str:
    """Clean text, with a non-breaking space between a number and its %."""
    return clean(text).replace(" %", "\u00a0%")
