"""Which of several models answers best: win rates and Bradley-Terry strengths from a judge's verdicts, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.stats import Estimate, mean_estimate, wilson

RESAMPLES = 500
Floats = NDArray[np.float64]
Duel = tuple[str, str, str, float]


@dataclass(frozen=True)
class Standing:
    """A model's place: its mean result over prompts (a tie is half a win), and its strength.

    `strength` is the natural logarithm of the Bradley-Terry score, less the mean over models: two models that differ by d meet
    with odds exp(d). Its interval is that of the bootstrap over prompts. `similarity`: to the references.
    """

    name: str
    wins: int
    ties: int
    losses: int
    win_rate: Estimate
    strength: Estimate
    similarity: Estimate | None = None


@dataclass(frozen=True)
class Ranking:
    """Models by strength, the best first; `first_share`: how often the response shown earlier won where one did.

    Not `finite`: some models won against the others every time, so that the strengths rest on one more tie of every two.
    """

    standings: tuple[Standing, ...]
    prompts: int
    finite: bool
    unread: int
    first_share: Estimate | None


def rank(rows: Sequence[Row], similarity: dict[str, list[float]] | None = None, seed: int = 0) -> Ranking:
    """The ranking that verdicts amount to; `similarity` holds a value a prompt for each model.

    DatasetError where no verdict could be read, or a model is in none that could.
    """
    met = list(duels(rows))
    names = sorted({name for row in rows for name in row["shown"]})
    without = set(names) - {name for _, one, other, _ in met for name in (one, other)}
    if without:
        raise DatasetError(f"{min(without)}: no verdict about it could be read; look at the judge's words, `raw`")
    wins = _wins(met, names)
    strengths = dict(zip(names, _strengths(wins, seed), strict=True))
    standings = [_standing(name, met, strengths[name], similarity) for name in names]
    decided = [result == 1 for _, _, _, result in met if result != 0.5]
    return Ranking(
        tuple(sorted(standings, key=lambda standing: -standing.strength.value)),
        prompts=len(wins),
        finite=has_strengths(wins.sum(axis=0)),
        unread=sum(row["ranks"] is None for row in rows),
        first_share=wilson(sum(decided), len(decided)) if decided else None,
    )


def duels(rows: Sequence[Row]) -> Iterator[Duel]:
    """Every two models of a readable verdict: prompt id, the model shown first, the other, and 1, 0.5 or 0 for the first."""
    for row in rows:
        if row["ranks"] is not None:
            for (first, rank), (second, other) in combinations(zip(row["shown"], row["ranks"], strict=True), 2):
                yield row["id"], first, second, 0.5 if rank == other else float(rank < other)


def bradley_terry(wins: Floats) -> Floats:
    """The log strengths of models, mean 0, by evalica: `wins[i, j]` is how often i beat j, a tie half a win for each.

    Where there is no finite answer (see `has_strengths`) every two models are given one more tie.
    """
    import evalica

    if not has_strengths(wins):
        wins = wins + 0.5 * (1 - np.eye(len(wins)))
    winners, losers = np.nonzero(wins)
    found = evalica.bradley_terry(
        winners.tolist(),
        losers.tolist(),
        [evalica.Winner.X] * len(winners),
        weights=wins[winners, losers].tolist(),
        limit=1000,
    )
    logs = np.log(found.scores.reindex(range(len(wins))).to_numpy())
    return np.asarray(logs - logs.mean())


def has_strengths(wins: Floats) -> bool:
    """Ford's condition (1957): models cannot be parted into two groups of which one never lost a point to the other.

    Without it the likeliest strengths are infinite, and evalica's iteration ends at equal ones.
    """
    from scipy.sparse.csgraph import connected_components

    return bool(connected_components(wins > 0, connection="strong")[0] == 1)


def _wins(met: Sequence[Duel], names: Sequence[str]) -> Floats:
    """prompts x winner x loser."""
    prompts = {row_id: number for number, row_id in enumerate(dict.fromkeys(row_id for row_id, *_ in met))}
    place = {name: number for number, name in enumerate(names)}
    wins = np.zeros((len(prompts), len(names), len(names)))
    for row_id, one, other, result in met:
        wins[prompts[row_id], place[one], place[other]] += result
        wins[prompts[row_id], place[other], place[one]] += 1 - result
    return wins


def _strengths(wins: Floats, seed: int) -> list[Estimate]:
    """Strengths with the percentile interval of the bootstrap over prompts: one prompt's duels are not independent."""
    n = len(wins)
    values = bradley_terry(wins.sum(axis=0))
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    resampled = np.array([bradley_terry(total) for total in np.tensordot(draws, wins, axes=1)])
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    return [Estimate(float(v), float(lo), float(hi), n) for v, lo, hi in zip(values, low, high, strict=True)]


def _standing(
    name: str, met: Sequence[Duel], strength: Estimate, similarity: dict[str, list[float]] | None
) -> Standing:
    results: dict[str, list[float]] = {}
    for row_id, one, other, result in met:
        if name in (one, other):
            results.setdefault(row_id, []).append(result if name == one else 1 - result)
    every = [value for values in results.values() for value in values]
    near = np.array(similarity[name]) if similarity and similarity.get(name) else None
    return Standing(
        name,
        wins=every.count(1.0),
        ties=every.count(0.5),
        losses=every.count(0.0),
        win_rate=_win_rate(np.array([np.mean(values) for values in results.values()])),
        strength=strength,
        similarity=None if near is None else mean_estimate(near),
    )


def _win_rate(per_prompt: Floats) -> Estimate:
    """The mean over prompts with Student's interval within 0 and 1, or Wilson's where each prompt is won or lost."""
    if np.isin(per_prompt, (0.0, 1.0)).all():
        return wilson(int(per_prompt.sum()), len(per_prompt))
    found = mean_estimate(per_prompt)
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.n)
