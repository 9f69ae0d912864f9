"""The word lists that templates draw from; the public templates use their names without a definition.

A word with a number, such as "half", is a pair of the word and its value.
"""

from __future__ import annotations

from fractions import Fraction

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
MOST_IN_WORDS = 99

Labelled = tuple[str, int | Fraction]


def in_words(number: int) -> str:
    """A whole number from 0 to 99 in words: `forty-two`."""
    if not 0 <= number <= MOST_IN_WORDS:
        raise ValueError(f"{number} in words; expected 0 to {MOST_IN_WORDS}")
    if number < len(ONES):
        return ONES[number]
    ten = TENS[number // 10 - 2]
    return f"{ten}-{ONES[number % 10]}" if number % 10 else ten


def _shares(*texts: str) -> tuple[Labelled, ...]:
    """`half=1/2` as ("half", Fraction(1, 2))."""
    return tuple((text.partition("=")[0], Fraction(text.partition("=")[2])) for text in texts)


_NAMES_FEMALE = (
    "Abena Aiko Amara Anneke Beatriz Carmen Chloe Daria Elif Esther Farida Freya Giulia Hana Ingrid Isla Jasmine Kavya "
    "Leila Lucia Mariam Mei Nadia Naomi Noor Olga Paola Priya Rosa Salma Sigrid Tamar Thea Yara Yuki Zoe"
)
_NAMES_MALE = (
    "Adrian Akira Amir Anton Bilal Bruno Cedric Chen Dario Diego Elias Emeka Farid Felix Gustav Hamza Hugo Ivan Jamal "
    "Jonas Kenji Kofi Leon Luca Mateo Milan Nikhil Omar Oscar Pavel Rafael Samir Stefan Tariq Viktor Yusuf"
)

VOCABULARY: dict[str, tuple[str | Labelled, ...]] = {
    "names_female": tuple(_NAMES_FEMALE.split()),
    "names_male": tuple(_NAMES_MALE.split()),
    "names": tuple(sorted([*_NAMES_FEMALE.split(), *_NAMES_MALE.split()])),
    "cities": ("Lisbon", "Nairobi", "Toronto", "Lima", "Osaka", "Oslo", "Mumbai", "Vienna", "Chicago", "Sydney"),
    "colors": ("red", "green", "yellow", "orange", "purple", "white", "black", "pink", "brown", "silver"),
    "fruits": ("mango", "pear", "plum", "peach", "lemon", "lime", "banana", "kiwi", "coconut", "papaya"),
    "sports": ("basketball", "football", "tennis", "volleyball", "hockey", "cricket", "badminton", "rugby"),
    "weekdays": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "currencies_sym": ("$", "€", "£"),
    "weights_sm": ("gram", "ounce"),
    "weights_med": ("kilogram", "pound"),
    "length_lg": ("mile", "kilometer"),
    "multi_times": tuple((f"{in_words(n)} times" if n > 2 else "twice", n) for n in range(2, 8)),
    "multiple": (("double", 2), ("triple", 3), ("quadruple", 4), ("quintuple", 5)),
    "multiple_ice": (("twice", 2), ("triple", 3), ("quadruple", 4), ("quintuple", 5)),
    "fractions": _shares(
        "half=1/2", "one-third=1/3", "two-thirds=2/3", "one-fourth=1/4", "three-fourths=3/4", "one-fifth=1/5",
        "two-fifths=2/5", "three-fifths=3/5", "one-sixth=1/6", "one-eighth=1/8",
    ),
    "fraction_alph": _shares("half=1/2", "a third=1/3", "a quarter=1/4", "a fifth=1/5", "a sixth=1/6", "a tenth=1/10"),
    "fraction_alnum": _shares(
        "half=1/2", "1/2=1/2", "one-third=1/3", "1/3=1/3", "two-thirds=2/3", "2/3=2/3", "one-fourth=1/4", "1/4=1/4",
        "three-fourths=3/4", "3/4=3/4", "one-fifth=1/5", "1/5=1/5", "two-fifths=2/5", "2/5=2/5", "1/6=1/6", "1/8=1/8",
    ),
    "fraction_nums": _shares(
        "1/2=1/2", "1/3=1/3", "1/4=1/4", "1/5=1/5", "2/3=2/3", "3/4=3/4", "2/5=2/5", "3/5=3/5", "1/6=1/6", "1/8=1/8"
    ),
    "fraction_decimals": _shares(
        *(f"{text}={text}" for text in ("0.1", "0.2", "0.25", "0.3", "0.4", "0.5", "0.6", "0.7", "0.75", "0.8", "0.9"))
    ),
}  # fmt: skip
