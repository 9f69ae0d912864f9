"""Labels by a judge model, which compares each pair twice, once in each order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.backend.judge import GREEDY, filled
from mcqa_suite.backend.sampling import seed_of
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.files import read_text
from mcqa_suite.common.jsonl import Row
from mcqa_suite.common.parallel import answered
from mcqa_suite.extract import extract_choice
from mcqa_suite.training_data.preferences.pairs import Decided, ResponsePair

if TYPE_CHECKING:
    from mcqa_suite.backend.endpoint import Endpoint

# Instructions, in which {slots} are filled
PAIR, RANKING = (
    Path(__file__).with_name(f"judge_{name}.txt").read_text(encoding="utf-8").rstrip("\n")
    for name in ("pair", "ranking")
)
MEANINGS = {"A": "first", "B": "second", "C": "tie"}
# The meaning of the letters, for the extractor
CHOICES = ("response A is better", "response B is better", "neither is better")


def read_template(path: Path) -> str:
    """A judge's instructions for pairs, in the form of judge_pair.txt; ConfigError where a slot is missing."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}; give a text file") from error
    if missing := [slot for slot in ("first", "prompt", "second") if f"{{{slot}}}" not in text]:
        raise ConfigError(f"{path}: no {{{missing[0]}}} in it; the template needs {{prompt}}, {{first}} and {{second}}")
    return text


def ask(judge: Endpoint, template: str, prompt: str, first: str, second: str, seed: int) -> tuple[str, str]:
    """The judge's preference between two responses in this order (first, second, tie or unread), and its own words."""
    question = filled(template, {"prompt": prompt, "first": first, "second": second})
    raw = judge.complete(question, GREEDY, seed).text
    return read_verdict(raw), raw


def read_verdict(raw: str) -> str:
    """first, second or tie; unread where the judge's response has no verdict."""
    answer = extract_choice(raw, list(CHOICES)).answer
    return MEANINGS.get(answer, "unread") if isinstance(answer, str) else "unread"


def by_judge(pairs: Iterable[ResponsePair], judge: Endpoint, template: str, parallel: int) -> Iterator[Decided]:
    """Label `a` or `b` where both orders of the responses agree, else `tie`, or `unread` where a verdict is missing."""

    def decide(pair: ResponsePair) -> tuple[str, Row]:
        winners, verdicts = [], []
        for first, second in ("ab", "ba"):
            texts = getattr(pair, first), getattr(pair, second)
            won, raw = ask(judge, template, pair.prompt, *texts, seed_of(0, pair.key))
            verdicts.append({"first": first, "won": won, "raw": raw})
            winners.append({"first": first, "second": second}.get(won, won))
        undecided = "unread" if "unread" in winners else "tie"
        return winners[0] if winners[0] == winners[1] else undecided, {"verdicts": verdicts}

    return answered(decide, pairs, parallel)
