"""Asking a judge who answered best: two responses at a time, or all at once; the order is drawn by the prompt."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from tqdm import tqdm

from mcqa_suite.backend.endpoint import Endpoint
from mcqa_suite.backend.generation import seed_of
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.journal import journal
from mcqa_suite.common.jsonl import Row
from mcqa_suite.common.parallel import in_parallel
from mcqa_suite.questions.question import LETTERS
from mcqa_suite.training_data.preferences.judge import GREEDY, TEMPLATE, ask
from mcqa_suite.training_data.preferences.ranking_entries import Entry

LISTWISE = """\
Here is a prompt and {n} responses to it. Rank them from the best to the worst by how correct, relevant, clear and complete each \
is; neither their order nor their length counts.

[Prompt]
{prompt}

{responses}

[End]
Give your reasons in a sentence or two. Then finish with one line such as "Ranking: {example}", the best first, all {n} letters \
once, with "=" in place of ">" between two that are equally good."""
# "Ranking: B > A = D > C", also with commas
RANKING = re.compile(r"[A-Z](?:\s*[>=,]\s*[A-Z])+(?![A-Za-z])")
Question = tuple[Entry, tuple[str, ...]]  # the models in the order in which they are shown


def questions(entries: Sequence[Entry], *, listwise: bool, seed: int = 0) -> list[Question]:
    """Everything that is asked: each prompt once, or once for every two models; orders drawn by the prompt's id."""
    made: list[Question] = []
    for entry in entries:
        names = sorted(entry.responses)
        for group in [tuple(names)] if listwise else combinations(names, 2):
            rng = random.Random(f"{seed}:{entry.id}:{' '.join(group)}")  # noqa: S311 - not cryptography
            made.append((entry, tuple(rng.sample(group, len(group)))))
    return made


def judged(
    entries: Sequence[Entry], judge: Endpoint, output: Path, *, listwise: bool = False, seed: int = 0, parallel: int = 8
) -> list[Row]:
    """A row a question: `id`, `shown` (models in order), `ranks` (of each shown, 1 the best; None where unread) and `raw`.

    Written as they come; what `output` already holds is not asked again. ConfigError where it was judged otherwise.
    """
    by = f"{judge.model}, {'listwise' if listwise else 'pairwise'}, seed {seed}"
    wanted = questions(entries, listwise=listwise, seed=seed)
    with journal(output) as file:
        for row in file.rows[:1]:
            if row.get("by") != by:
                raise ConfigError(f"{output}: judged by {row.get('by')}, not {by}; choose another --verdicts")
        known = {(row["id"], tuple(row["shown"])): row for row in file.rows}
        left = [question for question in wanted if (question[0].id, question[1]) not in known]
        with tqdm(total=len(wanted), initial=len(wanted) - len(left), unit="verdict", desc="judge") as bar:
            for (entry, shown), (ranks, raw) in in_parallel(
                lambda question: _ask(judge, question, listwise), left, parallel
            ):
                row = {"id": entry.id, "shown": list(shown), "ranks": ranks, "raw": raw, "by": by}
                file.append(row)
                known[entry.id, shown] = row
                bar.update()
    return [known[entry.id, shown] for entry, shown in wanted]


def _ask(judge: Endpoint, question: Question, listwise: bool) -> tuple[list[int] | None, str]:
    entry, shown = question
    texts = [entry.responses[name] for name in shown]
    seed = seed_of(0, entry.id)
    if not listwise:
        verdict = ask(judge, TEMPLATE, entry.prompt, texts[0], texts[1], seed)
        return {"first": [1, 2], "second": [2, 1], "tie": [1, 1]}.get(verdict.won), verdict.raw
    raw = judge.complete(_listed(entry.prompt, texts), GREEDY, seed).text
    return read_ranking(raw, len(shown)), raw


def _listed(prompt: str, texts: Sequence[str]) -> str:
    letters = LETTERS[: len(texts)]
    responses = "\n\n".join(f"[Response {letter}]\n{text}" for letter, text in zip(letters, texts, strict=True))
    slots = {"n": str(len(texts)), "prompt": prompt, "responses": responses, "example": " > ".join(letters[::-1])}
    return re.sub(r"\{(n|prompt|responses|example)\}", lambda slot: slots[slot[1]], LISTWISE)


def read_ranking(raw: str, n: int) -> list[int] | None:
    """The rank of each of `n` letters, 1 the best, by the last ranking in the text; None where it does not hold all once."""
    found = RANKING.findall(raw)
    if not found:
        return None
    letters = re.findall(r"[A-Z]", found[-1])
    if sorted(letters) != list(LETTERS[:n]):
        return None
    ranks, rank = {}, 1
    for place, (letter, sign) in enumerate(zip(letters, [">", *re.findall(r"[>=,]", found[-1])], strict=True), start=1):
        rank = rank if sign == "=" else place
        ranks[letter] = rank
    return [ranks[letter] for letter in LETTERS[:n]]
