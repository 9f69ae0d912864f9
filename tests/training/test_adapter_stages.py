"""Adapters: what they hold, the parent that they belong to, and merging them."""

from __future__ import annotations

import pytest
from helpers.stage_settings import AS_COMPUTED, PAIRS, SFT, with_trainer
from helpers.training_scripts import default_warnings, run_stage, weights

from mcqa_suite.common.chat_template import WITHOUT
from mcqa_suite.common.checkpoints import check_parent
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import content_hash, read_manifest

pytestmark = [pytest.mark.slow, default_warnings]


@pytest.fixture(scope="module")
def adapter(tiny_checkpoint, tmp_path_factory):
    return run_stage("sft", {**SFT, "merge": False}, tiny_checkpoint, tmp_path_factory.mktemp("adapter") / "adapter")


@pytest.fixture(scope="module")
def merged(tiny_checkpoint, tmp_path_factory):
    return run_stage("sft", SFT, tiny_checkpoint, tmp_path_factory.mktemp("merged") / "sft")


def test_an_adapter_holds_no_path_and_names_its_parent(tiny_checkpoint, adapter):
    manifest = read_manifest(adapter)
    assert manifest.adapter
    assert manifest.parent.content == content_hash(tiny_checkpoint)
    assert not (adapter / "model.safetensors").exists()
    assert all(str(tiny_checkpoint.parent) not in path.read_text() for path in adapter.glob("*.json"))
    check_parent(adapter, tiny_checkpoint)


def test_an_adapter_is_refused_on_any_checkpoint_but_its_parent(adapter, merged, tmp_path):
    with pytest.raises(
        CheckpointError, match=r"was trained on 'checkpoint', but .*sft is another checkpoint; give the"
    ):
        run_stage("merge", {}, adapter, tmp_path / "whole", "--parent-base", str(merged))
    assert not (tmp_path / "whole").exists()
    with pytest.raises(CheckpointError, match="was trained on 'checkpoint'"):
        run_stage("dpo", PAIRS, adapter, tmp_path / "dpo", "--parent-base", str(merged))
    with pytest.raises(CheckpointError, match="is an adapter; give the folder that it was trained on"):
        run_stage("dpo", PAIRS, adapter, tmp_path / "dpo")
    with pytest.raises(CheckpointError, match="not an adapter; give the folder"):
        run_stage("merge", {}, merged, tmp_path / "whole")


def test_merging_an_adapter_later_gives_the_same_weights(tiny_checkpoint, adapter, merged, tmp_path):
    import torch

    later = run_stage("merge", AS_COMPUTED, adapter, tmp_path / "later", "--parent-base", str(tiny_checkpoint))
    first, second = weights(later), weights(merged)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    manifest = read_manifest(later)
    assert (manifest.kind, manifest.adapter, manifest.chat_template) == ("merge", False, WITHOUT)


def test_dpo_of_an_adapter_starts_from_the_merged_weights(tiny_checkpoint, adapter, merged, tmp_path):
    import torch

    still = with_trainer(PAIRS, learning_rate=1e-30)
    folder = run_stage("dpo", still, adapter, tmp_path / "dpo", "--parent-base", str(tiny_checkpoint))
    first, second = weights(folder), weights(merged)
    assert all(torch.equal(first[name], second[name]) for name in first)
    with pytest.raises(ConfigError, match="the parent is an adapter; merge it first"):
        run_stage("dpo", {**PAIRS, "merge": False}, adapter, tmp_path / "no", "--parent-base", str(tiny_checkpoint))
