"""Let a judge rank the responses of several models to the same prompts: two responses at a time, or all at once."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from mcqa_suite.backend.judge import GREEDY, filled
from mcqa_suite.backend.sampling import seed_of
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import Row, journal
from mcqa_suite.common.parallel import answered
from mcqa_suite.questions.question import option_label, text_id
from mcqa_suite.training_data.preferences.judge import PAIR, RANKING, ask
from mcqa_suite.training_data.preferences.sampling import read_responses

if TYPE_CHECKING:
    from mcqa_suite.backend.endpoint import Endpoint

# The columns of a prompt's row that may hold the text to compare a response with; the first one counts
REFERENCES = ("reference", "completion", "rationale", "solution", "support")
# "Ranking: B > A = D > C", also with commas
LABEL = r"(?:[A-Z]|#\d+)"  # an `option_label`
ORDER = re.compile(rf"{LABEL}(?:\s*[>=,]\s*{LABEL})+(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Entry:
    """A prompt, the models' responses by model name, and the reference ("" for none)."""

    id: str
    prompt: str
    responses: dict[str, str]
    reference: str


Question = tuple[Entry, tuple[str, ...]]  # the models in the order in which they are shown


def read_entries(files: Sequence[str]) -> tuple[list[Entry], tuple[str, ...]]:
    """The prompts with a response of every model (`FILE` or `NAME=FILE`), and the ids of the other prompts.

    ConfigError for fewer than two models and for two models of the same name; DatasetError where no prompt is common to all, or
    an id has different prompts in two files.
    """
    models: dict[str, dict[str, list[Row]]] = {}
    for file in files:
        name, _, path = file.rpartition("=") if not Path(file).is_file() else ("", "", file)
        name = name or Path(path).stem
        if name in models:
            raise ConfigError(f"{file}: a second model called {name}; name it with NAME=FILE")
        models[name] = read_responses(Path(path))
    if len(models) < 2:
        raise ConfigError("one model cannot be ranked; give the responses of at least two")
    first, *others = models.values()
    shared = [row_id for row_id in first if all(row_id in other for other in others)]
    if not shared:
        raise DatasetError(f"{', '.join(models)}: no prompt in common; sample all from the same file")
    alone = sorted({row_id for model in models.values() for row_id in model} - set(shared))
    return [_entry(row_id, {name: rows[row_id][0] for name, rows in models.items()}) for row_id in shared], tuple(alone)


def _entry(row_id: str, rows: dict[str, Row]) -> Entry:
    prompts = {row["prompt"] for row in rows.values()}
    if len(prompts) > 1:
        raise DatasetError(f"{row_id}: not the same prompt for every model; sample all from the same file")
    data = next(iter(rows.values())).get("data") or {}
    reference = next((str(data[key]) for key in REFERENCES if data.get(key)), "")
    return Entry(row_id, prompts.pop(), {name: row["response"] for name, row in rows.items()}, reference)


def questions(entries: Sequence[Entry], *, listwise: bool, seed: int = 0) -> list[Question]:
    """The questions to the judge: one for each prompt (`listwise`), or for each prompt and pair of models; orders are random."""
    plan: list[Question] = []
    for entry in entries:
        names = sorted(entry.responses)
        for group in [tuple(names)] if listwise else combinations(names, 2):
            rng = random.Random(f"{seed}:{entry.id}:{' '.join(group)}")  # noqa: S311 - not cryptography
            plan.append((entry, tuple(rng.sample(group, len(group)))))
    return plan


def judged(
    entries: Sequence[Entry],
    judge: Endpoint,
    output: Path,
    *,
    template: str | None = None,
    listwise: bool = False,
    seed: int = 0,
    parallel: int = 8,
) -> list[Row]:
    """One row for each question: `id`, `shown` (the models in order), `ranks` (one per model, 1 is best; None: unread) and `raw`.

    Rows are appended to `output`; a question with a row in it is not asked again. `template` has the judge's instructions for two
    responses. ConfigError where `output` has rows of another judge, mode, seed or template.
    """
    by = f"{judge.model}, {'listwise' if listwise else 'pairwise'}, seed {seed}"
    by += f", instructions {text_id(template)}" if template else ""
    plan = questions(entries, listwise=listwise, seed=seed)
    with journal(output, id=str, shown=list) as file:
        for row in file.rows[:1]:
            if row.get("by") != by:
                raise ConfigError(f"{output}: judged by {row.get('by')}, not {by}; choose another --verdicts")
        rows = {(row["id"], tuple(map(str, row["shown"]))): row for row in file.rows}
        left = [question for question in plan if (question[0].id, question[1]) not in rows]
        answers = answered(lambda question: _ask(judge, question, template or PAIR, listwise), left, parallel)
        bar = tqdm(answers, total=len(plan), initial=len(plan) - len(left), unit="verdict", desc="judge")
        for (entry, shown), (ranks, raw) in bar:
            row = {"id": entry.id, "shown": list(shown), "ranks": ranks, "raw": raw, "by": by}
            file.append(row)
            rows[entry.id, shown] = row
    return [rows[entry.id, shown] for entry, shown in plan]


def _ask(judge: Endpoint, question: Question, template: str, listwise: bool) -> tuple[list[int] | None, str]:
    entry, shown = question
    texts = [entry.responses[name] for name in shown]
    seed = seed_of(0, entry.id)
    if not listwise:
        won, raw = ask(judge, template, entry.prompt, texts[0], texts[1], seed)
        return {"first": [1, 2], "second": [2, 1], "tie": [1, 1]}.get(won), raw
    labels = [option_label(index) for index in range(len(texts))]
    responses = "\n\n".join(f"[Response {label}]\n{text}" for label, text in zip(labels, texts, strict=True))
    slots = {"n": str(len(texts)), "prompt": entry.prompt, "responses": responses, "example": " > ".join(labels[::-1])}
    raw = judge.complete(filled(RANKING, slots), GREEDY, seed).text
    return read_ranking(raw, len(shown)), raw


def read_ranking(raw: str, n: int) -> list[int] | None:
    """The ranks of `n` labels (1 is best) in the last ranking of the text; None where a label is missing or repeated."""
    rankings = ORDER.findall(raw)
    labels = re.findall(LABEL, rankings[-1]) if rankings else []
    shown = [option_label(index) for index in range(n)]
    if sorted(labels) != sorted(shown):
        return None
    ranks, rank = {}, 1
    signs = [">", *re.findall(r"[>=,]", rankings[-1])]
    for position, (label, sign) in enumerate(zip(labels, signs, strict=True), start=1):
        rank = rank if sign == "=" else position
        ranks[label] = rank
    return [ranks[label] for label in shown]
