"""Read YAML files into pydantic dataclasses; the error for an unknown key or a wrong value is one line."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import json
import math
import re
import typing
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.files import opened

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid", strict=True)  # for dataclasses that are read from a user's file
# What the library's constructors let through for 2001-99-99, `!!bool maybe`, `!!timestamp x`.
YAML_ERRORS = (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError)
MOST_VALUES, MOST_CHARACTERS, MOST_DEPTH = 100_000, 1_000_000, 100  # limits of a YAML file
LARGEST = 2**63  # above every number of a setting
Seed = Annotated[int, Field(ge=0, lt=2**32)]


MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 2e-4 as a number (YAML 1.1 makes it a string) and refuses a key given twice.

    A merge key (`<<: *defaults`, `<<: [*one, *other]`) adds the keys that a mapping does not have itself.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._flat: set[int] = set()  # ids of the nodes that are checked and merged
        self._merged = 0  # keys that merging has copied

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Check the keys of a mapping and put the merged ones before them, each key once. PyYAML calls this for every one."""
        if id(node) in self._flat:
            return
        self._flat.add(id(node))
        merges = [(key, value) for key, value in node.value if key.tag == MERGE]
        node.value = own = [(key, value) for key, value in node.value if key.tag != MERGE]
        keys: set[Any] = set()
        for key, _ in own:
            if (name := self._key(key)) in keys:
                raise _yaml_error(f"key {name!r} given twice", key)
            keys.add(name)
        if len(merges) > 1:
            raise _yaml_error("key '<<' given twice; write one with a list, <<: [*one, *other]", merges[1][0])
        node.value = [pair for key, value in merges for pair in self._pairs(key, value, keys)] + own

    def _pairs(self, merge: yaml.Node, value: yaml.Node, keys: set[Any]) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The keys and values to merge, without those in `keys`; of equal keys the first counts."""
        listed = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in {id(source): source for source in listed}.values():
            if not isinstance(source, yaml.MappingNode):
                raise _yaml_error(
                    "'<<' merges something else than a mapping; give <<: *name or <<: [*one, *other]", merge
                )
            self.flatten_mapping(source)
            self._merged += len(source.value)
            if self._merged > MOST_VALUES:
                raise _yaml_error(f"'<<' merges more than {MOST_VALUES:,} keys; write the values out", merge)
            for key, content in source.value:
                if (name := self._key(key)) not in keys:
                    keys.add(name)
                    yield key, content

    def _key(self, node: yaml.Node) -> Any:
        name = self.construct_object(node, deep=True)
        if not isinstance(name, Hashable):
            raise _yaml_error(f"a {type(name).__name__} as a key", node)
        return name


def _yaml_error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    """A whole number; YAML 1.1 would read 1:30 as 90."""
    if ":" in node.value:
        raise _yaml_error(
            f"{node.value} is a number to the base of 60 in YAML; write it in quotes, or without colons", node
        )
    return int(loader.construct_yaml_int(node))


def _real(loader: _Loader, node: yaml.ScalarNode) -> float:
    """A number; YAML 1.1 would read 1:30.5 as 90.5."""
    return _integer(loader, node) if ":" in node.value else float(loader.construct_yaml_float(node))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return dict(loader.construct_mapping(node, deep=True))


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _real)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; ConfigError names the file and the line."""
    try:
        with opened(path) as stream:
            text = stream.read(4 * MOST_CHARACTERS + 1).decode("utf-8")
        check_extent(text)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a YAML file") from error
    except YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{path}{line}: not valid YAML: {problem}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, not {type(content).__name__}")
    if _values_in(content, {}) > MOST_VALUES:
        raise ConfigError(f"{path}: aliases expand it to more than {MOST_VALUES:,} values; write the values out")
    _check_numbers(content, str(path))
    return content


