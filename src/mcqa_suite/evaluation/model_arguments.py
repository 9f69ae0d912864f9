"""The types of the settings of `mcqa eval` and of the arguments of models, checked before anything is loaded.

The harness takes any value from a configuration file and from `--model_args`, and fails later in words of Python.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT, parse
from mcqa_suite.common.errors import ConfigError

DTYPES = ("auto", "float32", "bfloat16", "float16", "float64")
BATCH_SIZE = re.compile(r"[1-9]\d{0,8}|auto(:[1-9]\d{0,8})?")
MOST = 10**9


def _dtype(value: Any) -> Any:
    if value not in DTYPES:
        raise ValueError(f"{value!r:.80}; expected one of {', '.join(DTYPES)}")
    return value


def _batch_size(value: Any) -> Any:
    if isinstance(value, bool) or not BATCH_SIZE.fullmatch(str(value)):
        raise ValueError(f"{value!r:.80}; expected a whole number of at least 1, or auto")
    return value


Count = Annotated[int, Field(ge=1, le=MOST)]
Index = Annotated[int, Field(ge=0, le=MOST)]
Seconds = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
Dtype = Annotated[Any, AfterValidator(_dtype)]
BatchSize = Annotated[Any, AfterValidator(_batch_size)]


@dataclass(frozen=True, config=STRICT)
class HarnessSettings:
    """Settings of the harness; it checks the others itself."""

    model: str | None = None
    model_args: dict[str, Any] | None = None
    tasks: list[str] | None = None
    limit: Annotated[float, Field(gt=0, le=MOST, allow_inf_nan=False)] | None = None
    num_fewshot: Index | None = None
    batch_size: BatchSize = 1
    max_batch_size: Count | None = None
    device: str | None = None
    gen_kwargs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    output_path: str | None = None
    include_path: str | None = None
    use_cache: str | None = None
    system_instruction: str | None = None
    log_samples: bool | None = None
    predict_only: bool | None = None
    write_out: bool | None = None
    fewshot_as_multiturn: bool | None = None
    trust_remote_code: bool | None = None


@dataclass(frozen=True, config=STRICT)
class TransformersArguments:
    """Those of `hf` and `hf-prefix`; others are transformers' own and go to `from_pretrained`."""

    pretrained: str | None = None
    backend: Literal["default", "causal", "seq2seq"] = "default"
    revision: str | None = None
    subfolder: str | None = None
    tokenizer: str | None = None
    truncation: bool | None = None
    logits_cache: bool | None = None
    max_length: Count | None = None
    dtype: Dtype = "auto"
    softmax_dtype: Dtype = "auto"
    mixed_precision_dtype: Dtype = "auto"
    trust_remote_code: bool | None = None
    use_fast_tokenizer: bool | None = None
    add_bos_token: bool | None = None
    prefix_token_id: Index | None = None
    parallelize: bool | None = None
    offload_folder: str | None = None
    peft: str | None = None
    delta: str | None = None
    gptqmodel: bool | None = None
    gguf_file: str | None = None
    enable_thinking: bool | None = None
    chat_template_args: dict[str, Any] | None = None
    attn_implementation: str | None = None
    use_safetensors: bool | None = None
    low_cpu_mem_usage: bool | None = None
    load_in_4bit: bool | None = None
    load_in_8bit: bool | None = None


@dataclass(frozen=True, config=STRICT)
class ServerArguments:
    """Those of `local-completions` and `local-chat-completions`; there are no others."""

    base_url: str | None = None
    model: str | None = None
    pretrained: str | None = None
    tokenizer: str | None = None
    tokenizer_backend: Literal["tiktoken", "huggingface", "remote", "auto", "None", "none"] | None = None
    tokenized_requests: bool | None = None
    truncate: bool | None = None
    num_concurrent: Count = 1
    max_retries: Index = 3
    retry_seconds: Seconds = 900
    retry_backoff: Seconds = 1
    timeout: Annotated[float, Field(gt=0, le=MOST, allow_inf_nan=False)] = 300
    max_gen_toks: Count | None = None
    max_length: Count | None = None
    seed: Index | None = None
    add_bos_token: bool | None = None
    custom_prefix_token_id: Index | None = None
    trust_remote_code: bool | None = None
    revision: str | None = None
    use_fast_tokenizer: bool | None = None
    verify_certificate: bool | None = None
    ca_cert_path: str | None = None
    eos_string: str | None = None
    header: dict[str, str] | None = None
    max_images: Index | None = None
    think_end_token: str | None = None


MODELS = dict.fromkeys(("hf-prefix", "hf", "hf-auto", "huggingface"), TransformersArguments)
SERVERS = dict.fromkeys(("local-completions", "local-chat-completions"), ServerArguments)
FLAGS = ("batch_size", "max_batch_size", "device")  # which the harness passes to every model besides its arguments


def check_settings(settings: Mapping[str, Any], model: str) -> None:
    """ConfigError for a setting or an argument of `model` that has another type, and for an unknown argument of a server."""
    _check(HarnessSettings, settings, "mcqa eval")
    arguments = settings.get("model_args") or {}
    if clash := [name for name in FLAGS if name in arguments]:
        raise ConfigError(f"--model_args: {clash[0]}: not an argument of the model; give --{clash[0]}")
    if model in MODELS:
        _check(MODELS[model], arguments, "--model_args")
    elif model in SERVERS:
        parse(SERVERS[model], {name: value for name, value in arguments.items() if value is not None}, "--model_args")


def _check(cls: type, settings: Mapping[str, Any], where: str) -> None:
    names = {field.name for field in dataclasses.fields(cls)}
    parse(cls, {name: value for name, value in settings.items() if name in names and value is not None}, where)
