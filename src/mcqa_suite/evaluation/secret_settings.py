"""Settings that hold a secret: refused, as the harness prints its settings and records them with the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.masking import SECRET_SETTING, has_secret


def check_no_secret(settings: Mapping[str, Any], where: str) -> None:
    """ConfigError for a setting that would be recorded with a key or password in it."""
    for path, name, value in _texts(settings, where):
        if SECRET_SETTING.fullmatch(name) and value:
            raise ConfigError(f"{path}: would be recorded with the results; set HF_TOKEN or OPENAI_API_KEY instead")
        if has_secret(value):
            raise ConfigError(
                f"{path}: holds a key or password, which would be recorded with the results; set OPENAI_API_KEY instead"
            )


def _texts(value: Any, path: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Each text in nested settings: its path, the name of its setting, and itself."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}: {key}", str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, path, name)
    elif isinstance(value, str):
        yield path, name, value
