"""The model that is made on the spot: the same each time, small, and usable wherever a checkpoint is."""

from __future__ import annotations

import json

from mcqa_suite.backend.random_model import CONTEXT, random_model
from mcqa_suite.common.checkpoints import check_complete, has_chat_template
from mcqa_suite.common.manifest import read_manifest


def test_a_seed_gives_the_same_model_and_another_seed_another(tmp_path):
    first, again, other = (
        read_manifest(random_model(tmp_path / name, seed=seed)) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first.content == again.content != other.content
    assert 25_000 < first.size.parameters < 30_000
    check_complete(tmp_path / "a")
    assert has_chat_template(tmp_path / "a")
    assert json.loads((tmp_path / "a/config.json").read_text())["max_position_embeddings"] == CONTEXT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def test_a_model_that_is_there_is_kept_and_a_damaged_one_is_made_again(tmp_path):
    weights = random_model(tmp_path / "model") / "model.safetensors"
    content, written = weights.read_bytes(), weights.stat().st_mtime_ns
    random_model(tmp_path / "model")
    assert weights.stat().st_mtime_ns == written
    weights.write_bytes(content[:-1])
    random_model(tmp_path / "model")
    assert weights.read_bytes() == content
    random_model(tmp_path / "model", seed=1)
    assert weights.read_bytes() != content


def test_any_text_is_one_token_a_byte_and_comes_back(tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(random_model(tmp_path / "model"))
    text = "Answer: é\n B"
    ids = tokenizer.encode(text)
    assert len(ids) == len(text.encode())
    assert tokenizer.decode(ids) == text


def test_a_prompt_under_the_chat_template_is_the_start_of_the_whole_conversation(tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(random_model(tmp_path / "model"))
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": "So."}], tokenize=False)
    assert whole.startswith(prompt)
    assert whole.removeprefix(prompt) == "So.<eos>\n"
