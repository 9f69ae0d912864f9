"""Extract the option that a response commits to."""

from __future__ import annotations

import string
from collections.abc import Sequence

from mcqa_suite.extract.announcements import announced, hinted
from mcqa_suite.extract.denial import REFUSAL
from mcqa_suite.extract.endings import ends_as_sentence, unfinished
from mcqa_suite.extract.lines import leading_line, letter_line, marked_line, opening_letter
from mcqa_suite.extract.mentions import last_mention, letter_and_text, option_text, ordinal_alone
from mcqa_suite.extract.options import Options
from mcqa_suite.extract.result import Extraction, Step, extract, first_reading
from mcqa_suite.extract.text import View

# The choice as a letter that is given as the answer: read even where the response is cut off in a later announcement
EXPLICIT_STEPS: tuple[Step, ...] = (announced, marked_line, leading_line, hinted, letter_line, opening_letter)
STEPS: tuple[Step, ...] = (*EXPLICIT_STEPS, last_mention, letter_and_text, option_text, ordinal_alone)
HEAD_STEPS: tuple[Step, ...] = (announced, leading_line, opening_letter)


def extract_choice(response: str, choices: Sequence[str], *, labels: str = string.ascii_uppercase) -> Extraction:
    """The label of the option that `response` commits to, by the most explicit of `LETTER_RULES`; no text raises an error.

    `choices` may be empty strings where the texts are not known. ValueError for fewer than 2 choices or more than labels.
    """
    if not 2 <= len(choices) <= len(labels):
        raise ValueError(f"{len(choices)} choices for {len(labels)} labels: expected 2 to {len(labels)} choices")
    options = Options(tuple(choices), labels[: len(choices)])
    return extract(response, lambda view: _read(view, options))


def _read(view: View, options: Options) -> Extraction:
    cut = view.ends and unfinished(view.low, options.begins_text) >= 0
    extraction = first_reading(view, EXPLICIT_STEPS if cut else STEPS, HEAD_STEPS, options)
    if cut and (extraction is None or extraction.answer is None):
        return Extraction(None, "truncated")
    if extraction is not None:
        return extraction
    if REFUSAL.search(view.low):
        return Extraction(None, "refused")
    return Extraction(None, "none" if ends_as_sentence(view.low) else "truncated")
