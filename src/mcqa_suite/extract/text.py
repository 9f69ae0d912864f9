"""The parts of a response that are read. Cleaning replaces single characters by single characters, so offsets stay the same."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from mcqa_suite.extract.marks import MARK_BEHIND, TURN_END, plain

HEAD, TAIL = 8_192, 32_768  # characters at the beginning and end of a longer response that are read
NEAR = 1_024  # characters at a cut in which the end of a sentence is searched
SENTENCE_END = re.compile(r"[.!?]\s+|\n+|[。！？]")
BLANK = re.compile(r"\s+")

# Zeros of the scripts whose digits are read: Arabic-Indic, Persian, NKo, Devanagari, Bengali, ... full-width, mathematical
DIGIT_ZEROS = "٠۰߀०০੦૦୦௦౦೦൦෦๐໐༠၀႐០᠐᥆᧐᪀᪐᭐᮰᱀᱐꘠꣐꤀꧐꧰꩐꯰０\U0001d7ce\U0001d7d8\U0001d7e2\U0001d7ec\U0001d7f6"
MARKUP = '*_`$"“”„«»「」『』▁'  # **B**, __B__, `B`, $B$, "B", 「B」
BLANKS = "\0\t\r\v\f\x1b\x85\xa0\u3000"
# Characters that nobody sees: "5<U+200B>0" is 50. They are removed before anything is read
INVISIBLE = re.compile("[\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3\ufe00-\ufe0f\ufeff]")
MOST_TRIES = 48  # different matches of one pattern that are tried, from the last one
SAME = 48  # characters around two matches in which they must differ
LINE_ENDS = "\u2028\u2029"
DASHES = "‐‑‒–—―−－"
SIGNS = dict(zip("’‘´。、【】〔〕İ،", "'''.,[]()I,", strict=True))

# \text{B}, \mathrm{A}, {\bf C}, \left( ... : the command is replaced by spaces, its argument stays
LATEX_WRAP = re.compile(
    r"\\(?:text(?:bf|rm|it|sf|tt|normal)?|math(?:rm|bf|it|sf|cal|bb)|operatorname|mbox|hbox|emph|underline|bf|rm|it"
    r"|left|right|large|Large|displaystyle|quad|qquad|[()\[\],;!% ])(?![a-zA-Z])"
)
STRUCK = re.compile(r"~~[^~\n]{1,120}~~")  # "~~A~~ B": a withdrawn choice
WORD = "0-9A-Za-z_À-ɏ"  # next to these a letter is part of a word; Latin only, as Chinese has no spaces ("选B是因为")
# "Ответ: В": a Cyrillic or Greek letter that stands where a Latin one is meant; "В этом случае" is a word
LOOKALIKES = str.maketrans("АВСЕНІЈΑΒΕΗΙ", "ABCEHIJABEHI")
LOOKALIKE = re.compile(r"(?<!\w)[АВСЕНІЈΑΒΕΗΙ](?=[ )\]]{0,3}(?:[.,:;!?\n]|$))")
# "the", "we", "is": a word that does not end a complete text
FUNCTION_WORD = re.compile(
    r"\b(?:the|a|an|of|to|and|or|in|for|with|by|is|are|was|were|be|we|he|she|they|it|that|this|then|so|need|if|as|at|on|from|has"
    r"|have|his|her|their|its|which|because|since|would|will|can|per|than|but|each|every|when|where|how|i|you|now)$"
)
# The end of this answer: "<|im_end|>", "</s>", "\n\nQuestion: Which river ..."; and what may be one, or a heading of this
# answer: "\nQ: Next", "\nProblem: ...", "\nStudent 2: 7 books"
_ASKED = r"question|q|human|user|instruction|frage|pregunta|domanda|aufgabe|problème|问题|题目"
_NUMBERED = r" ?#?[0-9]{0,3} ?[:.](?=[\s\w(])"
RUN_ON = re.compile(  # begins with one character, which makes the search fast
    rf"[<\[\n](?:(?P<sure>{MARK_BEHIND}"
    rf"|(?<=\n) {{0,4}}\n[ #>]{{0,6}}(?:(?:next |new |another |following )?question|{_ASKED}){_NUMBERED})"
    r"|(?<=\n)[ #>]{0,6}(?:(?:next |new |another |following |sample |example )?(?:question|problem|exercise|example|prompt)"
    rf"|{_ASKED}|input|student){_NUMBERED}|(?<=\n)#{{1,4}} ?(?:question|problem|exercise|instruction|input|response)"
    r"|(?<=\n)\n(?=[^\n]{8,600}\? {0,3}\n{1,2} {0,3}\(?a[.):] ))"  # "\n\nWhich river flows through Rome?\nA. Po"
)


def _clean_table() -> dict[int, int | str]:
    """A translation table from look-alike characters to ASCII and from markup to spaces, one character to one character."""
    table: dict[int, int | str] = dict.fromkeys(range(55296, 57344), " ")
    table |= dict.fromkeys(range(8192, 8203), " ") | {0x202F: " ", 0x205F: " "}
    table |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= {ord("Ⓐ") + i: chr(65 + i) for i in range(26)} | {ord("ⓐ") + i: chr(97 + i) for i in range(26)}
    for code in range(0x1D400, 0x1D6A4):  # mathematical bold, italic, script ... letters
        letter = unicodedata.normalize("NFKC", chr(code))
        table[code] = letter if letter.isascii() and len(letter) == 1 else " "
    table |= {ord(zero) + i: chr(48 + i) for zero in DIGIT_ZEROS for i in range(10)}
    table |= {ord(char): " " for char in MARKUP + BLANKS} | {ord(char): "\n" for char in LINE_ENDS}
    table |= {ord(char): "-" for char in DASHES} | {ord(char): sign for char, sign in SIGNS.items()}
    return table


CLEAN = _clean_table()
CLEAN_LETTERS = CLEAN | {ord("①") + i: chr(49 + i) for i in range(9)}
CLEAN_NUMBERS = {code: to for code, to in CLEAN.items() if chr(code) not in "*$_"}
# What is markup in a text with numbers: "**", but not of "2**10"; "_", but not of "x_1"; the backslashes of "\$", "\%", "1,\!920"
BOLD = re.compile(r"\*\*(?:(?<![\d)]\*\*)|(?![\d(]))")
UNDERLINE = re.compile(r"_(?:(?<![A-Za-z)}]_)|(?!\{?\d))")
THOUSANDS = re.compile(r",\\!(?=\d{3})")


@dataclass(frozen=True)
class View:
    """The cleaned text of a part of a response, of the same length as its visible characters; `low` is in lower case."""

    clean: str
    low: str
    raw: str = ""  # the visible characters as they were written
    removed: Sequence[int] = ()  # the index in `clean` of the character after each invisible one
    offset: int = 0  # of the part in the response
    begins: bool = True  # whether it includes the beginning of the response
    ends: bool = True  # whether it includes the end of the response

    def cut(self, end: int) -> View:
        """The view up to `end`, as if the response ended there."""
        return replace(self, clean=self.clean[:end], low=self.low[:end], raw=self.raw[:end], ends=True)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The positions in the response of clean[start:end]."""
        first, last = (self.offset + at + bisect_right(self.removed, at) for at in (start, max(start, end - 1)))
        return first, max(first, last + (end > start))

    def touches_cut(self, start: int, end: int) -> bool:
        """Whether clean[start:end] is next to a cut, so that the rest of a word or number may be missing."""
        return (not self.begins and start <= 0) or (not self.ends and end >= len(self.clean.rstrip()))


