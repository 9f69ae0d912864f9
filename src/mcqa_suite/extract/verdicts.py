"""Read the one option that a response calls right where it judges the options one by one."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import islice

from mcqa_suite.extract.denial import denied_before
from mcqa_suite.extract.options import Options
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.text import View

# What is judged: "Option A is", "\n(B): ...", "- [x] C", "Choices A and D are"
SUBJECT = re.compile(
    r"(?:(?:^|\n)[ >#•|-]{0,8}|[.;!,] {0,3}| and (?=[A-Z] is)|(?<=[❌✗✘✖✅✓✔☑] ))(?:\d{1,2}[.)] )?(?:\[(?P<box>[ xX✓✔])\] {0,2})?"
    r"(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]tatement)?s? ?"
    r"(?P<letters>\(?[A-Z](?:\)?(?:, and |, | and | or )\(?[A-Z]){0,8})(?![\w'])"
    r"(?=[).:]| {1,3}(?:is|are|was|does|do|fails?|cannot|can't|would|can|states?|says|[:|✅✓✔☑❌✗✘✖])|$|\n)"
)
# "is incorrect", "not the correct answer", "❌"; "is correct", "the right answer", "✅"
WRONG = re.compile(
    r"❌|✗|✘|✖|\b(?:incorrect|wrong|ruled out|eliminated|not (?:the |a )?(?:correct|right|best|answer|true|valid))\b"
    r"|n't (?:the |a )?(?:correct|right|best|answer|true|valid)\b|(?:(?<=[).:|-] )|(?<=, so ))(?:no|false)(?= ?[.,;!)|\n]|$)"
)
RIGHT = re.compile(
    r"✅|✓|✔|☑|\b(?:correct|right)(?=[ .,;:)!\n-]|$)|\bbest (?:answer|choice|option)\b"
    r"|(?:(?<=[).:|-] )|(?<=, so ))(?:yes|true)(?= ?[.,;!)|\n]|$)"
)
BRACKETED = re.compile(r"(?<!\w)\((?:[Oo]ption )?(?P<letter>[A-Z])\)")
REACH = 600  # characters after a letter in which it is judged
MOST_SUBJECTS = 60


def verdicts(view: View, options: Options) -> Reading | None:
    """The option that is called right, alone or where all others are called wrong; several for two that are."""
    subjects = list(islice(SUBJECT.finditer(view.clean), MOST_SUBJECTS))
    if not subjects:
        return None
    ends = [*(subject.start() for subject in subjects[1:]), len(view.clean)]
    judged: dict[int, tuple[bool, int]] = {}
    for subject, end in zip(subjects, ends, strict=True):
        right = _judgement(view, subject, min(end, subject.end() + REACH))
        if right is not None:
            at = subject.start("letters")
            for position in range(at, subject.end("letters")):
                if view.clean[position].isupper() and (index := options.index(view.clean[position])) >= 0:
                    judged[index] = (right, position)
    called_right = [(index, at) for index, (right, at) in judged.items() if right]
    if len(judged) < 2:
        return None
    if not called_right and len(judged) == len(options.choices) - 1:
        return _remaining(view, options, judged.keys())
    if not called_right:
        return None
    index, at = called_right[0]
    if len(called_right) > 1:
        return Reading(None, "several", "verdicts", at, at + 1)
    return Reading(options.labels[index], "answered", "verdicts", at, at + 1)


def _remaining(view: View, options: Options, wrong: Collection[int]) -> Reading | None:
    """The option in brackets where all others are called wrong: "It is Berlin (C). Option A is incorrect ..."."""
    for match in BRACKETED.finditer(view.clean):
        index = options.index(match["letter"])
        if index >= 0 and index not in wrong and not denied_before(view.low, match.start()):
            return Reading(options.labels[index], "answered", "verdicts", match.start("letter"), match.end("letter"))
    return None


def _judgement(view: View, subject: re.Match[str], end: int) -> bool | None:
    """Whether the option is called right or wrong from its letter to `end`; None where it is not judged."""
    if subject["box"] is not None:
        return subject["box"] != " "
    if WRONG.search(view.low, subject.end(), end):
        return False
    return True if RIGHT.search(view.low, subject.end(), end) else None
