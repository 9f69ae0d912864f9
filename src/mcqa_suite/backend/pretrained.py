"""Read config, tokenizer and model of a checkpoint with transformers: its own code never runs, and its weights are whole.

Everything that loads a checkpoint does it here, or checks what another library loaded here.
"""

from __future__ import annotations

import json
import logging
import re
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcqa_suite.backend.decoding import task_alone_decodes
from mcqa_suite.common.checkpoints import (
    HUB_FILES,
    HUB_NAME,
    check_files,
    check_plain_adapter,
    check_tokens,
    tensor_entries,
)
from mcqa_suite.common.errors import CheckpointError, McqaError
from mcqa_suite.common.files import read_text
from mcqa_suite.common.json_text import loads
from mcqa_suite.common.library_errors import explain

REPORT = "transformers.modeling_utils"  # the logger that prints a table of missing weights; here one line names them
# Buffers that older versions of transformers stored and that a model computes itself.
HARMLESS = re.compile(r"(rotary_emb\.inv_freq|attn\.(masked_)?bias|position_ids|num_batches_tracked)$")
# The layers after the last hidden state: of a language model, a classifier, a masked language model.
HEAD = re.compile(r"^(lm_head|score|classifier|cls|([a-z_]+\.)?pooler)\.")
REMEDY = "copy the checkpoint again, or correct its config.json"
# Parts of PEFT's names that its files leave out.
PARTS_OF_AN_ADAPTER = re.compile(r"\.(default|modules_to_save)(?=\.|$)")
MAGNITUDE = re.compile(r"(?<=\.lora_magnitude_vector)\.weight$")


def read_config(checkpoint: str | Path, **settings: Any) -> Any:
    """The config of a folder or a model on the hub. CheckpointError for what cannot be read."""
    import transformers

    with said(checkpoint):
        return transformers.AutoConfig.from_pretrained(checkpoint, trust_remote_code=False, **settings)


def read_tokenizer(checkpoint: str | Path, **settings: Any) -> Any:
    """The tokenizer of a folder or a model on the hub. CheckpointError for what cannot be read."""
    import transformers

    with said(checkpoint):
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=False, **settings)
    return tokenizer


def read_model(kind: str, checkpoint: str | Path, *, another_head: bool = False, **settings: Any) -> Any:
    """The model of a folder or a model on the hub; `kind` is a class of transformers, such as AutoModelForCausalLM.

    With `another_head` it may come from a model with another head, which is dropped, and a score layer that is not there is new.
    CheckpointError for what cannot be read, and for weights that the model lacks or has no use for.
    """
    import transformers

    with said(checkpoint):
        return _whole(getattr(transformers, kind), checkpoint, another_head, use_safetensors=True, **settings)


@contextmanager
def said(checkpoint: str | Path) -> Iterator[None]:
    """Check the files of a folder, and turn what libraries raise for a checkpoint into a CheckpointError of one line."""
    try:
        if Path(checkpoint).is_dir():
            check_files(Path(checkpoint))
            check_tokens(Path(checkpoint))
        yield
    except (McqaError, MemoryError):
        raise
    except Exception as error:
        if "memory" in str(error):  # torch has a RuntimeError for it
            raise
        name, reason = str(checkpoint), " ".join(str(error).split())[:300] or type(error).__name__
        reason = f"no {reason}" if isinstance(error, KeyError) else reason
        raise explain(error, name) or CheckpointError(f"{name}: cannot be loaded: {reason}") from error


def _whole(cls: Any, checkpoint: Any, another_head: bool = False, **settings: Any) -> Any:
    """`cls.from_pretrained`; CheckpointError for weights that are missing, left over or of another shape."""
    settings = {"trust_remote_code": False, **settings}
    with without_report():
        model, loaded = cls.from_pretrained(
            checkpoint, output_loading_info=True, ignore_mismatched_sizes=True, **settings
        )
    left_over = set(loaded["unexpected_keys"])
    left_over -= zero_biases(str(checkpoint), left_over)
    check_loaded(str(checkpoint), {**loaded, "unexpected_keys": left_over}, another_head=another_head)
    return model


def zero_biases(checkpoint: str, names: Iterable[str]) -> set[str]:
    """Those of `names` that are biases of GPTQ layers and all zero: AutoGPTQ wrote them for models without biases, too."""
    biases = {name for name in names if name.endswith(".bias")}
    if not biases:
        return set()
    from safetensors import safe_open

    zero = set()
    for path in local_folder(checkpoint).glob("*.safetensors"):
        with safe_open(path, "pt") as tensors:
            own = set(tensors.keys())
            quantised = [name for name in biases & own if f"{name.removesuffix('bias')}qweight" in own]
            zero |= {name for name in quantised if not tensors.get_tensor(name).any()}
    return zero


@contextmanager
def without_report() -> Iterator[None]:
    """Leave out the table and the warning of transformers and PEFT about weights that do not fit: one line says it here."""
    logger = logging.getLogger(REPORT)

    def wanted(record: logging.LogRecord) -> bool:
        return "LOAD REPORT" not in str(record.msg)

    logger.addFilter(wanted)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found missing adapter keys")
            yield
    finally:
        logger.removeFilter(wanted)


