"""Extract the option that a response commits to."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

from mcqa_suite.extract.announcements import announced, hinted
from mcqa_suite.extract.choosing import ChoiceReading, Options
from mcqa_suite.extract.letter_signs import REFUSAL
from mcqa_suite.extract.lines import leading_line, letter_line, marked_line, opening_letter
from mcqa_suite.extract.mentions import ends_as_sentence, last_mention, letter_and_text, option_text, ordinal_alone
from mcqa_suite.extract.result import Extraction, extract
from mcqa_suite.extract.text import View, run_on_cuts

Step = Callable[[View, Options], ChoiceReading | None]
STEPS: tuple[Step, ...] = (
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

# For the beginning of a very long response, whose end gave no answer
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
    """Read one view; first only up to the place where the model starts another question."""
    parts = [(view.cut(cut), STEPS) for cut in run_on_cuts(view.low)]
    for part, steps in [*parts, (view, STEPS if view.ends else HEAD_STEPS)]:
        for step in steps:
            if reading := step(part, options):
                return reading.extraction(part, None if reading.value is None else options.labels[reading.value])
    if REFUSAL.search(view.low):
        return Extraction(None, "refused")
    return Extraction(None, "none" if ends_as_sentence(view.low) else "truncated")


# One example for each step after the table of announcements
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
