"""Labels by a judge model, which compares each pair twice, once in each order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.backend.generation import Sampling, seed_of
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.common.parallel import in_parallel
from mcqa_suite.extract import extract_choice
from mcqa_suite.training_data.preferences.pairs import ResponsePair

if TYPE_CHECKING:
    from mcqa_suite.backend.endpoint import Endpoint

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
# The meaning of the letters, for the extractor
CHOICES = ("response A is better", "response B is better", "neither is better")


@dataclass(frozen=True)
class Judgement:
    """A judge's preference between two responses: `won` is first, second, tie or unread; `raw` is its response."""

    won: str
    raw: str


def read_template(path: Path | None) -> str:
    """The judge's instructions, by default `TEMPLATE`; ConfigError where a slot is missing."""
    if path is None:
        return TEMPLATE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}; give a text file") from error
    if missing := {"prompt", "first", "second"} - set(SLOTS.findall(text)):
        raise ConfigError(
            f"{path}: no {{{min(missing)}}} in it; the template needs {{prompt}}, {{first}} and {{second}}"
        )
    return text


def ask(judge: Endpoint, template: str, prompt: str, first: str, second: str, seed: int) -> Judgement:
    """The judge's preference between two responses in this order."""
    texts = {"prompt": prompt, "first": first, "second": second}
    # All slots are filled in one pass, so that "{second}" in a response stays as it is.
    question = SLOTS.sub(lambda slot: texts[slot[1]], template)
    raw = judge.complete(question, GREEDY, seed).text
    return Judgement(read_verdict(raw), raw)


def read_verdict(raw: str) -> str:
    """first, second or tie; unread where the judge's response has no verdict."""
    answer = extract_choice(raw, list(CHOICES)).answer
    return MEANINGS.get(answer, "unread") if isinstance(answer, str) else "unread"


@dataclass(frozen=True)
class JudgeLabels:
    """Labels of pairs by a judge: `a` or `b` only where both orders agree."""

    judge: Endpoint
    template: str = TEMPLATE
    parallel: int = 8

    @property
    def by(self) -> str:
        """The name of the judge in labelled rows."""
        return f"judge {self.judge.model}"

    def __call__(self, pairs: Iterable[ResponsePair]) -> Iterator[tuple[ResponsePair, Row]]:
        yield from in_parallel(self._label, pairs, self.parallel)

    def _label(self, pair: ResponsePair) -> Row:
        texts = {"a": pair.a, "b": pair.b}
        winners, verdicts = [], []
        for first, second in (("a", "b"), ("b", "a")):
            seed = seed_of(0, pair.key)
            judgement = ask(self.judge, self.template, pair.prompt, texts[first], texts[second], seed)
            verdicts.append({"first": first, "won": judgement.won, "raw": judgement.raw})
            winners.append({"first": first, "second": second}.get(judgement.won, judgement.won))
        undecided = "unread" if "unread" in winners else "tie"
        label = winners[0] if winners[0] == winners[1] else undecided
        return pair.labelled(self.by, label, verdicts=verdicts)
