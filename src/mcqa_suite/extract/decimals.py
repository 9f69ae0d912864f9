"""Find numbers in a text, in digits or words, and write them as canonical decimal strings."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_DIGITS = 300  # a longer number is not an answer, and int() is slow on it
PLACES = 12  # decimal places of a fraction that has no exact decimal

# "-$1,080.50", "1 234 567", "1.080,50 €", "6.02e23", "2 1/2", "3/4", "½", "\frac{7}{2}", ".5", "3 million", "12.5 %", "42k"
_SIGN = (
    r"(?<![A-Za-z0-9_)\]%.])(?<![^#]#)(?<!\d:)(?<!\d,)(?P<sign>[-+] {0,2}|(?<!\d )(?:minus|negative) )?"
    r"(?P<currency>[$€£¥₹]|USD|EUR|Rs\.?)? {0,2}(?P<sign2>(?<=[$€£¥])-)?"
)
_PLAIN = (
    r"\d{1,3}(?:(?:,|\{,\})\d{3}){1,99}(?![\d,])(?:\.\d{1,300})?"  # 1,080.50
    r"|\d{1,3}(?:\.\d{3}){1,99},\d{1,2}(?![\d.,])|\d{1,3}(?:\.\d{3}){2,99}(?![\d.,])"  # 1.080,50 and 1.234.567
    r"|[1-9]\d{0,2}(?: {1,2}\d{3}){1,9}(?:[.,]\d{1,2}(?![.,]?\d)|(?![\d.,]\d|\d))"  # 1 234 567 and 1 234,5
    r"|\d{1,3}(?:'\d{3}){1,99}(?!\d)"  # 1'000
    r"|\d{1,300}\{,\}\d{1,2}(?!\d)"  # 42{,}5: LaTeX's decimal comma
    r"|\d{1,300}(?!\d)(?:\.\d{1,300}(?!\d)|,\d{1,2}(?![\d,])|(?!,\d{3}))|\.\d{1,300}(?!\d)"  # 1080.5, 3,5 and .5
)
_FRACTION = (
    r"(?P<whole>\d{1,9})?(?(whole)[ -]?)\\[dtc]?frac ?(?:\{ ?(?P<top>-?\d{1,40}) ?\} ?\{ ?(?P<bottom>\d{1,40}) ?\}"
    r"|(?P<top1>\d) ?(?P<bottom1>\d)(?!\d))"
    r"|(?P<whole2>\d{1,9})?(?(whole2) ?)(?P<vulgar>[½¼¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])"
    r"|(?:(?P<whole3>\d{1,9})(?:[ -]| and ))?(?P<top3>\d{1,40}) ?/ ?(?P<bottom3>\d{1,40})(?![\d/]|\.\d|,\d{3})"
)
_POWER = r"10 ?(?:\^ ?(?P<brace>\{ ?)?(?P<power>[-+]?\d{1,99})(?!\d)(?(brace) ?\})|(?P<raised>[⁻⁺]?[⁰¹²³⁴-⁹]{1,99}))"
NUMBER = re.compile(
    rf"{_SIGN}(?:{_FRACTION}|{_POWER}|(?P<plain>{_PLAIN}))"
    r"(?:[eE](?P<exp>[-+]?\d{1,99})(?![\d\w])| {0,2}(?:×|x|\*|\\times|\\cdot) {0,2}10"
    r" ?(?:(?:\^|\*\*) ?\{? ?(?P<exp10>[-+]?\d{1,99})(?!\d) ?\}?|(?P<raised10>[⁻⁺]?[⁰¹²³⁴-⁹]{1,99})))?"
    r"(?!:\d)(?:(?P<percent> {0,2}\\?%| per ?cent\b)| ?(?P<magnitude>hundred|thousand|million|billion|trillion|dozen|bn)s?\b"
    r"|(?P<k>k)(?![\w'])|(?P<short>[KMB])(?!\w)(?(currency)|(?= (?:dollars|euros?|pounds|USD|EUR)\b)))?",
    re.ASCII,  # View.clean has replaced the digits of other scripts
)
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_VULGAR = "½1/2 ¼1/4 ¾3/4 ⅓1/3 ⅔2/3 ⅕1/5 ⅖2/5 ⅗3/5 ⅘4/5 ⅙1/6 ⅚5/6 ⅛1/8 ⅜3/8 ⅝5/8 ⅞7/8"
VULGAR = {sign[0]: sign[1:] for sign in _VULGAR.split()}
MAGNITUDES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
MAGNITUDES |= {"K": 1000, "M": 10**6, "B": 10**9, "bn": 10**9}
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORD_VALUES = {word: value for value, word in enumerate(_UNITS.split())}
WORD_VALUES |= {word: 20 + 10 * tens for tens, word in enumerate(_TENS.split())}
_WORD = "|".join(sorted([*WORD_VALUES, *filter(str.islower, MAGNITUDES)], key=len, reverse=True))
# "twenty-four", "one hundred and five", "two dozen"
_START = "|".join(sorted(WORD_VALUES, key=len, reverse=True))
_PARTS_OF_ONE = (
    "hal(?:f|ves)|thirds?|quarters?|(?:four|fif|six|seven|eigh|nin|ten)ths?"  # "one half", which is not read
)
WORDS = re.compile(
    rf"(?:\b(?P<sign>minus|negative) )?\b(?<!point )(?:{_START})(?:(?:[ -]| and )(?:{_WORD})\b){{0,9}}"
    rf"(?![\w-]| point\b| and an? | (?:{_PARTS_OF_ONE})\b)"
)


@dataclass(frozen=True)
class Number:
    """A number in a text: its canonical decimal string, its span, and its value on the other scale that it may be meant in.

    "12.5 %" is 12.5 or 0.125, and "42k" is 42000 or 42.
    """

    value: str
    start: int
    end: int
    other: str | None = None


def numbers_in(text: str, start: int = 0, end: int | None = None) -> list[Number]:
    """The numbers written in digits in cleaned text, in order."""
    numbers = []
    for match in NUMBER.finditer(text, start, len(text) if end is None else end):
        value, other = _values(match)
        if value is not None:
            start = match.start() + len(match.group()) - len(match.group().lstrip())
            numbers.append(Number(value, start, match.end(), other))
    return numbers


def number_words_in(low: str, start: int = 0, end: int | None = None) -> list[Number]:
    """The numbers written in English words in lower-case text, in order."""
    return [
        Number(_spoken(match), match.start(), match.end())
        for match in WORDS.finditer(low, start, len(low) if end is None else end)
    ]


def _spoken(match: re.Match[str]) -> str:
    """The value of English number words: "minus two hundred and five" -> -205."""
    total = part = 0
    for word in re.findall(r"[a-z]+", match.group()):
        if word in WORD_VALUES:
            part += WORD_VALUES[word]
        elif word in ("hundred", "dozen"):
            part = max(part, 1) * MAGNITUDES[word]
        elif word in MAGNITUDES:
            total, part = total + max(part, 1) * MAGNITUDES[word], 0
    return str(-total - part if match["sign"] else total + part)


def _values(match: re.Match[str]) -> tuple[str | None, str | None]:
    """The canonical string of a match of NUMBER, None where it is too long to be an answer; and that on its other scale."""
    digits, places, bottom = _parts(match)
    if bottom == 0 or len(digits) > MOST_DIGITS or abs(places) > MOST_DIGITS:
        return None, None
    sign, unit = match["sign"], match["magnitude"] or match["short"]
    negative = sign[0] in "-mn" if sign else match["sign2"] is not None
    if unit:
        digits = str(int(digits) * MAGNITUDES[unit])
    value = _decimal(digits, places, bottom, negative)
    if match["k"]:
        return _decimal(digits, places - 3, bottom, negative), value
    return value, _decimal(digits, places + 2, bottom, negative) if match["percent"] else None


def _decimal(digits: str, places: int, bottom: int, negative: bool) -> str:
    """`digits`, the last `places` of them decimals, divided by `bottom`."""
    if bottom == 1:
        return canonical(digits.lstrip("-"), places, negative=negative or digits[0] == "-")
    top = int(digits) * 10 ** max(0, -places)
    return ratio(-top if negative else top, bottom * 10 ** max(0, places))


def _parts(match: re.Match[str]) -> tuple[str, int, int]:
    """The digits of a match of NUMBER, how many of them are decimals, and what they are divided by."""
    plain = match["plain"]
    if plain is not None:
        digits, places = (plain, 0) if plain.isdigit() else _digits(plain)
        return digits, places - _exponent(match, "exp", "exp10", "raised10"), 1
    if match["power"] or match["raised"]:
        return "1", -_exponent(match, "power", "raised"), 1
    top, bottom = _fraction(match)
    return str(top), 0, bottom


def _exponent(match: re.Match[str], *groups: str) -> int:
    """The exponent in the first group that matched; 0 where none did."""
    exponents = [exponent for exponent in match.group(*groups) if exponent]
    return int(exponents[0].translate(RAISED)) if exponents else 0


def _fraction(match: re.Match[str]) -> tuple[int, int]:
    """Numerator and denominator of a fraction, a mixed number, or a vulgar fraction sign."""
    whole = int(match["whole"] or match["whole2"] or match["whole3"] or 0)
    if match["vulgar"]:
        top, bottom = (int(part) for part in VULGAR[match["vulgar"]].split("/"))
    else:
        top = int(match["top"] or match["top1"] or match["top3"])
        bottom = int(match["bottom"] or match["bottom1"] or match["bottom3"])
    return whole * bottom + top, bottom


def _digits(plain: str) -> tuple[str, int]:
    """All digits of a plain number, and how many of them are decimals."""
    plain = plain.replace("{,}", ",").replace(" ", "").replace("'", "")
    comma, point = plain.rfind(","), plain.rfind(".")
    if comma > point >= 0 or (comma >= 0 and len(plain) - comma - 1 < 3):  # 1.080,50 or 3,5: the comma is the point
        plain = plain.replace(".", "").replace(",", ".")
    elif plain.count(".") > 1:
        plain = plain.replace(".", "")
    whole, _, decimals = plain.replace(",", "").partition(".")
    return whole + decimals, len(decimals)


def canonical(digits: str, places: int = 0, *, negative: bool = False) -> str:
    """`digits`, the last `places` of them decimals, without superfluous zeros: ("108050", 2) -> "1080.5"."""
    if places < 0:
        digits, places = digits + "0" * -places, 0
    digits = digits.rjust(places + 1, "0")
    whole = digits[: len(digits) - places].lstrip("0") or "0"
    decimals = digits[len(digits) - places :].rstrip("0")
    text = f"{whole}.{decimals}" if decimals else whole
    return f"-{text}" if negative and text != "0" else text


def ratio(top: int, bottom: int) -> str:
    """top / bottom as a decimal string, rounded to PLACES decimals."""
    quotient = (2 * abs(top) * 10**PLACES + bottom) // (2 * bottom)
    return canonical(str(quotient), PLACES, negative=top < 0)
