"""Extract the option that a response commits to."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from functools import partial

from mcqa_suite.extract.announcements import announced, hinted
from mcqa_suite.extract.denial import REFUSAL
from mcqa_suite.extract.endings import ends_as_sentence, unfinished
from mcqa_suite.extract.lines import leading_line, letter_line, letters_only, opening_letter
from mcqa_suite.extract.mentions import last_mention, leading_text, letter_and_text, option_text, ordinal_alone
from mcqa_suite.extract.options import Options
from mcqa_suite.extract.result import Extraction, Reading, Step, extract, first_reading
from mcqa_suite.extract.text import View
from mcqa_suite.extract.verdicts import verdicts

# The choice as a letter that is given as the answer: read even where the response is cut off in a later announcement
SENTENCE_END = re.compile(r"[.!?]\s|\n")
DOUBT_FOLLOWS = re.compile(
    r"[^\w\n]{0,4}\s{1,3}(?:however|but|wait|hmm|let me|let's|let us|yet|still)\b"
)  # "Hence B. However, I need"
FINAL = (
    "superlative_is",
    "is_option",
    "may_be_best",
)  # weak rules whose phrase is one for a last word: "The best of these is B."


def _settled(step: Step, view: View, options: Options) -> Reading | None:
    """The reading of a step, unless it is one on the way in a response that is cut off: "So A is right. Then we look at the"."""
    reading = step(view, options)
    if reading is None or not view.ends or ends_as_sentence(view.low) or reading.rule in FINAL:
        return reading
    doubt = DOUBT_FOLLOWS.match(view.low, reading.end)
    first = (
        not doubt and not SENTENCE_END.search(view.low, 0, reading.start) and SENTENCE_END.search(view.low, reading.end)
    )
    index = options.index(view.clean[reading.start])
    at_the_end = reading.end > len(view.low.rstrip()) - 8
    return reading if first or at_the_end or options.follows(view.low[reading.end : reading.end + 400], index) else None


EXPLICIT_STEPS: tuple[Step, ...] = (
    announced,
    letters_only,
    leading_line,
    leading_text,
    verdicts,
    partial(_settled, hinted),
    partial(_settled, letter_line),
    opening_letter,
)
STEPS: tuple[Step, ...] = (*EXPLICIT_STEPS, last_mention, letter_and_text, option_text, ordinal_alone)
HEAD_STEPS: tuple[Step, ...] = (announced, leading_line, leading_text, opening_letter)


def extract_choice(
    response: str, choices: Sequence[str], *, labels: Sequence[str] = string.ascii_uppercase
) -> Extraction:
    """The label of the option that `response` commits to, by the most explicit of `LETTER_RULES`; no text raises an error.

    `choices` may be empty strings where the texts are not known. ValueError for fewer than 2 choices or more than labels.
    A label of several characters is read by the text of its option alone.
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
