"""Topics and explanations for questions, written by a model behind a URL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tqdm import tqdm

from mcqa_suite.backend.judge import GREEDY, filled
from mcqa_suite.backend.sampling import seed_of
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import journal
from mcqa_suite.common.parallel import answered
from mcqa_suite.extract import strip_reasoning
from mcqa_suite.training_data.preferences.correctness import ANSWERS
from mcqa_suite.training_data.preferences.sampling import Prompt

if TYPE_CHECKING:
    from mcqa_suite.backend.endpoint import Endpoint

Annotation = Literal["topic", "explanation"]
TEMPLATES = {
    name: Path(__file__).with_name(f"annotate_{name}.txt").read_text(encoding="utf-8").rstrip("\n")
    for name in ("topic", "explanation")
}
TOPIC = re.compile(r"topic[\s:*]{1,9}([^\n]*)", re.IGNORECASE)  # "**Topic:** linear algebra"
MOST = 60  # characters of a topic


def annotate(
    prompts: Sequence[Prompt],
    what: Annotation,
    model: Endpoint,
    output: Path,
    *,
    topics: Sequence[str] = (),
    parallel: int = 8,
) -> tuple[int, int]:
    """Append to `output` each row with a `topic` or an `explanation`, "" where the model gave none.

    A row that is in `output` is not asked again. With `topics` only these count. Returns how many rows were written, and how many
    of all have no annotation. ConfigError where `output` has annotations of another kind or model; DatasetError where a row to
    explain has no right answer.
    """
    by = f"{what} by {model.model}"
    questions = {prompt.id: _question(prompt, what, topics) for prompt in prompts}
    with journal(output, id=str) as file:
        for row in file.rows[:1]:
            if row.get("annotated") != by:
                raise ConfigError(f"{output}: has {row.get('annotated')}, not {by}; choose another --output")
        done = {row["id"] for row in file.rows}
        left = [prompt for prompt in prompts if prompt.id not in done]
        asking = answered(
            lambda prompt: model.complete(questions[prompt.id], GREEDY, seed_of(0, prompt.id)).text, left, parallel
        )
        for prompt, raw in tqdm(asking, total=len(prompts), initial=len(prompts) - len(left), unit="row", desc=what):
            text = read_topic(raw, topics) if what == "topic" else strip_reasoning(raw).strip()
            file.append({**prompt.row, "id": prompt.id, what: text, "annotated": by})
        return len(left), sum(not row[what] for row in file.rows)


def read_topic(raw: str, topics: Sequence[str] = ()) -> str:
    """The topic in the last line that names one; with `topics`, the one of these that it names. "" where there is none."""
    named = TOPIC.findall(strip_reasoning(raw))
    topic = named[-1].strip(" .*\"'") if named else ""
    if not topics:
        return topic if len(topic) <= MOST else ""
    return next((name for name in topics if name.casefold() == topic.casefold()), "")


def _question(prompt: Prompt, what: Annotation, topics: Sequence[str]) -> str:
    among = f" Choose one of these: {', '.join(topics)}." if topics else ""
    answer = next((str(prompt.row[key]) for key in ANSWERS if prompt.row.get(key) not in (None, "")), "")
    if what == "explanation" and not answer:
        raise DatasetError(f"{prompt.id}: no right answer to explain; add one of the columns {', '.join(ANSWERS)}")
    return filled(TEMPLATES[what], {"prompt": prompt.text, "topics": among, "answer": answer})
