"""Multiple-choice sources: each gives `Question`s, and any answer style makes rows of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.questions import generated, question
from mcqa_suite.questions.epfl import read_epfl
from mcqa_suite.questions.question import Question, label_index, text_id
from mcqa_suite.training_data.sources import hub
from mcqa_suite.training_data.sources.adaptor import PARTS, Adaptor, Identity, group_of, known
from mcqa_suite.training_data.sources.spec import PairSource, Source
from mcqa_suite.training_data.sources.styles import STYLES

# MathQA: "a ) 38 , b ) 27.675 , c ) 30 , d ) data inadequate , e ) none of these"
MATH_QA_OPTION = re.compile(r"(?:^|\s*,\s*)([a-e]) \)\s*")


def identity(question: Question) -> Identity:
    return Identity(question.id, group_of(question.stem, *question.choices), question.subject)


def from_math_qa(row: question.Row, benchmark: str = "math_qa") -> Question:
    """MathQA: Problem, Rationale, options (one string), correct (a to e), category."""
    _, *parts = MATH_QA_OPTION.split(row["options"].strip())
    labels, choices = parts[::2], [text.strip(" ,") for text in parts[1::2]]
    if labels != list("abcde"[: len(labels)]):
        raise ValueError(f"options {row['options']!r} are not labelled a ) to e ) in order")
    return Question(
        id=f"{benchmark}/{text_id(row['Problem'], row['options'])}",
        stem=row["Problem"].strip(),
        choices=tuple(choices),
        gold=(label_index(labels, row["correct"]),),
        subject=row.get("category") or "",
        rationale=row["Rationale"].strip('" \n'),
    )


def from_mmlu_auxiliary(row: question.Row, benchmark: str = "mmlu_auxiliary") -> Question:
    """cais/mmlu's auxiliary_train, whose subjects are blank."""
    made = question.from_mmlu(row, benchmark)
    return dataclasses.replace(made, id=f"{benchmark}/{made.id.rpartition('/')[2]}")


@dataclass(frozen=True)
class Public:
    """A data set on the hub: `configs` maps each of its configs to the benchmark that ids begin with; all of them are read
    where the source names none. Its parsers keep the data set's order of options; where it has none they draw one by a
    hash of the row's own words."""

    repository: str
    configs: dict[str, str]
    parse: Callable[..., Question]
    split: str = "train"

    def __call__(self, source: Source) -> list[Question]:
        made: list[Question] = []
        if source.config:
            known(f"config of source {source.source!r}", source.config, self.configs)
        for config in [source.config] if source.config else self.configs:
            rows = hub.load(self.repository, config, source.split or self.split)
            made += hub.parsed(self.repository, rows, partial(self.parse, benchmark=self.configs[config]))
        # Some data sets explain some of their questions: the others are no rows of style 'cot'.
        return [item for item in made if item.rationale] if source.style == "cot" else made


PUBLIC = {
    "sciq": Public("allenai/sciq", {"default": "sciq"}, question.from_sciq),
    "arc": Public("allenai/ai2_arc", {"ARC-Easy": "arc_easy", "ARC-Challenge": "arc_challenge"}, question.from_arc),
    "openbookqa": Public("allenai/openbookqa", {"main": "openbookqa"}, question.from_openbookqa),
    # In the config of its own name each row is wrapped in a column "train"; in "all" it has the columns of the rest.
    "mmlu_auxiliary": Public("cais/mmlu", {"all": "mmlu_auxiliary"}, from_mmlu_auxiliary, "auxiliary_train"),
    "aqua_rat": Public("deepmind/aqua_rat", {"raw": "aqua_rat"}, question.from_aqua_rat),
    # allenai/math_qa as parquet, which the harness's own task reads too
    "math_qa": Public("regisss/math_qa", {"default": "math_qa"}, from_math_qa),
}


def generate(source: Source | PairSource) -> list[Question]:
    if not source.n:
        raise ConfigError("source 'generated': no 'n'; say how many questions to generate")
    try:
        return generated.generate("train", source.n, source.seed)
    except ValueError as error:
        raise DatasetError(f"source 'generated': {error}") from error


def _epfl(source: Source) -> list[Question]:
    if not source.path:
        raise ConfigError("source 'epfl': no 'path'; give an EPFL-format JSONL file")
    return read_epfl(source.path)[0]


CHOICE = {
    "generated": Adaptor(generate, identity, STYLES),
    "epfl": Adaptor(_epfl, identity, STYLES, ("path", *PARTS)),
} | {name: Adaptor(load, identity, STYLES, ("config", "split"), own_splits=True) for name, load in PUBLIC.items()}
