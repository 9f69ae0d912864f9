"""Candidates of ARC outputs ranked by the log-probability that a model gives them in every view."""

from __future__ import annotations

import json
from pathlib import Path

from mcqa_suite.analysis.voting.scores import score_lines
from mcqa_suite.backend.sample_scores import Scored, score_texts
from mcqa_suite.common.manifest import content_hash
from mcqa_suite.grids import Candidate, by_loglikelihood, encoder
from mcqa_suite.logs.grid_answers import Answered

Ranked = dict[str, dict[int, list[Candidate]]]


def ranked_by_logprob(checkpoint: Path, rows: list[Answered], chosen: Ranked, log: Path) -> Ranked:
    """`chosen` with each output's candidates by the sum over its views; scores are kept beside the log as they come."""
    asked = []
    for number, row in enumerate(rows):
        form = encoder(row.form)
        texts = [form.encode(row.view.forward(one.grid)) for one in chosen[row.task_id][row.index]]
        asked.append(Scored(str(number), row.context, tuple(texts)))
    cache = log.with_name(f"grid-logprob-{content_hash(checkpoint)[:8]}.{log.stem}.jsonl")
    scores = score_lines(score_texts(checkpoint, log.stem, asked, cache))

    totals: dict[tuple[str, int], dict[str, float]] = {}
    for number, row in enumerate(rows):
        sums = totals.setdefault((row.task_id, row.index), {})
        for place, one in enumerate(chosen[row.task_id][row.index]):
            key = json.dumps(one.grid)
            sums[key] = sums.get(key, 0.0) + scores[str(number), place]
    return {
        task: {index: by_loglikelihood(found, totals[task, index]) for index, found in outputs.items()}
        for task, outputs in chosen.items()
    }
