"""Labels by a judge model, which sees every pair in both orders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.backend.endpoint import Endpoint
from mcqa_suite.backend.generation import Sampling, seed_of
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.common.parallel import in_parallel
from mcqa_suite.extract import extract_choice
from mcqa_suite.training_data.preferences.pairs import Pair

TEMPLATE = """\
Here is a prompt and two responses to it. Which response is better? Judge how correct, relevant, clear and complete each is; \
neither their order nor their length counts.

[Prompt]
{prompt}

[Response A]
{first}

[Response B]
{second}

[End]
Give your reasons in a sentence or two. Then finish with one line:
"Verdict: A" if response A is better, "Verdict: B" if response B is better, "Verdict: C" if neither is better than the other."""
SLOTS = re.compile(r"\{(prompt|first|second)\}")
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=512)
MEANINGS = {"A": "first", "B": "second", "C": "tie"}
# What stands behind the letters, for the extractor
CHOICES = ("response A is better", "response B is better", "neither is better")


@dataclass(frozen=True)
class Verdict:
    """What a judge said of two responses: `won` is first, second, tie or unread; `raw` are its own words."""

    won: str
    raw: str


def read_template(path: Path | None) -> str:
    """The judge's instructions; ConfigError where a slot is missing."""
    if path is None:
        return TEMPLATE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}; give a text file") from error
    if missing := {"prompt", "first", "second"} - set(SLOTS.findall(text)):
        raise ConfigError(f"{path}: no {{{min(missing)}}} in it; the judge has to see prompt, first and second")
    return text


def ask(judge: Endpoint, template: str, prompt: str, first: str, second: str, seed: int) -> Verdict:
    """The judge's verdict on two responses in this order."""
    texts = {"prompt": prompt, "first": first, "second": second}
    # One pass, so that a response which holds "{second}" is shown as it is.
    question = SLOTS.sub(lambda slot: texts[slot[1]], template)
    raw = judge.complete(question, GREEDY, seed).text
    return Verdict(read_verdict(raw), raw)


def read_verdict(raw: str) -> str:
    """first, second, tie, or unread where the judge commits to nothing."""
    answer = extract_choice(raw, list(CHOICES)).answer
    return MEANINGS.get(answer, "unread") if isinstance(answer, str) else "unread"


@dataclass(frozen=True)
class JudgeLabels:
    """Asks a judge about pairs; `a` or `b` only where both orders agree."""

    judge: Endpoint
    template: str = TEMPLATE
    parallel: int = 8

    @property
    def by(self) -> str:
        """What a labelled row says of its origin."""
        return f"judge {self.judge.model}"

    def __call__(self, pairs: Iterable[Pair]) -> Iterator[tuple[Pair, Row]]:
        yield from in_parallel(self._one, pairs, self.parallel)

    def _one(self, pair: Pair) -> Row:
        seed = seed_of(0, pair.key)
        verdicts = [
            (first, ask(self.judge, self.template, pair.prompt, one, other, seed))
            for first, one, other in (("a", pair.a, pair.b), ("b", pair.b, pair.a))
        ]
        winners = [_winner(first, verdict.won) for first, verdict in verdicts]
        shown = [{"first": first, "won": verdict.won, "raw": verdict.raw} for first, verdict in verdicts]
        return pair.labelled(self.by, _joint(winners), verdicts=shown)


def _winner(first: str, won: str) -> str:
    if won not in ("first", "second"):
        return won
    return first if won == "first" else "ab".replace(first, "")


def _joint(winners: list[str]) -> str:
    """The winner that both orders name; a verdict that cannot be read makes the label unread, a disagreement a tie."""
    if "unread" in winners:
        return "unread"
    return winners[0] if winners[0] == winners[1] else "tie"