def views(text: str, make: Callable[[str], View]) -> list[View]:
    """The parts of a response to read: all of it, or for a long one its end and then its beginning."""
    end = len(text.rstrip())
    start = len(text) - len(text.lstrip())
    if end - start <= HEAD + TAIL:
        return [view_of(text, start, end, make)]
    tail, head = _last_part(text, end - TAIL), _first_part(text, start + HEAD)
    return [
        replace(view_of(text, tail, end, make), begins=False),
        replace(view_of(text, start, head, make), ends=False),
    ]


def view_of(text: str, start: int, end: int, make: Callable[[str], View]) -> View:
    """The view of text[start:end] without the characters and marks that a reader does not see."""
    part = plain(text[start:end])
    start += len(part) - len(part.lstrip())
    part = part.strip()
    if part.isascii():
        return replace(make(part), offset=start)
    removed = [match.start() - count for count, match in enumerate(INVISIBLE.finditer(part))]
    return replace(make(INVISIBLE.sub("", part) if removed else part), removed=removed, offset=start)


def _last_part(text: str, at: int) -> int:
    """Where to cut near `at` so that the rest begins with a sentence, or at least with a word."""
    cut = SENTENCE_END.search(text, at, at + NEAR) or BLANK.search(text, at, at + NEAR)
    return cut.end() if cut else at


def _first_part(text: str, at: int) -> int:
    """Where to cut near `at` so that what is before it ends with a sentence, or at least with a word."""
    cuts = list(SENTENCE_END.finditer(text, at - NEAR, at)) or list(BLANK.finditer(text, at - NEAR, at))
    return cuts[-1].end() if cuts else at


