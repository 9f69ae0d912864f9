"""Which words of a prompt moved an option: an HTML fragment that holds its own data, so that a report can show it again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT, parse
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.files import read_text
from mcqa_suite.common.json_text import loads
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.sample_values import hash_prefix
from mcqa_suite.questions.question import option_label
from mcqa_suite.reporting.tables import Table, markdown
from mcqa_suite.reporting.templating import source, template

LIMITS = (
    "An attribution, not a reason: it says how the score changes when the prompt is changed in this one way, and words that "
    "work together share or hide their effect."
)
MEANINGS = {
    "leave-one-out": "by how much the score falls when this word alone is left out of the prompt",
    "gradient": "the gradient of the score times the word's input embedding, a first-order estimate of the word's part",
}
LEVELS = 4  # of shading
MOST_ROWS = 6  # of the table of words
DATA = re.compile(r'<script type="application/json" data-explanation>(.*?)</script>', re.DOTALL)
Index = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, config=STRICT)
class WordValue:
    """The characters `start` to `end` of the prompt, and by how much they moved the score."""

    start: Index
    end: Index
    value: Finite


@dataclass(frozen=True, config=STRICT)
class ModelWords:
    """The words of one model's `prompt`. `content`: the hash of its weights, "" where it is not known; `chosen`: its own option.

    `score`: ln(p / (1 - p)) of the explained option, whose share of the options' probability is `share`.
    """

    name: str
    content: str
    chosen: Index
    share: Finite
    score: Finite
    prompt: str
    words: tuple[WordValue, ...]


@dataclass(frozen=True, config=STRICT)
class Explanation:
    """A document of a task, the option that is explained, and the words of one model or of base and variant.

    `doc_id` is None, and the hashes are "", for a question that is of no log.
    """

    task: str
    doc_id: int | None
    doc_hash: str
    prompt_hash: str
    method: str
    options: tuple[str, ...]
    option: Index
    models: Annotated[tuple[ModelWords, ...], Field(min_length=1, max_length=2)]

    def __post_init__(self) -> None:
        if self.method not in MEANINGS:
            raise ValueError(f"method: {self.method[:40]!r}; expected one of {', '.join(MEANINGS)}")
        if max(self.option, *(model.chosen for model in self.models)) >= len(self.options):
            raise ValueError(f"option: there are {len(self.options)} options")
        for model in self.models:
            spans = [(word.start, word.end) for word in model.words]
            if any(start >= end or end > len(model.prompt) for start, end in spans) or any(
                first[1] > second[0] for first, second in pairwise(spans)
            ):
                raise ValueError(f"words of {model.name[:40]!r}: not in the order of the prompt")

    @property
    def label(self) -> str:
        """The label of the explained option."""
        return option_label(self.option)

    @property
    def document(self) -> str:
        """ ", document 3", where it is of a log."""
        return "" if self.doc_id is None else f", document {self.doc_id}"

    def text(self) -> str:
        """The words that moved the option most, as Markdown."""
        title = f"{self.task}{self.document}: what moved option {self.label}"
        rows = [
            [model.name, model.prompt[word.start : word.end][:40], f"{word.value:+.3f}"]
            for model in self.models
            for word in strongest(model)
        ]
        scores = [
            f"{model.name} gives {self.label} {100 * model.share:.1f} %, a score of {model.score:+.3f}, and chooses "
            f"{option_label(model.chosen)}."
            for model in self.models
        ]
        notes = (*scores, f"A value is {MEANINGS[self.method]}.", LIMITS)
        return markdown(Table(title, ("model", "word", "value"), rows, notes, left=2))

    def html(self, *, data: bool = True, style: bool = True) -> str:
        """A fragment of ASCII, with its style and, for a report that is to show it, its `data`."""
        most = max((abs(word.value) for model in self.models for word in model.words), default=0.0)
        content = json.dumps(asdict(self)).replace("<", "\\u003c") if data else ""
        text = template("explanation.html.j2").render(
            explanation=self,
            label=option_label,
            parts=[parts(model, most) for model in self.models],
            strongest=strongest,
            meaning=MEANINGS[self.method],
            limits=LIMITS,
            style=source("explanation.css") if style else "",
            data=content,
        )
        return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def strongest(model: ModelWords) -> list[WordValue]:
    """The words that moved the score most, in either direction."""
    return sorted(model.words, key=lambda word: -abs(word.value))[:MOST_ROWS]


def parts(model: ModelWords, most: float) -> list[tuple[str, str, str]]:
    """The prompt in pieces: text, class and value; both are "" for what stands between the words."""
    pieces, position, prompt = list[tuple[str, str, str]](), 0, model.prompt
    for word in model.words:
        level = round(LEVELS * abs(word.value) / most) if most else 0
        name = f"{'up' if word.value > 0 else 'down'}-{level}" if level else "level"
        pieces += [(prompt[position : word.start], "", ""), (prompt[word.start : word.end], name, f"{word.value:+.3f}")]
        position = word.end
    return [piece for piece in (*pieces, (prompt[position:], "", "")) if piece[0]]


def read_explanation(path: Path) -> Explanation:
    """The explanation whose data a fragment holds; ConfigError for any other file. Its markup is never used."""
    try:
        match = DATA.search(read_text(path))
        value = loads(match[1]) if match else None
    except ValueError as error:
        raise ConfigError(f"--explain {path}: {error}; give a file that mcqa explain wrote") from error
    if not isinstance(value, dict):
        raise ConfigError(f"--explain {path}: holds no explanation; give a file that mcqa explain wrote")
    return parse(Explanation, value, f"--explain {path}")


def check_runs(explanation: Explanation, runs: Sequence[Run], where: str) -> None:
    """ConfigError unless a run has the explained document with the same prompt, and each explained model is of a run."""
    hashes = [hash_prefix(digest) for digest in (explanation.doc_hash, explanation.prompt_hash)]
    same_task = [task for run in runs for task in run.tasks.values() if task.task == explanation.task]
    rows = [task.samples.hashes[task.samples.doc_id == explanation.doc_id, :2] for task in same_task]
    if not any((row == hashes).all() for each in rows for row in each):
        what = "another document or prompt" if any(map(len, rows)) else "no such document"
        raise ConfigError(
            f"{where}: {explanation.task}{explanation.document}: the runs have {what}; explain one of them again"
        )
    contents = {run.weights.get("content") for run in runs}
    for model in explanation.models:
        if model.content and None not in contents and model.content not in contents:
            raise ConfigError(f"{where}: {model.name}: not the model of any of these runs; explain one of them again")
