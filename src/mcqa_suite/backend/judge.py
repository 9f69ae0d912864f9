"""A judge model behind a URL: how it is sampled, how its instructions are filled, and which answer it sees in a response."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from mcqa_suite.backend.sampling import Sampling, seed_of
from mcqa_suite.common.jsonl import journal
from mcqa_suite.common.parallel import answered
from mcqa_suite.extract import extract_choice, extract_number, strip_reasoning
from mcqa_suite.logs.responses import Answer, ReadResponse
from mcqa_suite.questions.question import option_label

if TYPE_CHECKING:
    from mcqa_suite.backend.endpoint import Endpoint

GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=512)
ANSWER = Path(__file__).with_name("judge_answer.txt").read_text(encoding="utf-8").rstrip("\n")
VERDICT = re.compile(r"verdict[\s:*]{0,9}([^\n]*)", re.IGNORECASE)  # "**Verdict:** -3"


def filled(template: str, texts: dict[str, str]) -> str:
    """The template with a text for each {slot}, all in one pass, so that "{second}" in a response stays as it is."""
    return re.sub(r"\{(\w+)\}", lambda slot: texts.get(slot[1], slot[0]), template)


def read_by_judge(
    responses: Sequence[ReadResponse], judge: Endpoint, verdicts: Path, parallel: int
) -> dict[str, Answer]:
    """The answer that the judge sees in each response, by id; a reply without a verdict has no entry.

    The replies are appended to the JSONL file `verdicts`; what has a reply there is not asked again.
    """
    with journal(verdicts, key=str, raw=str) as file:
        replies = {row["key"]: row["raw"] for row in file.rows}
        questions = {response.id: question(response) for response in responses}
        keys = {name: _key(judge.model, text) for name, text in questions.items()}
        left = [name for name, key in keys.items() if key not in replies]
        asking = answered(lambda name: judge.complete(questions[name], GREEDY, seed_of(0, name)).text, left, parallel)
        for name, raw in tqdm(asking, total=len(keys), initial=len(keys) - len(left), unit="verdict", desc="judge"):
            file.append({"id": name, "judge": judge.model, "key": keys[name], "raw": raw})
            replies[keys[name]] = raw
    said = {response.id: VERDICT.findall(strip_reasoning(replies[keys[response.id]])) for response in responses}
    return {response.id: _answer(response, said[response.id][-1]) for response in responses if said[response.id]}


def question(response: ReadResponse) -> str:
    """What the judge is asked about a response."""
    labels = [option_label(index) for index in range(len(response.choices))]
    options = "".join(f"\n{label}. {text}" for label, text in zip(labels, response.choices, strict=True) if text)
    answer = f"the letter of the option ({labels[0]} to {labels[-1]})" if labels else "the number"
    return filled(ANSWER, {"question": response.question + options, "response": response.text, "answer": answer})


def _key(model: str, text: str) -> str:
    return hashlib.sha256(f"{model}\n{text}".encode("utf-8", "replace")).hexdigest()[:16]


def _answer(response: ReadResponse, verdict: str) -> Answer:
    """The letter or number in a verdict; None where it has not exactly one."""
    text = f"Answer: {verdict}"
    read = extract_choice(text, [""] * len(response.choices)) if response.choices else extract_number(text)
    return read.answer if isinstance(read.answer, str) else None
