"""The bundled EPFL questions: their form, their balance, and the computed keys worked out a second time."""

import functools
import itertools
import json
import math
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "tasks" / "epfl"
LETTERS = "ABCD"
QUESTION = re.compile(r"Question: (.+)\n\nOptions:\nA\. (.+)\nB\. (.+)\nC\. (.+)\nD\. (.+)\n\nAnswer:")


def _read(name):
    """Every row as (row, stem, options); a row in any other form fails here."""
    lines = (FOLDER / name).read_bytes().decode("utf-8").split("\n")
    assert lines.pop() == "", "the file must end with a newline"
    rows = []
    for row in map(json.loads, lines):
        match = QUESTION.fullmatch(row["question"])
        assert match, row
        stem, *options = match.groups()
        rows.append((row, stem, options))
    return rows


SAMPLE = _read("sample.jsonl")
DEV = _read("dev.jsonl")


@functools.cache
def _lcs(a, b):
    """Length of a longest common subsequence."""
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + _lcs(a[1:], b[1:])
    return max(_lcs(a[1:], b), _lcs(a, b[1:]))


def _probe(keys, size):
    """Slot of the last key after linear probing."""
    taken = set()
    for key in keys:
        slot = next(s % size for s in range(key, key + size) if s % size not in taken)
        taken.add(slot)
    return slot


def _spanning_tree(edges):
    """Smallest weight of a connected choice of edges such as AB4, by trying them all."""
    nodes = {v for edge in edges for v in edge[:2]}
    weights = []
    for chosen in itertools.combinations(edges, len(nodes) - 1):
        seen = {edges[0][0]}
        for _ in nodes:
            seen |= {v for edge in chosen if seen & set(edge[:2]) for v in edge[:2]}
        if seen == nodes:
            weights.append(sum(int(edge[2:]) for edge in chosen))
    return min(weights)


