"""Read prompts, sample several responses to each, and read the files of responses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from mcqa_suite.backend.sampling import Generate, Request, Sampling, seed_of
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import Row, journal, numbered_rows
from mcqa_suite.questions.epfl import EpflReader
from mcqa_suite.questions.prompts import cot, math
from mcqa_suite.questions.question import Question, text_id


@dataclass(frozen=True)
class Prompt:
    """A prompt, its row, and the row's id; without an id, a hash of the prompt."""

    id: str
    text: str
    row: Row


def read_prompts(path: Path) -> list[Prompt]:
    """The prompts of a JSONL file, each once.

    A row has a `prompt`, or is a question in the EPFL format, in GSM8K's, or with `stem` and `choices`. DatasetError for a row of
    another form, and for an id that two prompts have.
    """
    by_id: dict[str, Prompt] = {}
    reader = EpflReader(str(path))
    for number, row in numbered_rows(path):
        try:
            text = _text(row, reader, f"{path.name}:{number}")
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(
                f"{path}:{number}: {error}; expected a 'prompt', or a question with its options or its number"
            ) from error
        prompt = Prompt(str(row.get("id") or text_id(text)), text, row)
        if by_id.setdefault(prompt.id, prompt).text != text:
            raise DatasetError(f"{path}:{number}: id {prompt.id!r} belongs to two prompts; give each prompt its own id")
    reader.warn()
    return list(by_id.values())


def _text(row: Row, reader: EpflReader, where: str) -> str:
    if "prompt" in row:
        if not isinstance(row["prompt"], str) or not row["prompt"].strip():
            raise ValueError("'prompt' is blank or not a string")
        return row["prompt"]
    if "stem" in row:
        return cot(Question("", row["stem"], tuple(row["choices"]), tuple(row["gold"])))
    if "solution" in row or "####" in str(row.get("answer")):
        if not isinstance(row["question"], str):
            raise ValueError("'question' is not a string")
        return math(row["question"])
    return cot(reader.read(row, where))


def sample(prompts: Sequence[Prompt], n: int, settings: Sampling, model: str, generate: Generate, output: Path) -> int:
    """Append the responses that are missing in `output`, `n` for each prompt; returns how many.

    ConfigError where `output` has responses of another model or with other settings.
    """
    if n < 1:
        raise ConfigError(f"--n {n}: expected at least 1")
    made_by = {"model": model, **asdict(settings), "stop": list(settings.stop)}
    data = {prompt.id: {key: value for key, value in prompt.row.items() if key != "prompt"} for prompt in prompts}
    with journal(output, id=str, index=int) as file:
        for row in file.rows[:1]:
            before = row.get("made_by")
            if not isinstance(before, dict):
                raise ConfigError(f"{output}: not a file of responses; choose another --output")
            if changed := [key for key, value in made_by.items() if before.get(key) != value]:
                old, new = before.get(changed[0]), made_by[changed[0]]
                raise ConfigError(
                    f"{output}: holds responses with {changed[0]} {old!r}, not {new!r}; choose another --output"
                )
        sampled = {(row["id"], row["index"]) for row in file.rows}
        requests = [
            Request(prompt.id, index, prompt.text, seed_of(settings.seed, prompt.id, index))
            for prompt in prompts
            for index in range(n)
            if (prompt.id, index) not in sampled
        ]
        done = len(prompts) * n - len(requests)
        bar = tqdm(generate(requests), total=len(prompts) * n, initial=done, unit="response", desc=output.name)
        for request, response in bar:
            row = {"id": request.id, "index": request.index, "prompt": request.prompt, "response": response.text}
            file.append({**row, "finish": response.finish, "made_by": made_by, "data": data[request.id]})
    return len(requests)


def read_responses(path: Path) -> dict[str, list[Row]]:
    """The rows of a file of responses by prompt id, each list by index; DatasetError for a row of another form."""
    by_id: dict[str, dict[int, Row]] = {}
    for number, row in numbered_rows(path, growing=True):
        texts = isinstance(row.get("response"), str) and isinstance(row.get("prompt"), str)
        texts = texts and isinstance(row.get("data") or {}, dict)
        if not texts or row.get("id") in (None, "") or not isinstance(row.get("index", 0), int):
            raise DatasetError(f"{path}:{number}: not a response; expected rows of `mcqa preferences sample`")
        by_id.setdefault(str(row["id"]), {}).setdefault(int(row.get("index", 0)), row)
    return {row_id: [rows[index] for index in sorted(rows)] for row_id, rows in by_id.items()}
