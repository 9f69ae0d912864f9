"""A training row says what the harness asks: the same text and the same tokens, without and with a chat template."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import chain, islice
from typing import Any

import pytest
from helpers.locations import TOY
from helpers.rendering import CHATML, requests
from helpers.training_scripts import script

from mcqa_suite.backend.row_tokens import prompt_text
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.extract import extract_choice
from mcqa_suite.harness.task_formats import format_of as format_of_task
from mcqa_suite.harness.tasks import listed, load, manager
from mcqa_suite.training_data.sources import SOURCES, Source, format_of

SAMPLE = tasks_dir() / "epfl" / "sample.jsonl"
QUESTIONS = {
    **{"letter": "", "letter_text": "", "correct_answer": "", "cloze": "_cloze"},
    **{"cot": "_cot", "cot_answer": "_cot"},
}
PROBLEMS = {"official": "", "final_answer": "_final_answer"}
SAME = [  # (source, the task that asks as its style does)
    *((Source("epfl", path=str(SAMPLE), style=style), f"mcqa_epfl{form}") for style, form in QUESTIONS.items()),
    *((Source("aqua_rat", split="test", style=s), f"mcqa_aqua_rat{form}") for s, form in QUESTIONS.items()),
    (Source("sciq", split="test", style="letter"), "mcqa_sciq"),
    (Source("sciq", split="test", style="cot"), "mcqa_sciq_cot"),
    (Source("arc", split="test", config="ARC-Easy", style="letter"), "mcqa_arc_easy"),
    (Source("openbookqa", split="test", style="cloze"), "mcqa_openbookqa_cloze"),
    *((Source("gsm8k", split="test", style=style), f"mcqa_gsm8k{form}") for style, form in PROBLEMS.items()),
    *((Source("gsm_symbolic", config="p1", style=s), f"mcqa_gsm_symbolic_p1{form}") for s, form in PROBLEMS.items()),
    *(
        (Source("symbolic_local", config="noop", n=3, style=s), f"mcqa_symbolic_local_noop{f}")
        for s, f in PROBLEMS.items()
    ),
    (Source("arc_grids", config="arc_agi_1", style="digits"), "mcqa_arc_grid_1_training"),
]
TRIMMED = CHATML.replace("message['content']", "message['content'] | trim")
# As Gemma's.
REFUSES = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
TEMPLATES = {"none": None, "chatml": CHATML, "trimmed": TRIMMED, "refuses": REFUSES}


@pytest.fixture(scope="module")
def harness_model() -> Any:
    """A stock model of the harness, for how it tokenizes, with the toy's tokenizer."""
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(TOY / "base")
    size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    return HFLM(LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **size)), tokenizer=tokenizer)


@pytest.fixture(scope="module")
def pairs(made_up_hub):
    """(source, task) -> the rows, and the task with the document of each."""
    tasks = manager()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCQA_SHARED", str(made_up_hub))
        loaded: dict[str, Any] = {name: load([name], tasks)[0] for name in {name for _, name in SAME}}
        result = []
        for source, name in SAME:
            reader = SOURCES[source.source]
            items = list(islice(reader.load(source), 3))
            rows = replace(reader, load=lambda _, items=items: items).rows(source)
            tested = {doc["id"]: doc for doc in loaded[name].eval_docs}
            docs = [tested.get(identity.id) or asdict(item) for identity, item in items]
            result.append((loaded[name], rows, docs))
        return dict(zip([(source.source, source.style) for source, _ in SAME], result, strict=True))


def test_every_style_has_a_task():
    styles = {
        style
        for name, reader in SOURCES.items()
        if name not in ("convokit_cmv", "persuasionforgood", "rows")
        for style in reader.styles
    }
    assert {source.style for source, _ in SAME} == styles


@pytest.mark.slow
@pytest.mark.parametrize(("source", "name"), SAME, ids=[f"{source.source}-{source.style}" for source, _ in SAME])
@pytest.mark.parametrize("template", TEMPLATES)
def test_prompt_and_answer_of_a_row_are_the_harness_request(pairs, harness_model, source, name, template):
    task, data, docs = pairs[source.source, source.style]
    tokenizer = harness_model.tokenizer
    tokenizer.chat_template = TEMPLATES[template]
    chat = TEMPLATES[template] is not None
    training = script("mcqa_training.rows")
    encoded = training.encode(data, "completion", tokenizer, ChatTemplate.everywhere(chat))
    assert len(data) == len(docs) > 1
    for row, doc, (prompt, answer) in zip(data, docs, encoded, strict=True):
        arguments = requests(task, doc, 0, harness_model.apply_chat_template if chat else None)
        if task.OUTPUT_TYPE == "multiple_choice":
            context, continuation = arguments[doc["gold"][0]]
            # The harness counts white space at the end of a context to the continuation; the tokens are the same.
            request_ids = list(chain(*harness_model._encode_pair(context, continuation)))
        else:
            context = arguments[0][0]
            continuation = task.config.target_delimiter + task.doc_to_target(doc)
            request_ids = harness_model.tok_encode(context)
            assert prompt == request_ids
        if source.style == "correct_answer":  # its own sentence, read as the cot tasks read
            assert extract_choice(row["completion"], doc["choices"]).answer == continuation.strip()
            continue
        assert (prompt + answer)[: len(request_ids)] == request_ids
        if source.style == "cot_answer":  # the last sentence of what the task expects
            assert continuation.endswith(row["completion"])
            continue
        if not chat:
            assert (prompt_text(row) + row["completion"]).startswith(context + continuation)
            assert source.style == "letter_text" or row["completion"] == continuation


@pytest.mark.slow
def test_the_format_of_a_row_is_that_of_the_task_that_asks_as_it_does(pairs):
    for source, name in SAME:
        if source.style not in ("letter_text", "correct_answer"):  # the letter tasks' question, with an answer in words
            assert format_of(source) == format_of_task(listed()[name]), (source, name)
        _task, data, _docs = pairs[source.source, source.style]
        assert {row["format"] for row in data} == {format_of(source)}


@pytest.mark.slow
def test_a_template_without_a_system_role_leaves_the_instruction_out(pairs, harness_model):
    _task, data, _docs = pairs["gsm8k", "official"]
    tokenizer, training = harness_model.tokenizer, script("mcqa_training.rows")
    for template, shown in ((CHATML, True), (REFUSES, False)):
        tokenizer.chat_template = template
        (prompt, _), *_ = training.encode(data, "completion", tokenizer, ChatTemplate.everywhere(True))
        text = tokenizer.decode(prompt)
        assert (data[0]["system"].strip() in text) is shown
        assert data[0]["prompt"].strip() in text
