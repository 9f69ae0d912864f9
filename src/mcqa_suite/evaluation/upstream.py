"""What the installed harness does itself, where it has taken over a patch of docs/upstream: our replacement is then left out."""

from __future__ import annotations

from importlib.util import find_spec


def leaves_failed_out() -> bool:
    """`evaluate` leaves documents without a response out of the metrics, marks them and counts them (failed_responses)."""
    return find_spec("lm_eval.api.failure") is not None


def reuses_models() -> bool:
    """Evaluations with equal arguments can share a model (reuse_models)."""
    from lm_eval.api import model

    return hasattr(model, "reuse_models")


def reports_groups() -> bool:
    """The results say how each group is averaged (group_configs)."""
    from lm_eval.result_schema import EvalResults

    return "group_configs" in EvalResults.__annotations__


def silences_git() -> bool:
    """The look-up of the commit prints no error of git (git_hash)."""
    from lm_eval.loggers.utils import get_git_commit_hash

    return "DEVNULL" in get_git_commit_hash.__code__.co_names
