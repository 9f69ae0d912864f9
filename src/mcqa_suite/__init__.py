"""Evaluate a base model and the models made from it on questions with one correct answer, and compare them.

    import mcqa_suite

    r = mcqa_suite.compare("runs/base", "runs/gptq4")
    r.to_frame()
    r.report("report.html")

Each name is imported when it is first used, so that `import mcqa_suite` alone loads no library.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcqa_suite.api.answer_labels import label_answers as label_answers
    from mcqa_suite.api.card import card as card
    from mcqa_suite.api.checkpoints import import_gguf as import_gguf
    from mcqa_suite.api.comparison import compare as compare
    from mcqa_suite.api.comparison import leaderboard as leaderboard
    from mcqa_suite.api.comparison import report as report
    from mcqa_suite.api.disagreements import disagreements as disagreements
    from mcqa_suite.api.evaluator import evaluator as evaluator
    from mcqa_suite.api.explain import explain as explain
    from mcqa_suite.api.export import export as export
    from mcqa_suite.api.grids import grid_votes as grid_votes
    from mcqa_suite.api.pair_scores import score_pairs as score_pairs
    from mcqa_suite.api.push import push as push
    from mcqa_suite.api.push import push_report as push_report
    from mcqa_suite.api.repeats import orders as orders
    from mcqa_suite.api.repeats import variance as variance
    from mcqa_suite.api.repeats import vote as vote
    from mcqa_suite.api.runs import load_run as load_run
    from mcqa_suite.extract import extract_choice as extract_choice
    from mcqa_suite.extract import extract_grid as extract_grid
    from mcqa_suite.extract import extract_number as extract_number

__version__ = "0.2.0"

# The harness looks up the package `mcqa_suite.tasks`, which is a folder of this one where it is installed. In a checkout, and
# so in an editable installation, the tasks are in the root instead: looking there too makes them the same package.
if not (Path(__file__).parent / "tasks").is_dir():
    __path__.append(str(Path(__file__).resolve().parents[2]))

_MODULES = {
    "card": "mcqa_suite.api.card",
    "compare": "mcqa_suite.api.comparison",
    "disagreements": "mcqa_suite.api.disagreements",
    "evaluator": "mcqa_suite.api.evaluator",
    "explain": "mcqa_suite.api.explain",
    "export": "mcqa_suite.api.export",
    "extract_choice": "mcqa_suite.extract",
    "extract_grid": "mcqa_suite.extract",
    "extract_number": "mcqa_suite.extract",
    "grid_votes": "mcqa_suite.api.grids",
    "import_gguf": "mcqa_suite.api.checkpoints",
    "label_answers": "mcqa_suite.api.answer_labels",
    "leaderboard": "mcqa_suite.api.comparison",
    "load_run": "mcqa_suite.api.runs",
    "orders": "mcqa_suite.api.repeats",
    "push": "mcqa_suite.api.push",
    "push_report": "mcqa_suite.api.push",
    "report": "mcqa_suite.api.comparison",
    "score_pairs": "mcqa_suite.api.pair_scores",
    "variance": "mcqa_suite.api.repeats",
    "vote": "mcqa_suite.api.repeats",
}
__all__ = list(_MODULES)

if not TYPE_CHECKING:  # a type checker would take any name for one of this module

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'mcqa_suite' has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
