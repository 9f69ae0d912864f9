"""YAML files into frozen dataclasses: a key that nobody reads is an error, with the nearest known key beside it."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mcqa_suite.common.errors import ConfigError

T = TypeVar("T")
MOST_VALUES, MOST_CHARACTERS, MOST_DEPTH = 100_000, 1_000_000, 100  # of a YAML file


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 2e-4 as a number (YAML 1.1 makes it a string) and refuses a key given twice."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)


def _mapping_without_repeats(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise yaml.MarkedYAMLError(
                problem=f"key {key!r} given twice", problem_mark=node.value[number][0].start_mark
            )
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping_without_repeats)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; ConfigError names the file and the line."""
    try:
        text = path.read_text(encoding="utf-8")
        _check_extent(text)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a YAML file") from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        # The library's constructors raise whatever they stumble over: 2001-99-99, `!!bool maybe`, `!!timestamp x`.
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{path}{line}: not valid YAML: {problem}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, found {type(content).__name__}")
    if _values_in(content, {}) > MOST_VALUES:
        raise ConfigError(f"{path}: aliases make more than {MOST_VALUES:,} values of it; write out what is meant")
    return content


def _check_extent(text: str) -> None:
    """ValueError for what would keep the parser busy for seconds: its time grows with the square of the open brackets."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"more than {MOST_CHARACTERS:,} characters")
    signs = (1 if sign in "[{" else -1 for sign in re.findall(r"[\[\]{}]", text))
    if max(itertools.accumulate(signs), default=0) > MOST_DEPTH:
        raise ValueError(f"more than {MOST_DEPTH} brackets inside each other")


def _values_in(content: Any, known: dict[int, float]) -> float:
    """How many values a file holds with every alias written out, infinite where one holds itself: few lines can mean
    billions, which nothing may walk through."""
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in known:
        known[id(content)] = math.inf  # until it is counted: an alias that meets it is inside it
        items = content.values() if isinstance(content, dict) else content
        known[id(content)] = 1 + sum(_values_in(item, known) for item in items)
    return known[id(content)]


def check_keys(mapping: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """ConfigError for the first key of `mapping` that is not `known`."""
    names = sorted(known)
    for key in mapping:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(names)}"
            raise ConfigError(f"{where}: unknown key {key!r}; {hint}")


def build(cls: type[T], mapping: Any, where: str) -> T:
    """An instance of the dataclass `cls`, every key and type checked; `where` is the file and the place in it."""
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{where}: expected a mapping, found {_shown(mapping)}")
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    check_keys(mapping, fields, where)
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in mapping:
            raise ConfigError(f"{where}: no {name!r}; it has to be given")
    hints = typing.get_type_hints(cls)
    values = {name: convert(value, hints[name], f"{where}: {name}") for name, value in mapping.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def convert(value: Any, hint: Any, where: str) -> Any:
    """`value` as `hint` has it: lists become tuples, whole numbers floats, mappings dataclasses; else ConfigError."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return convert(value, next(arg for arg in args if arg is not type(None)), where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: expected a list, found {_shown(value)}")
        return tuple(convert(item, args[0], f"{where}[{number}]") for number, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = origin or hint
    if expected is not Any and (not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool)):
        raise ConfigError(f"{where}: expected {expected.__name__}, found {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    return f"{type(value).__name__} {value!r}" if isinstance(value, str | int | float) else type(value).__name__
