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


MERGED = """
wheel: &wheel {inches: 28, spokes: 24}
strong: &strong
  <<: *wheel
  spokes: 36
both: {<<: [*strong, {spokes: 1, rim: 2}], hub: 3}
quoted: {"<<": 4}
"""


def test_merge_keys_add_what_a_mapping_does_not_say_itself(tmp_path):
    path = tmp_path / "merged.yaml"
    path.write_text(MERGED)
    content = read_yaml(path)
    assert content["strong"] == {"inches": 28, "spokes": 36}
    assert content["both"] == {"inches": 28, "spokes": 36, "rim": 2, "hub": 3}
    assert content["quoted"] == {"<<": 4}
    assert read(tmp_path, "spare: &w {inches: 28}\nwheels: [{<<: *w, spokes: 8}]\nname: a").wheels == (Wheel(28.0, 8),)


def test_merging_does_not_depend_on_which_mapping_is_read_first(tmp_path):
    """The root merges `b` before it reads `a` and `b`, whose own keys must not look as if they were given twice."""
    path = tmp_path / "root.yaml"
    path.write_text("a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\n<<: *b\n")
    assert read_yaml(path) == {"a": {"x": 1, "y": 1}, "b": {"x": 2, "y": 1}, "x": 2, "y": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", ":3: not valid YAML: key 'a' given twice"),
        ("x: &x {k: 1}\ny:\n  <<: *x\n  k: 2\n  k: 3", ":5: not valid YAML: key 'k' given twice"),
        ("x: &x {k: 1}\ny:\n  <<: *x\n  <<: *x", ":4: not valid YAML: key '<<' given twice; write one with a list"),
        ("x: &x 1\ny:\n  <<: *x", ":3: not valid YAML: '<<' merges something else than a mapping"),
        ("y: {<<: [1]}", ":1: not valid YAML: '<<' merges something else than a mapping"),
        ("y: &y {<<: *y, a: {b: *y}}", ":1: not valid YAML: found unconstructable recursive node"),
        ("y: {<<: *z}", ":1: not valid YAML: found undefined alias"),
        ("{? [1, 2] : 3}", ":1: not valid YAML: a list as a key"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "keys.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"^[^\n]*keys\.yaml[^\n]*$") as caught:
        read_yaml(path)
    assert message in str(caught.value)


def test_merging_stays_small(tmp_path):
    """Each mapping merges the one before and adds a key: 2,000 of them are two million keys."""
    path = tmp_path / "chain.yaml"
    path.write_text("m0: &m0 {k0: 0}\n" + "".join(f"m{i}: &m{i} {{<<: *m{i - 1}, k{i}: 0}}\n" for i in range(1, 2000)))
    with pytest.raises(ConfigError, match="'<<' merges more than 100,000 keys"):
        read_yaml(path)


def test_an_unknown_key_of_a_library_names_the_nearest_valid_one():
    with pytest.raises(ConfigError, match="x: unknown key 'lora_alfa'; did you mean 'lora_alpha'"):
        check_keys({"lora_alfa": 1}, ["r", "lora_alpha"], "x")
