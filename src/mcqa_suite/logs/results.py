"""The content of a results file of lm_eval or of a log of Inspect, and what another JSON file is instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.files import read_bytes
from mcqa_suite.common.json_text import loads
from mcqa_suite.logs.inspect_logs import inspect_results, is_inspect_log
from mcqa_suite.logs.printed_values import number

Results = dict[str, Any]
MAPPINGS_OF_MAPPINGS = ("configs", "results", "groups", "n-samples")  # by task or group
SAMPLES = "samples"  # what `simple_evaluate` returns has the samples inside, by task


class OtherFormError(DatasetError):
    """A results file of another tool, or of a release of lm_eval whose results hold too little."""


def load_results(path: Path) -> Results:
    """The content of a results file, without null values and with the names alone of the tasks that have `samples` inside.

    Printed numbers are numbers. OtherFormError for another tool's file, DatasetError for a broken one.
    """
    content = inspect_results(path) if is_inspect_log(path) else load_json(path)
    content = {name: value for name, value in content.items() if value is not None}
    if "configs" not in content:
        raise OtherFormError(f"{path}: {_other_form(content)}; give results of lm_eval 0.4.0 or newer")
    content[SAMPLES] = tuple(samples_inside(content))
    try:
        _check_form(content)
    except TypeError as error:
        raise _broken(path, error) from error
    for section in ("results", "groups"):
        for values in content.get(section, {}).values():
            values |= {key: number(text) for key, text in values.items() if _is_printed_score(key, text)}
    return content


def samples_inside(content: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The samples that the content of a results file holds, by task."""
    samples = content.get(SAMPLES)
    rows = samples.items() if isinstance(samples, dict) else ()
    return {task: of_task for task, of_task in rows if isinstance(of_task, list)}


def load_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, with or without a byte order mark; DatasetError where there is none."""
    try:
        content = loads(read_bytes(path))
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; give the results file, or its folder") from error
    except (ValueError, RecursionError) as error:
        raise _broken(path, error) from error
    if not isinstance(content, dict):
        raise _broken(path, f"a {type(content).__name__}, not an object")
    return content


def _broken(path: Path, reason: object) -> DatasetError:
    return DatasetError(f"{path}: broken results ({reason}); was the run cut off? Run it again")


def _is_printed_score(key: str, value: Any) -> bool:
    return "," in key and isinstance(value, str) and number(value) is not None


def _other_form(content: Results) -> str:
    """What a JSON file without `configs` is, in words."""
    results = content.get("results")
    if isinstance(results, dict) and "versions" in content:
        return "results of lm_eval 0.3, which does not record how its tasks were asked"
    if isinstance(results, dict):
        return "results of another tool, such as evalchemy, without the settings of the tasks"
    return f"not results of lm_eval (it holds {', '.join(list(content)[:4]) or 'nothing'})"


def _check_form(results: Results) -> None:
    """Raise TypeError for content that is not a results file of the harness."""
    for name in (*MAPPINGS_OF_MAPPINGS, "group_subtasks", "versions", "n-shot", "config"):
        if not isinstance(results.get(name, {}), dict):
            raise TypeError(f"{name} is not a mapping")
    for name in MAPPINGS_OF_MAPPINGS:
        if not all(isinstance(value, dict) for value in results.get(name, {}).values()):
            raise TypeError(f"{name} has a value that is not a mapping")
    for members in results.get("group_subtasks", {}).values():
        if not (isinstance(members, list) and all(isinstance(member, str) for member in members)):
            raise TypeError("group_subtasks has a value that is not a list of names")
    counts = [config.get("num_fewshot") for config in results["configs"].values()]
    counts += [
        *results.get("n-shot", {}).values(),
        *(n.get("effective") for n in results.get("n-samples", {}).values()),
    ]
    if not all(count is None or (isinstance(count, int) and count >= 0) for count in counts):
        raise TypeError("a count of examples or samples is not a whole number")