# The start of a stem -> the text of the right option, worked out from the numbers in the question.
COMPUTED = {
    # linear algebra
    "What is the determinant of the": str(round(np.linalg.det([[2, -1, 0], [3, 1, 4], [0, 2, 5]]))),
    "The 4 x 4 matrix A": str(np.linalg.matrix_rank(np.add.outer([1, 2, 3, 4], [1, 2, 3, 4]))),
    "What is the orthogonal projection of": str(tuple((4 * 1 - 1 * 2 + 8 * 2) // (1 + 4 + 4) * k for k in (1, 2, 2))),
    "A real symmetric 3 x 3": format(np.linalg.norm(np.diag([-7, 2, 5]), 2), "g"),
    "The line y = a +": format(np.polyfit([0, 1, 2], [1, 2, 6], 1)[0], ".1f"),
    "Let A = [[1, 3], [0": str(np.linalg.matrix_power([[1, 3], [0, 1]], 10).tolist()),
    "T maps a real polynomial p(x)": str(sum(1 - k == 0 for k in range(4))),
    "What are the singular": "{:.0f} and {:.0f}".format(*sorted(np.linalg.svd([[0, 5], [-2, 0]], compute_uv=False))),
    # analysis
    "What is the limit of (1": str(Fraction(3**2, 2) / 2),
    "What is the coefficient": str(Fraction(1, math.factorial(2)) - Fraction(1, 2) + Fraction(1, math.factorial(4))),
    "The function y solves y' +": str(Fraction(6, 3) * (1 - Fraction(1, 2**3))),
    "The function with period 2 pi": str(Fraction(2 * (-1) ** (3 + 1), 3)),
    # probability
    "Two fair six-sided dice are rolled.": str(Fraction(4**2 - 3**2, 6**2)),
    "Machine 1 makes 70 % of": str(Fraction(30 * 5, 70 * 2 + 30 * 5)),
    "X is exponentially distributed with mean": f"e^({-(12 - 4) // 4})",
    "Var(X) = 4, Var(Y) = 1": str(np.array([2, -3]) @ np.array([[4, 1], [1, 1]]) @ np.array([2, -3])),
    "Calls arrive as a Poisson process": f"1 - e^({-3 * 20 // 60})",
    "A fair die is rolled until": str(2 / Fraction(1, 6)),
    "A fair coin is tossed 400": format(sum(math.comb(400, k) for k in range(220, 401)) / 2**400, ".3f"),
    "A Markov chain with two states": format(np.linalg.matrix_power([[0.7, 0.3], [0.2, 0.8]], 99)[0, 0], ".1f"),
    "Twenty null hypotheses, all true, are": format(1 - 0.95**20, ".2f"),
    "Five letters are put at random": str(sum(Fraction((-1) ** k, math.factorial(k)) for k in range(6))),
    "X has mean 50 and variance": str(Fraction(25, 20**2)),
    # algorithms
    "A binary search looks for a": str(math.floor(math.log2(1000)) + 1),
    "What is the length of a": str(_lcs("STATION", "TRAIN")),
    "A hash table with 7 slots": str(_probe([9, 16, 3, 24], 7)),
    "An undirected graph has the weighted": str(_spanning_tree(["AB4", "AC1", "BC3", "BD6", "CD5", "CE8", "DE2"])),
    "For each i from 1 to": str(64 * sum(2**k <= 64 for k in range(64))),
    "What is the smallest number of": str(functools.reduce(lambda s, _: (s[1], s[0] + s[1] + 1), range(4), (1, 2))[0]),
    "A dynamic array starts with capacity": str(sum(n for n in range(1, 33) if n & (n - 1) == 0)),
    "A directed acyclic graph has": str(sum(max(p[0], p[1]) < p[2] < p[3] for p in itertools.permutations(range(5)))),
    "Four symbols have the probabilities 0.4": format(0.4 * 1 + 0.3 * 2 + 0.2 * 3 + 0.1 * 3, ".1f"),
    # classical mechanics
    "A block slides down a plane": f"{10 * (0.6 - 0.25 * 0.8):.0f} m/s^2",
    "A 3 kg cart moving at": f"{3 * 4**2 / 2 - (3 * 4) ** 2 / (2 * (3 + 1)):g} J",
    "A uniform solid sphere rolls": "sqrt({0.numerator} g h / {0.denominator})".format(2 / (1 + Fraction(2, 5))),
    "Two satellites circle the same planet": format(4**1.5, "g"),
    "A simple pendulum has the period": f"T0/{math.sqrt(1 + 3):g}",
    "A uniform horizontal beam, 6 m": f"{(200 * 3 + 300 * (6 - 2)) / 6:g} N",
    "Masses of 3 kg and 2": f"{2 * 3 * 2 * 10 / (3 + 2):g} N",
    "What is the moment of": "{0.numerator} M L^2 / {0.denominator}".format(Fraction(1, 12) + Fraction(1, 4) ** 2),
    "A rocket far from any gravity": format(math.exp(6 / 3), ".1f"),
    "A 4 kg particle at rest": f"{math.sqrt(2 * (2 * 2 + 2**2) / 4):g} m/s",
    # electromagnetism
    "Point charges +4q and +q are": "{0.numerator}d/{0.denominator}".format(Fraction(2, 2 + 1)),
    "An insulating ball of radius R": str(Fraction(1, 2) ** 3 / Fraction(1, 2) ** 2),
    "A long air-filled solenoid with 1000": f"{4e-7 * math.pi * 1000 * 2 * 1e3:.1f} mT",
    "Two long parallel wires 2 cm": f"{2e-7 * 5 * 10 / 0.02 * 1e4:.1f} x 10^-4 N",
    "A proton and an alpha particle": f"{math.sqrt(4) / 2:g}",
    "The plane of a coil of": f"{50 * 0.02 * 0.6 / 0.1:.1f} V",
    "A plane electromagnetic wave in vacuum": f"{300 / 3e8 * 1e6:.1f} microtesla",
    "A thin ring of radius R": f"k Q / ({math.hypot(1, math.sqrt(3)):.0f} R)",
    "In a velocity selector an electric": f"{3.0e4 / 0.060 / 1e5:.1f} x 10^5 m/s",
    # thermodynamics
    "A Carnot engine works between 450": f"{900 * (1 - 300 / 450):.0f} J",
    "Two moles of an ideal gas": f"{2 * 8.314 * 300 * math.log(2) / 1e3:.1f} kJ",
    "A monatomic ideal gas is compressed": f"{8 ** (2 / 3):.0f}",
    "By how much does the entropy": f"{0.50 * 334 / 273:.2f} kJ/K",
    "What is the efficiency of an": f"{100 * (1 - 8 ** (1 - 1.4)):.0f} %",
    "A Carnot refrigerator takes heat from": f"{250 / (300 - 250):.1f}",
    "A wall has two layers of": f"{80 * Fraction(1, 3) / (1 + Fraction(1, 3))} degrees C",
    "What is the ratio of the": f"{math.sqrt(32 / 2):g}",
    # chemistry
    "What is the pH of a": f"{-math.log10((-1e-6 + math.sqrt(1e-12 + 4e-8)) / 2):.1f}",
    "How much ammonia forms when 5.6": f"{5.6 / 28 * 2 * 17:.1f} g",
    "The standard reduction potentials are -0.76": f"{0.80 - -0.76:.2f} V",
    "The solubility product of a salt": f"{(4.0e-12 / 4) ** (1 / 3) * 1e4:.1f} x 10^-4 M",
    "A reaction has an enthalpy of": f"Above {60000 / 150:g} K",
    "What is the pressure of 0.50": f"{0.50 * 8.314 * 300 / 0.010 / 1e3:.0f} kPa",
    "25.0 mL of sulfuric acid need": f"{40.0 * 0.125 / 2 / 25.0:.3f} M",
    # biology
    "Two parents are both heterozygous at": str(Fraction(3, 4) ** 3),
    "In a large population at Hardy-Weinberg": f"{2 * math.sqrt(0.04) * (1 - math.sqrt(0.04)):.2f}",
    "A DNA template strand reads 3'-TACGGT-5'.": f"5'-{'TACGGT'.translate(str.maketrans('ACGT', 'UGCA'))}-3'",
    "An enzyme follows Michaelis-Menten kinetics. Which": str(Fraction(3, 1 + 3)),
    "A population grows logistically with r": f"{max(0.4 * n * (1 - n / 1000) for n in range(1001)):g}",
    "A PCR starts with 10 copies": str(10 * 2**10),
    "A woman is a heterozygous carrier of": str(Fraction(1, 2) * Fraction(1, 2)),
    "A membrane lets through potassium ions": f"{61 * math.log10(10 / 100):+.0f} mV",
    "A test cross for two linked": f"{100 * (105 + 95) / (410 + 390 + 105 + 95):g} centimorgans",
    # electrical engineering
    "An ideal 12 V source feeds": f"{1 / (Fraction(1, 2) + Fraction(1, 4))} kilohm",
    "What is the cutoff frequency (-3": f"{1 / (2 * math.pi * 1e3 * 100e-9) / 1e3:.1f} kHz",
    "A non-inverting amplifier with an ideal": f"{1 + 90 / 10:g}",
    "A 3 ohm resistor in series": f"{50**2 * (1 / (3 - 4j)).real:.0f} W",
    "A balanced star-connected three-phase system has": f"{400 / math.sqrt(3):.0f} V",
    "What is the 8-bit two's complement": f"{256 - 37:08b}",
    "A 10-bit analogue-to-digital converter covers 0": f"{5 / 2**10 * 1e3:.1f} mV",
    "A source of 10 V with": f"{max((10 / (5 + r / 10)) ** 2 * r / 10 for r in range(1, 200)):g} W",
    # few-shot examples
    "What is the trace of the": str(round(np.trace(np.linalg.inv([[2, 1], [1, 1]])))),
    "An urn holds 3 red and": str(Fraction(3, 8) * Fraction(2, 7)),
    "A car that travels at 20": f"{20**2 / (2 * 50):g} m/s^2",
}


def test_rows_have_the_promised_fields():
    for row, _, options in SAMPLE + DEV:
        assert list(row) == ["subject", "question", "answer", "explanation"]
        assert all(isinstance(value, str) and value == value.strip() != "" for value in row.values()), row
        assert row["answer"] in LETTERS
        assert len(set(options)) == 4, options


def test_the_sample_has_its_size_and_subjects():
    assert len(SAMPLE) >= 120
    subjects = Counter(row["subject"] for row, _, _ in SAMPLE)
    assert len(subjects) >= 8
    assert min(subjects.values()) >= 12
    assert len(DEV) == 5
    assert len({row["subject"] for row, _, _ in DEV}) == 5
    assert {row["subject"] for row, _, _ in DEV} <= set(subjects)


def test_golds_are_balanced():
    golds = Counter(row["answer"] for row, _, _ in SAMPLE)
    for letter in LETTERS:
        assert 0.23 <= golds[letter] / len(SAMPLE) <= 0.27, golds
    for subject, rows in itertools.groupby(SAMPLE, key=lambda item: item[0]["subject"]):
        letters = Counter(row["answer"] for row, _, _ in rows)
        assert set(letters) == set(LETTERS), (subject, letters)
    assert len({row["answer"] for row, _, _ in DEV}) > 1


def test_no_question_appears_twice():
    stems = [stem.casefold() for _, stem, _ in SAMPLE + DEV]
    assert len(set(stems)) == len(stems)


@pytest.mark.parametrize("pick", [max, min])
def test_length_does_not_give_the_answer_away(pick):
    """Always choosing the longest (or the shortest) option, ties at random, stays near the chance of 25 %."""
    score = 0.0
    for row, _, options in SAMPLE:
        lengths = [len(option) for option in options]
        chosen = [letter for letter, length in zip(LETTERS, lengths, strict=True) if length == pick(lengths)]
        score += (row["answer"] in chosen) / len(chosen)
    assert score / len(SAMPLE) < 0.35


def test_enough_keys_are_worked_out():
    assert len(COMPUTED) >= 40


@pytest.mark.parametrize(("start", "value"), COMPUTED.items(), ids=COMPUTED)
def test_a_key_is_the_computed_value(start, value):
    [(row, options)] = [(row, options) for row, stem, options in SAMPLE + DEV if stem.startswith(start)]
    assert options[LETTERS.index(row["answer"])] == value
