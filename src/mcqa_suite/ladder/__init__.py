"""Run a recipe: train, quantise and evaluate its checkpoints, in order on this machine or on a Ray cluster."""

from mcqa_suite.ladder.run import run_recipe
from mcqa_suite.ladder.steps import LadderResult, RungResult

__all__ = ["LadderResult", "RungResult", "run_recipe"]
