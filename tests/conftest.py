"""Shared fixtures. No test uses the network: data sets that are not here are replaced by invented rows in their public schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.chromium import missing, started
from helpers.dataset_rows import write_hub
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch: one thread a worker of pytest-xdist
os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
settings.register_profile("same each time", derandomize=True)  # `make fuzz` looks for new failures
settings.load_profile("same each time")
os.environ["MCQA_CACHE"] = "off"  # tests neither read nor leave log-likelihoods in the user's cache folder


LONGEST = ("project/test_readme.py", "ladder/test_ladder_ray.py", "ladder/test_smoke.py", "ladder/test_redo.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no worker is left alone with one of them (with --no-loadscope-reorder)."""
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get("/".join(item.path.parts[-2:]), len(order)))


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the keys of whoever runs the tests."""
    for name in ("MCQA_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def made_up_hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared folder with every data set that a task names, as invented rows in its exact schema."""
    shared = tmp_path_factory.mktemp("shared")
    write_hub(shared / "hub")
    return shared


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real browser, where there is one."""
    if lacking := missing():
        pytest.skip(lacking)
    with started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama with a byte-level tokenizer and no chat template."""
    from mcqa_suite.backend.random_model import Shape, write_random_model

    folder = tmp_path_factory.mktemp("tiny") / "checkpoint"
    shape = Shape(hidden_size=64, intermediate_size=128, max_position_embeddings=1024, tie_word_embeddings=False)
    write_random_model(folder, shape)
    (folder / "chat_template.jinja").unlink()
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random BERT of a few words; its folder."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat", "dog", "."]
    vocabulary += ["skill", "by", "base", "human", "0", "3"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    return str(folder)
