"""How `mcqa eval` asks: each task as the checkpoint's manifest says for its format.

The harness applies the chat template to all tasks of a call or to none, so this may take two calls.
"""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from mcqa_suite.backend import processes
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.evaluation import upstream
from mcqa_suite.harness.task_formats import by_template, formats_of
from mcqa_suite.harness.tasks import listed

CHAT = "apply_chat_template"


def calls_of(
    settings: Mapping[str, Any], checkpoint: str, recorded: ChatTemplate | None, available: bool
) -> list[dict[str, Any]]:
    """How the checkpoint is asked in each call: as the flag says, else as its manifest has `recorded`, and one line says how."""
    setting = _flag(settings.get(CHAT))
    if setting is not None:
        if recorded and recorded.differences(ChatTemplate.everywhere(bool(setting))):
            _say(f"warning: --{CHAT}: the manifest of {checkpoint} says: {recorded}")
        return [{CHAT: setting}] if isinstance(setting, bool) else [{}]
    if recorded is None:
        return [{}]
    chat, parts = recorded, {recorded["written"]: list(settings["tasks"])}
    if not isinstance(recorded.as_json(), bool):  # not one way for all
        names = _names(settings["tasks"])
        configs = _configs(names, settings)
        chat, parts = recorded.among(formats_of(names, configs)), by_template(names, recorded, configs)
    if available or any(parts):
        _say(f"{checkpoint} is asked as its manifest says: {chat} (--{CHAT} true or false: all alike)")
    if len(parts) < 2:
        return [{CHAT: True} if any(parts) else {}]
    return [{CHAT: way, "tasks": _listed(part)} for way, part in sorted(parts.items())]


def _listed(names: Sequence[Any]) -> str:
    """The value of `--tasks`; ConfigError for a member of a group that has no name of its own."""
    if inline := [member.get("task") for member in names if not isinstance(member, str)]:
        raise ConfigError(
            f"--tasks: {inline[0]} is part of a group that is asked in two ways; give tasks of one format, or --{CHAT}"
        )
    return ",".join(names)


def _names(words: Sequence[str]) -> list[str]:
    """The names of tasks, with this suite's in place of a pattern such as mcqa_arc_*."""
    names = [fnmatch.filter(listed(), word) if re.match(r"mcqa_\w*[*?]", word) else [word] for word in words]
    return list(dict.fromkeys(chain.from_iterable(names)))


def _configs(names: Sequence[str], settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The YAML of each task and group, from the harness's own index where `names` has others than this suite's."""
    configs: dict[str, Any] = listed()
    if all(name in configs for name in names):
        return configs
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._yaml_loader import load_yaml

    index = TaskManager(include_path=settings.get("include_path")).task_index
    for name, entry in index.items():
        configs.setdefault(name, entry.cfg or {"task": sorted(entry.tags)})
    files = [name for name in names if name.endswith(".yaml") and Path(name).is_file()]
    return configs | {name: load_yaml(name, resolve_func=False) for name in files}


@contextmanager
def one_model() -> Iterator[None]:
    """Let the harness's calls share the model that the first of them loads."""
    from lm_eval.api import model

    if upstream.reuses_models():
        with model.reuse_models():
            yield
        return
    load = vars(model.LM)[
        "create_from_arg_obj"
    ]  # not model.LM.create_from_arg_obj, which would make every later model a bare LM
    models: list[Any] = []

    def loaded(cls: Any, *words: Any, **keys: Any) -> Any:
        if not models:
            models.append(load.__func__(cls, *words, **keys))
        return models[0]

    model.LM.create_from_arg_obj = classmethod(loaded)
    try:
        yield
    finally:
        model.LM.create_from_arg_obj = load


def _flag(value: Any) -> bool | str | None:
    """The flag's value as a boolean, as the harness reads its other flags; the name of a template stays as it is."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    return None if value is None else words.get(str(value).lower(), str(value))


def _say(line: str) -> None:
    if processes.is_main():
        print(f"mcqa: {line}", file=sys.stderr)
