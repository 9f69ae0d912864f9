"""How to load a checkpoint, as a model card shows it: with transformers, PEFT and vLLM."""

from __future__ import annotations

from mcqa_suite.reporting.model_card.facts import Facts

Snippet = tuple[str, str, str]  # a title, a language, and the code

MODEL = """\
from transformers import {kind}, AutoTokenizer

name = "{repository}"  # or the folder of the checkpoint
tokenizer = AutoTokenizer.from_pretrained(name)
model = {kind}.from_pretrained(name, device_map="auto")"""
ADAPTER = """\
from peft import PeftModel
from transformers import {kind}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repository}")
base = {kind}.from_pretrained("{base}", device_map="auto")
model = PeftModel.from_pretrained(base, "{repository}")"""
NEEDS = {"gptq": "transformers, with gptqmodel and optimum", "bnb": "transformers, with bitsandbytes"}
CAUSAL, REWARD = "AutoModelForCausalLM", "AutoModelForSequenceClassification"


def loading(facts: Facts) -> list[Snippet]:
    manifest, repository = facts.manifest, facts.repository
    kind = REWARD if manifest.kind == "reward" else CAUSAL
    if manifest.adapter:
        assert manifest.parent
        base = facts.base_model or f"FOLDER OF {manifest.parent.name}"
        snippets = [("PEFT", "python", ADAPTER.format(kind=kind, repository=repository, base=base))]
        serve = f"vllm serve {base!r} --enable-lora --lora-modules {manifest.name}={repository}"
    else:
        title = NEEDS.get(manifest.kind, "transformers")
        snippets = [(title, "python", MODEL.format(kind=kind, repository=repository))]
        serve = f"vllm serve {repository}"
    return snippets if manifest.kind == "reward" else [*snippets, ("vLLM", "bash", serve)]
