"""`hf-prefix`: the harness's `hf` model, except that every token which requests share goes through the model once.

tree.py           requests as rows of tokens -> the prefix tree, cut into passes            numpy
forward.py        one pass: cached path, tree mask, positions -> logits                     torch
scorer.py         passes in order, memory kept in bounds -> log-likelihoods
compatibility.py  which models may be scored so: a static check, then a self-test
encode.py         the harness's tokenisation, each distinct text once
generate.py       the shared prefix of prompts, computed once; batches kept on disk; seeds of draws
model.py          the class that the harness sees, and the record of how scores came about
"""

from __future__ import annotations

NAME = "hf-prefix"


def register() -> None:
    """Make `--model hf-prefix` known to the harness, without importing torch."""
    import lm_eval.models  # the harness fills its registry only where it finds it empty
    from lm_eval.api.registry import model_registry

    if NAME not in model_registry:
        model_registry.register(NAME, target="mcqa_suite.backend.prefix.model:PrefixLM")
