"""Rank models by a judge's verdicts: win rates and Bradley-Terry strengths with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.logs.samples import Floats
from mcqa_suite.stats import Estimate, Rows, share_estimate, weighted_mean, wilson

RESAMPLES = 500
Duel = tuple[str, str, str, float]


@dataclass(frozen=True)
class Standing:
    """A model's results: `win_rate` is the mean over prompts, where a tie is half a win.

    `strength` is the natural logarithm of the Bradley-Terry score minus its mean over models: if two strengths differ by d, the
    odds that the stronger model wins are exp(d). Its interval is from the bootstrap over prompts. `similarity` is the similarity
    to the references.
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
    """Models by strength, the best first; `first_share` is how often the response shown first won, without ties.

    Where `finite` is false, some models always won against the others; strengths are then computed with one extra tie between
    every two models.
    """

    standings: tuple[Standing, ...]
    prompts: int
    finite: bool
    unread: int
    first_share: Estimate | None


def rank(rows: Sequence[Row], similarity: dict[str, list[float]] | None = None, seed: int = 0) -> Ranking:
    """The ranking from the rows of verdicts; `similarity` holds one value a prompt for each model.

    DatasetError where no verdict about a model could be read.
    """
    met = list(duels(rows))
    names = sorted({name for row in rows for name in row["shown"]})
    if missing := set(names) - {name for _, first, second, _ in met for name in (first, second)}:
        raise DatasetError(f"{min(missing)}: no verdict about it could be read; see the judge's responses in `raw`")
    wins = _wins(met, names)
    near = {
        name: weighted_mean(np.array(values), Rows.pooled(len(values))).estimate
        for name, values in (similarity or {}).items()
        if values
    }
    standings = [
        _standing(wins, i, name, strength, near.get(name))
        for i, (name, strength) in enumerate(zip(names, _strengths(wins, seed), strict=True))
    ]
    decided = [result == 1 for *_, result in met if result != 0.5]
    return Ranking(
        tuple(sorted(standings, key=lambda standing: -standing.strength.value)),
        prompts=len(wins),
        finite=has_strengths(wins.sum(axis=0)),
        unread=sum(row["ranks"] is None for row in rows),
        first_share=wilson(sum(decided), len(decided)) if decided else None,
    )


def duels(rows: Sequence[Row]) -> Iterator[Duel]:
    """For every two models of a readable verdict: prompt id, the model shown first, the other one, and the first one's points."""
    for row in rows:
        if row["ranks"] is not None:
            for (first, rank), (second, other) in combinations(zip(row["shown"], row["ranks"], strict=True), 2):
                yield row["id"], first, second, 0.5 if rank == other else float(rank < other)


def bradley_terry(wins: Floats) -> Floats:
    """The log strengths of models, mean 0, by evalica: `wins[i, j]` is how often i beat j, a tie half a win for each.

    Where strengths are not finite (see `has_strengths`), an extra tie between every two models is added.
    """
    import evalica

    if not has_strengths(wins):
        wins = wins + 0.5 * (1 - np.eye(len(wins)))
    winners, losers = np.nonzero(wins)
    result = evalica.bradley_terry(
        winners.tolist(),
        losers.tolist(),
        [evalica.Winner.X] * len(winners),
        weights=wins[winners, losers].tolist(),
        limit=1000,
    )
    logs = np.log(result.scores.reindex(range(len(wins))).to_numpy())
    return np.asarray(logs - logs.mean())


def has_strengths(wins: Floats) -> bool:
    """Ford's condition (1957): no group of models won every point against the others.

    If a group did, the maximum-likelihood strengths are infinite, and evalica returns equal strengths.
    """
    from scipy.sparse.csgraph import connected_components

    return bool(connected_components(wins > 0, connection="strong")[0] == 1)


def _wins(met: Sequence[Duel], names: Sequence[str]) -> Floats:
    """Points by prompt, winner and loser."""
    prompts = {row_id: number for number, row_id in enumerate(dict.fromkeys(row_id for row_id, *_ in met))}
    index = {name: number for number, name in enumerate(names)}
    wins = np.zeros((len(prompts), len(names), len(names)))
    for row_id, first, second, result in met:
        wins[prompts[row_id], index[first], index[second]] += result
        wins[prompts[row_id], index[second], index[first]] += 1 - result
    return wins


def _strengths(wins: Floats, seed: int) -> list[Estimate]:
    """Strengths with the percentile interval of the bootstrap over prompts: one prompt's duels are not independent."""
    n = len(wins)
    values = bradley_terry(wins.sum(axis=0))
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    resampled = np.array([bradley_terry(total) for total in np.tensordot(draws, wins, axes=1)])
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    return [Estimate(float(v), float(lo), float(hi), n) for v, lo, hi in zip(values, low, high, strict=True)]


def _standing(wins: Floats, i: int, name: str, strength: Estimate, similarity: Estimate | None) -> Standing:
    """The results of model `i`; the interval of its win rate is Wilson's, at the effective size where prompts are won in part."""
    won, lost = wins[:, i], wins[:, :, i]
    played = (won + lost).sum(axis=1)
    per_prompt = (won.sum(axis=1) / np.maximum(played, 1))[played > 0]
    rate = share_estimate(per_prompt)
    counts = (int((won == 1).sum()), int((won == 0.5).sum()), int((lost == 1).sum()))
    return Standing(name, *counts, win_rate=rate, strength=strength, similarity=similarity)
