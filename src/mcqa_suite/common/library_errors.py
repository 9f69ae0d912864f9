"""Translate known failures of libraries into errors that say what to do."""

from __future__ import annotations

import logging

from mcqa_suite.common import extras
from mcqa_suite.common.checkpoints import NO_TEMPLATE_REMEDY
from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError, McqaError
from mcqa_suite.common.system_errors import explain_system

GATED = "gated data set {name}: ask for access on its hub page, then set HF_TOKEN"
UNREACHABLE = (
    "{name}: not on this machine and the hub cannot be reached; connect once, or put it under $MCQA_SHARED/hub/{name}"
)
CHAT = f"--apply_chat_template: the tokenizer of {{name}} has no chat template; {NO_TEMPLATE_REMEDY}"
NO_MODEL = (
    "{name}: no such checkpoint: give a folder with config.json and *.safetensors, or the name of a model on the hub"
)
OWN_CODE = (
    "{name}: needs code of its own (auto_map in its config), which is not run; "
    "use a checkpoint whose classes transformers has"
)

# (words of the library's message, our error, our message). The first row with one of its words in the message is used.
TABLE: list[tuple[tuple[str, ...], type[McqaError], str]] = [
    (("gated dataset", "GatedRepoError"), DatasetError, GATED),
    (("Couldn't reach", "Couldn't find any data", "doesn't exist on the Hub"), DatasetError, UNREACHABLE),
    (("contains custom code", "references custom code"), CheckpointError, OWN_CODE),
    (("chat_template",), ConfigError, CHAT),
    (
        (
            "is not a valid model identifier",
            "couldn't connect to",
            "Can't load",
            "does not appear to have",
            "Repo id must",
        ),
        CheckpointError,
        NO_MODEL,
    ),
]


def explain(error: BaseException, name: str) -> McqaError | None:
    """The McqaError about `name` for `error` or one of its causes; None for an unknown failure."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, McqaError):
            return cause
        if refused := explain_system(cause):
            return refused
        if isinstance(cause, ImportError) and (absent := extras.missing(cause)):
            return absent
        text = f"{type(cause).__name__}: {cause}"
        for words, kind, message in TABLE:
            if any(word in text for word in words):
                return kind(message.format(name=name))
        cause = cause.__cause__ or cause.__context__
    return None


def without_deprecations() -> None:
    """Silence torch's deprecations, which are for authors of libraries."""
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)
