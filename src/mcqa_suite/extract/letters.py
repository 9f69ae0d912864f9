"""Which option a response commits to."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

from mcqa_suite.extract.announcements import announced, hinted
from mcqa_suite.extract.choosing import Found, Options
from mcqa_suite.extract.letter_signs import REFUSAL
from mcqa_suite.extract.lines import leading_line, letter_line, opening_letter
from mcqa_suite.extract.marks import marked_line
from mcqa_suite.extract.mentions import finished, last_mention, letter_and_text, option_text, ordinal_alone
from mcqa_suite.extract.reasoning import blank_reasoning
from mcqa_suite.extract.result import EMPTY, Extraction, Status, first_answer
from mcqa_suite.extract.text import View, run_on_cuts, views

STEPS: tuple[Callable[[View, Options], Found | None], ...] = (
    announced,
    marked_line,
    leading_line,
    hinted,
    letter_line,
    opening_letter,
    last_mention,
    letter_and_text,
    option_text,
    ordinal_alone,
)

# Of the beginning of a response too long to be read whole, whose end gave no answer
HEAD_STEPS = (announced, leading_line, opening_letter)


def extract_choice(response: str, choices: Sequence[str], *, labels: str = string.ascii_uppercase) -> Extraction:
    """The label of the option that `response` commits to, by the most explicit of `LETTER_RULES`; never raises on text.

    `choices` may be blank strings where the texts are unknown. Raises ValueError for fewer than 2 of them, or more than
    there are labels.
    """
    if not 2 <= len(choices) <= len(labels):
        raise ValueError(f"{len(choices)} choices for {len(labels)} labels: expected 2 to {len(labels)} choices")
    if not response or response.isspace():
        return EMPTY
    visible = blank_reasoning(response)
    if visible is None or not visible.strip():
        return Extraction(None, "truncated")
    options = Options(tuple(choices), labels[: len(choices)])
    readings = (_read(seen, options) for seen in views(visible))
    return first_answer(readings)


def _read(seen: View, options: Options) -> Extraction:
    """One view, cut at the first invented question behind an answer."""
    for cut in run_on_cuts(seen.low):
        part = seen.cut(cut)
        found = _decide(part, options, STEPS)
        if found is not None:
            return _extraction(part, found, options)
    found = _decide(seen, options, STEPS if seen.ends else HEAD_STEPS)
    if found is not None:
        return _extraction(seen, found, options)
    return Extraction(None, _silence(seen))


def _extraction(seen: View, found: Found, options: Options) -> Extraction:
    answer = None if found.index is None else options.labels[found.index]
    return Extraction(answer, found.status, found.rule, seen.span(found.start, found.end))


def _silence(seen: View) -> Status:
    """Why nothing was found."""
    if REFUSAL.search(seen.low):
        return "refused"
    return "none" if finished(seen.low) else "truncated"


def _decide(seen: View, options: Options, steps: Sequence[Callable[[View, Options], Found | None]]) -> Found | None:
    for step in steps:
        found = step(seen, options)
        if found is not None:
            return found
    return None


# One example a step behind the table of announcements, beside the rule that decides it
STEP_EXAMPLES: tuple[tuple[str, str, str], ...] = (
    ("marked_line", "- [ ] A\n- [x] B", "B"),
    ("leading_line", "(C)\nThe gate stands there.", "C"),
    ("letter_line", "Sure, here it is.\n\nB. London", "B"),
    ("opening_letter", "D because the Prado is there", "D"),
    ("last_mention", "The Thames flows through the one shown under (B).", "B"),
    ("letter_and_text", "Asked which city has the gate, most travellers say B. London among friends.", "B"),
    ("option_text", "The Thames runs through it, so London is right.", "B"),
    ("ordinal_alone", "The second option.", "B"),
)