def _check_numbers(value: Any, where: str) -> None:
    """ConfigError for a number that no setting can be: NaN, infinite, or of more digits than a computer's integers."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            _check_numbers(item, f"{where}[{key}]" if isinstance(value, list) else f"{where}: {key}")
    elif isinstance(value, int | float) and not -LARGEST < value < LARGEST:  # nor is NaN
        raise ConfigError(f"{where}: {str(value)[:40]}; expected a finite number below 2^63")


def check_extent(text: str) -> None:
    """ValueError for text that is too long or too deeply nested: parsing time grows with the square of the open brackets."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"more than {MOST_CHARACTERS:,} characters")
    signs = (1 if sign in "[{" else -1 for sign in re.findall(r"[\[\]{}]", text))
    if max(itertools.accumulate(signs), default=0) > MOST_DEPTH:
        raise ValueError(f"brackets nested more than {MOST_DEPTH} deep")


def _values_in(content: Any, counts: dict[int, float]) -> float:
    """The number of values in a file with every alias expanded; infinite where an alias contains itself."""
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in counts:
        counts[id(content)] = math.inf  # seen again before the sum below is done: an alias inside its own value
        items = content.values() if isinstance(content, dict) else content
        counts[id(content)] = 1 + sum(_values_in(item, counts) for item in items)
    return counts[id(content)]


def parse(cls: type[T], mapping: Any, where: str) -> T:
    """Make an instance of the pydantic dataclass `cls`; ConfigError names `where`, the key, its value and what is allowed."""
    try:
        text = json.dumps(mapping, default=str)
    except (TypeError, RecursionError) as error:
        raise ConfigError(f"{where}: {error}") from error
    return parse_json(cls, text, where)


def parse_json(cls: type[T], text: str | bytes, where: str) -> T:
    """`parse` from JSON text, where strict types accept a list as a tuple and an object as a dataclass."""
    try:
        return TypeAdapter(cls).validate_json(text)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        # An unknown key first: it is often the misspelled name of a missing one.
        problem = min(problems, key=lambda problem: problem["type"] != "unexpected_keyword_argument")
        raise ConfigError(_one_line(problem, cls, where)) from error


def check_keys(mapping: Mapping[str, Any], valid: Iterable[str], where: str) -> None:
    """ConfigError for the first key of `mapping` that is not `valid`."""
    names = sorted(valid)
    for key in mapping:
        if key not in names:
            raise ConfigError(f"{where}: {_unknown_key(key, names)}")


def _unknown_key(key: object, valid: list[str]) -> str:
    near = difflib.get_close_matches(str(key), valid, n=1, cutoff=0.5)
    return f"unknown key {key!r}; " + (f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(valid)}")


def _one_line(problem: Any, cls: type, where: str) -> str:
    """A problem that pydantic reports, as one line with its path in the file."""
    kind, location, value, message = (problem[key] for key in ("type", "loc", "input", "msg"))
    parent, path = _place(where, location[:-1]), _place(where, location)
    if kind == "unexpected_keyword_argument":
        return f"{parent}: {_unknown_key(location[-1], _keys(cls, location[:-1]))}"
    if kind == "missing":
        return f"{parent}: no {location[-1]!r}; it is required"
    if kind == "value_error":
        return f"{path}: {problem['ctx']['error']}"
    if kind == "too_short":
        return f"{path}: empty; give at least {problem['ctx']['min_length']}"
    if kind == "json_invalid":
        return f"{path}: {message}"
    shown = repr(value)[:80] if isinstance(value, str | int | float) else type(value).__name__
    expected = message.removeprefix("Input should be ").replace("greater than or equal to", "at least")
    expected = expected.replace("valid array", "list").replace("an object", "a mapping")
    return f"{path}: {shown}; expected {expected}"


def _place(where: str, location: Iterable[str | int]) -> str:
    return where + "".join(f"[{part}]" if isinstance(part, int) else f": {part}" for part in location)


def _keys(cls: Any, location: Iterable[str | int]) -> list[str]:
    """The fields of the dataclass at `location` inside `cls`."""
    for part in location:
        if isinstance(part, str):
            cls = _dataclass_in(typing.get_type_hints(cls)[part])
    return sorted(field.name for field in dataclasses.fields(cls))


def _dataclass_in(hint: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        return hint
    return next(filter(None, map(_dataclass_in, typing.get_args(hint))), None)
