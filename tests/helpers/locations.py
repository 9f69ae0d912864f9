"""Where the repository and the data that tests read in place are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MCQA_SHARED") or REPOSITORY.parent / "shared")
PATH = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ["PATH"]]
)  # that finds the command mcqa of these tests
TOY = REPOSITORY / "tests" / "toy"  # a model that answers
TRAIN, TEST = TOY / "train.jsonl", TOY / "test.jsonl"  # questions that it knows, in the EPFL format
needs_hub = pytest.mark.skipif(not (SHARED / "hub").is_dir(), reason=f"no mirror of public data sets at {SHARED}/hub")

MMLU_SUBJECTS = sorted(path.stem for path in (REPOSITORY / "tasks/mmlu_stem/letter").glob("[a-z]*.yaml"))
