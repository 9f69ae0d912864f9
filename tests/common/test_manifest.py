import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mcqa_suite.common.checkpoints import checkpoint_size, tensor_entries
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import (
    Data,
    Manifest,
    Parent,
    Size,
    complete_folder,
    content_hash,
    hardware,
    read_manifest,
    versions,
    write_manifest,
)


def make_manifest(content: str = "c0ffee") -> Manifest:
    return Manifest(
        kind="sft",
        name="sft",
        parent=Parent("base", "abc"),
        settings={"lora": {"r": 8}},
        content=content,
        seed=0,
        hardware=hardware(),
        seconds=1.5,
        data=(Data("generated", 3, "123"),),
        versions=versions("pyyaml"),
        size=Size(10, 32.0, 400),
    )


def checkpoint(folder: Path, **config: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"hidden_size": 64, **config}))
    (folder / "model.safetensors").write_bytes(tensors(weight=("F32", [2, 4], 32)))
    return folder


def tensors(**entries: tuple[str, list[int], int]) -> bytes:
    """A safetensors file: the header's length, the header, the bytes."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, n) in entries.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + n]}
        end += n
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


def test_a_manifest_reads_back_as_it_was_written(tmp_path):
    write_manifest(tmp_path, make_manifest())
    assert read_manifest(tmp_path) == make_manifest()


def test_a_manifest_reads_back_whatever_its_settings_hold(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    settings = {
        "by number": {10: "ten", 9: "nine"},
        "url": "?token=hf_abcdefgh",
        "odd": "\u2028",
        "loss": math.nan,
    }
    write_manifest(tmp_path, replace(make_manifest(), settings=settings, metrics={"large": 10**400}))
    assert read_manifest(tmp_path).settings["by number"] == {"10": "ten", "9": "nine"}
    assert "hf_abcdefgh" not in (tmp_path / "manifest.json").read_text()


def test_a_folder_without_a_manifest_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="not made by a stage"):
        read_manifest(tmp_path)


def test_a_manifest_of_version_0_1_0_is_read(tmp_path):
    shutil.copy(Path(__file__).with_name("manifest_0.1.0.json"), tmp_path / "manifest.json")
    manifest = read_manifest(tmp_path)
    assert (manifest.mcqa_suite, manifest.kind, manifest.parent.name) == ("0.1.0", "dpo", "sft")
    assert manifest.data == (
        Data("generated", 1200, "63597f574d116e0dcbf559cbf1fab8ec9a2f43f1f0b6c9737c88d90cff228415"),
    )
    assert manifest.settings["trainer"]["learning_rate"] == 1e-4
    assert manifest.size.bits_per_weight == 32.0


def test_a_manifest_of_a_newer_version_is_read_and_its_new_keys_are_ignored(tmp_path):
    write_manifest(tmp_path, make_manifest())
    content = json.loads((tmp_path / "manifest.json").read_text())
    del content["checksum"]
    content |= {"schema": 99, "energy": {"joule": 3}, "hardware": {**content["hardware"], "memory": 1}}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    assert read_manifest(tmp_path) == replace(make_manifest(), schema=99)


@pytest.mark.parametrize("number", ["1.50", "1.4"])
def test_a_number_that_was_changed_is_not_read(tmp_path, number):
    write_manifest(tmp_path, make_manifest())
    text = (tmp_path / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(text.replace('"seconds": 1.5', f'"seconds": {number}'))
    if float(number) == 1.5:
        assert read_manifest(tmp_path) == make_manifest()
    else:
        with pytest.raises(
            CheckpointError, match=r"manifest\.json: changed since it was written \(checksum\); rerun, or"
        ):
            read_manifest(tmp_path)


def test_a_manifest_without_a_required_key_is_one_line(tmp_path):
    (tmp_path / "manifest.json").write_text('{"kindd": "sft"}')
    with pytest.raises(CheckpointError, match=r"manifest\.json: no 'kind'; it is required: not a manifest; make the"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["[" * 3000, "[]", "\xff", '{"kind": 1}'])
def test_an_invalid_manifest_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match="not a manifest") as refused:
        read_manifest(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", [b'{"a"', b"\xff", b"[" * 3000])
def test_a_config_that_is_not_json_is_hashed_byte_by_byte(tmp_path, text):
    folder = checkpoint(tmp_path / "a")
    (folder / "config.json").write_bytes(text)
    before = content_hash(folder)
    (folder / "config.json").write_bytes(text + b" ")
    assert content_hash(folder) != before


HEADERS = {
    "nothing": b"",
    "short": b"\x08",
    "no json": (2).to_bytes(8, "little") + b"{]",
    "deep": (3000).to_bytes(8, "little") + b"[" * 3000,
    "a list": (2).to_bytes(8, "little") + b"[]",
    "no offsets": (22).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}} ',
    "words": (60).to_bytes(8, "little") + b'{"w":{"dtype":"F32","shape":["x"],"data_offsets":[0,0]}}'.ljust(60),
    "longer than the file": (1 << 63).to_bytes(8, "little") + b"{}",
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_a_broken_tensor_file_is_refused_in_one_line(tmp_path, content):
    folder = checkpoint(tmp_path / "a")
    (folder / "model.safetensors").write_bytes(content)
    for read in (tensor_entries, checkpoint_size):
        with pytest.raises(CheckpointError, match="broken or incomplete"):
            read(folder)


@pytest.mark.parametrize("name", ["manifest.json", "README.md", "train.log", "quant_log.csv", ".cache.json"])
def test_logs_and_manifests_do_not_change_the_content(tmp_path, name):
    before = content_hash(checkpoint(tmp_path / "a"))
    (tmp_path / "a" / name).write_text("{}")
    assert content_hash(tmp_path / "a") == before


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"])
def test_weights_config_and_tokenizer_change_the_content(tmp_path, name):
    before = content_hash(checkpoint(tmp_path / "a"))
    (tmp_path / "a" / name).write_text('{"changed": 1}')
    assert content_hash(tmp_path / "a") != before


def test_temporary_paths_and_the_folder_do_not_change_the_content(tmp_path):
    meta = {"quantization_config": {"bits": 4, "meta": {"offload_to_disk_path": "/tmp/x"}}}
    other = {"quantization_config": {"bits": 4, "meta": {"offload_to_disk_path": "/tmp/y"}}}
    assert content_hash(checkpoint(tmp_path / "a", **meta)) == content_hash(checkpoint(tmp_path / "b", **other))


def test_the_note_whether_the_hub_was_reachable_does_not_change_the_content(tmp_path):
    hashes = set()
    for name in ("online", "offline"):
        folder = checkpoint(tmp_path / name)
        (folder / "tokenizer_config.json").write_text(json.dumps({"local_files_only": name == "offline", "eos": "x"}))
        hashes.add(content_hash(folder))
    assert len(hashes) == 1


def test_an_empty_folder_has_no_content(tmp_path):
    with pytest.raises(CheckpointError, match="no weights"):
        content_hash(tmp_path)


def test_bits_per_weight_count_every_stored_tensor_over_the_parents_parameters(tmp_path):
    parent = checkpoint(tmp_path / "parent")
    assert checkpoint_size(parent).bits_per_weight == 32.0
    child = checkpoint(tmp_path / "child")
    packed = {"w.qweight": ("I32", [1, 1], 4), "w.scales": ("F16", [1, 1], 2), "w.g_idx": ("I32", [1], 4)}
    (child / "model.safetensors").write_bytes(tensors(**packed))
    size = checkpoint_size(child, parent)
    assert (size.parameters, size.bits_per_weight) == (8, 10.0)
    assert size.bytes_on_disk == sum(path.stat().st_size for path in child.iterdir())


def test_the_parameters_of_a_quantised_base_cannot_be_counted(tmp_path):
    base = checkpoint(tmp_path / "base")
    (base / "model.safetensors").write_bytes(tensors(**{"w.qweight": ("I32", [1], 4), "w.scales": ("F16", [1], 2)}))
    assert checkpoint_size(base) is None


def test_a_folder_appears_only_when_it_is_complete(tmp_path):
    target = tmp_path / "out"
    with complete_folder(target) as folder:
        write_manifest(folder, make_manifest())
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_keeps_the_old_folder(tmp_path):
    target = tmp_path / "out"
    with complete_folder(target) as folder:
        write_manifest(folder, make_manifest("old"))
    with pytest.raises(KeyboardInterrupt), complete_folder(target) as folder:  # noqa: PT012
        write_manifest(folder, make_manifest("new"))
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert read_manifest(target).content == "old"


def test_the_partial_folder_of_a_killed_process_is_deleted(tmp_path):
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "model.safetensors").write_text("half")
    with complete_folder(tmp_path / "out") as folder:
        assert not any(folder.iterdir())
        write_manifest(folder, make_manifest())
    assert read_manifest(tmp_path / "out") == make_manifest()


def test_a_folder_that_no_stage_made_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match="was not made by a stage"), complete_folder(tmp_path):
        pass
    assert (tmp_path / "thesis.tex").exists()


def test_a_link_to_another_disk_is_followed_each_time(tmp_path):
    (tmp_path / "disk/sft").mkdir(parents=True)
    link = tmp_path / "sft"
    link.symlink_to(tmp_path / "disk/sft")
    for text in ("first", "second", "third"):
        with complete_folder(link) as folder:
            write_manifest(folder, make_manifest(text))
        assert read_manifest(link).content == text
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "sft"]
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["sft"]
