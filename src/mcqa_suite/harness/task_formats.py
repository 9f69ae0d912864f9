"""How a task asks: its format, and tasks divided by whether the chat template is applied to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcqa_suite.common.chat_template import FORMATS, ChatTemplate, Format

LETTER = re.compile(r"\s*\(?[A-Z]\)?\s*")  # an option's letter, also as "(A)"
QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")  # the options in a Jinja template such as {{['A', 'B']}}
LETTERS = "letter_choices"  # the function of our own letter tasks

Config = Mapping[str, Any]


def format_of(config: Config) -> Format:
    """The format of a task by its YAML: written where text is generated, letter where only letters are scored, else cloze."""
    if config.get("output_type", "generate_until") == "generate_until":  # the harness's default
        return "written"
    choices = config.get("doc_to_choice") or ""
    if isinstance(choices, str):
        texts = [single or double for single, double in QUOTED.findall(choices)]
        return "letter" if choices.endswith(LETTERS) or _are_letters(texts) else "cloze"
    return "letter" if _are_letters(list(map(str, choices))) else "cloze"


def _are_letters(texts: Sequence[str]) -> bool:
    return bool(texts) and all(map(LETTER.fullmatch, texts))


def formats_of(names: Sequence[Any], configs: Mapping[str, Config]) -> list[Format]:
    """The formats of tasks and of the groups among them, each once. A member of a group may be a mapping of its own keys."""
    present = {format_of(config) for name in names for config in _leaves(name, configs)}
    return [format for format in FORMATS if format in present]


def by_template(names: Sequence[Any], chat: ChatTemplate, configs: Mapping[str, Config]) -> dict[bool, list[Any]]:
    """The tasks that are asked without and with the chat template.

    A group whose tasks are asked in both ways gives way to its members.
    """
    parts: dict[bool, list[Any]] = {}
    for name in names:
        ways = {chat[format] for format in formats_of([name], configs)}
        if len(ways) > 1:
            for way, members in by_template(_members(name, configs), chat, configs).items():
                parts.setdefault(way, []).extend(members)
        else:
            parts.setdefault(ways.pop() if ways else False, []).append(name)
    return parts


def _leaves(item: Any, configs: Mapping[str, Config]) -> Iterator[Config]:
    if members := _members(item, configs):
        for member in members:
            yield from _leaves(member, configs)
    elif isinstance(item, str):
        yield configs.get(item, {})
    else:
        yield {**configs.get(str(item.get("task")), {}), **item}


def _members(item: Any, configs: Mapping[str, Config]) -> list[Any]:
    """The members of a group; none for a task."""
    config = configs.get(item, {}) if isinstance(item, str) else item
    members = config.get("task")
    return members if isinstance(members, list) else []
