"""The commands that repeat an evaluation: one for each results file, with the settings and the limit that it records."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.common.masking import MASK, SECRET_SETTING
from mcqa_suite.logs.groups import inside_another
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.same_run import run_files

ABSOLUTE = re.compile(r"[/~]|\w+//")  # a path, also after a provider: hf//models/base
SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")


def commands(run: Run) -> list[str]:
    """The commands, in the order of the results files. Of an absolute path only the last part is kept.

    What no file records, such as where the tasks lie, is not in them.
    """
    try:
        settings = read_manifest(run.path).settings
    except CheckpointError:
        settings = {}
    files = sorted(run_files(run.path).files, key=lambda item: (item[0].parent.name, item[0].name))
    return list(dict.fromkeys(command(run.name, path, results, settings) for path, results in files))


def command(name: str, path: Path, results: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """One command; `settings` are those of the evaluation's manifest, where there is one."""
    if "inspect_arguments" in results:
        return _inspect_command(results)
    words = ["mcqa", "eval", *(word for pair in _options(path, results, settings) for word in pair)]
    return shlex.join([*words, "--log_samples", "--output_path", basename(name)])


def _options(path: Path, results: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    config = results.get("config") or {}
    model, arguments = str(config.get("model") or "hf"), model_arguments_text(config.get("model_args"))
    source = str(results.get("model_source") or "hf")
    if not arguments and (model.startswith("/") or ("model_source" in results and model != source)):
        # the ladder loads the model itself and logs its folder
        dtype = settings.get("dtype") or str(config.get("model_dtype") or "").removeprefix("torch.")
        arguments = f"pretrained={basename(model)}" + f",dtype={dtype}" * bool(dtype)
        model = source
    shots = set((results.get("n-shot") or {}).values())
    seeds = [config.get(name) for name in SEEDS]
    metadata = _entry(path, settings).get("metadata")
    values = {
        "--model": model,
        "--model_args": arguments,
        "--tasks": ",".join(_top_tasks(results)),
        "--num_fewshot": str(shots.pop()) if len(shots) == 1 else "",
        "--limit": limit_text(config.get("limit")),
        "--gen_kwargs": _json(config.get("gen_kwargs")),
        "--batch_size": config.get("batch_size") or settings.get("batch_size"),
        "--seed": "" if None in seeds else ",".join(map(str, seeds)),
        "--apply_chat_template": "true" if results.get("chat_template") else "",
        "--fewshot_as_multiturn": "false" if results.get("fewshot_as_multiturn") is False else "",
        "--system_instruction": results.get("system_instruction"),
        "--metadata": _json({key: basename(value) for key, value in metadata.items()} if metadata else None),
    }
    if not results.get("chat_template"):
        del values["--fewshot_as_multiturn"]
        if settings or "chat_template" in results:  # else a checkpoint's manifest would decide
            values["--apply_chat_template"] = "false"
    for option, value in values.items():
        if value not in (None, ""):
            yield option, str(value)


def _entry(path: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry of the plan that a ladder's results file is of: its folder has the entry's number."""
    plan, number = settings.get("plan") or [], path.parent.name
    return plan[int(number)] if number.isdigit() and int(number) < len(plan) else {}


def limit_text(value: Any) -> str:
    """A limit as the command line takes it: 100, .25 of the documents, or Inspect's first-last; "" for none."""
    if isinstance(value, (list, tuple)):
        return "-".join(map(str, value))
    return "" if value is None else f"{float(value):g}"


def _json(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) and value else str(value or "")


def basename(value: object) -> str:
    """The last part of an absolute path; any other text unchanged."""
    text = str(value or "")
    return Path(text).name if ABSOLUTE.match(text) else text


def model_arguments_text(value: Any) -> str:
    """The arguments of a model as the command line takes them, without keys and passwords, which a foreign log may hold."""
    pairs = (
        value.items() if isinstance(value, dict) else [part.partition("=")[::2] for part in str(value or "").split(",")]
    )
    return ",".join(f"{name}={_argument(name, value)}" if value != "" else str(name) for name, value in pairs)


def _argument(name: object, value: object) -> str:
    return MASK if SECRET_SETTING.fullmatch(str(name)) else basename(value)


def _top_tasks(results: Mapping[str, Any]) -> Sequence[str]:
    """The groups of a results file that are in no other group, then the tasks that are in no group."""
    groups = {name: frozenset(members) for name, members in (results.get("group_subtasks") or {}).items() if members}
    members, inside = frozenset[str]().union(*groups.values()), inside_another(groups)
    tops = [name for name in groups if name not in inside and name not in members]
    return [*tops, *(task for task in results.get("configs") or {} if task not in members)]


def _inspect_command(results: Mapping[str, Any]) -> str:
    [(task, config)] = results["configs"].items()
    arguments = [f"-T {name}={basename(value)}" for name, value in results["inspect_arguments"].items()]
    epochs = [f"--epochs {config['repeats']}"] if config["repeats"] > 1 else []
    limit = limit_text((results.get("config") or {}).get("limit"))
    limits = [f"--limit {limit}"] if limit else []
    return " ".join(["inspect eval", task, "--model", basename(results["model_name"]), *arguments, *epochs, *limits])
