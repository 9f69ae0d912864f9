"""The tokens of training rows and preference pairs, as plain text or as the turns of a conversation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2.exceptions import TemplateError

from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.errors import DatasetError

Row = dict[str, str]


def encode(
    rows: Sequence[Row], key: str, tokenizer: Any, chat: ChatTemplate
) -> list[tuple[list[int], list[int] | None]]:
    """The tokens of each prompt, and of its answer with the end token (None where they cannot be separated).

    `chat` says for each format of a row whether the chat template is applied. An answer that its source cuts ends without it.
    """
    return [
        (prompt, _cut(row, prompt, answer))
        for row, (prompt, answer) in zip(rows, encode_whole(rows, key, tokenizer, chat), strict=True)
    ]


def _cut(row: Row, prompt: list[int], answer: list[int] | None) -> list[int] | None:
    if answer is None or row.get("too_long") != "cut":
        return answer
    return answer[: max(0, int(row["max_tokens"]) - len(prompt))]


def encode_whole(
    rows: Sequence[Row], key: str, tokenizer: Any, chat: ChatTemplate
) -> list[tuple[list[int], list[int] | None]]:
    """`encode` without the cut."""
    encoded: dict[int, tuple[list[int], list[int] | None]] = {}
    for encode_part, way in ((_encode_plain, False), (_encode_turns, True)):
        numbers = [number for number, row in enumerate(rows) if chat[row["format"]] is way]
        part = [rows[number] for number in numbers]
        if part:  # a tokenizer takes no empty batch
            begun, done = encode_part(part, key, tokenizer)
            parted = [_parted(prompt, whole, tokenizer) for prompt, whole in zip(begun, done, strict=True)]
            encoded |= dict(zip(numbers, parted, strict=True))
    return [encoded[number] for number in range(len(rows))]


def answer_keys(row: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of what a row trains: its completion, or both answers of a pair."""
    return ("chosen", "rejected") if "chosen" in row else ("completion",)


def fitted(rows: Sequence[Row], tokenizer: Any, chat: ChatTemplate) -> tuple[list[Row], int, int]:
    """The rows that fit the `max_tokens` of their sources; how many were left out, and how many will be cut.

    A row whose prompt alone is too long is left out in any case.
    """
    limited = [row for row in rows if "max_tokens" in row]
    too_long, cut = set[int](), set[int]()
    for key in answer_keys(limited[0]) if limited else ():
        for row, (prompt, answer) in zip(limited, encode_whole(limited, key, tokenizer, chat), strict=True):
            most, length = int(row["max_tokens"]), len(prompt) + len(answer or [])
            if length > most:
                dropped = row["too_long"] == "drop" or len(prompt) >= most
                (too_long if dropped else cut).add(id(row))
    return [row for row in rows if id(row) not in too_long], len(too_long), len(cut - too_long)


def check_fits(row: Row, prompt: Sequence[int], answer: Sequence[int], limit: int, name: str = "max_length") -> None:
    """DatasetError for a row of more than `limit` tokens; `name` is that of the limit."""
    if len(prompt) + len(answer) <= limit and len(prompt) < limit:
        return
    what = (
        f"the prompt's {len(prompt)} tokens fill"
        if len(prompt) >= limit
        else f"{len(prompt) + len(answer)} tokens do not fit"
    )
    raise DatasetError(
        f"{row['id']}: {what} {name} {limit}; raise it, or leave such rows out with max_tokens: {limit} in the data"
    )


def _encode_plain(rows: Sequence[Row], key: str, tokenizer: Any) -> tuple[list[list[int]], list[list[int]]]:
    """The tokens of the prompts, and of prompts and answers."""
    end = tokenizer.eos_token or ""
    begun = tokenizer([prompt_text(row) for row in rows]).input_ids
    return begun, tokenizer([prompt_text(row) + row[key].removesuffix(end) + end for row in rows]).input_ids


def _encode_turns(rows: Sequence[Row], key: str, tokenizer: Any) -> tuple[list[list[int]], list[list[int]]]:
    """The same as the messages that the harness makes of them."""
    prompts = [_turns(row) for row in _without_refused_system(rows, tokenizer)]
    answers = [[{"role": "assistant", "content": row[key].strip()}] for row in rows]
    wholes = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
    begun = tokenizer.apply_chat_template(prompts, add_generation_prompt=True, return_dict=True)["input_ids"]
    return begun, tokenizer.apply_chat_template(wholes, return_dict=True)["input_ids"]


def _without_refused_system(rows: Sequence[Row], tokenizer: Any) -> list[Row]:
    """The rows without their system message where the chat template has none (Gemma's); the harness leaves it out too."""
    if any("system" in row or "earlier" in row for row in rows):
        try:
            tokenizer.apply_chat_template([{"role": "system", "content": "."}, {"role": "user", "content": "."}])
        except TemplateError:
            return [_without_system(row) for row in rows]
    return list(rows)


def _without_system(row: Row) -> Row:
    turns = [turn for turn in earlier_turns(row) if turn["role"] != "system"]
    earlier = {"earlier": json.dumps(turns)} if turns else {}
    return {key: text for key, text in row.items() if key not in ("system", "earlier")} | earlier


def _parted(prompt: list[int], whole: list[int], tokenizer: Any) -> tuple[list[int], list[int] | None]:
    end = tokenizer.eos_token_id
    if prompt and prompt[-1] == end and whole[: len(prompt)] != prompt:  # some tokenizers end every text with one
        prompt, whole = prompt[:-1], whole[:-1] if whole[-2:] == [end, end] else whole
    return prompt, whole[len(prompt) :] if whole[: len(prompt)] == prompt else None


def _turns(row: Row) -> list[dict[str, str]]:
    turns = [*earlier_turns(row), {"role": "user", "content": row["prompt"]}]
    return [{"role": "system", "content": row["system"]}, *turns] if "system" in row else turns


def prompt_text(row: Mapping[str, str]) -> str:
    """The prompt of a row as plain text, after its instruction and the messages before it.

    Under a chat template `system` is a message of its own, and so is each of the messages.
    """
    return row.get("system", "") + "".join(f"{turn['content']}\n\n" for turn in earlier_turns(row)) + row["prompt"]


def earlier_turns(row: Mapping[str, str]) -> list[dict[str, str]]:
    """The messages of a row before its prompt."""
    turns: list[dict[str, str]] = json.loads(row.get("earlier", "[]"))
    return turns
