"""The model card that a stage writes into its checkpoint."""

from __future__ import annotations

import pytest
from helpers.checkpoints import as_stage
from helpers.training_scripts import default_warnings

from mcqa_suite.common.manifest import content_hash, read_manifest
from mcqa_suite.reporting.model_card.files import write_first_card

pytestmark = [pytest.mark.slow, default_warnings]
PARENT = {"kind": "base", "settings": {"base": "smollm2-135m-instruct"}, "parent": "none"}


@pytest.fixture
def stage(tiny_checkpoint, tmp_path):
    """A checkpoint in the temporary folder of a stage, the folder that it becomes, and its parent."""
    parent = as_stage(tiny_checkpoint, tmp_path / "models" / "base", **PARENT)
    output = tmp_path / "run" / "checkpoints" / "sft"
    folder = as_stage(
        tiny_checkpoint, output.with_name(".sft.partial"), name="sft", parent=read_manifest(parent).content
    )
    return folder, output, parent


def write(stage):
    folder, output, parent = stage
    write_first_card(folder, output, parent)
    return (folder / "README.md").read_text()


def test_a_stage_writes_its_card_in_place_of_a_librarys(stage):
    (stage[0] / "README.md").write_text(
        "---\nlibrary_name: peft\ntags: [generated_from_trainer]\n---\n# Model Card for Model ID\n"
    )
    before = content_hash(stage[0])
    text = write(stage)
    assert "generated_from_trainer" not in text
    assert "base_model: HuggingFaceTB/SmolLM2-135M-Instruct" in text  # the parent lies elsewhere
    assert "base_model_relation: finetune" in text
    assert content_hash(stage[0]) == before == read_manifest(stage[0]).content


def test_what_a_person_wrote_in_an_earlier_checkpoint_stays(stage):
    text = write(stage)
    stage[1].mkdir()
    (stage[1] / "README.md").write_text(text.replace("## Limits", "## Intended use\n\nIn class.\n\n## Limits"))
    assert "In class." in write(stage)


def test_a_card_that_cannot_be_renewed_stays_and_fails_no_stage(stage, capsys):
    stage[1].mkdir()
    broken = "---\ntags: [a\n---\nBy hand.\n"
    (stage[1] / "README.md").write_text(broken)
    assert write(stage) == broken
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "card" in line]
    assert line.startswith(f"no new model card: {stage[1] / 'README.md'}:")
