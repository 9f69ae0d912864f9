"""Sample several responses to each prompt, and read the files of responses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from mcqa_suite.backend.generation import Generate, Request, Sampling, seed_of
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.journal import journal
from mcqa_suite.common.jsonl import Row, numbered_rows
from mcqa_suite.training_data.preferences.prompts import Prompt


def sample(prompts: Sequence[Prompt], n: int, settings: Sampling, model: str, generate: Generate, output: Path) -> int:
    """Append the responses that are missing in `output`, `n` for each prompt; returns how many.

    ConfigError where `output` has responses of another model or with other settings.
    """
    if n < 1:
        raise ConfigError(f"--n {n}: expected at least 1")
    made_by = {"model": model, **asdict(settings), "stop": list(settings.stop)}
    data = {prompt.id: {key: value for key, value in prompt.row.items() if key != "prompt"} for prompt in prompts}
    with journal(output) as file:
        for row in file.rows[:1]:
            _check_settings(row, made_by, output)
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


def _check_settings(row: Row, made_by: Row, output: Path) -> None:
    before = row.get("made_by")
    if not isinstance(before, dict):
        raise ConfigError(f"{output}: not a file of responses; choose another --output")
    for key, value in made_by.items():
        if before.get(key) != value:
            raise ConfigError(
                f"{output}: holds responses with {key} {before.get(key)!r}, not {value!r}; choose another --output"
            )


def read_responses(path: Path) -> dict[str, list[Row]]:
    """The rows of a file of responses by prompt id, each list by index; DatasetError for a row of another form."""
    by_id: dict[str, dict[int, Row]] = {}
    for number, row in numbered_rows(path, growing=True):
        texts = isinstance(row.get("response"), str) and isinstance(row.get("prompt"), str)
        if not texts or "id" not in row or not isinstance(row.get("index", 0), int):
            raise DatasetError(f"{path}:{number}: not a response; expected rows of `mcqa preferences sample`")
        by_id.setdefault(str(row["id"]), {}).setdefault(int(row.get("index", 0)), row)
    return {row_id: [rows[index] for index in sorted(rows)] for row_id, rows in by_id.items()}
