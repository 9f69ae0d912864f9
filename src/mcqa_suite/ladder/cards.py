"""Renew the model cards of a run's stages, with the scores of its evaluations."""

from __future__ import annotations

from mcqa_suite.common.errors import McqaError
from mcqa_suite.ladder.steps import LadderResult
from mcqa_suite.logs.runs import Run, read_run
from mcqa_suite.reporting.model_card.facts import README
from mcqa_suite.reporting.model_card.files import card_of, write_card


def save_cards(result: LadderResult) -> tuple[str, ...]:
    """Write README.md into every checkpoint that the run made; return a line for each that could not be written.

    A base that was not converted from a GGUF file belongs to the user and gets none. A card has the scores of its own rung and
    of its parent's, as far as these were evaluated.
    """
    runs: dict[str, Run] = {}
    problems = []
    for rung in result.rungs:
        if rung.evaluation:
            try:
                runs[rung.manifest.content] = read_run(rung.evaluation, name=rung.name)
            except McqaError:  # the leaderboard says so
                continue
    for rung in result.rungs:
        parent = rung.manifest.parent
        if parent is None and "gguf" not in rung.manifest.settings:
            continue
        own = rung.manifest.content
        contents = dict.fromkeys([own, *([parent.content] if parent else [])] if own in runs else [])
        try:
            facts = card_of(rung.checkpoint, *(runs[content] for content in contents if content in runs))
            write_card(facts, rung.checkpoint / README)
        except McqaError as error:
            problems.append(f"no model card of {rung.name}: {error}")
    return tuple(problems)
