"""A recipe whose base is a GGUF file: converted into the run folder, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.gguf_files import write_gguf
from helpers.stage_scripts import ladder_context

from mcqa_suite.backend import gguf_conversion
from mcqa_suite.common.chat_template import DEFAULT, WITHOUT
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import content_hash, read_manifest
from mcqa_suite.ladder.context import LadderContext
from mcqa_suite.ladder.gguf_base import convert_base
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.stages import record_base
from mcqa_suite.ladder.store import Store, inputs_of

RECIPE = "name: small\nbase: {base}\n"


@pytest.fixture
def convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Convert the base of a recipe with these keys, in this process."""

    def run_process(self: LadderContext, command: list[str], *_: object) -> None:
        assert command[:2] == ["-m", gguf_conversion.__name__]
        assert gguf_conversion.main(command[2:]) == 0

    monkeypatch.setattr(LadderContext, "run_process", run_process)
    (tmp_path / "models").mkdir()
    write_gguf(tmp_path / "models" / "tiny.gguf")
    return lambda more="", base="models/tiny.gguf": convert_base(
        ladder_context(tmp_path, RECIPE.format(base=base) + more)
    )


def test_the_path_of_the_file_is_relative_to_the_recipe(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.gguf").write_bytes(b"GGUF")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base="models/tiny.gguf"))
    assert read_recipe(tmp_path / "recipe.yaml").base == str(tmp_path / "models" / "tiny.gguf")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base="smollm2-135m-instruct"))
    assert read_recipe(tmp_path / "recipe.yaml").base == "smollm2-135m-instruct"


def test_the_base_is_converted_once_and_again_where_file_or_dtype_changed(tmp_path, convert):
    first = convert()
    assert first.rung.checkpoint == tmp_path / "checkpoints" / "base"
    assert first.status.startswith("tiny.gguf, dequantised from Q8_0  ")
    assert first.rung.manifest.content == content_hash(first.rung.checkpoint)
    assert first.rung.manifest.size.bits_per_weight == 16.0
    assert first.rung.manifest.chat_template == DEFAULT  # as any base with a template
    assert convert().status == "tiny.gguf, dequantised from Q8_0  unchanged"

    float16 = convert("save_dtype: float16\n")
    assert float16.status.endswith("(save_dtype: bfloat16 -> float16)")
    assert float16.rung.manifest.size.stored == "float16"
    write_gguf(tmp_path / "models" / "tiny.gguf", quantisation="Q4_0")
    again = convert("save_dtype: float16\n")
    assert "gguf.sha256: " in again.status
    assert again.rung.manifest.settings["gguf"]["quantisation"] == "Q4_0"
    assert again.rung.manifest.content != float16.rung.manifest.content


def test_whether_the_base_is_asked_with_its_template_follows_the_recipe_without_a_new_conversion(convert):
    assert convert().rung.manifest.chat_template == DEFAULT
    again = convert("chat_template: false\n")
    assert again.status.endswith("unchanged")
    assert again.rung.manifest.chat_template == WITHOUT


def test_a_broken_file_stops_the_run_in_one_line_with_the_recipe(tmp_path, convert):
    path = tmp_path / "models" / "tiny.gguf"
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(CheckpointError, match=r"recipe\.yaml: base: .*tiny\.gguf: truncated"):
        convert()
    with pytest.raises(CheckpointError, match=r"recipe\.yaml: base: models/none\.gguf: no such file"):
        convert(base="models/none.gguf")


def test_weights_of_a_converted_base_do_not_stay_beside_the_manifest_of_another(tmp_path, convert, tiny_checkpoint):
    convert()
    base = record_base(ladder_context(tmp_path, RECIPE.format(base=tiny_checkpoint)))
    assert [path.name for path in (tmp_path / "checkpoints" / "base").iterdir()] == ["manifest.json"]
    assert base.checkpoint == tiny_checkpoint


def test_a_worker_downloads_the_converted_base_from_the_store(tmp_path, convert):
    rung = convert().rung
    here, elsewhere = (Store(f"file://{tmp_path}/store", folder) for folder in (tmp_path, tmp_path / "elsewhere"))
    ((name, content),) = inputs_of(rung)
    assert not elsewhere.download(name, content)  # as for a base that every machine has
    here.upload(name)
    assert elsewhere.download(name, content)
    assert read_manifest(tmp_path / "elsewhere" / name) == rung.manifest