def clean_view(raw: str) -> View:
    """A cleaned view of a text."""
    clean = raw.translate(CLEAN_LETTERS)
    if "\\" in clean:
        clean = LATEX_WRAP.sub(_blank, clean)
    if "~~" in clean:
        clean = STRUCK.sub(_blank, clean)
    if not clean.isascii():
        clean = LOOKALIKE.sub(lambda match: match.group().translate(LOOKALIKES), clean)
    return View(clean, clean.lower(), raw)


def number_view(raw: str) -> View:
    """A view that keeps what a number needs: currency signs, and `*` where it multiplies."""
    clean = raw.translate(CLEAN_NUMBERS)
    if "_" in clean:
        clean = UNDERLINE.sub(" ", clean)
    if "**" in clean:
        clean = BOLD.sub("  ", clean)
    if "\\" in clean:
        clean = LATEX_WRAP.sub(_blank, THOUSANDS.sub("{,}", clean.replace("\\$", "$ ").replace("\\%", " %")))
    return View(clean, clean.lower(), raw)


# "I hope this helps!", "Would you like me to explain a step?": a last line for the reader, behind the answer
COURTESY = re.compile(
    r"(?:(?:\n|[.!?)}\]*] {1,2}|(?<=[.!?)] ))[^\w\n]{0,9}"
    r"(?:(?:i )?hope (?:this|that|it)|(?:please )?let me know (?:if|whether|how)"
    r"|would you like|do you (?:want|have|need)|(?:please )?feel free|(?:is|was) there anything"
    r"|if you (?:have|need|want|would like|'d)|i'(?:m|d be|ll be) (?:happy|glad)|thank(?:s| you)|have a (?:nice|great|good)"
    r"|good luck|happy to)\b[^.!?\n]{0,200}[.!?]{0,3}[^\w\n]{0,9}){1,3}$"
)
# "Confidence: 95 %": a last line that is not about the answer
ASIDE = re.compile(r"\n[^\w\n]{0,8}(?:confidence|certainty|difficulty|score|tokens?(?: used)?)\b[^\n]{0,60}$")
LONGEST_LAST_LINE = 320
LAST_LINE_WORDS = (  # one of them is in each such line: a fast test
    *(
        "hope ",
        "let me know",
        "would you like",
        "do you ",
        "feel free",
        "there anything",
        "if you ",
        "i'm ",
        "i'd be",
        "i'll be",
    ),
    *("thank", "have a ", "good luck", "happy to", "confidence", "certainty", "difficulty", "score", "token"),
)
TURN = re.compile(TURN_END)
NEXT_IS_OWN = re.compile(r"[^\n]{0,24}?\b(?:assistant|model)\b")
MOST_TURNS = 8


def own_part(view: View) -> View:
    """The view up to the end of the model's own turn, without a last line of courtesy or about its confidence."""
    for match in islice(TURN.finditer(view.low) if "<" in view.low else (), MOST_TURNS):
        if not view.low[: match.start()].isspace() and match.start() and not NEXT_IS_OWN.match(view.low, match.end()):
            view = view.cut(match.start())
            break
    if view.ends and any(map(view.low[-LONGEST_LAST_LINE:].__contains__, LAST_LINE_WORDS)):
        for pattern in (COURTESY, ASIDE):
            last = pattern.search(view.low, max(0, len(view.low) - LONGEST_LAST_LINE))
            body = len(view.low[: last.start() + 1].rstrip(" \n-=")) if last else 0  # without "---" before the line
            view = view.cut(body) if body else view
    return view


def run_on_cuts(low: str) -> list[tuple[int, bool]]:
    """The first three positions where the answer may end, and whether it surely does."""
    cuts = (
        (match.start(), match["sure"] is not None)
        for match in RUN_ON.finditer(low)
        if low[: match.start()].strip(" \n#>")
    )
    return list(islice(cuts, 3))


def last_matches(pattern: re.Pattern[str], text: str, start: int = 0) -> list[re.Match[str]]:
    """The last MOST_TRIES matches of a pattern, latest first; the limit keeps the time linear.

    A sentence that is repeated over and over counts once, so that a loop does not hide what came before it.
    """
    matches = pattern.finditer(text, start)
    first, second = next(matches, None), next(matches, None)
    if first is None or second is None:
        return [first] if first else []
    latest: dict[tuple[str, str], re.Match[str]] = {}
    for match in chain((first, second), matches):
        sentence = text[max(0, match.start() - SAME) : match.start()], text[match.start() : match.end() + SAME]
        latest.pop(sentence, None)
        latest[sentence] = match
    return list(islice(reversed(latest.values()), MOST_TRIES))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())