def check_loaded(name: str, loaded: Mapping[str, Iterable[Any]], *, another_head: bool = False) -> None:
    """CheckpointError for what transformers reports of loading `name`; see `read_model` for `another_head`."""
    missing, left_over = (
        [tensor for tensor in loaded[key] if not (another_head and HEAD.search(tensor))]
        for key in ("missing_keys", "unexpected_keys")
    )
    shapes = [
        f"{tensor} ({_shape(own)} instead of {_shape(model)})" for tensor, own, model in loaded["mismatched_keys"]
    ]
    _refuse(name, "tensors of the model are missing", missing)
    _refuse(name, "tensors have another shape", shapes)
    _refuse(name, "tensors have no place in the model", [each for each in left_over if not HARMLESS.search(each)])


def _shape(size: Iterable[int]) -> str:
    return "x".join(map(str, size)) or "1"


def _refuse(name: str, what: str, tensors: Iterable[str], remedy: str = REMEDY) -> None:
    if names := sorted(tensors):
        more = f" and {len(names) - 1} others" if len(names) > 1 else ""
        raise CheckpointError(f"{name}: {what}: {names[0]}{more}; {remedy}")


def check_weights(checkpoint: str | Path, kind: str = "AutoModelForCausalLM") -> None:
    """CheckpointError unless the weights of an unquantised checkpoint fit its config; no weight is read.

    For libraries that load a checkpoint themselves and do not say what was missing.
    """
    read_model(kind, checkpoint, device_map="meta")


def check_adapter(model: Any, adapter: str | Path) -> None:
    """CheckpointError unless the tensors of an adapter are those that `model`, on which it was loaded, has for it."""
    stored = {name: tuple(entry["shape"]) for name, entry in tensor_entries(local_folder(str(adapter))).items()}
    shapes, own = dict[str, tuple[int, ...]](), set[str]()
    for name, tensor in model.state_dict().items():
        plain = MAGNITUDE.sub("", PARTS_OF_AN_ADAPTER.sub("", name))
        shapes[plain] = tuple(tensor.shape)
        own |= {plain} if ".default" in name else set()
    other = [
        f"{name} ({_shape(stored[name])} instead of {_shape(shapes[name])})"
        for name in stored.keys() & shapes.keys()
        if stored[name] != shapes[name]
    ]
    for what, names in (
        ("tensors of the adapter have no place in the model", stored.keys() - shapes.keys()),
        ("tensors of the adapter are missing", own - stored.keys()),
        ("tensors of the adapter have another shape", other),
    ):
        _refuse(str(adapter), what, names, "give the base that it was trained on, or copy the adapter again")


def local_folder(checkpoint: str) -> Path:
    """A folder, or the local snapshot of a model on the hub. CheckpointError where there is neither."""
    if Path(checkpoint).is_dir() or not HUB_NAME.fullmatch(checkpoint):
        return Path(checkpoint)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(checkpoint, allow_patterns=HUB_FILES))
    except OSError as error:  # also for a name that does not exist
        raise CheckpointError(f"{checkpoint}: no such folder or hub model") from error


class Whole:
    """A class of transformers whose `from_pretrained` refuses weights that do not fit, for code that calls it itself."""

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def from_pretrained(self, checkpoint: Any, **settings: Any) -> Any:
        with said(checkpoint):
            return _whole(self._cls, checkpoint, **settings)


def create_whole(create: Callable[..., None], lm: Any, *args: Any, peft: str | None = None, **settings: Any) -> None:
    """Have `create`, the harness's `_create_model`, load weights that are whole, and an adapter that fits."""
    if peft:
        check_plain_adapter(local_folder(peft))
    own = lm.AUTO_MODEL_CLASS
    lm.AUTO_MODEL_CLASS = Whole(own)
    try:
        with said(peft or str(args[0] if args else settings["pretrained"])), without_report():
            create(*args, peft=peft, **settings)
    finally:
        lm.AUTO_MODEL_CLASS = own
    if peft:
        check_adapter(lm.model, peft)


@contextmanager
def whole_models() -> Iterator[None]:
    """Have the harness's own `hf` models, inside the block, load weights that are whole and decode as a task alone says."""
    from lm_eval.models.huggingface import HFLM

    create, info = HFLM._create_model, HFLM.get_model_info

    def _create_model(lm: Any, *args: Any, **settings: Any) -> None:
        create_whole(create.__get__(lm), lm, *args, **settings)
        lm.dropped_decoding = task_alone_decodes(lm.model, "hf")

    HFLM._create_model = _create_model
    HFLM.get_model_info = lambda lm: {**info(lm), "dropped_decoding": lm.dropped_decoding}
    try:
        yield
    finally:
        HFLM._create_model, HFLM.get_model_info = create, info


@contextmanager
def without_code(checkpoint: Path) -> Iterator[Path]:
    """A folder of links to a checkpoint's files but its .py files, with its configs without `auto_map`.

    For a library that imports that code whatever it is told.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path in checkpoint.iterdir():
            target = Path(folder) / path.name
            if path.suffix == ".json" and "auto_map" in (text := read_text(path)):
                target.write_text(json.dumps(_without_auto_map(loads(text))), encoding="utf-8")
            elif path.is_file() and path.suffix != ".py":
                target.symlink_to(path.resolve())
        yield Path(folder)


def _without_auto_map(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_auto_map(each) for key, each in value.items() if key != "auto_map"}
    return [_without_auto_map(each) for each in value] if isinstance(value, list) else value
