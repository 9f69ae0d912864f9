"""What a mistake in a YAML file looks like: one line with the place, the value and what is allowed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT, check_keys, parse, read_yaml
from mcqa_suite.common.errors import ConfigError


@dataclass(frozen=True, config=STRICT)
class Wheel:
    inches: float
    spokes: Annotated[int, Field(ge=1)] = 32

    def __post_init__(self) -> None:
        if self.inches > 29:
            raise ValueError(f"inches: {self.inches:g}; no tyre is so large")


@dataclass(frozen=True, config=STRICT)
class Bicycle:
    name: str
    wheels: Annotated[tuple[Wheel, ...], Field(min_length=1)]
    brake: Literal["disc", "rim"] = "disc"
    spare: Wheel | None = None
    notes: dict[str, Any] = dataclasses.field(default_factory=dict)


def read(folder: Path, text: str) -> Bicycle:
    path = folder / "bike.yaml"
    path.write_text(text)
    return parse(Bicycle, read_yaml(path), "bike.yaml")


def test_lists_and_mappings_become_tuples_and_dataclasses(tmp_path):
    bicycle = read(tmp_path, "{name: a, wheels: [{inches: 28}], notes: {rust: [1, 2e-4]}, spare: {inches: 20.5}}")
    assert bicycle == Bicycle("a", (Wheel(28.0),), spare=Wheel(20.5), notes={"rust": [1, 2e-4]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{name: a, wheel: []}", "bike.yaml: unknown key 'wheel'; did you mean 'wheels'?"),
        ("{name: a, wheels: [], zz: 1}", "bike.yaml: unknown key 'zz'; valid keys: brake, name, notes, spare, wheels"),
        (
            "{name: a, wheels: [{inches: 28}, {inchs: 1}]}",
            "bike.yaml: wheels[1]: unknown key 'inchs'; did you mean 'inches'?",
        ),
        ("{name: a, wheels: [{}], spare: {zz: 1}}", "bike.yaml: spare: unknown key 'zz'; valid keys: inches, spokes"),
        ("{wheels: [{inches: 28}]}", "bike.yaml: no 'name'; it is required"),
        ("{name: a, wheels: [{}]}", "bike.yaml: wheels[0]: no 'inches'; it is required"),
        ("{name: a, wheels: []}", "bike.yaml: wheels: empty; give at least 1"),
        ("{name: a, wheels: {inches: 1}}", "bike.yaml: wheels: dict; expected a list"),
        ("{name: a, wheels: [28]}", "bike.yaml: wheels[0]: 28; expected a mapping"),
        ("{name: 1, wheels: [{inches: 28}]}", "bike.yaml: name: 1; expected a valid string"),
        ("{name: a, wheels: [{inches: yes}]}", "bike.yaml: wheels[0]: inches: True; expected a valid number"),
        ("{name: a, wheels: [{inches: '28'}]}", "bike.yaml: wheels[0]: inches: '28'; expected a valid number"),
        ("{name: a, wheels: [{inches: 1, spokes: 0}]}", "bike.yaml: wheels[0]: spokes: 0; expected at least 1"),
        ("{name: a, wheels: [{inches: 30}]}", "bike.yaml: wheels[0]: inches: 30; no tyre is so large"),
        ("{name: a, wheels: [{inches: 1}], brake: foot}", "bike.yaml: brake: 'foot'; expected 'disc' or 'rim'"),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_what_is_allowed(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["{? [1, 2] : 3}", 'name: "\\ud800"', "{1: 2}", "name: 2001-01-01"])
def test_values_that_json_does_not_have_are_one_line(tmp_path, text):
    with pytest.raises(ConfigError, match=r"^[^\n]*bike\.yaml[^\n]*$"):
        read(tmp_path, text)


def test_an_unknown_key_of_a_library_names_the_nearest_valid_one():
    with pytest.raises(ConfigError, match="x: unknown key 'lora_alfa'; did you mean 'lora_alpha'"):
        check_keys({"lora_alfa": 1}, ["r", "lora_alpha"], "x")
